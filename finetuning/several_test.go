package finetuning

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/head"
	"fovea/models"
	"fovea/recipe"
)

// severalDataset has columns of three models: block1_pool of VGG16, of which the first value tells ants; edges, which is conv1
// of another model, of which the second value tells bees; and noise of a third one.
func severalDataset(t *testing.T) Source {
	t.Helper()
	vgg := recipeOf(recipe.Layer{Name: "block1_pool", Shape: []int{6}, Layout: recipe.LayoutC})
	vgg.Model = "vgg16"
	small := recipeOf(recipe.Layer{Name: "edges", Shape: []int{2, 2, 3}, Layout: recipe.LayoutHWC, Of: "conv1"})
	small.Model, small.ModelSHA256, small.Pool, small.Resize = "small", strings.Repeat("5", 64), "none", "crop"
	third := recipeOf(recipe.Layer{Name: "noise", Shape: []int{2}, Layout: recipe.LayoutC})
	third.Model, third.ModelSHA256 = "third", strings.Repeat("3", 64)
	joined, err := recipe.Join(vgg, third, small)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 8))
	values := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(random.NormFloat64())
		}
		return out
	}
	var rows []featurestore.Row
	for i := range 120 {
		label, a, b, noise := []string{"ant", "bee", "cow"}[i%3], values(6), values(12), values(2)
		switch label {
		case "ant":
			a[0] += 4
		case "bee":
			for p := range 4 {
				b[3*p+1] += 4
			}
		}
		rows = append(rows, featurestore.Row{Path: fmt.Sprintf("%03d.jpg", i), Label: label, Features: [][]float32{a, noise, b}})
	}
	return datasetOf(t, joined, featurestore.StatusComplete, rows...)
}

// A head on columns of two models of a dataset knows these alone, learns from both, and goes the way of all heads.
func TestTrainOnSeveralModels(t *testing.T) {
	source := severalDataset(t)
	train := func(layers ...string) *head.Head {
		t.Helper()
		o := TrainOptions{Source: source, Layers: layers, Out: filepath.Join(t.TempDir(), "x.head"), Model: Softmax, TestFraction: 0.3, Seed: 5, NearDuplicates: UsualNear, NoveltyRate: 0.1}
		result, err := Train(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := head.Load(o.Out)
		if d := cmp.Diff(result.Head, loaded); err != nil || d != "" {
			t.Errorf("the file is another head: %v, %s", err, d)
		}
		return loaded
	}
	both, one := train("edges", "block1_pool"), train("block1_pool")
	if got := both.Recipe.Models(); got != "vgg16, small" || !slices.Equal(both.LayerNames(), []string{"edges", "block1_pool"}) {
		t.Errorf("the head is on %s of %s", both.LayerNames(), got)
	}
	if err := both.Recipe.ValidateParts(); err != nil {
		t.Error(err)
	}
	if one.Recipe.Added != nil || one.Recipe.Model != "vgg16" || !slices.Equal(one.Recipe.LayerNames(), []string{"block1_pool"}) {
		t.Errorf("the recipe of a head on one model is %+v", one.Recipe)
	}
	if got, alone := both.Notes.HeldOut.Accuracy, one.Notes.HeldOut.Accuracy; got < 0.95 || alone > 0.85 {
		t.Errorf("accuracy %.3f by both models, %.3f by one", got, alone)
	}
	evaluation, err := Evaluate(t.Context(), EvaluateOptions{Head: both, Source: source, HeldOut: true})
	if d := cmp.Diff(both.Notes.HeldOut, &evaluation.Metrics); err != nil || d != "" {
		t.Errorf("it is evaluated otherwise: %v, %s", err, d)
	}
	predicted := 0
	err = Predict(t.Context(), PredictOptions{Head: both, Source: source, Row: func(_ string, _ []float64, novelty *float64) error {
		predicted++
		if novelty == nil {
			t.Error("no novelty")
		}
		return nil
	}})
	if err != nil || predicted != 120 {
		t.Errorf("%d rows are predicted, %v", predicted, err)
	}
	result, err := Report(t.Context(), ReportOptions{Head: both, Source: source, Out: t.TempDir(), Mistakes: 3, Repeats: 1})
	if err != nil || len(result.Data.Learning) == 0 {
		t.Fatalf("%v", err)
	}
	text := fmt.Sprint(result.Data.Facts)
	for _, want := range []string{"block1_pool of vgg16, 6 values (pooling avg)", "edges of small, 12 values (pooling none)", "model input of small", "model input of vgg16"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q: %s", want, text)
		}
	}
}

// Wrong labels and other troubles are found by columns of several models, too.
func TestDoubtsOfSeveralModels(t *testing.T) {
	source := severalDataset(t)
	found, err := FindSuspects(t.Context(), SuspectsOptions{Source: source, Layers: []string{"edges", "block1_pool"}, NearDuplicates: UsualNear, Seed: 1})
	if err != nil || len(found.Suspects) != 120 || found.Likely > 6 {
		t.Errorf("%v, %+v", err, found)
	}
	audited, err := RunAudit(t.Context(), AuditOptions{Source: source, Layers: []string{"edges", "noise"}, NearDuplicates: UsualNear})
	if err != nil || audited.Images != 120 {
		t.Errorf("%v, %+v", err, audited)
	}
}

// The least cosine of near duplicates is that of each column's own model and layer.
func TestLeastNearOfSeveralModels(t *testing.T) {
	early := recipe.Recipe{Model: "vgg16", Layers: []recipe.Layer{{Name: "a", Of: "block2_pool"}, {Name: "pool1", Of: "block5_pool"}}}
	other := recipe.Recipe{Model: "small", Layers: []recipe.Layer{{Name: "block1_pool"}}}
	joined, err := recipe.Join(other, early)
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]float64{"a": earlyNear, "pool1": UsualNear, "block1_pool": UsualNear} {
		l, _ := joined.Layer(column)
		if got := leastNear(joined, []recipe.Layer{l}); got != want {
			t.Errorf("%s: %g, want %g", column, got, want)
		}
	}
}

// A block is trained on the column of the VGG among the models.
func TestUnfreezeSeveralModels(t *testing.T) {
	t.Setenv("FOVEA_CACHE", t.TempDir())
	sum, err := models.SHA256(models.Default)
	if err != nil {
		t.Fatal(err)
	}
	small := recipe.Recipe{Model: "small", Layers: []recipe.Layer{{Name: "block4_pool", Shape: []int{14, 14, 512}}}}
	vgg := recipe.Recipe{Model: "vgg16", ModelSHA256: sum, Layers: []recipe.Layer{{Name: "deep", Of: "pool4", Shape: []int{14, 14, 512}}}}
	joined, err := recipe.Join(small, vgg)
	if err != nil {
		t.Fatal(err)
	}
	u := &unfreezing{options: UnfreezeOptions{Source: Source{Dir: "photos"}, Block: 5}}
	if layer, err := u.find(joined); err != nil || layer != "deep" {
		t.Errorf("it is trained on %q, %v", layer, err)
	}
	vgg.Layers[0].Shape = []int{512}
	if joined, err = recipe.Join(small, vgg); err != nil {
		t.Fatal(err)
	}
	if _, err := u.find(joined); err == nil || !strings.Contains(err.Error(), "small: photos has features of the model") || !strings.Contains(err.Error(), "vgg16: photos has deep pooled") {
		t.Errorf("nothing to train on: %v", err)
	}
}
