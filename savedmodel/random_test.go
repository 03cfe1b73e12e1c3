package savedmodel

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/inference"
)

// Random layers are cut out where they do nothing in inference, and said; others are refused
// by name, with a remedy.
func TestRandomLayers(t *testing.T) {
	for kind, layers := range map[string]int{"keras-random": 6, "keras-half": 2} {
		model := openLayers(t, kind)
		if len(model.Notes) != layers || !strings.Contains(model.Notes[0], "/augment_1/flip_1 acts in the exported model") {
			t.Errorf("%s: the notes are %q", kind, model.Notes)
		}
	}
	_, err := Open(filepath.Join(models, "keras-crop"), Options{})
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "random operation cropped_1/augment_1/crop_1/") || !strings.Contains(err.Error(), "training=False") {
		t.Errorf("keras-crop gives %v", err)
	}
}

// Copies of a picture have equal features, at every place in a batch.
func TestCopiesAreEqual(t *testing.T) {
	for _, kind := range []string{"keras-random", "keras-half", "keras-late"} {
		layer := map[string]string{"keras-late": "gap"}[kind]
		if layer == "" {
			layer = "scores"
		}
		extractor, err := inference.NewExtractor(openLayers(t, kind), inference.ExtractorOptions{Layers: []string{layer}, Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		picture := goldenInput(1, layersSide)
		features, err := extractor.Extract(slices.Concat(picture, picture, picture, picture), 4)
		if err != nil {
			t.Fatal(err)
		}
		size := len(features[0]) / 4
		for i := 1; i < 4; i++ {
			if !slices.Equal(features[0][:size], features[0][i*size:(i+1)*size]) {
				t.Errorf("%s: copy %d of a picture has other features", kind, i)
			}
		}
	}
}
