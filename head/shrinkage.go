package head

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
)

// defaultShrinkages are tried from the strongest on.
var defaultShrinkages = []float64{0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001}

// discriminate finds the best shrinkage.
func (t *trainer) discriminate(ctx context.Context, folds []fold, shrinkages []float64) (trial, error) {
	folds = slices.Clone(folds)
	all := make([]*discriminant, len(folds))
	for i := range folds {
		all[i] = newDiscriminant(folds[i].regression, t.x.Cols)
		folds[i].parameters = make([]float64, weightVectors(t.classes)*(t.coordinates.cols+1))
	}
	var found path
	for since := 0; len(found) < len(shrinkages) && since < patience; {
		shrinkage := shrinkages[len(found)]
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(allCPUs())
		for i := range folds {
			group.Go(func() (err error) {
				f := &folds[i]
				if f.parameters, err = all[i].fit(ctx, f.parameters, shrinkage, closeResidual); err == nil {
					t.test(f)
				}
				return err
			})
		}
		switch err := group.Wait(); {
		case errors.Is(err, errUnsolved) && len(found) > 0:
			return found.choose(), nil
		case err != nil:
			return trial{}, err
		}
		r := t.trial(folds, shrinkage)
		since++
		if found.add(r) > 0 {
			since = 0
		}
	}
	return found.choose(), nil
}
