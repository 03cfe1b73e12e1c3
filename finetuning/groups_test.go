package finetuning

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/head"
	"fovea/preprocessing"
	"fovea/recipe"
)

// apart are duplicates that are no more than those groups.
func apart(groups []string) Duplicates {
	return Duplicates{Duplicates: head.Duplicates{Groups: groups}, Together: groups}
}

// grouped are rows of patients with several images each, among which are copies that join patients, and frames.
func grouped(random *rand.Rand, rows int) Features {
	f := Features{X: head.Matrix{Rows: rows, Cols: 6, Data: make([]float32, 6*rows)}, Splits: make([]string, rows)}
	for i := range rows {
		patient := random.IntN(1 + rows/4)
		f.Groups = append(f.Groups, fmt.Sprintf("p%d", patient))
		if random.IntN(8) == 0 {
			f.Groups[i] = ""
		}
		f.Labels = append(f.Labels, []string{"benign", "malign", "normal"}[random.IntN(3)])
		f.Hashes = append(f.Hashes, fmt.Sprintf("%064x", random.IntN(rows)))
		f.Paths = append(f.Paths, fmt.Sprintf("scan%d.dcm#%d", random.IntN(rows), i))
		for j := range 6 {
			f.X.Row(i)[j] = float32(random.NormFloat64())
		}
	}
	return f
}

