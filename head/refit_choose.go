package head

import (
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
)

// leastStrength keeps factorizations exact enough where there are far more rows than columns.
const leastStrength = 1e-3

// suggested is the strength by which a covariance of few rows is closest to that of all (oracle approximating shrinkage;
// Chen, Wiesel, Eldar and Hero, "Shrinkage Algorithms for MMSE Covariance Estimation", 2010). It depends on no label.
func suggested(t *mat.SymDense, rows, columns int) float64 {
	n, d, trace, squares := float64(rows), float64(columns), mat.Trace(t), 0.0
	for i := range t.SymmetricDim() {
		for j := i; j < t.SymmetricDim(); j++ {
			v := t.At(i, j)
			if squares += v * v; j > i {
				squares += v * v
			}
		}
	}
	share := ((1-2/d)*squares + trace*trace) / ((n + 1 - 2/d) * (squares - trace*trace/d))
	share = min(share, 0.9)
	return max(leastStrength, share/(1-share))
}

// Strengths are tried from usualStrength on, in steps of about 3, on up to choosingColumns columns by all folds, else
// by the first two, which is enough to compare them.
const (
	usualStrength   = 1
	mostStrength    = 100
	choosingColumns = 1024
	choosingLabels  = 20
)

// choose finds the strength with the least loss, going up or down while that falls.
func (r *Refit) choose(ctx context.Context, columns int, labels []string) (float64, error) {
	y, classes, labelled := numberLabels(labels)
	if classes < 2 || labelled < choosingLabels {
		return suggested(r.folds[0].covariance, len(r.folds[0].train), columns), nil
	}
	folds := len(r.folds)
	if r.coordinates.cols > choosingColumns {
		folds = 2
	}
	s := strengthSearch{refit: r, columns: columns, y: y, classes: classes, best: usualStrength, least: math.Inf(1), kept: make([]cholesky, folds)}
	if _, err := s.try(ctx, usualStrength); err != nil {
		return 0, err
	}
	for _, up := range []bool{true, false} {
		if err := s.climb(ctx, up); err != nil {
			return 0, err
		}
		if s.best > usualStrength {
			break
		}
	}
	s.swap()
	return s.best, nil
}

// strengthSearch is the best strength so far.
type strengthSearch struct {
	refit       *Refit
	columns     int
	y           []int32
	classes     int
	best, least float64    // the strength and its loss
	kept        []cholesky // the folds' factors for it, which are needed again
}

// swap exchanges the kept factors with those of the last try.
func (s *strengthSearch) swap() {
	for f := range s.kept {
		s.kept[f], s.refit.folds[f].factor = s.refit.folds[f].factor, s.kept[f]
	}
}

func (s *strengthSearch) try(ctx context.Context, strength float64) (better bool, err error) {
	folds := len(s.kept)
	if err := s.refit.factorize(ctx, folds, s.columns, strength); err != nil {
		return false, err
	}
	tested, err := s.refit.fit(ctx, folds, s.y, s.y, s.classes)
	if err != nil {
		return false, err
	}
	if loss := tested.loss(s.y); loss < s.least {
		s.best, s.least = strength, loss
		s.swap()
		return true, nil
	}
	return false, nil
}

// climb goes on in one direction while that is better.
func (s *strengthSearch) climb(ctx context.Context, up bool) error {
	for next := beyond(s.best, up); next <= mostStrength && next >= leastStrength; next = beyond(next, up) {
		if better, err := s.try(ctx, next); err != nil || !better {
			return err
		}
	}
	return nil
}

// numberLabels numbers the classes of labels in order; "" is -1.
func numberLabels(labels []string) (y []int32, classes, labelled int) {
	names := slices.Clone(labels)
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(l string) bool { return l == "" })
	y = make([]int32, len(labels))
	for i, l := range labels {
		c, found := slices.BinarySearch(names, l)
		if y[i] = int32(c); !found {
			y[i] = -1
			continue
		}
		labelled++
	}
	return y, len(names), labelled
}

// moments are the sums of x x' and of x over some rows. They do not depend on the number of CPUs.
func (x dense) moments(ctx context.Context, rows []int) (*mat.SymDense, []float64, error) {
	d := x.cols
	squares, sums := mat.NewSymDense(d, nil), make([]float64, d)
	raw := squares.RawSymmetric()
	turned := newDense(padded(d, quad), chunk)
	for part := range slices.Chunk(rows, chunk) {
		if err := context.Cause(ctx); err != nil {
			return nil, nil, err
		}
		turned.clear()
		for k, r := range part {
			for j, v := range x.row(r)[:d] {
				turned.data[j*turned.stride+k] = v
				sums[j] += float64(v)
			}
		}
		var group errgroup.Group
		group.SetLimit(allCPUs())
		for first := 0; first < d; first += gramBlock {
			group.Go(func() error {
				turned.gramInto(raw, first, d)
				return nil
			})
		}
		_ = group.Wait() // computing cannot fail
	}
	return squares, sums, nil
}
