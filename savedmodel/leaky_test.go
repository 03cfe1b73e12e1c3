package savedmodel

import (
	"path/filepath"
	"testing"

	"fovea/inference"
)

// A layer before a LeakyRelu can be asked for, though TensorFlow loses it where it fuses both.
func TestLeakyLayers(t *testing.T) {
	const slope = 0.25
	model, err := Open(filepath.Join(models, "keras-leaky"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"conv", "leaky"}, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	features, err := extractor.Extract(goldenInput(2, 8), 2)
	if err != nil {
		t.Fatal(err)
	}
	negative := 0
	for i, sum := range features[0] {
		want := sum
		if sum < 0 {
			want, negative = slope*sum, negative+1
		}
		if got := features[1][i]; got != want {
			t.Fatalf("value %d is %g after %g", i, got, sum)
		}
	}
	if negative == 0 {
		t.Error("no sum is negative")
	}
}
