package savedmodel

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
)

// goldenPictures is the input that make_inputs.py describes.
func goldenPictures(n, height, width, channels int) []float32 {
	values := make([]float32, 0, n*height*width*channels)
	for i := range n {
		for y := range height {
			for x := range width {
				for c := range channels {
					values = append(values, float32((7*i+5*y+3*x+11*c)%17-8)/8)
				}
			}
		}
	}
	return values
}

type goldenSize struct {
	Height, Width int
	Layers        map[string][]float64
}

func readInputs(t *testing.T) map[string][]goldenSize {
	t.Helper()
	var golden map[string][]goldenSize
	readJSON(t, filepath.Join(models, "inputs", "golden.json"), &golden)
	return golden
}

func openInput(t *testing.T, kind string, options Options) *inference.Model {
	t.Helper()
	model, err := Open(filepath.Join(models, "inputs", kind), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = model.Close() })
	return model
}

// Layers of models with open sizes, channels first, one or four channels, and batches that are
// no batches, have the values that TensorFlow computes in NHWC order and float64.
func TestInputs(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	golden := readInputs(t)
	for _, test := range []struct {
		kind            string
		channels, batch int
		options         Options
		sizeChosen      bool
		found           preprocessing.Spec
	}{
		{kind: "open", channels: 3, sizeChosen: true},
		{kind: "open-tf1", channels: 3, sizeChosen: true},
		{kind: "unknown", channels: 3, sizeChosen: true},
		{kind: "channels-first", channels: 3, sizeChosen: true},
		{kind: "inner-first", channels: 3},
		{kind: "grey", channels: 1},
		{kind: "rgba", channels: 4},
		{kind: "one-declared", channels: 3},
		{kind: "one-inside", channels: 3, batch: 1},
		{kind: "mean-of-batch", channels: 3, batch: 1},
		{kind: "rescaling", channels: 3, found: preprocessing.None},
		{kind: "normalization", channels: 3, found: preprocessing.None},
		{kind: "hub", channels: 3, sizeChosen: true, options: Options{Signature: "image_feature_vector"}},
	} {
		if len(golden[test.kind]) == 0 {
			t.Errorf("%s: no golden values", test.kind)
		}
		for _, want := range golden[test.kind] {
			t.Run(fmt.Sprintf("%s/%dx%d", test.kind, want.Width, want.Height), func(t *testing.T) {
				options := test.options
				options.InputHeight, options.InputWidth = want.Height, want.Width
				model := openInput(t, test.kind, options)
				if model.Depth() != test.channels || model.MaxBatch != test.batch || model.SizeChosen != test.sizeChosen {
					t.Errorf("%d channels, batches of %d, size chosen: %t", model.Depth(), model.MaxBatch, model.SizeChosen)
				}
				if model.Preprocessing != test.found || (model.Unstated == "") != (model.Normalizes != "") {
					t.Errorf("preprocessing %q: %s%s", model.Preprocessing, model.Normalizes, model.Unstated)
				}
				checkGolden(t, model, want)
			})
		}
	}
}

// checkGolden compares the layers of two images, in one batch if the model takes it.
func checkGolden(t *testing.T, model *inference.Model, want goldenSize) {
	t.Helper()
	const tolerance = 1e-5
	names := sortedKeys(want.Layers)
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	pixels := goldenPictures(2, want.Height, want.Width, model.Depth())
	got := make([][]float32, len(names))
	size := len(pixels) / 2 * extractor.BatchSize()
	for ; len(pixels) > 0; pixels = pixels[size:] {
		features, err := extractor.Extract(pixels[:size], extractor.BatchSize())
		if err != nil {
			t.Fatal(err)
		}
		for i := range names {
			got[i] = append(got[i], features[i]...)
		}
	}
	for i, name := range names {
		if worst := maxRelativeError(got[i], want.Layers[name]); worst > tolerance {
			t.Errorf("layer %s %v is off by %g", name, extractor.Layers()[i].Shape, worst)
		}
	}
}

// Without a size the default is taken, and a size that the model does not take is refused.
func TestInputSizes(t *testing.T) {
	model := openInput(t, "open", Options{})
	if model.InputHeight != DefaultInputSize || model.InputWidth != DefaultInputSize {
		t.Errorf("%dx%d", model.InputWidth, model.InputHeight)
	}
	for _, test := range []struct {
		kind          string
		width, height int
		want          string
	}{
		{"grey", 32, 32, "takes 16x16"}, {"grey", 16, 32, "takes 16x16"}, {"open", 5000, 20, "must be 1 to 4096"}, {"open", -1, 0, "must be 1 to 4096"},
	} {
		_, err := Open(filepath.Join(models, "inputs", test.kind), Options{InputWidth: test.width, InputHeight: test.height})
		if !errors.Is(err, ErrSize) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s at %dx%d: %v", test.kind, test.width, test.height, err)
		}
	}
}

