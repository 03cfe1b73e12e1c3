package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
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
	if t.standardization, err = standardize(x, options.Scaling); err != nil {
		return nil, err
	}
	// The penalty on absolute values depends on the axes, so it needs the original columns.
	if x.Cols > x.Rows && x.Rows <= maxDual && options.L1Ratio == 0 {
		err = t.dual(ctx)
	} else {
		t.coordinates, err = t.standardization.all(x)
	}
	if err == nil && options.L1Ratio == 0 {
		t.directions, err = findDirections(ctx, t.coordinates)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case len(options.Lambdas) > 0:
	case options.L1Ratio > 0:
		t.options.Lambdas = t.regression(t.all, allCPUs(), 0).sparseLambdas(options.L1Ratio)
	default:
		t.options.Lambdas, t.open = defaultLambdas, true
	}
	for _, l := range t.options.Lambdas {
		if !(l > 0) || math.IsInf(l, 0) {
			return nil, fmt.Errorf("head: lambda %g: the strength of regularization must be positive", l)
		}
	}
	// From strong to weak: each solution is a good starting point for the next.
	t.options.Lambdas = slices.Clone(t.options.Lambdas)
	slices.SortFunc(t.options.Lambdas, func(a, b float64) int { return cmp.Compare(b, a) })
	return t, nil
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
	return errors.New("head: the Gram matrix of the rows has no Cholesky factorization: are features missing?")
}

// fold is one part of a cross-validation.
type fold struct {
	test       []int
	regression *regression
	parameters []float64
	logits     [][]float64 // of the test rows
	loss       float64
	right      float64
}

// choose finds the strength with the smallest cross-validated log loss, and parameters that are a good
// starting point for all rows.
func (t *trainer) choose(ctx context.Context) (Report, []float64, error) {
	lambdas := t.options.Lambdas
	start := make([]float64, weightVectors(t.classes)*(t.coordinates.cols+1))
	if len(lambdas) == 1 {
		return Report{Lambda: lambdas[0]}, start, nil
	}
	folds, err := t.folds()
	if err != nil {
		return Report{}, nil, err
	}
	report := Report{Folds: len(folds)}
	for _, f := range folds {
		report.Tested += len(f.test)
		t.tested = append(t.tested, f.test...)
	}
	best := math.Inf(1)
	try := func(lambda float64) (by float64, err error) {
		point, err := t.validate(ctx, folds, lambda)
		if err != nil {
			return 0, err
		}
		report.Path = append(report.Path, point)
		if by = best - point.LogLoss; by > 0 { // the stronger of equals
			best, report.Lambda = point.LogLoss, lambda
			t.keep(folds, start)
		}
		if t.options.Progress != nil {
			t.options.Progress(len(report.Path), max(len(report.Path), len(lambdas)))
		}
		return by, nil
	}
	since := 0
	for l := 0; l < len(lambdas) && since < patience; l++ {
		by, err := try(lambdas[l])
		if err != nil {
			return Report{}, nil, err
		}
		since++
		if by > 0 {
			since = 0
		}
		if by > worthwhile && t.open && l == len(lambdas)-1 && lambdas[l] > weakestLambda {
			lambdas = append(lambdas, beyond(lambdas[l], false))
		}
	}
	for lambda, by := lambdas[0], 1.0; by > worthwhile && t.open && report.Lambda == lambda && lambda < strongestLambda; {
		lambda = beyond(lambda, true)
		if by, err = try(lambda); err != nil {
			return Report{}, nil, err
		}
	}
	slices.SortFunc(report.Path, func(a, b PathPoint) int { return cmp.Compare(b.Lambda, a.Lambda) })
	report.AtEdge = report.Lambda == report.Path[0].Lambda || report.Lambda == report.Path[len(report.Path)-1].Lambda
	return report, start, nil
}

// keep makes the folds' mean solution the start for all rows, and keeps their scores.
func (t *trainer) keep(folds []fold, start []float64) {
	clear(start)
	t.logits = nil
	for _, f := range folds {
		t.logits = append(t.logits, f.logits...)
		for i, p := range f.parameters {
			start[i] += p / float64(len(folds))
		}
	}
}

// Where the user gave no strengths and the best one is the strongest or the weakest, others are tried beyond it, until
// one is hardly better or these are reached.
const (
	worthwhile      = 1e-3 // of log loss
	weakestLambda   = 1e-8
	strongestLambda = 1e4
)

// beyond is the next strength in the row of 1, 3, 10, 30, ..., up or down.
func beyond(lambda float64, up bool) float64 {
	one := math.Pow(10, math.Floor(math.Log10(lambda)+1e-9))
	next := map[bool]float64{true: 3 * one, false: 0.3 * one}[up]
	if lambda > 2*one {
		next = map[bool]float64{true: 10 * one, false: one}[up]
	}
	next, _ = strconv.ParseFloat(strconv.FormatFloat(next, 'e', 0, 64), 64) // its own text
	return next
}

// patience is the number of strengths in a row that are worse than the best, after which weaker ones,
// which take longest to fit, are skipped.
const patience = 2

