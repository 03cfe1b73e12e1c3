package vgg_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fovea/convolution"
	"fovea/inference"
	"fovea/picture"
	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

type denseGolden struct {
	Layers map[string]struct {
		Size    int
		Values  []float64
		Largest float64
	}
	Positions []int
}

func readDenseGolden(t *testing.T) denseGolden {
	t.Helper()
	encoded, err := os.ReadFile(filepath.Join(goldenDir, "dense.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden denseGolden
	if err := json.Unmarshal(encoded, &golden); err != nil {
		t.Fatal(err)
	}
	return golden
}

// withCounterTop adds the dense layers that make_dense.py computes with.
func withCounterTop(set weights.Set) weights.Set {
	for i, layer := range []struct {
		name          string
		inputs, units int
	}{{"fc6", 25088, 4096}, {"fc7", 4096, 4096}, {"fc8", 4096, 1000}} {
		set.Tensors[layer.name+"/kernel"] = weights.Tensor{Shape: []int{layer.inputs, layer.units}, DType: weights.F32, Raw: counterWeights(2*i, layer.inputs*layer.units, layer.inputs)}
		set.Tensors[layer.name+"/bias"] = weights.Tensor{Shape: []int{layer.units}, DType: weights.F32, Raw: counterWeights(2*i+1, layer.units, 60)}
	}
	return set
}

// The dense evaluation of a photo at two scales, with its mirror image, gives what Keras,
// Pillow and NumPy compute window by window, with and without our own convolutions.
func TestDenseAgreesWithKeras(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("makes 120 million weights")
	}
	golden := readDenseGolden(t)
	configuration, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	model, err := vgg.OpenWith(configuration, withCounterTop(set), vgg.Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Dense: true})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	data, err := os.ReadFile("../testdata/photos/cat.1.png")
	if err != nil {
		t.Fatal(err)
	}
	tensors, _, err := picture.DecodeDense(data, picture.Dense{Sides: []int{224, 256}, Flip: true}, preprocessing.Caffe)
	if err != nil {
		t.Fatal(err)
	}
	compareDense(t, model, tensors, golden)
	if err := convolution.Accelerate(model, convolution.Options{Shares: 2}); err != nil {
		t.Logf("without our own convolutions: %v", err)
		return
	}
	compareDense(t, model, tensors, golden)
}

func compareDense(t *testing.T, model *inference.Model, tensors []picture.Tensor, golden denseGolden) {
	t.Helper()
	var names []string
	for name := range golden.Layers {
		names = append(names, name)
	}
	slices.Sort(names)
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	if extractor.Least() != 224 {
		t.Errorf("the smallest image is of %d pixels", extractor.Least())
	}
	sums := make([][]float64, len(names))
	for _, view := range tensors {
		features, err := extractor.ExtractSized(view.Values, 1, view.Height, view.Width)
		if err != nil {
			t.Fatal(err)
		}
		for l, values := range features {
			if sums[l] == nil {
				sums[l] = make([]float64, len(values))
			}
			for i, v := range values {
				sums[l][i] += float64(v) / float64(len(tensors))
			}
		}
	}
	for l, name := range names {
		want := golden.Layers[name]
		if len(sums[l]) != want.Size {
			t.Errorf("%s has %d values, want %d", name, len(sums[l]), want.Size)
			continue
		}
		largest := 0.0
		for _, v := range sums[l] {
			largest = max(largest, math.Abs(v))
		}
		worst := math.Abs(largest-want.Largest) / want.Largest
		for i, w := range want.Values {
			at := i
			if len(want.Values) < want.Size {
				at = (i*2654435761 + 12345) % want.Size
			}
			worst = max(worst, math.Abs(sums[l][at]-w)/want.Largest)
		}
		if !(worst <= 1e-5) {
			t.Errorf("%s differs by %.1e of its largest value", name, worst)
		}
		t.Logf("%s differs by %.1e of its largest value", name, worst)
	}
}

func TestDenseRefuses(t *testing.T) {
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	model, err := vgg.OpenWith(configuration, set, vgg.Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Dense: true})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, extract := range map[string]func() ([][]float32, error){
		"too small": func() ([][]float32, error) { return extractor.ExtractSized(make([]float32, 3*31*40), 1, 31, 40) },
		"too few":   func() ([][]float32, error) { return extractor.ExtractSized(make([]float32, 3*32*40-1), 1, 32, 40) },
		"no image":  func() ([][]float32, error) { return extractor.ExtractSized(nil, 0, 32, 40) },
		"no size":   func() ([][]float32, error) { return extractor.Extract(nil, 1) },
		"other size": func() ([][]float32, error) {
			fixed, err := inference.NewExtractor(openVGG16(t), inference.ExtractorOptions{Layers: []string{"pool5"}, Batch: 1})
			if err != nil {
				t.Fatal(err)
			}
			return fixed.ExtractSized(make([]float32, 3*32*40), 1, 32, 40)
		},
	} {
		if _, err := extract(); err == nil {
			t.Errorf("%s: it was computed", name)
		}
	}
	features, err := extractor.ExtractSized(make([]float32, 3*32*40), 1, 32, 40)
	if err != nil || len(features[0]) != 512 {
		t.Errorf("the smallest image: %v", err)
	}
}
