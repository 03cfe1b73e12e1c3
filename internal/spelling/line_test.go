package spelling

import "testing"

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"a cat.jpg":            "a cat.jpg",
		"Käse\u00a0🧀.jpg":      "Käse\u00a0🧀.jpg",
		"a\tb\nc":              `a\tb\nc`,
		"\x1b[31mred":          `\x1b[31mred`,
		"\u202egpj.exe":        `\u202egpj.exe`,
		"one\u2028two":         `one\u2028two`,
		"\u0085next":           `\u0085next`,
		`back\slash`:           `back\slash`,
		"👩\u200d🔬 a scientist": "👩\u200d🔬 a scientist",
	} {
		if got := Line(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
