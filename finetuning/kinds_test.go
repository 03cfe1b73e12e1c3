package finetuning

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/head"
	"fovea/recipe"
)

// heldOut are the rows that a head was not trained on, and what it makes of them.
func heldOut(t *testing.T, h *head.Head, source Source) (Features, [][]float64) {
	t.Helper()
	all, err := source.Load(t.Context(), h.LayerNames()...)
	if err != nil {
		t.Fatal(err)
	}
	_, unseen := all.Seen(h)
	test, err := all.Choose(unseen)
	if err != nil {
		t.Fatal(err)
	}
	probabilities, err := h.Probabilities(test.X)
	if err != nil {
		t.Fatal(err)
	}
	return test, probabilities
}

// Heads of each kind note how they came about, do on the rows held out as they say, are the same when
// trained again, and come back from their files.
func TestTrainEachKind(t *testing.T) {
	classes := []string{"ant", "bee", "cow"}
	source := classesDataset(t, classes, 30, 3)
	for model, checkReport := range map[string]func(r head.Report) bool{
		Softmax: func(r head.Report) bool {
			return r.Lambda > 0 && r.Folds > 1 && len(r.Path) > 1 && r.Temperature > 0 && r.Epochs == nil
		},
		Auto: func(r head.Report) bool {
			return r.Model != "" && r.Scaling != "" && r.Folds > 1 && len(r.Candidates) == 12 && r.Temperature > 0
		},
		SVM: func(r head.Report) bool { return r.Lambda > 0 && r.Folds > 1 && r.Temperature > 0 },
		MLP: func(r head.Report) bool {
			return r.Lambda == 0 && len(r.Epochs) > 1 && r.BestEpoch >= 1 && r.BestEpoch <= len(r.Epochs)
		},
	} {
		o := TrainOptions{Source: source, Out: filepath.Join(t.TempDir(), "x.head"), Model: model, TestFraction: 0.2, Seed: 5, MLP: head.MLPOptions{Units: 64, Rate: 0.01}}
		result, err := Train(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", model, err)
		}
		h, notes := result.Head, result.Head.Notes
		if !checkReport(notes.Report) {
			t.Errorf("%s: the report is %+v", model, notes.Report)
		}
		for name := range notes.Settings {
			if !slices.Contains(SettingsOf(model), name) {
				t.Errorf("%s: the setting %s is noted", model, name)
			}
		}
		if d := cmp.Diff(classes, h.Classes); d != "" || notes.TrainedOn != 72 || len(notes.Seen) != 72 || notes.Copies+notes.NearCopies != 0 || (h.Hidden != nil) != (model == MLP) {
			t.Errorf("%s: the head of %q notes %+v", model, h.Classes, notes)
		}
		test, probabilities := heldOut(t, h, source)
		want, err := head.Evaluate(probabilities, test.Labels, classes)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&want, notes.HeldOut); d != "" || want.N != 18 || want.Accuracy < 0.8 {
			t.Errorf("%s: accuracy %g of %d\n%s", model, want.Accuracy, want.N, d)
		}
		if got := result.Head.Notes.HeldOut.Confusion; got[0][0]+got[0][1]+got[0][2] != 6 {
			t.Errorf("%s: a fifth of the ants is not 6: %v", model, got)
		}
		again, err := Train(t.Context(), o)
		if err != nil || cmp.Diff(h, again.Head) != "" {
			t.Errorf("%s: the same training gives another head, %v", model, err)
		}
		loaded, err := head.Load(o.Out)
		if err != nil {
			t.Fatal(err)
		}
		same, err := loaded.Probabilities(test.X)
		if err != nil || cmp.Diff(probabilities, same) != "" {
			t.Errorf("%s: the file predicts otherwise, %v", model, err)
		}
		options, err := optionsOf(loaded)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(o.Settings(), options.Settings()); d != "" {
			t.Errorf("%s: the file's settings are others: %s", model, d)
		}
	}
}

