package models

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/savedmodel"
)

// opened is what one opening of a model shows.
type opened struct {
	method   inference.Convolutions
	features []float32
}

// A model that is remembered opens as before and computes the same bits, also where its graph is then left as it is.
func TestMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vgg16")
	options := Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Dir: t.TempDir(), Layers: []string{"pool5"}, pool: "avg"}
	c, err := configuration(Default)
	if err == nil {
		t.Setenv("FOVEA_CACHE", options.Dir) // for the weights that ship
		err = Export(c, dir, preprocessing.Spec{})
	}
	if err != nil {
		t.Fatal(err)
	}
	first := openOnce(t, dir, options)
	if first.method.Count == 0 {
		t.Skip("no convolution of the model can be made faster on this processor")
	}
	file, text := onlyFile(t, filepath.Join(options.Dir, "openings"))
	if !strings.Contains(text, `"unrewritten": true`) {
		t.Errorf("a VGG up to pool5 is said to need TensorFlow's rewriting: %s", text)
	}
	check := func(what string) {
		t.Helper()
		again := openOnce(t, dir, options)
		if !reflect.DeepEqual(again, first) {
			t.Errorf("%s: computed by %+v, and before by %+v, or with other bits", what, again.method, first.method)
		}
	}
	check("remembered")
	// A damaged file is as good as none: it is found out again, and written.
	if err := os.WriteFile(file, []byte(strings.Replace(text, `"unrewritten": true`, `"unrewritten": null`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	check("damaged")
	if _, now := onlyFile(t, filepath.Join(options.Dir, "openings")); now != text {
		t.Errorf("the file is now %s", now)
	}
	// Without the trial, the changed graph is tried in a session like any other's.
	if err := os.RemoveAll(filepath.Join(options.Dir, "trials")); err != nil {
		t.Fatal(err)
	}
	check("without the trial")
	onlyFile(t, filepath.Join(options.Dir, "trials"))
}

func openOnce(t *testing.T, dir string, options Options) opened {
	t.Helper()
	model, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: options.Layers, Pool: options.pool, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]float32, 2*model.InputHeight*model.InputWidth*model.Depth())
	for i := range pixels {
		pixels[i] = float32((i*7+i/1000)%255) - 100
	}
	features, err := extractor.Extract(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	return opened{model.Convolutions, features[0]}
}

func onlyFile(t *testing.T, dir string) (file, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there are %v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return files[0], string(data)
}

// What is remembered stands for nothing that differs in any respect, nor does a file in another's place.
func TestMemoryIsOfOneKind(t *testing.T) {
	dir := t.TempDir()
	full := memory{dir: dir, session: inference.SessionConfig{Device: inference.DeviceCPU}, opening: opening{surroundings: surroundings{Program: "p", Library: library(), Environment: "e", Processor: "c", Processors: 2}}}
	full.Keep("m", savedmodel.Found{MaxBatch: 3})
	if err := full.store(); err != nil || !full.kept {
		t.Fatalf("%v, %+v", err, full)
	}
	own, text := onlyFile(t, dir)
	if found, known := (&memory{dir: dir, session: full.session, opening: full.opening}).Recall("m"); !known || found.MaxBatch != 3 {
		t.Fatalf("%+v, %t", found, known)
	}
	for _, field := range fieldsOf[opening]() {
		other := memory{dir: dir, session: full.session, opening: full.opening}
		alter(t, reflect.ValueOf(&other.opening).Elem().FieldByIndex(field.Index))
		if other.Library != full.Library { // which Recall finds out
			other.dir = t.TempDir()
			other.Keep("m", savedmodel.Found{})
			if err := other.store(); err != nil {
				t.Fatal(err)
			}
			if _, known := other.Recall("m"); known {
				t.Error("what was found with another library is believed")
			}
			continue
		}
		name, model := field.Name, "m"
		if name == "Model" {
			model = "another"
		}
		if _, known := other.Recall(model); known {
			t.Errorf("%s makes no difference", name)
		}
		file, err := other.file()
		if err == nil {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, known := other.Recall(model); known {
			t.Errorf("%s: another's file is believed", name)
		}
	}
	for what, damaged := range map[string]string{"half": text[:len(text)/2], "changed": strings.Replace(text, "3", "4", 1), "unsealed": "{\n \"opening\": {}\n}\n", "empty": ""} {
		if err := os.WriteFile(own, []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, known := (&memory{dir: dir, session: full.session, opening: full.opening}).Recall("m"); known {
			t.Errorf("a file that is %s is believed", what)
		}
	}
}

// Nothing is remembered of GPUs, and no promise made; poolings that TensorFlow rewrites keep its rewriting.
func TestMemoryKnows(t *testing.T) {
	options := Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Dir: t.TempDir(), Layers: []string{"a"}}
	for _, c := range []struct {
		pool, device string
		promises     bool
	}{{"avg", inference.DeviceCPU, true}, {"gem", inference.DeviceCPU, false}, {"avg", "gpu:0", false}} {
		options.pool, options.Session.Device = c.pool, c.device
		m := newMemory("", options)
		found, known := m.Recall("m")
		m.Keep("m", savedmodel.Found{})
		if known || found.Unrewritten != c.promises || m.kept != (c.device == inference.DeviceCPU) {
			t.Errorf("%+v: %+v, %t, kept %t", c, found, known, m.kept)
		}
	}
}

// A model that might do without TensorFlow's rewriting, but whose convolutions stay TensorFlow's, gets it; that is
// remembered, too.
func TestMemoryOfPromises(t *testing.T) {
	dir := filepath.Join("..", "testdata", "savedmodel", "keras-export")
	layers, err := Layers(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Dir: t.TempDir(), Layers: []string{layers[len(layers)-1].Name}}
	promised, err := savedmodel.Open(dir, savedmodel.Options{Session: options.Session, Memory: newMemory("", options)})
	if err != nil {
		t.Fatal(err)
	}
	if err := promised.Close(); err != nil || !promised.Unrewritten {
		t.Fatalf("%v; the model promises nothing: this shows nothing", err)
	}
	for range 2 {
		model, err := Open(dir, options)
		if err != nil {
			t.Fatal(err)
		}
		if err := model.Close(); err != nil || model.Unrewritten {
			t.Errorf("%v; %s are computed without TensorFlow's rewriting: %t", err, model.Convolutions, model.Unrewritten)
		}
		if _, text := onlyFile(t, filepath.Join(options.Dir, "openings")); strings.Contains(text, "unrewritten") {
			t.Errorf("what is remembered is %s", text)
		}
	}
}