// Dense evaluation gives the averages over positions at any size, and is refused where the
// model cannot be evaluated so.
func TestDense(t *testing.T) {
	golden := readInputs(t)
	for _, kind := range []string{"open", "open-tf1", "channels-first", "unknown"} {
		model := openInput(t, kind, Options{Dense: true})
		if model.InputHeight != 0 || model.InputWidth != 0 {
			t.Errorf("%s: input of %dx%d", kind, model.InputWidth, model.InputHeight)
		}
		names := []string{"conv2", "average"}
		extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names})
		if err != nil {
			t.Fatal(err)
		}
		if extractor.Least() != leastSide {
			t.Errorf("%s: images of %d pixels at least", kind, extractor.Least())
		}
		for _, want := range golden[kind] {
			features, err := extractor.ExtractSized(goldenPictures(2, want.Height, want.Width, 3), 2, want.Height, want.Width)
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range names {
				if worst := maxRelativeError(features[i], averaged(want.Layers[name], 2, extractor.Layers()[i].Size())); worst > 1e-5 {
					t.Errorf("%s, %dx%d: layer %s is off by %g", kind, want.Width, want.Height, name, worst)
				}
			}
		}
	}
	for kind, want := range map[string]string{"grey": "16x16", "flattened": "not fully convolutional"} {
		if _, err := Open(filepath.Join(models, "inputs", kind), Options{Dense: true}); !errors.Is(err, ErrNotDense) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// averaged is the mean over positions of maps of so many channels.
func averaged(values []float64, pictures, channels int) []float64 {
	means := make([]float64, pictures*channels)
	positions := len(values) / len(means)
	for i, v := range values {
		means[i/(positions*channels)*channels+i%channels] += v / float64(positions)
	}
	return means
}

// What of a model is known to keep images apart need not be tried.
func TestRowsAreAnalysed(t *testing.T) {
	for kind, want := range map[string]struct{ fixed, apart bool }{
		"inputs/open": {apart: true}, "inputs/open-tf1": {apart: true}, "inputs/grey": {apart: true}, "inputs/one-declared": {apart: true},
		"inputs/one-inside": {fixed: true}, "inputs/mean-of-batch": {},
		"keras-export": {apart: true}, "keras-nested": {apart: true}, "keras2-save": {apart: true}, "tf1-reference": {apart: true}, "bytes:scores": {apart: true},
	} {
		dir, signature, _ := strings.Cut(kind, ":")
		l, operations := flattened(t, filepath.Join(models, dir), signature)
		if fixed, apart := l.newInputWay(operations).rows(); fixed != want.fixed || apart != want.apart {
			t.Errorf("%s: fixed %t, apart %t", kind, fixed, apart)
		}
	}
	if l, operations := flattened(t, filepath.Join(models, "keras-export"), ""); l.newInputWay(operations).openBatch("a constant") {
		t.Error("what does not depend on the input has a row for each image")
	}
}

// Inputs that cannot be those of images are refused by what is wrong with them.
func TestPictureInputShapes(t *testing.T) {
	for _, test := range []struct {
		shape         []int64
		channels      int
		first         bool
		height, width int
		refused       string
	}{
		{shape: []int64{-1, 224, 200, 3}, channels: 3, height: 224, width: 200},
		{shape: []int64{-1, 3, 224, 200}, channels: 3, first: true, height: 224, width: 200},
		{shape: []int64{-1, 3, -1, -1}, channels: 3, first: true},
		{shape: []int64{-1, -1, -1, 3}, channels: 3},
		{shape: []int64{-1, -1, 64, 3}, channels: 3, width: 64},
		{shape: []int64{1, -1, -1, 1}, channels: 1},
		{shape: []int64{-1, 1, -1, -1}, channels: 1, first: true},
		{shape: []int64{-1, 4, 64, 64}, channels: 4, first: true, height: 64, width: 64},
		{shape: []int64{-1, 3, 64, 4}, channels: 3, first: true, height: 64, width: 4},
		{shape: []int64{-1, 3, 4, 3}, channels: 3, height: 3, width: 4},
		{shape: []int64{-1, -1, -1, -1}},
		{shape: []int64{-1, 224, 224, -1}, refused: "does not show where the channels are"},
		{shape: []int64{-1, 224, 224, 5}, refused: "5 channels"},
		{shape: []int64{8, 224, 224, 3}, refused: "batches of 8"},
		{shape: []int64{-1, 224, 3}, refused: "shape"},
		{shape: []int64{-1, 3, 5000, 10}, refused: "larger"},
	} {
		p, err := pictureInput(signatureOf(test.shape))
		if test.refused != "" {
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%v: %v", test.shape, err)
			}
			continue
		}
		got := []any{p.channels, p.channelsFirst, p.height, p.width}
		if want := []any{test.channels, test.first, test.height, test.width}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v is %v (%v), want %v", test.shape, got, err, want)
		}
	}
}