// validate fits each fold's training rows, starting from its last solution, and tests it on the others.
func (t *trainer) validate(ctx context.Context, folds []fold, lambda float64) (PathPoint, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(allCPUs())
	for i := range folds {
		f := &folds[i]
		group.Go(func() (err error) {
			if f.parameters, err = f.regression.at(lambda, t.options.L1Ratio).fit(ctx, f.parameters, false); err != nil {
				return err
			}
			t.test(f)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return PathPoint{}, err
	}
	// The folds' sums are added in a fixed order, so that the result is always the same.
	point, tested := PathPoint{Lambda: lambda}, 0.0
	for _, f := range folds {
		point.LogLoss += f.loss
		point.Accuracy += f.right
		tested += float64(len(f.test))
	}
	point.LogLoss /= tested
	point.Accuracy /= tested
	if t.options.Loss == LossHinge {
		point.LogLoss = t.calibratedLoss(folds)
	}
	return point, nil
}

// calibratedLoss is the log loss of the folds' test rows with their scores divided by the best
// temperature: the scores of a support vector machine alone are not log probabilities.
func (t *trainer) calibratedLoss(folds []fold) float64 {
	var logits [][]float64
	var y []int
	for _, f := range folds {
		logits = append(logits, f.logits...)
		for _, i := range f.test {
			y = append(y, t.y[i])
		}
	}
	divisor, sum := temperature(logits, y), 0.0
	for i, l := range logits {
		row := slices.Clone(l)
		for c := range row {
			row[c] /= divisor
		}
		score := row[y[i]]
		sum += t.importance[y[i]] * (softmax(row) - score)
	}
	return sum / float64(len(logits))
}

// enoughTested is the number of tested rows after which the remaining folds are skipped: strengths are
// compared on the same rows, and that many are enough.
const enoughTested = 10_000

// untested is the number of the fold of rows that are only learned from.
const untested = -1

// folds makes the folds of the cross-validation, stratified by class. A class with fewer rows than there are folds
// is tested in some of them, and learned from in all.
func (t *trainer) folds() ([]fold, error) {
	count := t.options.Folds
	if count < 2 {
		count = 5
	}
	groups := t.options.Groups
	if groups == nil {
		groups = ownGroups(len(t.y))
	}
	units := groupUnits(t.y, groups, t.options.Seed)
	perClass := make([]int, t.classes)
	for _, u := range units {
		perClass[u.class]++
	}
	count = max(2, min(count, slices.Max(perClass)))
	number, next := make([]int, len(t.y)), make([]int, t.classes)
	for _, u := range units {
		n := perClass[u.class]
		for _, i := range u.rows {
			switch {
			case n == 1: // never tested, or there would be nothing to learn the class from
				number[i] = untested
			case n < count: // in some folds only, for each class in others
				number[i] = (next[u.class] + u.class) % count
			default:
				number[i] = next[u.class] % count
			}
		}
		next[u.class]++
	}
	var folds []fold
	workers := (allCPUs() + count - 1) / count
	for f, tested := 0, 0; f < count && tested < enoughTested; f++ {
		var train, test []int
		for i, n := range number {
			if n == f {
				test = append(test, i)
			} else {
				train = append(train, i)
			}
		}
		if len(test) == 0 || len(train) == 0 {
			return nil, errors.New("head: all rows are copies of each other: use more images, or give a strength of regularization")
		}
		tested += len(test)
		folds = append(folds, fold{
			test: test, regression: t.regression(train, workers, 0),
			parameters: make([]float64, weightVectors(t.classes)*(t.coordinates.cols+1)),
		})
	}
	return folds, nil
}

// fit solves the problem for all rows.
func (t *trainer) fit(ctx context.Context, lambda float64, start []float64) ([]float64, error) {
	return t.regression(t.all, allCPUs(), lambda).fit(ctx, start, true)
}

// test sums the log loss of a fold's test rows and counts those that are classified correctly.
func (t *trainer) test(f *fold) {
	f.loss, f.right, f.logits = 0, 0, nil
	d, w := t.coordinates.cols, f.regression.weights
	biases := make([]float32, weightVectors(t.classes))
	for c := range biases {
		own := f.parameters[c*(d+1) : (c+1)*(d+1)]
		for j, v := range own[:d] {
			w.row(c)[j] = float32(v)
		}
		biases[c] = float32(own[d])
	}
	out, row := make([]float32, blockRows*w.rows), make([]float64, t.classes)
	for block := range slices.Chunk(f.test, blockRows) {
		t.coordinates.scores(block, w, out)
		for i, r := range block {
			scores := out[i*w.rows : (i+1)*w.rows]
			for c, b := range biases {
				scores[c] += b
			}
			expand(scores, row)
			f.logits = append(f.logits, slices.Clone(row))
			score := row[t.y[r]]
			f.loss += t.importance[t.y[r]] * (softmax(row) - score)
			if argmax(row) == t.y[r] {
				f.right++
			}
		}
	}
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
