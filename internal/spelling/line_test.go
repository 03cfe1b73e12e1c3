package spelling

import "testing"

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"a cat.jpg":                    "a cat.jpg",
		"Käse\u00a0🧀.jpg":              "Käse\u00a0🧀.jpg",
		"a\tb\nc":                      `a\tb\nc`,
		"\x1b[31mred":                  `\x1b[31mred`,
		"\u202egpj.exe":                `\u202egpj.exe`,
		"one\u2028two":                 `one\u2028two`,
		"\u0085next":                   `\u0085next`,
		`back\slash`:                   `back\slash`,
		"👩\u200d🔬 a scientist":         "👩\u200d🔬 a scientist",
		"❤\ufe0f\u200d🔥 1\ufe0f\u20e3": "❤\ufe0f\u200d🔥 1\ufe0f\u20e3",
		"می\u200cخواهم":                "می\u200cخواهم",
		"葛\U000e0100":                  "葛\U000e0100",
		"\u0600١٢":                     "\u0600١٢", // which is seen
		"c\u200dat\u200d":              `c\u200dat\u200d`,
		"cat\ufe0f 1\ufe0f":            `cat\ufe0f 1\ufe0f`,
		"é\u200cé":                     `é\u200cé`,
		"🔬\u200d":                      `🔬\u200d`,
		"\u200b\u2060\ufeff":           `\u200b\u2060\ufeff`,
		"so\u00adft":                   `so\u00adft`,
		"\u3164\u115f":                 `\u3164\u115f`,
		"a\U000e0062":                  `a\U000e0062`,
		"\u2067x\u2069":                `\u2067x\u2069`,
	} {
		if got := Line(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	if got, want := Lines("one\r\n\u202etwo\n"), "one\\r\n\\u202etwo\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
