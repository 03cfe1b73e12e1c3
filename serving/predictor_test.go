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
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
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

func loadHead(t testing.TB) *head.Head {
	t.Helper()
	h, err := head.Load("../testdata/heads/cats-vs-dogs.json")
	if err != nil {
		t.Fatal(err)
	}
	return h
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
	h := loadHead(t)
	one, err := Open(h, Options{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close() //nolint:errcheck // not what is tested
	batches, err := Open(h, Options{Batch: 3, AnyBatch: true})
	if err != nil {
		t.Fatal(err)
	}
	defer batches.Close() //nolint:errcheck // not what is tested
	if sizes := batches.extractor.(sized); len(sizes) != 3 || batches.BatchSize() != 3 {
		t.Errorf("%d batch sizes up to %d, want 1, 2 and 3", len(sizes), batches.BatchSize())
	}
	var values []float32
	var want [][]float64
	files := photoFiles(t)[:3]
	for _, file := range files {
		probabilities, err := one.Predict(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if label := h.Predict(probabilities); !strings.HasPrefix(filepath.Base(file), label) {
			t.Errorf("%s is predicted to be a %s", file, label)
		}
		decoded, err := batches.Decode(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		values, want = append(values, decoded...), append(want, probabilities)
	}
	got, err := batches.Probabilities(values, len(files))
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
		if d := max(distance(want[i], got[i]), distance(want[i], row.Probabilities)); d > 1e-4 {
			t.Errorf("%s: probabilities differ by %g", file, d)
		}
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
	h := loadHead(t)
	other := *h
	other.Recipe.ModelSHA256 = strings.Repeat("0", 64)
	if _, err := Open(&other, Options{Batch: 1}); !errors.Is(err, head.ErrMismatch) {
		t.Errorf("another model: %v", err)
	}
	gone := *h
	gone.Recipe.Model = "nowhere"
	if _, err := Open(&gone, Options{}); err == nil || !strings.Contains(err.Error(), "cannot open the model nowhere") {
		t.Errorf("a model that is gone: %v", err)
	}
	if _, err := Open(h, Options{Session: inference.SessionConfig{Precision: "float8"}}); err == nil || !strings.Contains(err.Error(), "unknown precision") {
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

// A Featurizer computes a file as a dataset's recipe says, and says how it did.
func TestFeaturizer(t *testing.T) {
	h := loadHead(t)
	f, err := OpenFeaturizer(h.Recipe, h.LayerNames(), Options{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // not what is tested
	for _, d := range h.Recipe.CompareLayers(f.Recipe()) {
		if !d.Minor {
			t.Errorf("%s: %s is computed as %s", d.Field, d.Have, d.Got)
		}
	}
	features, err := f.File(t.Context(), photoFiles(t)[0])
	if err != nil || len(features) != len(h.Layers) || len(features[0]) != h.Layers[0].Size() {
		t.Fatalf("features of %d layers, %v", len(features), err)
	}
	if _, err := f.File(t.Context(), "doc.go"); err == nil || !strings.Contains(err.Error(), "cannot decode doc.go: image: header") {
		t.Errorf("what is no image: %v", err)
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
