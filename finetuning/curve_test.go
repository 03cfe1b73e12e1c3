package finetuning

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"fovea/head"
)

func TestWithoutGroupsOf(t *testing.T) {
	groups := []string{"a", "b", "a", "c", "d", "b"}
	if d := cmp.Diff([]int{3}, withoutGroupsOf([]int{0, 1, 3}, []int{2, 4, 5}, groups)); d != "" {
		t.Error(d)
	}
}

// near are rows of two classes of which each has a twin, nearly the same, in another file.
func near(n int) Features {
	f := Features{X: head.Matrix{Rows: 2 * n, Cols: 8, Data: make([]float32, 2*n*8)}}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 2 * n {
		own, row := i/2, f.X.Row(i)
		for j := range row {
			if row[j] = float32(random.NormFloat64()); i%2 == 1 {
				row[j] = f.X.Row(i - 1)[j] + 1e-4
			}
		}
		if i%2 == 0 {
			row[own%2] += 3
		}
		f.Labels = append(f.Labels, []string{"cat", "dog"}[own%2])
		f.Hashes = append(f.Hashes, fmt.Sprintf("%016d", i))
		f.Paths = append(f.Paths, fmt.Sprint(i))
		f.Splits = append(f.Splits, "")
	}
	return f
}

// Where a head has seen one of two nearly equal pictures, the learning curve does not train on
// it to be tested on the other.
func TestLearningCurveKeepsNearDuplicatesApart(t *testing.T) {
	f := near(30)
	var seen, unseen []int
	for i := range f.Labels {
		if i%2 == 0 || i > 40 {
			seen = append(seen, i)
		} else {
			unseen = append(unseen, i)
		}
	}
	settings := map[string]string{"near-duplicates": "0.99999", "lambda": "0.1"}
	h := &head.Head{Notes: head.Notes{Settings: settings, NearCopies: 1}}
	hook := logtest.NewGlobal()
	defer logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	curve, err := learningCurve(context.Background(), h, f, seen, unseen, 1)
	if err != nil {
		t.Fatal(err)
	}
	// Of the 40 seen, 20 have a twin among the 20 unseen: 20 are left.
	if last := curve[len(curve)-1]; last.Rows != len(seen)-len(unseen) {
		t.Errorf("the curve ends at %d images, want %d", last.Rows, len(seen)-len(unseen))
	}
	told := false
	for _, e := range hook.AllEntries() {
		told = told || strings.Contains(e.Message, fmt.Sprintf("leaving out %d training images with copies", len(unseen)))
	}
	if !told {
		t.Error("no message says what is left out")
	}
}

// A part of the images on which no head can be trained, as an mlp on two of each class, costs a point of the learning
// curve and not the report.
func TestReportWithoutAPoint(t *testing.T) {
	source := classesDataset(t, []string{"ant", "bee", "cow", "dog", "eel"}, 20, 4)
	trained, err := Train(t.Context(), TrainOptions{Source: source, TestFraction: 0.2, Model: MLP, MLP: head.MLPOptions{Epochs: 3}})
	if err != nil {
		t.Fatal(err)
	}
	warned := logged(t)
	r, err := Report(t.Context(), ReportOptions{Head: trained.Head, Source: source, Repeats: 2})
	if err != nil {
		t.Fatal(err)
	}
	var rows []int
	for _, p := range r.Data.Learning {
		rows = append(rows, p.Rows)
	}
	if d := cmp.Diff([]int{20, 50, 80}, rows); d != "" || !warned("leaving out a choice of 10 images, on which no head can be trained: head: no rows for early stopping") {
		t.Errorf("without a warning, or with other points: %s", d)
	}
}
