package head

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// patients are rows of several classes in groups of some rows each, whose first row is of the first class.
func patients(groups, classes, rows int) (labels, of []string, y []int) {
	for g := range groups {
		for i := range rows {
			labels, of, y = append(labels, fmt.Sprint(i%classes)), append(of, fmt.Sprint(g)), append(y, i%classes)
		}
	}
	return labels, of, y
}

// TestSplitMixedGroups: groups with rows of several classes make a test set of the size that is wanted, of all classes.
func TestSplitMixedGroups(t *testing.T) {
	for classes := 2; classes <= 4; classes++ {
		labels, groups, _ := patients(40, classes, 2*classes)
		for seed := range uint64(5) {
			train, test, err := Split(labels, groups, 0.2, seed)
			if err != nil {
				t.Fatal(err)
			}
			if share := float64(len(test)) / float64(len(labels)); share < 0.18 || share > 0.2 {
				t.Errorf("%d classes: the test set has %.3f of the rows", classes, share)
			}
			notOnBothSides(t, groups, train, test)
		}
	}
}

func notOnBothSides(t *testing.T, groups []string, train, test []int) {
	t.Helper()
	side := map[string]bool{}
	for _, i := range train {
		side[groups[i]] = true
	}
	for _, i := range test {
		if side[groups[i]] {
			t.Errorf("group %s is on both sides", groups[i])
		}
	}
}

// TestSplitLeavesRareClasses: the rows of a rare class in groups that begin with another one are not all taken.
func TestSplitLeavesRareClasses(t *testing.T) {
	for seed := range uint64(50) {
		var labels, groups []string
		for g := range 10 {
			for i := range 6 {
				label := "healthy"
				if g < 3 && i == 5 {
					label = "ill"
				}
				labels, groups = append(labels, label), append(groups, fmt.Sprint(g))
			}
		}
		train, test, err := Split(labels, groups, 0.5, seed)
		if err != nil {
			t.Fatal(err)
		}
		ill := 0
		for _, i := range train {
			if labels[i] == "ill" {
				ill++
			}
		}
		if ill < 2 {
			t.Errorf("seed %d: %d of 3 rows of a class are left to learn from", seed, ill)
		}
		notOnBothSides(t, groups, train, test)
	}
}

// TestFoldsOfMixedGroups: folds do not divide groups, and no class is tested where nothing is left to learn it from.
func TestFoldsOfMixedGroups(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for seed := range uint64(200) {
		var y []int
		var groups []string
		n, classes := 3+random.IntN(8), 2+random.IntN(4)
		for i := range 40 {
			y, groups = append(y, min(i%7, random.IntN(classes))), append(groups, fmt.Sprint(random.IntN(n)))
		}
		number, count := foldNumbers(y, groups, classes, 5, seed)
		fold, learned := map[string]int{}, make([][]bool, count)
		for f := range learned {
			learned[f] = make([]bool, classes)
		}
		for i, f := range number {
			if before, found := fold[groups[i]]; found && before != f {
				t.Fatalf("group %s is in folds %d and %d", groups[i], before, f)
			}
			fold[groups[i]] = f
			for other := range learned {
				learned[other][y[i]] = learned[other][y[i]] || other != f
			}
		}
		for i, f := range number {
			if f != untested && !learned[f][y[i]] {
				t.Errorf("seed %d: fold %d of %d tests class %d, and has all of its rows", seed, f, count, y[i])
			}
		}
	}
}

// TestFoldsThatTestNothing: a class whose rows are all in one group of several classes is only learned from, in
// whatever folds the others have.
func TestFoldsThatTestNothing(t *testing.T) {
	x := Matrix{Rows: 6, Cols: 2, Data: []float32{0, 1, 1, 0, 1, 0, 1, 0, 0.1, 1, 0.2, 0.9}}
	labels, groups := []string{"icon", "logo", "logo", "logo", "icon", "icon"}, []string{"a", "a", "a", "a", "b", "c"}
	h, _, err := Train(context.Background(), x, labels, TrainOptions{Groups: groups})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Classes) != 2 {
		t.Errorf("the head knows %q", h.Classes)
	}
	if _, _, err := Train(context.Background(), x, labels, TrainOptions{Groups: []string{"a", "a", "a", "a", "a", "a"}}); err == nil {
		t.Error("a head is fitted to rows of one group alone without a strength of regularization")
	}
}
