package finetuning

import (
	"math"
	"testing"

	"fovea/head"
	"fovea/recipe"
)

// A value that is not finite is reported with its image, layer and index.
func TestCheckFinite(t *testing.T) {
	layers := []recipe.Layer{{Name: "fc7", Shape: []int{2}}, {Name: "pool5", Shape: []int{1, 1, 3}}}
	for name, test := range map[string]struct {
		at    int
		value float64
		want  string
	}{
		"finite":   {0, 7, ""},
		"NaN":      {5 + 3, math.NaN(), "features: value 1 of pool5 of b.jpg is NaN: extract that image again (extract dataset validate lists all such rows)"},
		"infinity": {1, math.Inf(-1), "features: value 1 of fc7 of a.jpg is -Inf: extract that image again (extract dataset validate lists all such rows)"},
	} {
		f := Features{Layers: layers, X: head.Matrix{Rows: 2, Cols: 5, Data: make([]float32, 10)}, Paths: []string{"a.jpg", "b.jpg"}}
		f.X.Data[test.at] = float32(test.value)
		got := ""
		if err := f.checkFinite("features"); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
