package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
)

// RefitOptions are those of NewRefit. The zero value is recommended.
type RefitOptions struct {
	// Seed determines the folds, Folds is their number (default 5).
	Seed  uint64
	Folds int
	// Groups has a name for each row; rows of one group, such as copies of an image, are in one fold. Nil means that
	// each row is its own group.
	Groups []string
	// Labels are those that the rows have at first, "" for none: folds have about as many rows of each of these classes, and
	// they choose the strength. Nil means none.
	Labels []string
	// Strength is how much variance is added in all directions, as a share of the mean variance of a column. With 0, it is the
	// one with the least cross-validated log loss for Labels or, if these are fewer than 20 or of one class, the one that
	// the rows themselves suggest (see suggested).
	Strength float64
	// Scaling of the columns (default ScaleUnit, as for OutOfFoldProbabilities).
	Scaling Scaling
	// Neighbours is the largest number of neighbours that vote on a row's label (default 25), negative for none: then Suspect
	// is by the models alone.
	Neighbours int
}

// Refit cross-validates linear discriminant analysis again and again while labels change. What does not depend on labels
// is computed once: the folds, the covariance of the rows outside each fold and its factorization, and the neighbours.
// What is left takes milliseconds.
//
// With the covariance T of all rows outside a fold, labelled or not, the means m_c of classes around the mean of the
// labelled rows, and their covariance S around the means of their classes, linear discriminant analysis looks at rows along
// (S + lambda I)^-1 m_c. Where all rows are labelled, T is S and the covariance of the means, and by Woodbury's identity
// these span the same directions as (T + lambda I)^-1 m_c, which is what is used. Within these few directions, S is
// computed for the labels of the moment. So the result is that of linear discriminant analysis on the labelled rows; rows
// without a label help to find its directions.
type Refit struct {
	// Strength is that of RefitOptions, or the one that was chosen.
	Strength    float64
	coordinates dense
	// number is the fold of each row.
	number     []int
	folds      []refitFold
	neighbours *Neighbours
}

// refitFold is what the rows outside a fold have to do with no label.
type refitFold struct {
	test, train []int
	mean        []float64
	// covariance is T, until the strength is known; factor is of T + lambda I.
	covariance *mat.SymDense
	factor     cholesky
}

// mostRefitColumns bounds the memory and the time of the factorizations: there is a matrix of that many squared for
// each fold, 200 MB.
const mostRefitColumns = 5000

// ErrWide says that rows are too wide, and too many, to be refitted quickly.
var ErrWide = fmt.Errorf("head: rows of more than %d values, and more than as many rows, cannot be refitted after each label: use a layer with fewer values, such as one that is pooled", mostRefitColumns)

// NewRefit prepares for the rows of x. It takes about as long as rows times columns squared. The result does not depend on
// the number of CPUs.
func NewRefit(ctx context.Context, x Matrix, o RefitOptions) (*Refit, error) {
	if err := x.validate(); err != nil {
		return nil, err
	}
	if o.Groups == nil {
		o.Groups = ownGroups(x.Rows)
	}
	if o.Labels == nil {
		o.Labels = make([]string, x.Rows)
	}
	if err := o.check(x); err != nil {
		return nil, err
	}
	r := new(Refit)
	if o.Neighbours >= 0 {
		var err error
		if r.neighbours, err = FindNeighbours(ctx, x, cmp.Or(o.Neighbours, mostVoters), o.Groups); err != nil {
			return nil, err
		}
	}
	t := &trainer{x: x}
	if err := t.transform(ctx, cmp.Or(o.Scaling, ScaleUnit), x.Cols > x.Rows); err != nil { // see the package's documentation
		return nil, err
	}
	r.coordinates = t.coordinates
	if err := r.divide(o); err != nil {
		return nil, err
	}
	if err := r.prepare(ctx, o, x.Cols); err != nil {
		return nil, err
	}
	return r, nil
}

