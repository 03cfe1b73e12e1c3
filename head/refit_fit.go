package head

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Refitted is what Refit.Fit finds for the labels of the moment.
type Refitted struct {
	// Classes is the number of classes; probabilities of row i are Probabilities[i*Classes : (i+1)*Classes], by a model
	// that was trained on rows of other folds alone, labelled or not. They are NaN where there were fewer than two classes to
	// learn.
	Classes       int
	Probabilities []float64
	// Tested says which rows have a label that others outside their fold have, too.
	Tested []bool
	// Right is the number of tested rows whose label is the most probable class, N that of all tested ones.
	Right, N int
	// Temperature is what scores were divided by.
	Temperature float64
}

// Accuracy is the share of tested rows that are classified as their label says, and its 95 % interval (Wilson's). Without
// a tested row, there is none.
func (r *Refitted) Accuracy() (value float64, interval [2]float64, ok bool) {
	if r.N == 0 {
		return 0, interval, false
	}
	value = float64(r.Right) / float64(r.N)
	return value, Wilson(value, float64(r.N)), true
}

// Of are the probabilities of a row.
func (r *Refitted) Of(row int) []float64 { return r.Probabilities[row*r.Classes : (row+1)*r.Classes] }

// Fit tests all rows by models of the other folds, for the classes y of the rows: numbers below classes, or -1 for rows
// without a label.
func (r *Refit) Fit(ctx context.Context, y []int32, classes int) (*Refitted, error) {
	return r.fit(ctx, len(r.folds), y, y, classes)
}

// fit learns from some labels, and tests others, in the first folds.
func (r *Refit) fit(ctx context.Context, folds int, learn, y []int32, classes int) (*Refitted, error) {
	if len(y) != len(r.number) || len(learn) != len(y) {
		return nil, fmt.Errorf("head: %d labels for %d rows", len(y), len(r.number))
	}
	if i := slices.IndexFunc(y, func(c int32) bool { return c < -1 || int(c) >= classes }); i >= 0 {
		return nil, fmt.Errorf("head: row %d has class %d of %d", i, y[i], classes)
	}
	out := &Refitted{Classes: classes, Probabilities: make([]float64, len(y)*classes), Tested: make([]bool, len(y))}
	sums := r.sums(learn, classes)
	err := inFolds(ctx, folds, func(f int) error {
		newRefitModel(r, f, learn, sums).test(out, y)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.finish(y, learn)
	return out, nil
}

// classSums are the sums of the rows of each class in a fold, and their numbers.
type classSums struct {
	counts []float64
	sums   [][]float64
}

// sums are those of all folds.
func (r *Refit) sums(y []int32, classes int) []classSums {
	d := r.coordinates.cols
	all := make([]classSums, len(r.folds))
	for f := range all {
		all[f] = classSums{make([]float64, classes), make([][]float64, classes)}
		for _, i := range r.folds[f].test {
			if c := y[i]; c >= 0 {
				if all[f].counts[c]++; all[f].sums[c] == nil {
					all[f].sums[c] = make([]float64, d)
				}
			}
		}
	}
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for f := range all {
		group.Go(func() error {
			for _, i := range r.folds[f].test {
				if y[i] < 0 {
					continue
				}
				sum := all[f].sums[y[i]]
				for j, v := range r.coordinates.row(i)[:d] {
					sum[j] += float64(v)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
	return all
}
