package finetuning

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"fovea/head"
)

// logged returns a function that says whether a text was logged since.
func logged(t *testing.T) func(text string) bool {
	hook := logtest.NewGlobal()
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{}) })
	return func(text string) bool {
		return slices.ContainsFunc(hook.AllEntries(), func(e *logrus.Entry) bool { return strings.Contains(e.Message, text) })
	}
}

// A head records how it was trained and how well it does on the rows held out, and is written to a
// file that gives the same head.
func TestTrain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.head")
	result, err := Train(t.Context(), TrainOptions{
		Source: Source{Dir: clusteredDataset(t)}, Out: file, ToolVersion: "7", TestFraction: 0.25, NearDuplicates: 0.99, Lambda: 0.1, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	h, notes := result.Head, result.Head.Notes
	if d := cmp.Diff([]string{"cat", "dog"}, h.Classes); d != "" || h.Columns() != 64 || h.LayerNames()[0] != "pool5" || h.Recipe.Model != "vgg16" {
		t.Errorf("the head is of %v, %v, %d columns", h.Classes, h.LayerNames(), h.Columns())
	}
	if notes.ToolVersion != "7" || notes.Seed != 3 || notes.TrainedOn != 60 || len(notes.Seen) != 60 || notes.Settings["lambda"] != "0.1" {
		t.Errorf("the notes are %+v", notes)
	}
	if notes.HeldOut == nil || notes.HeldOut.N != 20 || notes.HeldOut.Accuracy < 0.6 || result.Elapsed <= 0 {
		t.Errorf("the test metrics are %+v, after %s", notes.HeldOut, result.Elapsed)
	}
	loaded, err := head.Load(file)
	if d := cmp.Diff(h.Weights, loaded.Weights); err != nil || d != "" {
		t.Errorf("the file holds another head: %v\n%s", err, d)
	}
}

// All rows are trained on where none are held out, by a head of any kind.
func TestTrainOnAllRows(t *testing.T) {
	source := Source{Dir: clusteredDataset(t), Memory: 1 << 12} // too little: tables go to files
	for _, model := range []string{Softmax, SVM, MLP} {
		result, err := Train(t.Context(), TrainOptions{Source: source, Model: model, MLP: head.MLPOptions{Units: 4, Epochs: 2}})
		if err != nil {
			t.Fatalf("%s: %v", model, err)
		}
		if notes := result.Head.Notes; notes.TrainedOn != 80 || notes.HeldOut != nil || notes.Settings["model"] != model {
			t.Errorf("%s: the notes are %+v", model, notes)
		}
	}
}

// What cannot work is refused before the training, with an error that says why.
func TestTrainRefuses(t *testing.T) {
	source, dir := Source{Dir: clusteredDataset(t)}, t.TempDir()
	var wrong OptionError
	if _, err := Train(t.Context(), TrainOptions{Source: source, Model: "forest"}); !errors.As(err, &wrong) || wrong.Option != "model" {
		t.Errorf("an unknown model: %v", err)
	}
	for _, layers := range [][]string{{"pool6"}, {"pool5", "pool5"}} {
		if _, err := Train(t.Context(), TrainOptions{Source: source, Layers: layers}); !errors.Is(err, ErrLayers) {
			t.Errorf("layers %v: %v", layers, err)
		}
	}
	for _, out := range []string{dir, filepath.Join(dir, "nowhere", "x.head")} {
		if _, err := Train(t.Context(), TrainOptions{Source: source, Out: out}); err == nil || !strings.Contains(err.Error(), out) {
			t.Errorf("out %s: %v", out, err)
		}
	}
	if _, err := Train(t.Context(), TrainOptions{Source: Source{Dir: dir}}); err == nil {
		t.Error("a head was trained on an empty directory")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Train(ctx, TrainOptions{Source: source}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// An evaluation counts the images that the head was trained on, or leaves them out.
func TestEvaluate(t *testing.T) {
	source := Source{Dir: clusteredDataset(t)}
	trained, err := Train(t.Context(), TrainOptions{Source: source, TestFraction: 0.25, Lambda: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	warned := logged(t)
	all, err := Evaluate(t.Context(), EvaluateOptions{Head: trained.Head, Source: source})
	if err != nil || all.N != 80 || all.SeenInTraining != 60 || !warned("trained on 60 of these 80 images") {
		t.Errorf("on all rows: %+v, %v", all, err)
	}
	heldOut, err := Evaluate(t.Context(), EvaluateOptions{Head: trained.Head, Source: source, HeldOut: true})
	if err != nil || heldOut.SeenInTraining != 0 {
		t.Fatalf("on the rows held out: %+v, %v", heldOut, err)
	}
	if d := cmp.Diff(*trained.Head.Notes.HeldOut, heldOut.Metrics); d != "" {
		t.Errorf("training and evaluation differ:\n%s", d)
	}
	trained.Head.Notes.Seen = nil
	trained.Head.Layers[0].Name = "fc7"
	if _, err := Evaluate(t.Context(), EvaluateOptions{Head: trained.Head, Source: source}); !errors.Is(err, head.ErrMismatch) {
		t.Errorf("on another layer: %v", err)
	}
}

// There is nothing to measure where all images were trained on.
func TestEvaluateNothingHeldOut(t *testing.T) {
	source := Source{Dir: clusteredDataset(t)}
	trained, err := Train(t.Context(), TrainOptions{Source: source, Lambda: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Evaluate(t.Context(), EvaluateOptions{Head: trained.Head, Source: source, HeldOut: true}); err == nil || !strings.Contains(err.Error(), "trained on all 80 images") {
		t.Errorf("the error is %v", err)
	}
	if _, err := Report(t.Context(), ReportOptions{Head: trained.Head, Source: source}); err == nil || !strings.Contains(err.Error(), "trained on all 80 images") {
		t.Errorf("the report's error is %v", err)
	}
}

// A report has metrics on the rows held out, the surest mistakes, facts and a learning curve.
func TestReport(t *testing.T) {
	source, out := Source{Dir: clusteredDataset(t)}, filepath.Join(t.TempDir(), "page")
	trained, err := Train(t.Context(), TrainOptions{Source: source, TestFraction: 0.25, Lambda: 10, ToolVersion: "7"})
	if err != nil {
		t.Fatal(err)
	}
	warned := logged(t)
	r, err := Report(t.Context(), ReportOptions{Head: trained.Head, Source: source, Out: out, Images: t.TempDir(), Mistakes: 2, Repeats: 1})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*trained.Head.Notes.HeldOut, r.Data.Metrics); d != "" {
		t.Errorf("training and report differ:\n%s", d)
	}
	wrong := 20 - r.Data.Metrics.Confusion[0][0] - r.Data.Metrics.Confusion[1][1]
	if m := r.Data.Mistakes; len(m) != min(2, wrong) || len(m) == 2 && m[0].Probability < m[1].Probability {
		t.Errorf("of %d mistakes, those shown are %+v", wrong, m)
	}
	if wrong > 0 && !warned("no thumbnail") {
		t.Error("no warning says that images are missing")
	}
	curve := r.Data.Learning
	if len(curve) < 3 || curve[0].Rows != 10 || curve[len(curve)-1].Rows != 60 {
		t.Errorf("the learning curve is %+v", curve)
	}
	if f := r.Data.Settings; f[len(f)-1].Value != "7" {
		t.Errorf("the settings end with %+v", f[len(f)-1])
	}
	for _, file := range r.Files {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}

// A dataset's own split is used unless a test fraction was asked for.
func TestOwnSplit(t *testing.T) {
	f := Features{Labels: []string{"a", "a", "b", "b", "a", "b"}, Splits: []string{"test", "", "train", "test", "", ""}}
	groups := []string{"0", "1", "2", "2", "4", "5"}
	warned := logged(t)
	split, err := (&TrainOptions{TestFraction: 0.3}).Split(f, apart(groups))
	if d := cmp.Diff(Split{Train: []int{1, 2, 4, 5}, Test: []int{0, 3}}, split); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if !warned("1 of the test images are copies") {
		t.Error("no warning says that a test image is in the training set")
	}
	if split, err = (&TrainOptions{OwnFraction: true}).Split(f, apart(groups)); err != nil || split.Test != nil || split.Train != nil {
		t.Errorf("without a test fraction: %v, %v", split, err)
	}
	f.Splits = slices.Repeat([]string{"test"}, 6)
	if _, err := (&TrainOptions{}).Split(f, apart(groups)); err == nil {
		t.Error("a dataset with nothing to train on is split")
	}
}
