package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/picture"
	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// Weights in Keras's own file format, of the size that it publishes, give Keras's values in
// every kind of layer.
func TestImportAgreesWithKeras(t *testing.T) {
	large := os.Getenv("FOVEA_LARGE_MODELS")
	if large == "" {
		t.Skip("FOVEA_LARGE_MODELS does not name a directory made by testdata/vgg16/make_large.py")
	}
	data, err := os.ReadFile("../testdata/vgg16/cat.1.png")
	if err != nil {
		t.Fatal(err)
	}
	p, err := picture.Decode(data, picture.Options{Width: 224, Height: 224})
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]float32, len(p.Pix))
	preprocessing.Caffe.Apply(pixels, p.Pix)
	for _, name := range []string{"vgg16", "vgg19"} {
		t.Run(name, func(t *testing.T) {
			var golden map[string][]float64
			encoded, err := os.ReadFile(filepath.Join(large, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(encoded, &golden); err != nil {
				t.Fatal(err)
			}
			c, err := vgg.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if _, err := Import(filepath.Join(large, name+".h5"), ImportOptions{Configuration: c, Dir: dir, Preprocessing: preprocessing.Caffe}); err != nil {
				t.Fatal(err)
			}
			model, err := Open(name, Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			layers := []string{"pool5", "fc6", "fc7", "softmax"}
			extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: layers, Batch: 1})
			if err != nil {
				t.Fatal(err)
			}
			features, err := extractor.Extract(pixels, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, layer := range layers {
				worst, scale := 0.0, 0.0
				for j, want := range golden[layer] {
					worst = max(worst, math.Abs(float64(features[i][j])-want))
					scale = max(scale, math.Abs(want))
				}
				if worst > 1e-4*scale {
					t.Errorf("layer %s differs from Keras's by %g of its largest value", layer, worst/scale)
				} else {
					t.Logf("layer %s differs from Keras's by %.1e of its largest value", layer, worst/scale)
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open("vgg19", Options{Dir: dir}); !errors.Is(err, ErrNoWeights) || !strings.Contains(err.Error(), "model import vgg19 FILE") {
		t.Errorf("a configuration without weights gives %v", err)
	}
	if _, err := Open("resnet", Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "there are vgg-a") {
		t.Errorf("an unknown name gives %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vgg19.safetensors"), []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("vgg19", Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "vgg19.safetensors") {
		t.Errorf("damaged weights give %v", err)
	}
	c, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Import("../testdata/weights/arrays.npz", ImportOptions{Configuration: c, Dir: dir}); err == nil || !strings.Contains(err.Error(), "not those of a known VGG") {
		t.Errorf("weights of another shape give %v", err)
	}
}

// A file whose configuration is not given, with classes of its own and without a layer, comes
// to a model with the layers that there are.
func TestImportGuesses(t *testing.T) {
	c, err := vgg.ByName("vgg-a")
	if err != nil {
		t.Fatal(err)
	}
	set := weights.Set{Tensors: map[string]weights.Tensor{}}
	put := func(name string, shape ...int) {
		size := 1
		for _, d := range shape {
			size *= d
		}
		set.Tensors["module."+name] = weights.Float32Tensor(shape, make([]float32, size))
	}
	for i, module := range []int{0, 3, 6, 8, 11, 13, 16, 18} {
		n := 0
		for _, l := range c.Layers(false) {
			if l.Kind != vgg.KindConvolution {
				continue
			}
			if n == i {
				put(fmt.Sprintf("features.%d.weight", module), l.Kernel[3], l.Kernel[2], 3, 3)
				put(fmt.Sprintf("features.%d.bias", module), l.Kernel[3])
			}
			n++
		}
	}
	put("classifier.0.weight", 8, 25088)
	put("classifier.0.bias", 8)
	put("classifier.6.weight", 2, 8)
	put("classifier.6.bias", 2)
	dir := t.TempDir()
	file := filepath.Join(dir, "own.safetensors")
	var encoded bytes.Buffer
	if err := weights.WriteSafetensors(&encoded, set); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, encoded.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	imported, err := Import(file, ImportOptions{Dir: dir, Preprocessing: preprocessing.Torch})
	if err != nil {
		t.Fatal(err)
	}
	if imported.Configuration.Name != "vgg-a" || imported.Adopted.Scheme != vgg.SchemeTorchvision || len(imported.Adopted.Ignored) != 2 {
		t.Errorf("imported as %s by %s, left out %v", imported.Configuration.Name, imported.Adopted.Scheme, imported.Adopted.Ignored)
	}
	model, err := Open("vgg-a", Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"fc6"}, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := extractor.Layers()[0].Size(); got != 8 {
		t.Errorf("fc6 has %d units", got)
	}
	if _, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"fc7"}, Batch: 1}); err == nil {
		t.Error("fc7, which is not there, is extracted")
	}
}
