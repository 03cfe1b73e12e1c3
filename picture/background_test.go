package picture

import "testing"

func TestParseBackground(t *testing.T) {
	for text, want := range map[string]Background{
		"": "", "white": "#ffffff", "black": "#000000", "#336699": "#336699", "#AbCdEf": "#abcdef",
	} {
		if got, err := ParseBackground(text); got != want || err != nil {
			t.Errorf("%q: got %q, want %q (%v)", text, got, want, err)
		}
	}
	for _, text := range []string{"pink", "#fff", "336699", "#33669g", "#3366990"} {
		if got, err := ParseBackground(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
		if err := (Options{Width: 1, Height: 1, Background: Background(text)}).Validate(); err == nil {
			t.Errorf("options with the background %q are valid", text)
		}
	}
}
