package servable

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/savedmodel"
)

const photos = "../testdata/photos"

// photoFiles reads the test photos.
func photoFiles(t *testing.T, names ...string) [][]byte {
	t.Helper()
	var files [][]byte
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(photos, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
	return files
}

// random is a head with random weights, on layers of these sizes.
func random(seed uint64, layers []recipe.Layer, classes []string, hidden int) *head.Head {
	r := rand.New(rand.NewPCG(seed, 1))
	values := func(n int, scale, shift float64) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(scale*r.NormFloat64() + shift)
		}
		return out
	}
	h := &head.Head{Classes: classes, Layers: layers}
	columns := 0
	for _, l := range layers {
		columns += l.Size()
		if len(layers) > 1 {
			h.Standardization.Blocks = append(h.Standardization.Blocks, l.Size())
		}
	}
	h.Standardization.Mean, h.Standardization.Scale = values(columns, 0.1, 0), values(columns, 0.1, 1)
	inputs := columns
	if hidden > 0 {
		h.Hidden = &head.Hidden{Biases: values(hidden, 0.1, 0)}
		for range hidden {
			h.Hidden.Weights = append(h.Hidden.Weights, values(inputs, 1/math.Sqrt(float64(inputs)), 0))
		}
		inputs = hidden
	}
	for range classes {
		h.Weights = append(h.Weights, values(inputs, 1/math.Sqrt(float64(inputs)), 0))
	}
	h.Biases = values(len(classes), 0.1, 0)
	return h
}

// way is how a small model gets from images to features.
func way(t *testing.T, kind string, o inference.ExtractorOptions, r recipe.Recipe) (*inference.Extractor, pipeline.Config) {
	t.Helper()
	kind, signature, _ := strings.Cut(kind, ":")
	model, err := savedmodel.Open(filepath.Join("../testdata/savedmodel", kind), savedmodel.Options{Preprocessing: r.Preprocessing, Signature: signature})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	extractor, err := inference.NewExtractor(model, o)
	if err != nil {
		t.Fatal(err)
	}
	r.InputWidth, r.InputHeight, r.Preprocessing = model.InputWidth, model.InputHeight, model.Preprocessing
	config, err := pipeline.ConfigFor(r)
	if err != nil {
		t.Fatal(err)
	}
	return extractor, config
}

// predict computes files as the program itself does.
func predict(t *testing.T, h *head.Head, e *inference.Extractor, config pipeline.Config, files [][]byte) [][]float64 {
	t.Helper()
	x, _ := joined(t, h, e, config, files)
	probabilities, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	return probabilities
}

func joined(t *testing.T, h *head.Head, e *inference.Extractor, config pipeline.Config, files [][]byte) (head.Matrix, int) {
	t.Helper()
	over := pipeline.OverViews(e, config.Picture.Views.Count())
	x := head.Matrix{Cols: h.Columns(), Rows: len(files)}
	for _, file := range files {
		p, err := picture.Decode(file, config.Picture)
		if err != nil {
			t.Fatal(err)
		}
		pixels := make([]float32, len(p.Pix))
		config.Preprocessing.Apply(pixels, p.Pix)
		features, err := over.Extract(pixels, 1)
		if err != nil {
			t.Fatal(err)
		}
		row, err := h.Join(features, 1)
		if err != nil {
			t.Fatal(err)
		}
		x.Data = append(x.Data, row.Data...)
	}
	return x, len(files)
}

// fitted gives a random head the scale of its features, so that its probabilities are not all
// 0 and 1.
func fitted(t *testing.T, h *head.Head, e *inference.Extractor, config pipeline.Config, files [][]byte) {
	t.Helper()
	x, n := joined(t, h, e, config, files)
	if h.Standardization.Unit {
		return
	}
	for j := range x.Cols {
		sum, squares := 0.0, 0.0
		for i := range n {
			v := float64(x.Row(i)[j])
			sum += v / float64(n)
			squares += v * v / float64(n)
		}
		h.Standardization.Mean[j] = float32(sum)
		h.Standardization.Scale[j] = float32(0.5 / math.Sqrt(squares-sum*sum+1e-3))
	}
}

