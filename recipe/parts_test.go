package recipe_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

func part(model string, layers ...string) recipe.Recipe {
	r := recipe.Recipe{Model: model, ModelSHA256: model}
	for _, name := range layers {
		r.Layers = append(r.Layers, recipe.Layer{Name: name, Shape: []int{4}, Layout: recipe.LayoutC})
	}
	return r
}

func join(t *testing.T, parts ...recipe.Recipe) recipe.Recipe {
	t.Helper()
	joined, err := recipe.Join(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return joined
}

func TestPartsAreWhatWasJoined(t *testing.T) {
	a, b, c := part("a", "fc6", "fc7"), part("b", "conv"), part("c", "head")
	joined := join(t, a, b, c)
	if diff := cmp.Diff([]string{"fc6", "fc7", "conv", "head"}, joined.LayerNames()); diff != "" {
		t.Errorf("columns: %s", diff)
	}
	if diff := cmp.Diff([]recipe.Recipe{a, b, c}, joined.Parts()); diff != "" {
		t.Errorf("parts: %s", diff)
	}
	if err := joined.ValidateParts(); err != nil {
		t.Error(err)
	}
	encoded, err := json.Marshal(joined)
	if err != nil {
		t.Fatal(err)
	}
	var again recipe.Recipe
	if err := json.Unmarshal(encoded, &again); err != nil || again.Fingerprint() != joined.Fingerprint() {
		t.Errorf("the fingerprint changes by reading what was written: %v", err)
	}
	if p, found := joined.Part("conv"); !found || p.Model != "b" {
		t.Errorf("the part of conv: %v, %q", found, p.Model)
	}
	if p, found := joined.Alone("fc7"); !found || cmp.Diff(part("a", "fc7"), p) != "" {
		t.Errorf("fc7 alone: %+v", p)
	}
	renamed := part("b", "b_fc7")
	renamed.Layers[0].Of = "fc7"
	if p, found := join(t, a, renamed).Alone("b_fc7"); !found || cmp.Diff(part("b", "fc7"), p) != "" {
		t.Errorf("fc7 of b alone: %+v", p)
	}
	if _, found := joined.Alone("fc9"); found {
		t.Error("a column that is not there is found alone")
	}
	if got := joined.Models(); got != "a, b, c" {
		t.Errorf("models: %s", got)
	}
}

func TestPartsOfOneModelAreOne(t *testing.T) {
	joined := join(t, part("a", "fc6"), part("b", "conv"), part("a", "fc7"))
	if diff := cmp.Diff([]recipe.Recipe{part("a", "fc6", "fc7"), part("b", "conv")}, joined.Parts()); diff != "" {
		t.Error(diff)
	}
}

func TestOnly(t *testing.T) {
	joined := join(t, part("a", "fc6", "fc7"), part("b", "conv"))
	for name, test := range map[string]struct {
		columns []string
		want    []recipe.Recipe
	}{
		"of both":       {[]string{"conv", "fc7"}, []recipe.Recipe{part("a", "fc7"), part("b", "conv")}},
		"of the first":  {[]string{"fc6"}, []recipe.Recipe{part("a", "fc6")}},
		"of the second": {[]string{"conv"}, []recipe.Recipe{part("b", "conv")}},
	} {
		got, err := joined.Only(test.columns...)
		if diff := cmp.Diff(test.want, got.Parts()); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	if _, err := joined.Only("other"); !errors.Is(err, recipe.ErrParts) {
		t.Errorf("nothing left: %v", err)
	}
}

func TestPartsThatDoNotFit(t *testing.T) {
	if _, err := recipe.Join(part("a", "fc6"), part("b", "fc6")); !errors.Is(err, recipe.ErrParts) {
		t.Errorf("two columns of one name: %v", err)
	}
	if _, err := recipe.Join(join(t, part("a", "x"), part("b", "y")), part("c", "z")); !errors.Is(err, recipe.ErrParts) {
		t.Errorf("parts of parts: %v", err)
	}
	wrong := join(t, part("a", "x"), part("b", "y"))
	wrong.Layers = wrong.Layers[:1]
	if err := wrong.ValidateParts(); !errors.Is(err, recipe.ErrParts) {
		t.Errorf("a layer of the second is missing: %v", err)
	}
	_ = wrong.Parts() // does not panic
}

func TestCompareModelByModel(t *testing.T) {
	have := join(t, part("a", "x"), part("b", "y"))
	other := part("c", "y")
	got := have.Compare(join(t, part("a", "x"), other))
	if len(got) != 2 || got[0].Field != "model" || got[0].Have != "b" || got[0].Got != "c" {
		t.Errorf("differences: %v", got)
	}
	if got := have.Compare(part("a", "x")); len(got) != 1 || got[0].Field != "models" {
		t.Errorf("one model beside two: %v", got)
	}
	if got := have.Compare(have); len(got) > 0 {
		t.Errorf("itself: %v", got)
	}
}
