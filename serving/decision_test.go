package serving

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRank(t *testing.T) {
	classes := []string{"a", "b", "c", "d"}
	got := rank([]float64{0.1, 0.4, 0.1, 0.4}, classes, 3)
	if d := cmp.Diff([]Ranked{{"b", 0.4}, {"d", 0.4}, {"a", 0.1}}, got); d != "" {
		t.Error(d)
	}
}

// The few most probable classes are the first of all in their order, also among equals.
func TestRankFew(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var classes []string
	for c := range 300 {
		classes = append(classes, strconv.Itoa(c))
	}
	for range 200 {
		p := make([]float64, len(classes))
		for c := range p {
			p[c] = float64(random.IntN(40)) / 1000
		}
		all := rank(p, classes, len(classes))
		for _, n := range []int{0, 1, 5, 32, 33} {
			if d := cmp.Diff(all[:n], rank(p, classes, n), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("the first %d: %s", n, d)
			}
		}
	}
}

func TestUsualTop(t *testing.T) {
	for classes, want := range map[int]int{2: 0, 20: 0, 21: 5, 3000: 5} {
		if got := UsualTop(classes); got != want {
			t.Errorf("of %d classes %d are shown, want %d", classes, got, want)
		}
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
