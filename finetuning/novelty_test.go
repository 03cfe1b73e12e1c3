package finetuning

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/head"
)

// A head of any kind, and with any scaling, knows the same; it comes back from its file, and evaluation counts what
// training counted.
func TestTrainNovelty(t *testing.T) {
	source := classesDataset(t, []string{"ant", "bee", "cow"}, 30, 3)
	var first *head.Novelty
	for name, o := range map[string]TrainOptions{
		"softmax": {}, "l2": {Scaling: string(head.ScaleUnit)}, "one strength": {Lambda: 0.1}, "svm": {Model: SVM},
		"mlp": {Model: MLP, MLP: head.MLPOptions{Units: 4, Epochs: 2}},
	} {
		o.Source, o.Out, o.TestFraction, o.Seed, o.NoveltyRate = source, filepath.Join(t.TempDir(), "x.head"), 0.2, 5, 0.1
		result, err := Train(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := result.Head.Novelty
		if first == nil {
			first = n
		}
		if d := cmp.Diff(first, n); d != "" || n.Known.Rows != 72 || n.Rate != 0.1 || n.Measured != 72 {
			t.Errorf("%s: another novelty model: %s", name, d)
		}
		loaded, err := head.Load(o.Out)
		if err != nil {
			t.Fatal(err)
		}
		measured, err := Evaluate(t.Context(), EvaluateOptions{Head: loaded, Source: source, HeldOut: true})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(result.Head.Notes.Novelty, measured.Novelty); d != "" || measured.Novelty.Images != 18 || measured.Novelty.Above > 9 {
			t.Errorf("%s: evaluation counts %+v: %s", name, measured.Novelty, d)
		}
		if _, set := result.Head.Notes.Settings["novelty-rate"]; set {
			t.Errorf("%s: the rate is a setting, which earlier versions would refuse", name)
		}
	}
}

func TestTrainNoveltyRefuses(t *testing.T) {
	source := classesDataset(t, []string{"ant", "bee"}, 10, 3)
	none, err := Train(t.Context(), TrainOptions{Source: source, TestFraction: 0.2, Lambda: 0.1})
	if err != nil || none.Head.Novelty != nil || none.Head.Notes.Novelty != nil {
		t.Errorf("a rate of 0 makes %+v, %v", none, err)
	}
	measured, err := Evaluate(t.Context(), EvaluateOptions{Head: none.Head, Source: source})
	if err != nil || measured.Novelty != nil {
		t.Errorf("a head that cannot tell counts %+v, %v", measured, err)
	}
	warned := logged(t)
	if _, err := Train(t.Context(), TrainOptions{Source: source, Lambda: 0.1, NoveltyRate: 0.01}); err != nil || !warned("20 different images are too few for a novelty rate of 0.01: more than that may be above the cutoff; it takes 99") {
		t.Errorf("too few images: %v", err)
	}
	for _, rate := range []float64{-0.1, 1, 2} {
		var wrong OptionError
		if _, err := Train(t.Context(), TrainOptions{Source: source, NoveltyRate: rate}); !errors.As(err, &wrong) || wrong.Option != "novelty-rate" {
			t.Errorf("a rate of %g: %v", rate, err)
		}
	}
	all, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := TrainOptions{NoveltyRate: 0.05}
	if _, err := o.novelty(t.Context(), all, make([]string, len(all.Labels))); !errors.Is(err, head.ErrCopies) || !strings.Contains(err.Error(), "--novelty-rate 0") {
		t.Errorf("copies of one image: %v", err)
	}
}

// Images whose features are all 0 are named; the others decide what is known.
func TestTrainNoveltyOfZeros(t *testing.T) {
	f, err := classesDataset(t, []string{"ant", "bee"}, 40, 3).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	train := func(zeros int) *head.Head {
		var rows []featurestore.Row
		for i, l := range f.Labels {
			v := f.X.Row(i)
			if i < zeros {
				v = make([]float32, len(v))
			}
			rows = append(rows, featurestore.Row{Path: f.Paths[i], Label: l, Features: [][]float32{v}})
		}
		r, err := Train(t.Context(), TrainOptions{Source: datasetOf(t, f.Recipe, featurestore.StatusComplete, rows...), Lambda: 0.1, NoveltyRate: 0.1, NearDuplicates: 0.95})
		if err != nil {
			t.Fatal(err)
		}
		return r.Head
	}
	warned := logged(t)
	whole := train(0)
	if warned("all 0") {
		t.Error("a warning of zeros where there are none")
	}
	some := train(30)
	if !warned("30 of the 80 training images have features that are all 0 (000.jpg, 001.jpg, ") {
		t.Error("no warning of zeros")
	}
	if some.Novelty.Known.Rows != 50 || some.Novelty.Cutoff > 1.2*whole.Novelty.Cutoff || some.Notes.NearCopies != 29 {
		t.Errorf("%d rows are known, the cutoff is %g where it was %g, %d near duplicates", some.Novelty.Known.Rows, some.Novelty.Cutoff, whole.Novelty.Cutoff, some.Notes.NearCopies)
	}
}
