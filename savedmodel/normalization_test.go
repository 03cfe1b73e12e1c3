package savedmodel

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
)

// What a graph does to pixels tells what it is given, or nothing.
func TestWantedPreprocessing(t *testing.T) {
	standardized := func(scale float64) (of []affine) {
		for c, mean := range []float64{.485, .456, .406} {
			std := []float64{.229, .224, .225}[c]
			of = append(of, affine{1 / scale / std, -mean / std})
		}
		return of
	}
	for name, test := range map[string]struct {
		of   []affine
		want preprocessing.Spec
	}{
		"nothing":                        {[]affine{{1, 0}}, preprocessing.Spec{}},
		"over 255":                       {[]affine{{1. / 255, 0}}, preprocessing.None},
		"over 127.5, less 1":             {[]affine{{1 / 127.5, -1}}, preprocessing.None},
		"over 128, less 1":               {[]affine{{1. / 128, -1}}, preprocessing.None},
		"less the means":                 {[]affine{{1, -123.68}, {1, -116.779}, {1, -103.939}}, preprocessing.None},
		"standardized bytes":             {standardized(255), preprocessing.None},
		"standardized 0..1":              {standardized(1), preprocessing.ZeroOne},
		"twice, less 1":                  {[]affine{{2, -1}}, preprocessing.ZeroOne},
		"times 255":                      {[]affine{{255, 0}}, preprocessing.ZeroOne},
		"times 255, less the means":      {[]affine{{255, -123.68}, {255, -116.779}, {255, -103.939}}, preprocessing.ZeroOne},
		"back to bytes from -1..1":       {[]affine{{127.5, 127.5}}, preprocessing.TF},
		"torchvision's transform_input":  {[]affine{{.229 / .5, (.485 - .5) / .5}, {.224 / .5, (.456 - .5) / .5}, {.225 / .5, (.406 - .5) / .5}}, preprocessing.Spec{}},
		"scaled and also as they are":    {[]affine{{1. / 255, 0}, {1, 0}}, preprocessing.Spec{}},
		"times a thousand":               {[]affine{{1000, 0}}, preprocessing.Spec{}},
		"over 58 after somebody's means": {[]affine{{.017, 0}}, preprocessing.Spec{}},
	} {
		f := front{of: test.of, first: "conv"}
		if got := f.wanted(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	for name, f := range map[string]front{"no weights": {of: []affine{{1. / 255, 0}}}, "unknown": {of: []affine{{1. / 255, 0}}, first: "conv", unknown: "Foo"}} {
		if got := f.wanted(); !got.IsZero() {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := (front{whole: true}).wanted(); got != preprocessing.None {
		t.Errorf("whole numbers: %q", got)
	}
}

// Networks of Keras's applications, small and with random weights, give the features of
// Keras's own pipeline: by themselves where they normalize, with the preprocessing that is
// hinted at where they do not.
func TestKerasApplications(t *testing.T) {
	dir := os.Getenv("FOVEA_APPLICATIONS")
	if dir == "" {
		t.Skip("FOVEA_APPLICATIONS does not name a directory made by testdata/savedmodel/make_applications.py")
	}
	var golden map[string]struct {
		Features []float64
	}
	data, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, hint string
		want       preprocessing.Spec
	}{
		{name: "convnext", want: preprocessing.None}, {name: "efficientnet", want: preprocessing.None},
		{name: "efficientnetv2", want: preprocessing.None}, {name: "mobilenetv3", want: preprocessing.None},
		{name: "lambda", want: preprocessing.None}, {name: "adapted", want: preprocessing.None},
		{name: "mobilenet", hint: "MobileNet", want: preprocessing.TF}, {name: "mobilenetv2", hint: "MobileNetV2", want: preprocessing.TF},
		{name: "resnet", hint: "ResNet", want: preprocessing.Caffe}, {name: "resnetv2", hint: "ResNetV2", want: preprocessing.TF},
		{name: "densenet", hint: "DenseNet", want: preprocessing.Torch},
	} {
		t.Run(test.name, func(t *testing.T) {
			model, err := Open(filepath.Join(dir, test.name), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			switch {
			case test.hint == "" && (model.Preprocessing != test.want || model.Normalizes == ""):
				t.Fatalf("preprocessing %q: %s%s", model.Preprocessing, model.Normalizes, model.Unstated)
			case test.hint != "" && (!model.Preprocessing.IsZero() || !strings.Contains(model.Unstated, "Keras's "+test.hint+", which was published for "+test.want.String())):
				t.Fatalf("preprocessing %q is taken: %s; %s", model.Preprocessing, model.Normalizes, model.Unstated)
			}
			if model.MaxBatch != 0 {
				t.Errorf("it is given %d images at a time", model.MaxBatch)
			}
			t.Log(model.Normalizes + model.Unstated)
			compareWithKeras(t, model, test.want, golden[test.name].Features)
		})
	}
}

// compareWithKeras computes the last layer of the picture that make_applications.py describes.
func compareWithKeras(t *testing.T, model *inference.Model, how preprocessing.Spec, want []float64) {
	t.Helper()
	var bytes []uint8
	for y := range model.InputHeight {
		for x := range model.InputWidth {
			for c := range 3 {
				bytes = append(bytes, uint8((5*y+3*x+11*c+y*x)%256))
			}
		}
	}
	pixels := make([]float32, len(bytes))
	how.Apply(pixels, bytes)
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"features"}, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	features, err := extractor.Extract(pixels, 1)
	if err != nil {
		t.Fatal(err)
	}
	if worst := maxRelativeError(features[0], want); worst > 1e-4 {
		t.Errorf("the features are off by %g of the largest", worst)
	}
}

// What a note says counts more than what is found, and what is asked for more than that.
func TestStatedPreprocessing(t *testing.T) {
	model := openInput(t, "open", Options{})
	if !model.Preprocessing.IsZero() || !strings.Contains(model.Unstated, "--preprocessing torch") {
		t.Errorf("%q: %s", model.Preprocessing, model.Unstated)
	}
	for kind, want := range map[string]string{"grey": "channels=gray,scale=1/127.5,mean=1,std=1", "rgba": "channels=rgba,scale=1/127.5,mean=1,1,1,1,std=1,1,1,1", "open": "tf"} {
		if model := openInput(t, kind, Options{Preprocessing: preprocessing.TF}); model.Preprocessing.String() != want {
			t.Errorf("%s: %q", kind, model.Preprocessing)
		}
	}
	for kind, how := range map[string]preprocessing.Spec{"grey": preprocessing.Torch, "rgba": preprocessing.Caffe, "open": preprocessing.None.WithLayout(preprocessing.NCHW)} {
		if _, err := Open(filepath.Join(models, "inputs", kind), Options{Preprocessing: how}); err == nil || !strings.Contains(err.Error(), "input image") {
			t.Errorf("%s with %s: %v", kind, how, err)
		}
	}
}

// A module of a JAX that is newer than the library is refused before it is run.
func TestXLANewer(t *testing.T) {
	_, err := Open(filepath.Join(models, "inputs", "xla-newer"), Options{})
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "version 10 with StableHLO 1.15.0") || !strings.Contains(err.Error(), "older JAX") {
		t.Errorf("%v", err)
	}
	for module, want := range map[string]string{
		"": "", "ML\xefR": "", "ML\xefR\x0dStableHLO_v1.8.2\x00rest": "1.8.2", "ML\xefR\x0dMLIR20\x00": "", "ML\xefR\x0dStableHLO_v1.8.2": "",
	} {
		if got := stableHLO([]byte(module)); got != want {
			t.Errorf("%q is of version %q", module, got)
		}
	}
}