// prepare factorizes the covariances of the folds, with the strength of the options or the best one.
func (r *Refit) prepare(ctx context.Context, o RefitOptions, columns int) (err error) {
	if err := r.covariances(ctx); err != nil {
		return err
	}
	if r.Strength = o.Strength; r.Strength == 0 {
		if r.Strength, err = r.choose(ctx, columns, o.Labels); err != nil {
			return err
		}
	}
	if err := r.factorize(ctx, len(r.folds), columns, r.Strength); err != nil {
		return err
	}
	for f := range r.folds {
		r.folds[f].covariance = nil
	}
	return nil
}

// check refuses options that do not suit the rows.
func (o RefitOptions) check(x Matrix) error {
	switch {
	case len(o.Groups) != x.Rows || len(o.Labels) != x.Rows:
		return fmt.Errorf("head: %d groups and %d labels for %d rows", len(o.Groups), len(o.Labels), x.Rows)
	case min(x.Rows, x.Cols) > mostRefitColumns:
		return ErrWide
	case !(o.Strength >= 0) || math.IsInf(o.Strength, 0):
		return fmt.Errorf("head: strength %g: it must not be negative", o.Strength)
	}
	return nil
}

// divide makes the folds: the groups of each class, in random order, go to one fold after another.
func (r *Refit) divide(o RefitOptions) error {
	index, classes := map[string]int{}, slices.Clone(o.Labels)
	slices.Sort(classes)
	for i, l := range slices.Compact(classes) {
		index[l] = i
	}
	y := make([]int, len(o.Labels))
	for i, l := range o.Labels {
		y[i] = index[l]
	}
	units := groupUnits(y, o.Groups, o.Seed)
	slices.SortStableFunc(units, func(a, b unit) int { return a.class - b.class })
	count := min(cmp.Or(max(0, o.Folds), 5), len(units))
	if count < 2 {
		return ErrCopies
	}
	r.number = make([]int, len(y))
	for i, u := range units {
		for _, row := range u.rows {
			r.number[row] = i % count
		}
	}
	r.folds = make([]refitFold, count)
	for row, n := range r.number {
		for f := range r.folds {
			if f == n {
				r.folds[f].test = append(r.folds[f].test, row)
			} else {
				r.folds[f].train = append(r.folds[f].train, row)
			}
		}
	}
	return nil
}

// covariances computes those of the rows outside each fold.
func (r *Refit) covariances(ctx context.Context) error {
	d := r.coordinates.cols
	sums, sum, total := make([][]float64, len(r.folds)), make([]float64, d), mat.NewSymDense(d, nil)
	for f := range r.folds {
		var err error
		if r.folds[f].covariance, sums[f], err = r.coordinates.moments(ctx, r.folds[f].test); err != nil {
			return err
		}
		total.AddSym(total, r.folds[f].covariance)
		for j, v := range sums[f] {
			sum[j] += v
		}
	}
	for f := range r.folds {
		own := &r.folds[f]
		n, t := float64(len(own.train)), own.covariance
		own.mean = make([]float64, d)
		for j := range own.mean {
			own.mean[j] = (sum[j] - sums[f][j]) / n
		}
		inParallel(d, func(i int) {
			for j := i; j < d; j++ {
				t.SetSym(i, j, (total.At(i, j)-t.At(i, j))/n-own.mean[i]*own.mean[j])
			}
		})
		if !(mat.Trace(t) > 0) {
			return ErrConstant
		}
	}
	return nil
}

// factorize makes the factors of the first folds.
func (r *Refit) factorize(ctx context.Context, folds, columns int, strength float64) error {
	return inFolds(ctx, folds, func(f int) error {
		own := &r.folds[f]
		if !own.factor.factorize(own.covariance, strength*mat.Trace(own.covariance)/float64(columns)) {
			return errors.New("head: the covariance of the rows cannot be factorized: give a larger strength")
		}
		return nil
	})
}

// inFolds does something for each of the first folds, for several at the same time.
func inFolds(ctx context.Context, folds int, do func(f int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(allCPUs())
	for f := range folds {
		group.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return do(f)
		})
	}
	return group.Wait()
}