// around makes a novelty model of rows around those of files, which it calls known, and most others not.
func around(t *testing.T, h *head.Head, e *inference.Extractor, config pipeline.Config, files [][]byte, flat bool) *head.Novelty {
	t.Helper()
	x, n := joined(t, h, e, config, files)
	if flat {
		for i, l := range h.Layers {
			h.Layers[i].Shape = []int{l.Size()}
		}
	}
	const copies = 12
	r := rand.New(rand.NewPCG(8, 1))
	rows, labels := head.Matrix{Rows: copies * n, Cols: x.Cols}, make([]string, copies*n)
	for i := range rows.Rows {
		for _, v := range x.Row(i % n) {
			rows.Data = append(rows.Data, v*float32(1+0.1*r.NormFloat64()))
		}
	}
	model, err := head.TrainNovelty(t.Context(), rows, labels, head.NoveltyOptions{Layers: h.Layers, Rate: 0.05, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func novelty(t *testing.T, h *head.Head, e *inference.Extractor, config pipeline.Config, files [][]byte) []float64 {
	t.Helper()
	x, _ := joined(t, h, e, config, files)
	all, err := h.Novelties(x)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// furthest is the largest difference of probabilities.
func furthest(got [][]float32, want [][]float64) float64 {
	worst := 0.0
	for i, row := range want {
		for c, p := range row {
			worst = max(worst, math.Abs(float64(got[i][c])-p))
		}
	}
	return worst
}

// transparent are PNGs with alpha: RGBA, grey with alpha, a palette with opacities, colours that are transparent, 16 bits.
var transparent = []string{
	"../picture/png-rgba8.png", "../picture/png-greyalpha8.png", "../picture/png-palette-alpha.png", "../picture/png-rgb8-trns.png", "../picture/png-grey8-trns.png",
	"../picture/png-rgba16.png", "../picture/png-greyalpha16.png", "../picture/png-grey1.png", "../picture/png-palette4.png",
}

// An exported model predicts what the program does, for every kind of model and head. The models take
// images of 16x16, where a pixel rounded differently counts more than in one of 224x224.
func TestExportAgreesWithPredict(t *testing.T) {
	if testing.Short() {
		t.Skip("runs VGG16 some times")
	}
	const tolerance, noveltyTolerance = 2e-3, 0.02
	files := photoFiles(t, "cat.1.png", "cat.3.jpg", "dog.1.jpg", "other.2.jpg")
	for name, c := range map[string]struct {
		kind    string
		layers  []string
		pool    string
		recipe  recipe.Recipe
		classes int
		hidden  int
		unit    bool
		sqrt    bool
		more    []string
		flat    bool // all values of a layer are channels
		without bool // no novelty
	}{
		"plain":       {kind: "keras-export", layers: []string{"fc1"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch}, classes: 2},
		"hidden":      {kind: "keras-save", layers: []string{"block2_pool"}, pool: "avg", recipe: recipe.Recipe{Preprocessing: preprocessing.TF, Resize: "crop"}, classes: 3, hidden: 7},
		"two layers":  {kind: "keras-nested", layers: []string{"fc2", "block1_pool"}, pool: "max", recipe: recipe.Recipe{Preprocessing: preprocessing.Torch, Views: "flip"}, classes: 4, unit: true},
		"ten crops":   {kind: "tf1-resource", layers: []string{"small/conv2"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch, Views: "tencrop", Interpolation: "lanczos"}, classes: 2, unit: true},
		"roots":       {kind: "keras-nested", layers: []string{"fc2", "block1_pool"}, pool: "avg", recipe: recipe.Recipe{Preprocessing: preprocessing.Torch}, classes: 3, unit: true, sqrt: true},
		"reference":   {kind: "tf1-reference", layers: []string{"fc6"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch, Interpolation: "bicubic"}, classes: 2},
		"keras 2":     {kind: "keras2-save", layers: []string{"fc2"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch}, classes: 2},
		"gem":         {kind: "keras-save", layers: []string{"block2_pool"}, pool: "gem:2.5", recipe: recipe.Recipe{Preprocessing: preprocessing.Torch, Views: "flip"}, classes: 3},
		"rmac":        {kind: "keras-nested", layers: []string{"fc2", "block1_pool"}, pool: "rmac", recipe: recipe.Recipe{Preprocessing: preprocessing.Torch}, classes: 3},
		"spp":         {kind: "keras-save", layers: []string{"block2_pool"}, pool: "spp:1,2,4", recipe: recipe.Recipe{Preprocessing: preprocessing.TF}, classes: 3, hidden: 4},
		"gram":        {kind: "keras-nested", layers: []string{"block1_pool"}, pool: "gram", recipe: recipe.Recipe{Preprocessing: preprocessing.Torch}, classes: 2, unit: true},
		"background":  {kind: "keras-export", layers: []string{"fc1"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch, Background: "#ff8000", Resize: "crop"}, classes: 3, more: transparent},
		"positions":   {kind: "keras-export", layers: []string{"block2_pool", "fc1"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch}, classes: 2},
		"folded":      {kind: "keras-export", layers: []string{"block1_conv1", "block1_pool"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch, Views: "flip"}, classes: 2, flat: true},
		"no novelty":  {kind: "keras-export", layers: []string{"fc1"}, recipe: recipe.Recipe{Preprocessing: preprocessing.Torch}, classes: 2, without: true},
		"takes bytes": {kind: "bytes:features", layers: []string{"block1_pool"}, pool: "avg", classes: 5, hidden: 3},
	} {
		t.Run(name, func(t *testing.T) {
			files := append(slices.Clone(files), photoFiles(t, c.more...)...)
			extractor, config := way(t, c.kind, inference.ExtractorOptions{Layers: c.layers, Pool: c.pool}, c.recipe)
			classes := []string{"ant", "bee", "cat", "dog", "eel"}[:c.classes]
			h := random(7, extractor.Layers(), classes, c.hidden)
			h.Standardization.Unit, h.Standardization.Sqrt = c.unit, c.sqrt
			fitted(t, h, extractor, config, files)
			var unknown string
			if !c.without {
				h.Novelty, unknown = around(t, h, extractor, config, files[:2], c.flat), "unknown"
			}
			dir := filepath.Join(t.TempDir(), "new", "1")
			if err := Export(h, Model{Parts: []Part{{Extractor: extractor, Config: config}}}, Options{Dir: dir, Unknown: unknown}); err != nil {
				t.Fatal(err)
			}
			s, err := Open(dir, inference.SessionConfig{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got, err := s.Predict(files)
			if err != nil {
				t.Fatal(err)
			}
			want := predict(t, h, extractor, config, files)
			if worst := furthest(got.Probabilities, want); !(worst < tolerance) {
				t.Errorf("probabilities differ by %g: %v, want %v", worst, got, want)
			} else {
				t.Logf("probabilities differ by %.2g at most, the first are %.3f", worst, want[0])
			}
			novelties := novelty(t, h, extractor, config, files)
			for i, p := range want {
				label := h.Predict(p)
				if !c.without && novelties[i] > 1 {
					label = unknown
				}
				if d := cmp.Diff(classes, got.Classes[i]); d != "" || got.Labels[i] != label {
					t.Errorf("image %d: label %s, want %s; names: %s", i, got.Labels[i], label, d)
				}
			}
			if len(got.Novelty) != len(novelties) {
				t.Fatalf("novelties are %v, want %v", got.Novelty, novelties)
			}
			for i, want := range novelties {
				if d := math.Abs(float64(got.Novelty[i]) - want); !(d < noveltyTolerance*want) {
					t.Errorf("novelty of image %d is %v, want %v", i, got.Novelty[i], want)
				}
			}
			t.Logf("novelties are %.4f, want %.4f", got.Novelty, novelties)
			if err := Export(h, Model{Parts: []Part{{Extractor: extractor, Config: config}}}, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is not empty") {
				t.Errorf("exporting over a model gives %v", err)
			}
			if _, err := s.Predict(append(slices.Clone(files), []byte("no image"))); err == nil || !strings.Contains(err.Error(), "Unknown image file format") {
				t.Errorf("a file that is no image gives %v", err)
			}
		})
	}
}

// VGG16 with a head trained on photos, also in Python.
func TestExportVGG16(t *testing.T) {
	if testing.Short() {
		t.Skip("runs VGG16 some times")
	}
	const tolerance = 5e-4
	h, err := head.Load("../testdata/heads/cats-vs-dogs.json")
	if err != nil {
		t.Fatal(err)
	}
	model, err := models.Open(models.Default, models.Options{Dir: t.TempDir(), Convolutions: models.Direct})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: h.LayerNames(), Pool: h.Recipe.Pool, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	config, err := pipeline.ConfigFor(h.Recipe)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "1")
	if err := Export(h, Model{Parts: []Part{{Extractor: extractor, Config: config}}}, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	names := []string{"cat.1.png", "cat.2.jpg", "cat.3.jpg", "dog.1.jpg", "dog.2.jpg", "other.1.jpg"}
	// A portrait, whose height is scaled first.
	portrait := filepath.Join(t.TempDir(), "portrait.png")
	if err := os.WriteFile(portrait, proportioned(t, 360, 640), 0o644); err != nil {
		t.Fatal(err)
	}
	files := append(photoFiles(t, names...), proportioned(t, 360, 640))
	want := predict(t, h, extractor, config, files)
	s, err := Open(dir, inference.SessionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Predict(files)
	if err != nil {
		t.Fatal(err)
	}
	if worst := furthest(got.Probabilities, want); !(worst < tolerance) {
		t.Errorf("probabilities differ by %g: %v, want %v", worst, got, want)
	} else {
		t.Logf("through the C API, probabilities of %d images differ by %.2g at most", len(files), worst)
	}
	python := os.Getenv("FOVEA_PYTHON_TENSORFLOW")
	if python == "" {
		t.Log("FOVEA_PYTHON_TENSORFLOW names no Python with tensorflow, numpy and pillow: predicting there is not tested")
		return
	}
	arguments := []string{"../testdata/servable/predict.py", dir}
	for _, name := range names {
		arguments = append(arguments, filepath.Join(photos, name))
	}
	arguments = append(arguments, portrait)
	command := exec.Command(python, arguments...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var there struct {
		Probabilities   [][]float32
		Classes, Labels []string
	}
	if err := json.Unmarshal(out, &there); err != nil {
		t.Fatal(err)
	}
	worst := furthest(there.Probabilities, want)
	if !(worst < tolerance) || !slices.Equal(there.Classes, h.Classes) || there.Labels[3] != "dog" {
		t.Errorf("Python's probabilities differ by %g; its classes are %v, its labels %v", worst, there.Classes, there.Labels)
	} else {
		t.Logf("in Python, they differ by %.2g at most", worst)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(filepath.Join("../testdata/savedmodel", "keras-export"), inference.SessionConfig{}); err == nil || !strings.Contains(err.Error(), "it has no image_bytes") {
		t.Errorf("a model of images' numbers gives %v", err)
	}
	if _, err := Open(t.TempDir(), inference.SessionConfig{}); err == nil {
		t.Error("an empty directory is opened")
	}
}

// Only this program computes the operations of package convolution.
func TestExportRefusesOwnOperations(t *testing.T) {
	h, err := head.Load("../testdata/heads/cats-vs-dogs.json")
	if err != nil {
		t.Fatal(err)
	}
	model, err := models.Open(models.Default, models.Options{Dir: t.TempDir(), Session: inference.SessionConfig{Device: inference.DeviceCPU}})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Convolutions.Count == 0 {
		t.Skip("package convolution does not know this processor")
	}
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: h.LayerNames(), Pool: h.Recipe.Pool, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	config, err := pipeline.ConfigFor(h.Recipe)
	if err != nil {
		t.Fatal(err)
	}
	if err := Export(h, Model{Parts: []Part{{Extractor: extractor, Config: config}}}, Options{Dir: filepath.Join(t.TempDir(), "1")}); err == nil || !strings.Contains(err.Error(), "package convolution") {
		t.Errorf("exporting it gives %v", err)
	}
}

// Heads on models of other images, or of a fixed number of them, are refused with what computes them instead.
func TestExportRefusesOtherModels(t *testing.T) {
	for name, want := range map[string]string{"inputs/grey": "takes images of 1-channel pixels", "inputs/one-inside": "takes batches of at most 1"} {
		model, err := savedmodel.Open(filepath.Join("../testdata/savedmodel", name), savedmodel.Options{Preprocessing: preprocessing.None})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{model.Layers[0].Name}})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "model")
		err = Export(random(7, extractor.Layers(), []string{"a", "b"}, 0), Model{Parts: []Part{{Extractor: extractor}}}, Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "use finetune serve or predict") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
