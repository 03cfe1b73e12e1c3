package head

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestRareClass: a class of few rows costs the others no folds, and none of it is missing where it is learned.
func TestRareClass(t *testing.T) {
	x, labels := overlapping(200, 4, []float64{1, 1, 1}, 1)
	for i := range labels {
		if labels[i] == "class3" && i > 8 { // of which two are left, and one of another
			labels[i] = "class0"
		}
	}
	labels[0] = "class4"
	labels[4] = "class4"
	groups := ownGroups(len(labels))
	groups[4] = groups[0] // copies of one image
	classes, y, err := indexLabels(x, labels)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := newTrainer(context.Background(), x, y, len(classes), TrainOptions{Groups: groups})
	if err != nil {
		t.Fatal(err)
	}
	folds, err := trainer.folds()
	if err != nil || len(folds) != 5 {
		t.Fatalf("%d folds, %v", len(folds), err)
	}
	tested := map[int]int{}
	for _, f := range folds {
		learned := map[int]bool{}
		for _, i := range f.regression.rows {
			learned[y[i]] = true
			if slices.Contains(f.test, i) {
				t.Errorf("row %d is learned from and tested", i)
			}
		}
		if len(learned) != len(classes) {
			t.Errorf("a fold learns %d of %d classes", len(learned), len(classes))
		}
		for _, i := range f.test {
			tested[y[i]]++
		}
	}
	if tested[3] != 2 || tested[4] != 0 || tested[0]+tested[1]+tested[2] != 196 {
		t.Errorf("tested by class: %v", tested)
	}
	if _, report, err := Train(context.Background(), x, labels, TrainOptions{Groups: groups}); err != nil || report.Folds != 5 || report.Tested != 198 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestStrengthsGoOn: while the best strength is at an end of the default ones, there are more; not of the user's.
func TestStrengthsGoOn(t *testing.T) {
	x, labels := overlapping(400, 40, []float64{1, 1, 1, 1}, 1)
	for i := range x.Data { // a grid of many classes, close to each other and without overlap: only large weights tell them apart
		row, column := i/x.Cols, i%x.Cols
		x.Data[i] = x.Data[i]/100 + float32(row%40>>(2*column)&3)
	}
	_, report, err := Train(context.Background(), x, labels, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Lambda >= 1e-4 || report.Path[len(report.Path)-1].Lambda >= 1e-4 || report.Path[0].Lambda != 10 {
		t.Errorf("lambda %g of %+v", report.Lambda, report.Path)
	}
	_, report, err = Train(context.Background(), x, labels, TrainOptions{Lambdas: []float64{1, 0.1}})
	if err != nil || report.Lambda != 0.1 || len(report.Path) != 2 || !report.AtEdge {
		t.Errorf("the user's: %+v, %v", report, err)
	}
	// Labels that say nothing: the stronger, the better.
	noise, _ := overlapping(200, 1, []float64{1, 1, 1, 1, 1, 1}, 2)
	random := make([]string, noise.Rows)
	for i := range random {
		random[i] = []string{"a", "b"}[i*i%7%2]
	}
	_, report, err = Train(context.Background(), noise, random, TrainOptions{})
	if err != nil || report.Path[0].Lambda <= 10 || !slices.IsSortedFunc(report.Path, func(a, b PathPoint) int { return int(1e9 * (b.Lambda - a.Lambda)) }) {
		t.Errorf("of noise: %+v, %v", report, err)
	}
}

func TestBeyond(t *testing.T) {
	for from, want := range map[float64][2]float64{1: {0.3, 3}, 3: {1, 10}, 10: {3, 30}, 1e-4: {3e-5, 3e-4}, 3e-5: {1e-5, 1e-4}, 3000: {1000, 10000}} {
		if got := [2]float64{beyond(from, false), beyond(from, true)}; got != want {
			t.Errorf("beyond %g: %v, want %v", from, got, want)
		}
	}
}

// TestSplitLeavesEnough: whatever the fraction, two rows of each class are left to learn from, and a class of three or more rows
// is tested if it is not all one unit.
func TestSplitLeavesEnough(t *testing.T) {
	labels := slices.Concat(slices.Repeat([]string{"cat"}, 40), slices.Repeat([]string{"dog"}, 38), []string{"rare", "rare"}, slices.Repeat([]string{"copied"}, 10))
	groups := ownGroups(len(labels))
	for i := len(labels) - 10; i < len(labels); i++ { // two files, five times each
		groups[i] = []string{"one file", "another"}[i%2]
	}
	for _, fraction := range []float64{0.01, 0.2, 0.25, 0.3, 0.5, 0.9, 0.99} {
		train, test, err := Split(labels, groups, fraction, 1)
		if err != nil {
			t.Fatal(err)
		}
		learned, tested := map[string]int{}, map[string]int{}
		for _, i := range train {
			learned[labels[i]]++
		}
		for _, i := range test {
			tested[labels[i]]++
		}
		if learned["rare"] != 2 || learned["cat"] < 2 || learned["dog"] < 2 || tested["cat"] == 0 || tested["dog"] == 0 || learned["copied"] != 5 || tested["copied"] != 5 {
			t.Errorf("%g: learned %v, tested %v", fraction, learned, tested)
		}
	}
	pairs, all := []string{"a", "a", "b", "b"}, slices.Repeat([]string{"a", "b"}, 3)
	if _, _, err := Split(pairs, ownGroups(4), 0.5, 1); err == nil || errors.Is(err, ErrTogether) || !strings.Contains(err.Error(), "no class has more than 2") {
		t.Errorf("of two rows of each class: %v", err)
	}
	if _, _, err := Split(all, slices.Repeat([]string{"same"}, 6), 0.5, 1); !errors.Is(err, ErrTogether) {
		t.Errorf("of rows that stay together: %v", err)
	}
}
