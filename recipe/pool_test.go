package recipe

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePool(t *testing.T) {
	for text, want := range map[string]string{
		"": "none", "none": "none", "avg": "avg", "spoc": "avg", "max": "max", "mac": "max", "cls": "cls", "gem": "gem:3", "gem:3": "gem:3", "gem:3.0": "gem:3", "gem:2.5": "gem:2.5",
		"gem:1e1": "gem:10", "rmac": "rmac", "spp:1,2,4": "spp:1,2,4", "spp:03": "spp:3", "gram": "gram",
	} {
		p, err := ParsePool(text)
		if err != nil || p.String() != want {
			t.Errorf("%q is %q, %v, want %q", text, p, err, want)
		}
		if again, err := ParsePool(p.String()); err != nil || again.String() != want {
			t.Errorf("%q is read back as %q, %v", want, again, err)
		}
	}
	for text, want := range map[string]string{
		"median": `"median": use none, avg`, "gem:": "use none, avg", "gem:0": "a number above 0, up to 100", "gem:-1": "above 0", "gem:101": "up to 100", "gem:NaN": "above 0", "gem:x": "above 0",
		"spp": "name the grids of spp", "spp:": "use none", "spp:0": "from 1 to 64", "spp:2,1": "that rise", "spp:1,1": "that rise", "spp:65": "to 64", "spp:1,,2": "whole numbers", "max:2": "use none", "rmac:3": "use none",
	} {
		if _, err := ParsePool(text); !errors.Is(err, ErrPool) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzParsePool(f *testing.F) {
	for _, seed := range []string{"gem:3", "spp:1,2,4", "gem:1e-300", "mac", "spp:64,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePool(text)
		if err != nil {
			return
		}
		again, err := ParsePool(p.String())
		if err != nil || again.String() != p.String() || p.Values(3) < 3 {
			t.Errorf("%q is %q, and that %q, %v", text, p, again, err)
		}
	})
}
