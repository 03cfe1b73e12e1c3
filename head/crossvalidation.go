package head

import (
	"cmp"
	"context"
	"fmt"
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
	s := &search{trainer: t, folds: folds, lambdas: t.options.Lambdas, report: Report{Folds: len(folds)}}
	for _, f := range folds {
		s.report.Tested += len(f.test)
	}
	if err := s.weaker(ctx); err != nil {
		return Report{}, nil, err
	}
	if err := s.stronger(ctx); err != nil {
		return Report{}, nil, err
	}
	slices.SortFunc(s.report.Path, func(a, b PathPoint) int { return cmp.Compare(b.Lambda, a.Lambda) })
	chosen := s.path.choose()
	s.report.Lambda = chosen.strength
	ends := []float64{s.report.Path[0].Lambda, s.report.Path[len(s.report.Path)-1].Lambda}
	s.report.AtEdge = chosen.strength == s.path.best().strength && slices.Contains(ends, chosen.strength)
	return s.report, s.path, nil
}

// search is the state of trainer.search.
type search struct {
	*trainer
	folds   []fold
	lambdas []float64 // from strong to weak
	report  Report
	path    path
}

// try tries a strength, and says by how much less its loss is than that of the others.
func (s *search) try(ctx context.Context, lambda float64) (by float64, err error) {
	point, err := s.validate(ctx, s.folds, lambda)
	if err != nil {
		return 0, err
	}
	r := s.trial(s.folds, lambda)
	if s.options.Calibrate {
		point.LogLoss = r.loss
	}
	s.report.Path = append(s.report.Path, point)
	by = s.path.add(r)
	if s.options.Progress != nil {
		s.options.Progress(len(s.report.Path), max(len(s.report.Path), len(s.lambdas)))
	}
	return by, nil
}

// weaker tries one strength after another until they only become worse, and, where they are not the user's, goes on as
// long as the last one is the best.
func (s *search) weaker(ctx context.Context) error {
	since := 0
	for l := 0; l < len(s.lambdas) && since < patience; l++ {
		by, err := s.try(ctx, s.lambdas[l])
		if err != nil {
			return err
		}
		since++
		if by > 0 {
			since = 0
		}
		if by > worthwhile && s.open && l == len(s.lambdas)-1 && s.lambdas[l] > weakestLambda {
			s.lambdas = append(s.lambdas, beyond(s.lambdas[l], false))
		}
	}
	return nil
}

// stronger goes on beyond the first strength as long as that is the best.
func (s *search) stronger(ctx context.Context) (err error) {
	for lambda, by := s.lambdas[0], 1.0; by > worthwhile && s.open && s.path.best().strength == lambda && lambda < strongestLambda; {
		lambda = beyond(lambda, true)
		if by, err = s.try(ctx, lambda); err != nil {
			return err
		}
	}
	return nil
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
	next := 0.3 * one
	switch three := lambda > 2*one; {
	case up && three:
		next = 10 * one
	case up:
		next = 3 * one
	case three:
		next = one
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
		return nil, unlearnable{fmt.Errorf("%w, or give a strength of regularization", ErrAlike)}
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
