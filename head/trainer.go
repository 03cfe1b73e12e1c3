package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// trainer holds what all fits of one training share.
type trainer struct {
	options         TrainOptions
	x               Matrix
	y               []int
	classes         int
	standardization Standardization
	importance      []float64 // factor of a row's loss, by class
	all             []int     // the numbers of all rows
	open            bool      // the strengths are not the user's, so that there may be more
	// coordinates are the standardized rows or, if there are more columns than rows, equivalent ones
	// with as many values as there are rows.
	coordinates dense
	directions  *directions
	// factor is L of K = L L' in the second case.
	factor *mat.TriDense
	// tested are the rows that the cross-validation tests, logits are their scores at the best strength.
	tested []int
	logits [][]float64
}

// maxDual is the number of rows up to which their inner products are used. With more, factorizing them
// takes longer than it saves.
const maxDual = 5000

func newTrainer(ctx context.Context, x Matrix, y []int, classes int, options TrainOptions) (*trainer, error) {
	t := &trainer{options: options, x: x, y: y, classes: classes, all: make([]int, x.Rows)}
	for i := range t.all {
		t.all[i] = i
	}
	var err error
	if t.importance, err = importance(y, classes, options.ClassWeights); err != nil {
		return nil, err
	}
	// The penalty on absolute values depends on the axes, so it needs the original columns.
	if err := t.transform(ctx, options.Scaling, x.Cols > x.Rows && x.Rows <= maxDual && options.L1Ratio == 0); err != nil {
		return nil, err
	}
	if options.L1Ratio == 0 {
		if t.directions, err = findDirections(ctx, t.coordinates); err != nil {
			return nil, err
		}
	}
	if err := t.chooseLambdas(); err != nil {
		return nil, err
	}
	return t, nil
}

// transform standardizes the rows, as values of the columns or, if dual, as equivalent ones.
func (t *trainer) transform(ctx context.Context, scaling Scaling, dual bool) (err error) {
	if t.standardization, err = standardize(t.x, scaling); err != nil {
		return err
	}
	if dual {
		return t.dual(ctx)
	}
	t.coordinates, err = t.standardization.all(t.x)
	return err
}

// chooseLambdas puts the strengths to try into the options, from strong to weak: each solution is a good starting point
// for the next.
func (t *trainer) chooseLambdas() error {
	switch {
	case len(t.options.Lambdas) > 0:
	case t.options.L1Ratio > 0:
		t.options.Lambdas = t.regression(t.all, allCPUs(), 0).sparseLambdas(t.options.L1Ratio)
	default:
		t.options.Lambdas, t.open = defaultLambdas, true
	}
	for _, l := range t.options.Lambdas {
		if !(l > 0) || math.IsInf(l, 0) {
			return fmt.Errorf("head: lambda %g: the strength of regularization must be positive", l)
		}
	}
	t.options.Lambdas = slices.Clone(t.options.Lambdas)
	slices.SortFunc(t.options.Lambdas, func(a, b float64) int { return cmp.Compare(b, a) })
	return nil
}

// regression is the problem for some rows at a strength.
func (t *trainer) regression(rows []int, workers int, lambda float64) *regression {
	r := newRegression(t.coordinates, rows, t.y, t.classes, t.importance, workers)
	r.hinge, r.directions = t.options.Loss == LossHinge, t.directions
	return r.at(lambda, t.options.L1Ratio)
}

// at changes the strength.
func (r *regression) at(lambda, ratio float64) *regression {
	r.lambda, r.absolute = lambda*(1-ratio), lambda*ratio
	return r
}

// importance returns the factor of the rows' losses for each class.
func importance(y []int, classes int, weights ClassWeights) ([]float64, error) {
	all := slices.Repeat([]float64{1}, classes)
	switch weights {
	case "", WeighRows:
	case WeighClasses:
		counts := make([]float64, classes)
		for _, c := range y {
			counts[c]++
		}
		for c, n := range counts {
			all[c] = float64(len(y)) / (float64(classes) * n)
		}
	default:
		return nil, fmt.Errorf("head: unknown class weights %q: use none or balanced", weights)
	}
	return all, nil
}

// ridge is added to the diagonal of the Gram matrix, relative to its mean, to make it positive definite:
// its rows sum to zero, and its entries were summed in float32.
const ridge = 1e-6

func (t *trainer) dual(ctx context.Context) error {
	k, err := gram(ctx, t.x, t.standardization)
	if err != nil {
		return err
	}
	n := t.x.Rows
	mean := mat.Trace(k) / float64(n)
	for relative := ridge; relative < 1; relative *= 10 {
		for i := range n {
			k.SetSym(i, i, k.At(i, i)+relative*mean)
		}
		var cholesky mat.Cholesky
		if cholesky.Factorize(k) {
			t.factor = new(mat.TriDense)
			cholesky.LTo(t.factor)
			t.coordinates = newDense(n, n)
			for i := range n {
				row := t.coordinates.row(i)
				for j := range i + 1 {
					row[j] = float32(t.factor.At(i, j))
				}
			}
			return nil
		}
	}
	return unlearnable{errors.New("head: the Gram matrix of the rows has no Cholesky factorization: are features missing?")}
}

// fit solves the problem for all rows.
func (t *trainer) fit(ctx context.Context, lambda float64, start []float64) ([]float64, error) {
	return t.regression(t.all, allCPUs(), lambda).fit(ctx, start, true)
}

func argmax(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// weights maps a solution back to weights of the standardized columns, a row for each class.
func (t *trainer) weights(parameters []float64) (weights [][]float32, biases []float32) {
	d := t.coordinates.cols
	for c := range weightVectors(t.classes) {
		own := parameters[c*(d+1) : (c+1)*(d+1)]
		sums := t.columns(own[:d])
		w := make([]float32, len(sums))
		for j, v := range sums {
			w[j] = float32(v)
		}
		weights, biases = append(weights, w), append(biases, float32(own[d]))
	}
	if t.classes > 2 {
		return weights, biases
	}
	// Each class gets half of the one vector, with its sign.
	negative := make([]float32, len(weights[0]))
	for j, v := range weights[0] {
		weights[0][j], negative[j] = v/2, -v/2
	}
	return [][]float32{negative, weights[0]}, []float32{-biases[0] / 2, biases[0] / 2}
}

// columns maps weights of the coordinates to weights of the standardized columns.
func (t *trainer) columns(own []float64) []float64 {
	if t.factor == nil {
		return own
	}
	// own = L' a, and the weights are X' a.
	var a mat.VecDense
	if err := a.SolveVec(t.factor.T(), mat.NewVecDense(len(own), own)); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) { // badly conditioned is expected, and harmless
			panic(fmt.Sprintf("head: solve with a Cholesky factor: %v", err))
		}
	}
	sums, row := make([]float64, t.x.Cols), make([]float32, t.x.Cols)
	for i := range t.x.Rows {
		t.standardization.apply(row, t.x.Row(i))
		factor := a.AtVec(i)
		for j, v := range row {
			sums[j] += factor * float64(v)
		}
	}
	return sums
}
