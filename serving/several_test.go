package serving

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
)

const (
	kerasModel = "../testdata/savedmodel/keras-export"
	smallLayer = "small/conv1/Conv2D"
)

// severalRecipe is that of columns of three models, two of which are the same network with other poolings. They differ in
// how they take an image.
func severalRecipe(t testing.TB) recipe.Recipe {
	t.Helper()
	var parts []recipe.Recipe
	for _, p := range []struct {
		want          recipe.Recipe
		column, layer string
		model         string
	}{
		{recipe.Recipe{Model: "tf1-resource", Preprocessing: preprocessing.None, Pool: recipe.PoolAverage, Interpolation: "bilinear", Resize: "squash"}, smallLayer, smallLayer, smallModel},
		{recipe.Recipe{Model: "keras-export", Preprocessing: preprocessing.Torch, Pool: "none", Resize: "crop", Interpolation: "bicubic", Views: "flip", Background: "#ff8000"}, "fc1", "fc1", kerasModel},
		{recipe.Recipe{Model: "tf1-resource", Preprocessing: preprocessing.None, Pool: recipe.PoolMax, Interpolation: "bilinear", Resize: "squash"}, "largest", smallLayer, smallModel},
	} {
		p.want.Layers = []recipe.Layer{{Name: p.column}}
		if p.column != p.layer {
			p.want.Layers[0].Of = p.layer
		}
		f, err := OpenFeaturizer(p.want, []string{p.column}, Options{Models: []string{p.model}, Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, f.Recipe())
		f.Close()
	}
	joined, err := recipe.Join(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return joined
}

// severalHead is a head on the columns of severalRecipe, in another order.
func severalHead(t testing.TB) (*head.Head, Options) {
	t.Helper()
	r := severalRecipe(t)
	h := &head.Head{Classes: []string{"cat", "dog"}, Recipe: r, Layers: []recipe.Layer{r.Layers[2], r.Layers[1], r.Layers[0]}, Biases: []float32{0, 6.5}}
	random, columns := rand.New(rand.NewPCG(2, 3)), 0
	for _, l := range h.Layers {
		columns += l.Size()
		h.Standardization.Blocks = append(h.Standardization.Blocks, l.Size())
	}
	values := func(scale, shift float64) []float32 {
		out := make([]float32, columns)
		for i := range out {
			out[i] = float32(scale*random.NormFloat64() + shift)
		}
		return out
	}
	h.Standardization.Unit = true
	h.Standardization.Mean, h.Standardization.Scale = values(0, 0.1), values(0, 3)
	h.Weights = [][]float32{values(0.5, 0), values(0.5, 0)}
	return h, Options{Models: []string{kerasModel, smallModel}, Convolutions: models.Direct}
}

// apart computes what a head says of a file from features that each model computed by itself.
func apart(t *testing.T, h *head.Head, file string) []float64 {
	t.Helper()
	var features [][]float32
	for _, l := range h.Layers {
		part, _ := h.Recipe.Part(l.Name)
		model := map[string]string{"tf1-resource": smallModel, "keras-export": kerasModel}[part.Model]
		// The recipe of a dataset of this model alone, where the column is called as the layer.
		part.Layers = []recipe.Layer{{Name: l.InModel(), Shape: l.Shape, Layout: l.Layout}}
		one, err := Features(t.Context(), part, []string{l.InModel()}, file, Options{Models: []string{model}, Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		features = append(features, one[0])
	}
	x, err := h.Join(features, 1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	return p[0]
}

// A head on several models says of a photo what it says of the features that each computes by itself: alone, in
// batches, in a pipeline, over HTTP and exported.
func TestSeveralModelsAgree(t *testing.T) {
	h, o := severalHead(t)
	one := open(t, h, Options{Models: o.Models, Batch: 1})
	o.Batch, o.AnyBatch = 3, true
	p := open(t, h, o)
	if got := len(p.features.parts); got != 3 || !p.features.parts[1].shared && !p.features.parts[2].shared {
		t.Errorf("%d parts, and no model is shared", got)
	}
	if p.BatchSize() != 1 { // 3 views are one image with its mirror image
		t.Errorf("batches of %d images", p.BatchSize())
	}
	server, err := NewServer(p, ServerOptions{MaxBytes: 1 << 22, Timeout: usual.Timeout})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := start(t, server)
	o.Batch, o.AnyBatch = 8, false
	batches := open(t, h, o)
	files := append(photoFiles(t)[:4], "../testdata/picture/png-rgba8.png")
	var values []float32
	var images []Image
	var wants [][]float64
	for _, file := range files {
		want := apart(t, h, file)
		wants = append(wants, want)
		got, err := one.Predict(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(want, got.Probabilities); d > 1e-5 {
			t.Errorf("%s: probabilities differ by %g", file, d)
		}
		var answer struct{ Probabilities map[string]float64 }
		if status, body := post(t, url, read(t, file)); status != 200 || json.Unmarshal([]byte(body), &answer) != nil {
			t.Errorf("%s is answered by %d %s", file, status, body)
		} else if d := distance(want, []float64{answer.Probabilities["cat"], answer.Probabilities["dog"]}); d > 1e-5 {
			t.Errorf("%s is answered by %s, want %v", file, body, want)
		}
		decoded, err := batches.Decode(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		values, images = append(values, decoded...), append(images, Image{file, read(t, file)})
	}
	if d := distance(wants[0], wants[1]); d < 1e-3 {
		t.Fatalf("the photos hardly differ: %v", wants)
	}
	checkSeveral(t, batches, files, values, wants)
	dir := filepath.Join(t.TempDir(), "1")
	if err := batches.Export(dir, ""); err != nil {
		t.Fatal(err)
	}
	c, err := batches.Compare(dir, inference.SessionConfig{}, images)
	if err != nil || c.Images != len(files) || c.Failed != 0 || c.Largest > 2e-3 {
		t.Errorf("%+v, %v", c, err)
	}
	checkModelMetrics(t, url, h)
}

// checkSeveral compares batches and a pipeline.
func checkSeveral(t *testing.T, p *Predictor, files []string, values []float32, wants [][]float64) {
	t.Helper()
	n := p.BatchSize()
	if n != 4 {
		t.Fatalf("batches of %d images, want 4 of two views each", n)
	}
	outcomes, err := p.Outcomes(values[:n*len(values)/len(files)], n)
	if err != nil {
		t.Fatal(err)
	}
	var listing pipeline.Listing
	for _, file := range append(files, "nowhere.jpg") {
		listing.Items = append(listing.Items, pipeline.Item{Path: file, File: file, Argument: file})
	}
	written := &kept{}
	failures, err := p.PredictAll(t.Context(), listing, written, Decision{}, nil)
	if err != nil || failures != 1 || len(written.rows) != len(files)+1 {
		t.Fatalf("%d failures of %d rows, %v", failures, len(written.rows), err)
	}
	for i, want := range wants {
		if i < n {
			if d := distance(want, outcomes[i].Probabilities); d > 1e-5 {
				t.Errorf("%s: in a batch, probabilities differ by %g", files[i], d)
			}
		}
		if d := distance(want, written.rows[i].Probabilities); d > 1e-5 {
			t.Errorf("%s: in a pipeline, probabilities differ by %g", files[i], d)
		}
	}
}

// checkModelMetrics looks for all models in the metrics.
func checkModelMetrics(t *testing.T, url string, h *head.Head) {
	t.Helper()
	response, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range h.Recipe.Parts() {
		if want := fmt.Sprintf("finetune_model_info{model=%q,sha256=%q} 1", part.Model, part.ModelSHA256); !strings.Contains(string(text), want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}

// Checksums tell which model is which; one that is missing or of no use is named.
func TestSeveralModelsAreFound(t *testing.T) {
	h, o := severalHead(t)
	first, second := *h, *h
	only, err := h.Recipe.Only("fc1")
	if err != nil {
		t.Fatal(err)
	}
	first.Recipe, first.Layers = only, only.Layers
	first.Standardization.Blocks = nil
	second.Recipe.Added = append([]recipe.Recipe{}, h.Recipe.Added...)
	second.Recipe.Added[0].Views = "dense:64"
	for _, c := range []struct {
		what   string
		head   *head.Head
		models []string
		is     error
		want   string
	}{
		{"both, in the other order", h, []string{smallModel, kerasModel}, nil, ""},
		{"one is missing", h, []string{smallModel}, ErrModel, "cannot open the model keras-export: "},
		{"none is there", h, nil, ErrModel, "cannot open the model "},
		{"a third", h, []string{smallModel, kerasModel, "../testdata/savedmodel/keras-save"}, ErrNotNeeded, "keras-save: its SHA-256 is "},
		{"what is no model", h, []string{smallModel, "nosuch"}, models.ErrUnknown, "the model nosuch: "},
		{"one too many", &first, []string{kerasModel, smallModel}, ErrNotNeeded, "keras-export ("},
		{"a column of one of the models", &first, []string{kerasModel}, nil, ""},
		{"dense views", &second, o.Models, ErrViews, "dense:64 of keras-export"},
	} {
		p, err := Open(c.head, Options{Models: c.models, Batch: 1})
		if err == nil {
			p.Close()
		}
		if !errors.Is(err, c.is) || c.want != "" && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if err := OneSize(&second); !errors.Is(err, ErrViews) {
		t.Errorf("dense views of the second model: %v", err)
	}
	if _, err := OpenFeaturizer(h.Recipe, []string{"fc9"}, o); err == nil || !strings.Contains(err.Error(), `no layer "fc9"`) {
		t.Errorf("a column that is not there: %v", err)
	}
	if f, err := Features(t.Context(), h.Recipe, []string{"largest"}, photoFiles(t)[0], o); err == nil {
		t.Errorf("a model that is not needed is taken: %v", f)
	}
	f, err := Features(t.Context(), h.Recipe, []string{"largest"}, photoFiles(t)[0], Options{Models: []string{smallModel}})
	if err != nil || len(f) != 1 || len(f[0]) != 4 {
		t.Errorf("features of one column: %v, %v", f, err)
	}
}