// A lasso leaves values out and says how many; a lambda is taken as it is; balanced weights count.
func TestTrainPenalties(t *testing.T) {
	source := classesDataset(t, []string{"ant", "bee"}, 40, 3)
	result, err := Train(t.Context(), TrainOptions{Source: source, Penalty: L1, Lambda: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	h := result.Head
	used := h.UsedColumns()
	if n := h.Notes.Report.Columns; n != len(used) || n == 0 || n >= 16 {
		t.Errorf("%d columns are noted, %v have a weight", n, used)
	}
	if slices.Sort(used[:2]); !slices.Equal(used[:2], []int{0, 1}) {
		t.Errorf("the values that tell the classes apart are not the first of %v", used)
	}
	if got := DescribeColumns(h); !strings.Contains(got, " of 16 of fc7 have a weight; the largest: fc7[") {
		t.Errorf("the columns are described as %q", got)
	}
	for _, penalty := range []string{L1, L2} {
		for lambda, want := range map[float64]bool{0.1: false, 1e300: true} {
			warned := logged(t)
			if _, err := Train(t.Context(), TrainOptions{Source: source, Penalty: penalty, Lambda: lambda}); err != nil || warned("no feature has a weight") != want {
				t.Errorf("%s with lambda %g: %v, or not the warning that belongs to it", penalty, lambda, err)
			}
		}
	}
	if h.Notes.Report.Lambda != 0.1 || len(h.Notes.Report.Path) > 1 {
		t.Errorf("with a lambda of 0.1 the report is %+v", h.Notes.Report)
	}
	weaker, err := Train(t.Context(), TrainOptions{Source: source, Penalty: L1, Lambda: 0.001})
	if err != nil || weaker.Head.Notes.Report.Columns <= h.Notes.Report.Columns {
		t.Errorf("a weaker penalty leaves %d columns, %v", weaker.Head.Notes.Report.Columns, err)
	}
}

// Copies are counted, kept on one side, and remembered once.
func TestTrainWithCopies(t *testing.T) {
	source := classesDataset(t, []string{"ant", "bee"}, 20, 3)
	f, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var rows []featurestore.Row
	for i := range f.Labels {
		row := featurestore.Row{Path: f.Paths[i], Label: f.Labels[i], SHA256: f.Hashes[i], Features: [][]float32{f.X.Row(i)}}
		rows = append(rows, row)
		if i < 8 {
			row.Path = "copy of " + row.Path
			rows = append(rows, row)
		}
	}
	doubled := datasetOf(t, f.Recipe, featurestore.StatusComplete, rows...)
	result, err := Train(t.Context(), TrainOptions{Source: doubled, TestFraction: 0.5, Lambda: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	notes := result.Head.Notes
	test, _ := heldOut(t, result.Head, doubled)
	if notes.Copies != 8 || notes.TrainedOn+notes.HeldOut.N != 48 || len(test.Labels) != notes.HeldOut.N || len(notes.Seen) >= notes.TrainedOn+1 {
		t.Errorf("%d copies, %d trained on, %d of them different, %d held out, of which %d were not seen", notes.Copies, notes.TrainedOn, len(notes.Seen), notes.HeldOut.N, len(test.Labels))
	}
}

// Features made by another library are measured with a warning, made in another way they are refused,
// as are labels that the head does not know and a head that is broken.
func TestEvaluateOtherFeatures(t *testing.T) {
	layer := recipe.Layer{Name: "fc7", Shape: []int{16}, Layout: recipe.LayoutC}
	row := func(path, label string, at int) featurestore.Row {
		v := make([]float32, 16)
		v[at] = 4
		return featurestore.Row{Path: path, Label: label, SHA256: strings.Repeat(path[:1], 64), Features: [][]float32{v}}
	}
	trained, err := Train(t.Context(), TrainOptions{Source: classesDataset(t, []string{"ant", "bee"}, 20, 3), Lambda: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	h := trained.Head
	of := func(r recipe.Recipe, rows ...featurestore.Row) EvaluateOptions {
		return EvaluateOptions{Head: h, HeldOut: true, Source: datasetOf(t, r, featurestore.StatusComplete, rows...)}
	}
	other := recipeOf(layer)
	other.Library = "TensorFlow 2.99"
	warned := logged(t)
	e, err := Evaluate(t.Context(), of(other, row("d", "ant", 0), row("e", "bee", 1), row("f", "bee", 0)))
	if err != nil || e.N != 3 || e.SeenInTraining != 0 || !warned("library: TensorFlow 2.18.1 in the head, TensorFlow 2.99 in the features") {
		t.Fatalf("of another library: %+v, %v", e, err)
	}
	if d := cmp.Diff(head.Confusion{{1, 0}, {1, 1}}, e.Confusion); d != "" || math.Abs(e.Accuracy-2./3) > 1e-12 {
		t.Errorf("accuracy %g\n%s", e.Accuracy, d)
	}
	other.Resize = "crop"
	if _, err := Evaluate(t.Context(), of(other, row("d", "ant", 0))); !errors.Is(err, head.ErrMismatch) || !strings.Contains(err.Error(), "crop") {
		t.Errorf("of images cut otherwise: %v", err)
	}
	if _, err := Evaluate(t.Context(), of(recipeOf(layer), row("d", "ant", 0), row("e", "wasp", 1))); err == nil || !errors.Is(err, ErrUnknownClass) || !strings.Contains(err.Error(), "1 of the 2 images of ") || !strings.Contains(err.Error(), "(wasp)") {
		t.Errorf("of another class: %v", err)
	}
	wasps := of(recipeOf(layer), row("d", "ant", 0), row("e", "wasp", 1), row("f", "wasp", 1), row("g", "yak", 1), row("h", "bee", 1))
	wasps.IgnoreUnknown = true
	if e, err = Evaluate(t.Context(), wasps); err != nil || e.N != 2 || e.Accuracy != 1 || !cmp.Equal(e.Unknown, []head.ClassCount{{Class: "wasp", N: 2}, {Class: "yak", N: 1}}) {
		t.Errorf("without other classes: %+v, %v", e, err)
	}
	if _, err := Report(t.Context(), ReportOptions{Head: h, Source: wasps.Source}); !errors.Is(err, ErrUnknownClass) {
		t.Errorf("a report on other classes: %v", err)
	}
	if r, err := Report(t.Context(), ReportOptions{Head: h, Source: wasps.Source, IgnoreUnknown: true}); err != nil || r.Data.Metrics.N != 2 || len(r.Unknown) != 2 {
		t.Errorf("a report without other classes: %+v, %v", r, err)
	}
	strange := of(recipeOf(layer), row("e", "wasp", 1))
	strange.IgnoreUnknown = true
	if _, err := Evaluate(t.Context(), strange); err == nil || !strings.Contains(err.Error(), "use images of its classes, ant, bee") {
		t.Errorf("of other classes alone: %v", err)
	}
	h.Biases[0] = float32(math.NaN())
	if _, err := Evaluate(t.Context(), of(recipeOf(layer), row("d", "ant", 0))); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("by a broken head: %v", err)
	}
}

// area is that under a curve.
func area(points [][2]float64) (sum float64) {
	for i := 1; i < len(points); i++ {
		sum += (points[i][0] - points[i-1][0]) * (points[i][1] + points[i-1][1]) / 2
	}
	return sum
}

// The curves, mistakes and points of a report are those that its metrics count.
func TestReportData(t *testing.T) {
	for _, classes := range [][]string{{"ant", "bee"}, {"ant", "bee", "cow"}} {
		source := classesDataset(t, classes, 40, 0.8) // hard to tell apart
		trained, err := Train(t.Context(), TrainOptions{Source: source, TestFraction: 0.4, Lambda: 0.1, Seed: 2})
		if err != nil {
			t.Fatal(err)
		}
		h := trained.Head
		r, err := Report(t.Context(), ReportOptions{Head: h, Source: source, Mistakes: 1000})
		if err != nil {
			t.Fatal(err)
		}
		data, named := r.Data, classes
		if len(classes) == 2 {
			named = classes[1:]
		}
		var mean float64
		for i, curve := range data.ROC {
			p, name := curve.Points, data.Metrics.Classes[curve.Class]
			if name != named[i] || p[0] != [2]float64{0, 0} || p[len(p)-1] != [2]float64{1, 1} {
				t.Errorf("the curve of %s is %v", name, p)
			}
			for j := 1; j < len(p); j++ {
				if p[j][0] < p[j-1][0] || p[j][1] < p[j-1][1] {
					t.Errorf("the curve of %s falls at %d", name, j)
				}
			}
			mean += area(p) / float64(len(named))
		}
		if len(data.ROC) != len(named) || math.Abs(mean-*data.Metrics.ROCAUC) > 1e-9 {
			t.Errorf("the area under %d curves is %g, the metrics say %g", len(data.ROC), mean, *data.Metrics.ROCAUC)
		}
		test, probabilities := heldOut(t, h, source)
		wrong := map[string]bool{}
		for i, p := range probabilities {
			if h.Predict(p) != test.Labels[i] {
				wrong[test.Paths[i]] = true
			}
		}
		for i, m := range data.Mistakes {
			at := slices.Index(test.Paths, m.Path)
			if !wrong[m.Path] || m.Truth != test.Labels[at] || m.Taken == m.Truth || m.Probability != slices.Max(probabilities[at]) || m.Thumbnail != nil {
				t.Errorf("%+v is no mistake", m)
			}
			if i > 0 && m.Probability > data.Mistakes[i-1].Probability {
				t.Errorf("mistake %d is surer than the one before it", i)
			}
		}
		right := 0
		for c := range classes {
			right += data.Metrics.Confusion[c][c]
		}
		if len(data.Mistakes) != len(wrong) || len(wrong) != data.Metrics.N-right || len(wrong) < 3 {
			t.Errorf("%d mistakes are shown of %d, %d of %d are right", len(data.Mistakes), len(wrong), right, data.Metrics.N)
		}
		if data.Learning != nil || r.Files != nil {
			t.Errorf("unasked for are %v and %v", data.Learning, r.Files)
		}
		facts := map[string]string{}
		for _, f := range data.Facts {
			facts[f.Name] = f.Value
		}
		if facts["classes"] != strings.Join(classes, ", ") || !strings.HasPrefix(facts["features"], "fc7 of vgg16, 16 values") || !strings.Contains(facts["measured on"], "of the dataset dataset that") {
			t.Errorf("the facts are %v", facts)
		}
	}
}

// A learning curve begins with ten rows and ends with all that were trained on; where it cannot be, the
// report goes without it.
func TestReportLearningCurve(t *testing.T) {
	source := classesDataset(t, []string{"ant", "bee"}, 50, 2)
	trained, err := Train(t.Context(), TrainOptions{Source: source, TestFraction: 0.3, Lambda: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	h := trained.Head
	o := ReportOptions{Head: h, Source: source, Repeats: 2}
	r, err := Report(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var rows []int
	for _, p := range r.Data.Learning {
		rows = append(rows, p.Rows)
		if p.Low > p.Accuracy || p.Accuracy > p.High || p.LogLoss <= 0 {
			t.Errorf("the point %+v contradicts itself", p)
		}
	}
	if d := cmp.Diff([]int{10, 20, 50, 70}, rows); d != "" {
		t.Error(d)
	}
	// Trained on all rows as the head was, it is the head.
	last := r.Data.Learning[len(rows)-1]
	if math.Abs(last.Accuracy-r.Data.Metrics.Accuracy) > 1e-9 || math.Abs(last.LogLoss-r.Data.Metrics.LogLoss) > 1e-3 {
		t.Errorf("the curve ends at %+v, the head has accuracy %g and loss %g", last, r.Data.Metrics.Accuracy, r.Data.Metrics.LogLoss)
	}
	if len(r.Data.Mistakes) != 0 {
		t.Errorf("%d mistakes are shown of none asked for", len(r.Data.Mistakes))
	}
	settings := h.Notes.Settings
	h.Notes.Settings = nil
	warned := logged(t)
	if r, err := Report(t.Context(), o); err != nil || r.Data.Learning != nil || !warned("no learning curve: the head does not record its settings") {
		t.Errorf("of a head without settings: %v, %v", r, err)
	}
	h.Notes.Settings, h.Notes.Seen = settings, nil
	if r, err := Report(t.Context(), o); err != nil || r.Data.Learning != nil || r.Data.Metrics.N != 100 || !warned("not in the dataset") {
		t.Errorf("on other images: %v, %v", r, err)
	}
}

// The settings in a report are those that say something, by the names of their flags.
func TestSettingsShown(t *testing.T) {
	h := &head.Head{Notes: head.Notes{
		ToolVersion: "9", Report: head.Report{Lambda: 0.01, Temperature: 1.5},
		Settings: map[string]string{"model": "softmax", "lambda": "0", "penalty": "l2", "l1-ratio": "0.5"},
	}}
	shown := func() (lines []string) {
		for _, f := range settingsShown(h) {
			lines = append(lines, f.Name+" "+f.Value)
		}
		return lines
	}
	if d := cmp.Diff([]string{"--model softmax", "--penalty l2", "lambda chosen 0.01", "temperature 1.500", "version 9"}, shown()); d != "" {
		t.Error(d)
	}
	h.Notes.Settings = map[string]string{"lambda": "3", "penalty": "elasticnet", "l1-ratio": "0.5"}
	h.Notes.Report = head.Report{}
	if d := cmp.Diff([]string{"--l1-ratio 0.5", "--lambda 3", "--penalty elasticnet", "version 9"}, shown()); d != "" {
		t.Error(d)
	}
}
