package serving

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
)

// photoFiles are the photos of the tests.
func photoFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../testdata/photos/*.jpg")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d photos, %v", len(files), err)
	}
	return files
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// smallModel is a network of 1,213 weights, which opens in a moment.
const smallModel = "../testdata/savedmodel/tf1-resource"

// smallHead is a head on a layer of smallModel, and the options to open that.
func smallHead(t testing.TB) (*head.Head, Options) {
	t.Helper()
	want := recipe.Recipe{Model: smallModel, Preprocessing: preprocessing.None, Pool: recipe.PoolAverage}
	f, err := OpenFeaturizer(want, []string{"small/conv1/Conv2D"}, Options{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := f.Recipe()
	h := &head.Head{Classes: []string{"cat", "dog"}, Recipe: r, Layers: r.Layers, Weights: [][]float32{{1, 2, 0, 0}, {0, 0, 1, 3}}, Biases: []float32{0, 1}}
	h.Standardization = head.Standardization{Mean: []float32{10, 10, 10, 10}, Scale: []float32{0.01, 0.01, 0.01, 0.01}}
	return h, Options{Models: []string{smallModel}, Batch: 1}
}

func open(t testing.TB, h *head.Head, o Options) *Predictor {
	t.Helper()
	p, err := Open(h, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// Decode gives what Decode and Apply do one after the other, for every way of an image to a model.
func TestDecode(t *testing.T) {
	files := append(photoFiles(t)[:2], "../testdata/picture/png-rgba8.png")
	for _, options := range []picture.Options{
		{Width: 224, Height: 224},
		{Width: 64, Height: 48, Interpolation: picture.Bicubic, Background: "#ffffff"},
		{Width: 96, Height: 96, Resize: picture.Crop, Views: picture.Flip},
		{Width: 32, Height: 32, Views: picture.TenCrop},
	} {
		for _, how := range []preprocessing.Spec{preprocessing.Caffe, preprocessing.Torch, {Channels: preprocessing.Gray, Divisor: 255, Mean: [4]float64{0.5}, Std: [4]float64{0.5}}} {
			p := &Predictor{head: redHead(), config: pipeline.Config{Picture: options, Preprocessing: how}}
			for _, file := range files {
				content := read(t, file)
				decoded, err := picture.Decode(content, options)
				if err != nil {
					t.Fatal(err)
				}
				want := make([]float32, len(decoded.Pix)/3*how.Depth())
				how.Apply(want, decoded.Pix)
				got, err := p.Decode(content)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(want, got) {
					t.Errorf("%s, %+v, %s: the values differ", file, options, how)
				}
			}
		}
	}
	var refused *picture.Error
	p := &Predictor{head: redHead(), config: pipeline.Config{Picture: picture.Options{Width: 2, Height: 2}, Preprocessing: preprocessing.None}}
	if _, err := p.Decode([]byte("no image")); !errors.As(err, &refused) {
		t.Errorf("what is no image: %v", err)
	}
}

// All ways to a prediction give the same one: alone and in a batch, from bytes and from files.
func TestPredictorsAgree(t *testing.T) {
	h, o := smallHead(t)
	one := open(t, h, o)
	o.Batch, o.AnyBatch = 3, true
	batches := open(t, h, o)
	if sizes := batches.extractor.(sized); len(sizes) != 3 || batches.BatchSize() != 3 {
		t.Errorf("%d batch sizes up to %d, want 1, 2 and 3", len(sizes), batches.BatchSize())
	}
	var values []float32
	var want [][]float64
	files := photoFiles(t)[:3]
	for _, file := range files {
		outcome, err := one.Predict(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := batches.Decode(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		values, want = append(values, decoded...), append(want, outcome.Probabilities)
	}
	got, err := batches.Outcomes(values, len(files))
	if err != nil {
		t.Fatal(err)
	}
	written := &kept{}
	listing := pipeline.Listing{Failures: []pipeline.Failure{{Item: pipeline.Item{Path: "x.tar"}, Stage: pipeline.StageList, Reason: "it is empty"}}}
	for _, file := range append(files, "nowhere.jpg") {
		listing.Items = append(listing.Items, pipeline.Item{Path: file, File: file, Argument: file})
	}
	failures, err := batches.PredictAll(t.Context(), listing, written, Decision{}, nil)
	if err != nil || failures != 2 || len(written.rows) != 5 || written.rows[0].Path != "x.tar" || written.rows[4].Error == "" {
		t.Fatalf("%d failures of %d rows, %v", failures, len(written.rows), err)
	}
	for i, file := range files {
		row := written.rows[i+1]
		if row.Path != file || row.Label != h.Predict(want[i]) {
			t.Errorf("row %d is of %s, a %s", i+1, row.Path, row.Label)
		}
		if d := max(distance(want[i], got[i].Probabilities), distance(want[i], row.Probabilities)); d > 1e-5 {
			t.Errorf("%s: probabilities differ by %g", file, d)
		}
	}
	broken := pipeline.Listing{Items: listing.Items[3:]}
	if _, err := batches.PredictAll(t.Context(), broken, written, Decision{}, nil); !errors.Is(err, pipeline.ErrNothingReadable) {
		t.Errorf("nothing but a missing file: %v", err)
	}
}

// What is exported predicts the same, and what only one of both can read counts as failed.
func TestExportAndCompare(t *testing.T) {
	h, o := smallHead(t)
	o.Convolutions = models.Direct
	p := open(t, h, o)
	dir := filepath.Join(t.TempDir(), "1")
	if err := p.Export(dir, ""); err != nil {
		t.Fatal(err)
	}
	drawn, err := DrawnImage()
	if err != nil {
		t.Fatal(err)
	}
	images := []Image{drawn, {"photo", read(t, photoFiles(t)[0])}, {"nothing", nil}, {"webp", read(t, "../testdata/picture/exif-6.webp")}}
	c, err := p.Compare(dir, inference.SessionConfig{}, images)
	if err != nil || c.Images != 2 || c.Failed != 2 || c.Largest > notable {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := p.Compare(t.TempDir(), inference.SessionConfig{}, images); err == nil {
		t.Error("an empty directory is compared")
	}
}

// kept is a Writer that keeps what is written.
type kept struct{ rows []Prediction }

func (k *kept) Write(p Prediction) error { k.rows = append(k.rows, p); return nil }
func (k *kept) Close() error             { return nil }

func distance(a, b []float64) float64 {
	d := 0.0
	for i := range a {
		d = max(d, a[i]-b[i], b[i]-a[i])
	}
	return d
}

func TestOpenRefuses(t *testing.T) {
	h, o := smallHead(t)
	other := *h
	other.Recipe.ModelSHA256 = strings.Repeat("0", 64)
	if _, err := Open(&other, o); !errors.Is(err, head.ErrMismatch) {
		t.Errorf("another model: %v", err)
	}
	if _, err := Open(h, Options{}); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "tf1-resource") {
		t.Errorf("a model that is not where its name says: %v", err)
	}
	o.Session.Precision = "float8"
	if _, err := Open(h, o); err == nil || !strings.Contains(err.Error(), "unknown precision") {
		t.Errorf("an unknown precision: %v", err)
	}
	dense := *h
	dense.Recipe.Views = "dense:64"
	if err := OneSize(&dense); !errors.Is(err, ErrViews) {
		t.Errorf("dense views: %v", err)
	}
	if _, err := (&Predictor{head: &dense}).Predict(nil); !errors.Is(err, ErrViews) {
		t.Errorf("a prediction by dense views: %v", err)
	}
}

// A model lies beside its head, where training puts it, unless its name is one of those that ship.
func TestModelIn(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model")
	if err := os.MkdirAll(model, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := modelIn(dir, "trained/model"); got != "" {
		t.Errorf("a directory without a SavedModel is taken for one: %s", got)
	}
	if err := os.WriteFile(filepath.Join(model, "saved_model.pb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"trained/model": model, "other": "", "vgg16": ""} {
		if got := modelIn(dir, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := modelIn("", "trained/model"); got != "" {
		t.Errorf("without a directory the model is %q", got)
	}
}

// Features of a file are computed as a recipe says, or not at all.
func TestFeatures(t *testing.T) {
	h, o := smallHead(t)
	features, err := Features(t.Context(), h.Recipe, h.LayerNames(), photoFiles(t)[0], o)
	if err != nil || len(features) != 1 || len(features[0]) != 4 {
		t.Fatalf("features of %d layers, %v", len(features), err)
	}
	if _, err := Features(t.Context(), h.Recipe, h.LayerNames(), "doc.go", o); err == nil || !strings.Contains(err.Error(), "cannot decode doc.go: image: header") {
		t.Errorf("what is no image: %v", err)
	}
	other := h.Recipe
	other.ModelSHA256 = strings.Repeat("0", 64)
	if _, err := Features(t.Context(), other, h.LayerNames(), photoFiles(t)[0], o); !errors.Is(err, ErrIncomparable) {
		t.Errorf("another model: %v", err)
	}
}

func BenchmarkDecode(b *testing.B) {
	content := read(b, photoFiles(b)[0])
	options := picture.Options{Width: 224, Height: 224}
	p := &Predictor{head: redHead(), config: pipeline.Config{Picture: options, Preprocessing: preprocessing.Caffe}}
	b.Run("DecodeTensor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Decode(content); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decode and Apply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decoded, err := picture.Decode(content, options)
			if err != nil {
				b.Fatal(err)
			}
			values := make([]float32, len(decoded.Pix))
			preprocessing.Caffe.Apply(values, decoded.Pix)
		}
	})
}

// A CPU without the recipe's instructions takes a precision that may be mixed with it; where that is not known, it says
// what is missing.
func TestStandIn(t *testing.T) {
	before := recipe.Arithmetics
	t.Cleanup(func() { recipe.Arithmetics = before })
	recipe.Arithmetics = append(before[:len(before):len(before)],
		recipe.Arithmetic{Precision: "int6", Method: "of another CPU", Convolutions: "i", Instructions: "none", Averaged: 3e-4, Whole: 1e-3, Speed: 3},
		recipe.Arithmetic{Precision: "int4", Method: "of another CPU", Convolutions: "j", Instructions: "none", Averaged: 5e-3, Whole: 1e-2, Speed: 3})
	session := inference.SessionConfig{Device: inference.DeviceCPU}
	in := func(model, precision string) recipe.Recipe {
		return recipe.Recipe{ModelSHA256: model, Precision: precision}
	}
	for _, c := range []struct {
		of   recipe.Recipe
		want inference.Precision
	}{
		{in(recipe.PublishedModel, "float32"), "float32"},
		{in(recipe.PublishedModel, "int6"), inference.PrecisionAuto},
		{in(recipe.PublishedModel, "int4"), "int4"}, // drifts too far
		{in("another", "int6"), "int6"},             // nobody knows how far
	} {
		if got := standIn(c.of, session); got != c.want {
			t.Errorf("%+v is computed in %s, want %s", c.of, got, c.want)
		}
	}
	want := recipe.Recipe{Model: models.Default, ModelSHA256: recipe.PublishedModel, Preprocessing: preprocessing.Caffe, Resize: "squash",
		Interpolation: "bilinear", InputHeight: 224, InputWidth: 224, Pool: recipe.PoolAverage, Precision: "int6"}
	t.Setenv("FOVEA_CACHE", t.TempDir())
	f, err := OpenFeaturizer(want, []string{"block1_pool"}, Options{Session: session, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Recipe(); got.Precision == "int6" || !want.Mixes(got) {
		t.Errorf("it is computed in %s", got.Arithmetic())
	}
	want.Precision = "int4"
	if _, err := OpenFeaturizer(want, []string{"block1_pool"}, Options{Session: session}); !errors.Is(err, inference.ErrDevice) || !strings.Contains(err.Error(), "this CPU has no none; use") {
		t.Errorf("the error is %v", err)
	}
}
