package head

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// fold is one part of a cross-validation.
type fold struct {
	test       []int
	regression *regression
	parameters []float64
	logits     [][]float64 // of the test rows
	loss       float64
	right      float64
}

// choose finds the strongest regularization whose cross-validated log loss is about the smallest (see path.choose),
// and parameters that are a good starting point for all rows.
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
	for _, f := range folds {
		t.tested = append(t.tested, f.test...)
	}
	report, path, err := t.search(ctx, folds)
	if err != nil {
		return Report{}, nil, err
	}
	chosen := path.choose()
	t.logits = chosen.logits
	return report, chosen.start, nil
}

// search tries the strengths of regularization, and more where the best is at an end.
func (t *trainer) search(ctx context.Context, folds []fold) (Report, path, error) {
	lambdas, report := t.options.Lambdas, Report{Folds: len(folds)}
	for _, f := range folds {
		report.Tested += len(f.test)
	}
	var path path
	try := func(lambda float64) (by float64, err error) {
		point, err := t.validate(ctx, folds, lambda)
		if err != nil {
			return 0, err
		}
		r := t.trial(folds, lambda)
		if t.options.Calibrate {
			point.LogLoss = r.loss
		}
		report.Path = append(report.Path, point)
		by = path.add(r)
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
	for lambda, by := lambdas[0], 1.0; by > worthwhile && t.open && path.best().strength == lambda && lambda < strongestLambda; {
		lambda = beyond(lambda, true)
		var err error
		if by, err = try(lambda); err != nil {
			return Report{}, nil, err
		}
	}
	slices.SortFunc(report.Path, func(a, b PathPoint) int { return cmp.Compare(b.Lambda, a.Lambda) })
	chosen := path.choose()
	report.Lambda = chosen.strength
	ends := []float64{report.Path[0].Lambda, report.Path[len(report.Path)-1].Lambda}
	report.AtEdge = chosen.strength == path.best().strength && slices.Contains(ends, chosen.strength)
	return report, path, nil
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
	return t.trial(folds, 0).loss
}

// enoughTested is the number of tested rows after which the remaining folds are skipped: strengths are
// compared on the same rows, and that many are enough.
const enoughTested = 10_000

// folds makes the folds of the cross-validation.
func (t *trainer) folds() ([]fold, error) {
	count := t.options.Folds
	if count < 2 {
		count = 5
	}
	groups := t.options.Groups
	if groups == nil {
		groups = ownGroups(len(t.y))
	}
	number, count := foldNumbers(t.y, groups, t.classes, count, t.options.Seed)
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
			continue // of groups with several classes, all of which are learned from
		}
		tested += len(test)
		folds = append(folds, fold{
			test: test, regression: t.regression(train, workers, 0),
			parameters: make([]float64, weightVectors(t.classes)*(t.coordinates.cols+1)),
		})
	}
	if len(folds) == 0 {
		return nil, errors.New("head: all rows are copies of each other, or parts of one file: use more images, or give a strength of regularization")
	}
	return folds, nil
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
