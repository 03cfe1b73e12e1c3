package serving

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRank(t *testing.T) {
	classes := []string{"a", "b", "c", "d"}
	got := Rank([]float64{0.1, 0.4, 0.1, 0.4}, classes, 3)
	if d := cmp.Diff([]Ranked{{"b", 0.4}, {"d", 0.4}, {"a", 0.1}}, got); d != "" {
		t.Error(d)
	}
}

func TestDecision(t *testing.T) {
	d := Decision{Threshold: 0.9, Unsure: "neither"}
	for want, p := range map[string][]float64{"cat": {0.9, 0.1}, "neither": {0.2, 0.8}, "dog": {0.05, 0.95}} {
		if got := d.Label(p, []string{"cat", "dog"}); got != want {
			t.Errorf("%v is %q, want %q", p, got, want)
		}
	}
}

func TestDecisionValidate(t *testing.T) {
	for name, test := range map[string]struct {
		Decision
		fits bool
	}{
		"zero":                {Decision{}, true},
		"threshold":           {Decision{Threshold: 0.9, Unsure: "unsure"}, true},
		"more than there are": {Decision{Top: 3}, true},
		"threshold above 1":   {Decision{Threshold: 1.1, Unsure: "unsure"}, false},
		"no label":            {Decision{Threshold: 0.9}, false},
		"a class's name":      {Decision{Threshold: 0.9, Unsure: "dog"}, false},
		"negative top":        {Decision{Top: -1}, false},
	} {
		if err := test.Validate([]string{"cat", "dog"}); (err == nil) != test.fits || err != nil && !errors.Is(err, ErrDecision) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
