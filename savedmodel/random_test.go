package savedmodel

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"fovea/inference"
)

// Random layers are cut out where they do nothing in inference, and said; others are refused
// by name, with a remedy.
func TestRandomLayers(t *testing.T) {
	for kind, layers := range map[string]int{"keras-random": 6, "keras-half": 2} {
		model := openLayers(t, kind)
		if len(model.Notes) != layers || !strings.Contains(model.Notes[0], "/augment_1/flip_1 is active in the exported model") {
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
				t.Errorf("%s: copy %d of an image has other features", kind, i)
			}
		}
	}
}

// leaveOpen makes a copy of a model that leaves the height and width of pictures open.
func leaveOpen(t *testing.T, kind string) string {
	t.Helper()
	dir := copyModel(t, kind)
	open := func(shape *shapepb.TensorShapeProto) { shape.Dim[1].Size, shape.Dim[2].Size = -1, -1 }
	err := editModel(dir, func(m *core.SavedModel) {
		for _, info := range m.MetaGraphs[0].SignatureDef[defaultSignature].Inputs {
			open(info.GetTensorShape())
		}
		for _, function := range m.MetaGraphs[0].GraphDef.Library.Function {
			for _, n := range function.NodeDef {
				if n.Op == "EnsureShape" {
					open(n.Attr["shape"].GetShape())
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Random layers are cut out of models of any size as well, at a size that was chosen and densely.
func TestRandomLayersOfAnySize(t *testing.T) {
	const tolerance = 1e-5
	golden := goldenLayers(t)["keras-random"]
	dir := leaveOpen(t, "keras-random")
	for name, options := range map[string]Options{"8x8": {InputHeight: layersSide, InputWidth: layersSide}, "dense": {Dense: true}} {
		model, err := Open(dir, options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		defer model.Close()
		if len(model.Notes) != 6 {
			t.Errorf("%s: the notes are %q", name, model.Notes)
		}
		extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"conv", "gap", "scores"}, Batch: 2})
		if err != nil {
			t.Fatal(err)
		}
		want := [][]float64{golden["conv"], golden["gap"], golden["scores"]}
		var features [][]float32
		if pixels := goldenInput(2, layersSide); options.Dense {
			want[0] = averaged(golden["conv"], 2, 4)
			features, err = extractor.ExtractSized(pixels, 2, layersSide, layersSide)
		} else {
			features, err = extractor.Extract(pixels, 2)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if off := maxRelativeError(features[i], want[i]); off > tolerance {
				t.Errorf("%s: layer %s is off by %.1e", name, extractor.Layers()[i].Name, off)
			}
		}
	}
	for _, kind := range []string{"keras-crop", "keras-noise"} {
		model, err := Open(leaveOpen(t, kind), Options{Dense: true})
		if err == nil {
			_, err = model.Layer("scores")
			model.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "random operation") {
			t.Errorf("%s, opened densely, gives %v", kind, err)
		}
	}
}