// No split and no fold has rows of one group on both sides, whatever else belongs together.
func TestGroupsNeverStraddle(t *testing.T) {
	random, divided := rand.New(rand.NewPCG(23, 4)), 0
	for round := range 60 {
		f := grouped(random, 40+random.IntN(160))
		o := &TrainOptions{TestFraction: 0.25, Seed: uint64(round), OwnNear: true}
		d, err := o.Group(context.Background(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, values := range [][]string{f.Groups, f.Hashes} {
			of := map[string]string{}
			for i, v := range values {
				if g, found := of[v]; v != "" && found && g != d.Together[i] {
					t.Fatalf("round %d: %q is in two groups", round, v)
				}
				of[v] = d.Together[i]
			}
		}
		split, err := o.Split(f, d)
		if err != nil || len(split.Test) == 0 {
			continue // too few groups of a class
		}
		divided++
		trained := map[string]bool{}
		for _, i := range split.Train {
			trained[f.Groups[i]] = true
		}
		for _, i := range split.Test {
			if f.Groups[i] != "" && trained[f.Groups[i]] {
				t.Fatalf("round %d: %s is on both sides", round, f.Groups[i])
			}
		}
		if len(split.Train)+len(split.Test) != f.X.Rows {
			t.Fatalf("round %d: %d and %d of %d rows", round, len(split.Train), len(split.Test), f.X.Rows)
		}
	}
	if divided < 30 {
		t.Errorf("only %d rounds were divided", divided)
	}
}

// A head trained with groups tests patients that it has not seen, and says so; a given split that divides them is told of.
func TestTrainKeepsGroupsTogether(t *testing.T) {
	dir := groupedDataset(t, 240, false)
	file := filepath.Join(t.TempDir(), "head.json")
	o := TrainOptions{Source: Source{Dir: dir}, Out: file, TestFraction: 0.3, Model: Softmax, Seed: 1}
	log := logged(t)
	if _, err := Train(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	h, err := head.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if !log("splits keep the images of 40 groups together") {
		t.Error("training does not say that it keeps groups together")
	}
	f, err := Source{Dir: dir}.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	seen, unseen := f.Seen(h)
	if known, rest := groupsTrained(f.Groups, seen, unseen); len(known) > 0 || len(rest) != len(unseen) || len(unseen) < 40 {
		t.Errorf("%d of the %d test images are of groups that were trained on", len(known), len(unseen))
	}
	// The images cannot be told apart but by whose they are: a test on the same persons would be nearly perfect.
	if h.Notes.HeldOut.Accuracy > 0.8 {
		t.Errorf("the accuracy on unknown groups is %.2f", h.Notes.HeldOut.Accuracy)
	}
	if h.Notes.Report.Lambda == 0 {
		t.Error("nothing was chosen by cross-validation")
	}

	divided := groupedDataset(t, 240, true)
	o.Source.Dir = divided
	log = logged(t)
	if _, err := Train(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if !log("120 of the test images are of groups that are also trained on (\"person 0\"") || !log("--test-fraction") {
		t.Error("training does not say that the split divides groups")
	}
	trained, err := head.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	log = logged(t)
	if _, err := RunAudit(context.Background(), AuditOptions{Source: Source{Dir: divided}}); err != nil {
		t.Fatal(err)
	}
	if !log("of groups that are also trained on") {
		t.Error("the audit does not say that the split divides groups")
	}
	for _, heldOut := range []bool{false, true} {
		log, evaluated := logged(t), 0
		_, err = Evaluate(context.Background(), EvaluateOptions{Head: trained, Source: Source{Dir: divided}, HeldOut: heldOut, Row: func(EvaluatedRow) error { evaluated++; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if !log("of groups of which it was trained on others") || !heldOut && evaluated != 240 || heldOut && evaluated != 120 {
			t.Errorf("%d rows are evaluated (held out: %v), or nothing is said of the groups", evaluated, heldOut)
		}
	}
}

// groupedDataset has persons of several images, which are told apart by the person alone. With mixed, the dataset's split
// divides them.
func groupedDataset(t *testing.T, rows int, mixed bool) string {
	t.Helper()
	dir, random := filepath.Join(t.TempDir(), "features"), rand.New(rand.NewPCG(5, 6))
	r := recipe.Recipe{Model: "vgg16", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash", Interpolation: "bilinear",
		InputHeight: 224, InputWidth: 224, Pool: recipe.PoolNone, Precision: "float32", Library: "TensorFlow 2.18.1"}
	r.Layers = []recipe.Layer{{Name: "fc7", Shape: []int{64}, Layout: recipe.LayoutC}}
	info := featurestore.Info{Recipe: r, Extra: []featurestore.Extra{featurestore.ExtraGroup}, Grouping: "parent"}
	w, err := featurestore.Create(dir, info, featurestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	persons := make([][]float32, rows/6)
	for p := range persons {
		for range 64 {
			persons[p] = append(persons[p], float32(random.NormFloat64()))
		}
	}
	for i := range rows {
		p := i % len(persons)
		row := featurestore.Row{Path: fmt.Sprintf("%d.jpg", i), Label: []string{"a", "b"}[p%2], SHA256: fmt.Sprintf("%016x%048x", i, 0), Width: 1, Height: 1, Group: fmt.Sprintf("person %d", p)}
		if mixed {
			row.Split = []string{"train", "test"}[i/len(persons)%2]
		}
		v := slices.Clone(persons[p])
		for j := range v {
			v[j] += float32(random.NormFloat64()) * 0.9
		}
		row.Features = [][]float32{v}
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestJoinGroups(t *testing.T) {
	for _, c := range []struct{ groups, values, want string }{
		{"0 1 2 3", "- - - -", "0 1 2 3"},
		{"0 1 2 3", "p - p q", "0 1 0 3"},
		{"0 1 1 3", "p - q q", "0 1 1 1"},
		{"0 1 0 3", "p q q p", "0 0 0 0"},
	} {
		values := strings.Fields(strings.ReplaceAll(c.values, "-", "\x00"))
		for i, v := range values {
			values[i] = strings.Trim(v, "\x00")
		}
		if got := joinGroups(strings.Fields(c.groups), values); strings.Join(got, " ") != c.want {
			t.Errorf("%s with %s: %v, want %s", c.groups, c.values, got, c.want)
		}
	}
}

// A training that fails is explained by groups only where these are the reason.
func TestTrainExplainsGroups(t *testing.T) {
	labels := slices.Repeat([]string{"a", "b"}, 10)
	features := func(groups func(i int) string) Features {
		f := Features{Labels: labels, X: head.Matrix{Rows: 20, Cols: 2, Data: make([]float32, 40)}, Splits: make([]string, 20)}
		for i := range 20 {
			f.Paths, f.Hashes, f.Groups = append(f.Paths, fmt.Sprint(i)), append(f.Hashes, fmt.Sprintf("%064x", i)), append(f.Groups, groups(i))
		}
		return f
	}
	equal := features(func(i int) string { return fmt.Sprint(i / 4) })
	one := features(func(int) string { return "patient" })
	for i := range one.X.Data {
		one.X.Data[i] = float32(i * i % 7)
	}
	for want, test := range map[string]struct {
		features Features
		explain  bool
	}{
		"all rows are equal":  {equal, false},
		"no fold can be made": {one, true},
	} {
		_, err := (&TrainOptions{OwnNear: true}).train(t.Context(), test.features)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "images of a group") != test.explain {
			t.Errorf("%s: %v", want, err)
		}
	}
}
