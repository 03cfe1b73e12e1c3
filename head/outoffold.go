package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
)

// OutOfFoldOptions are the options of OutOfFold. The zero value is recommended.
type OutOfFoldOptions struct {
	// TrainOptions are those of the softmax regressions. With one of Lambdas, none is chosen. Calibrate
	// and Loss are not used.
	TrainOptions
	// Repeats is how often the rows are divided into folds anew to refine the probabilities (default:
	// 3 up to 5,000 rows, 1 with more).
	Repeats int
	// Neighbours is the number of neighbours that vote for a row's class (default: a quarter of the
	// mean number of rows of a class, 5 to 25).
	Neighbours int
}

// OutOfFold are probabilities of every row by models that were not trained on it, nor on rows of its
// group. Each table has a row of len(Classes) probabilities for each row of features, and nil for
// the rows Untested.
type OutOfFold struct {
	Classes []string
	// Y is the number of each row's own class.
	Y []int
	// Report is that of the cross-validation that chose the strength.
	Report Report
	// Probabilities are those of softmax regression, each row tested once.
	Probabilities [][]float64
	// Refined are those of regressions that were trained without the rows of which Probabilities say that
	// another class is far more probable than their own, Dropped of them, and averaged over the repeats.
	Refined [][]float64
	Dropped int
	// Votes are the shares of the classes among each row's nearest neighbours (see FindNeighbours), a
	// little evened out.
	Votes [][]float64
	// Untested are rows that cannot be told from others by others: all rows of their class are
	// one group.
	Untested []int
}

// outOfFold is the work on one OutOfFold.
type outOfFold struct {
	*trainer
	lambda float64
	count  int // folds
}

// Wrong labels bend the boundary that is to find them, so rows whose own class has less than this share
// of the probability of the most probable one are left out when probabilities are refined.
const surelyWrong = 0.25

// repeatedRows is the number of rows up to which probabilities are refined repeatedRuns times: what chance has to do
// with which rows are in a fold matters less with more rows.
const (
	repeatedRows = 5000
	repeatedRuns = 3
)

// OutOfFoldProbabilities tests every row by cross-validation: folds as Train makes them, but all of
// them are tested, however many rows there are. Rows of one group are in one fold. Labels of which
// some are wrong are expected (see LabelIssues). Rows that are so alike that no fold can be made are an
// error. The result does not depend on the number of CPUs.
func OutOfFoldProbabilities(ctx context.Context, x Matrix, labels []string, options OutOfFoldOptions) (*OutOfFold, error) {
	if err := x.validate(); err != nil {
		return nil, err
	}
	classes, y, err := indexAnyLabels(x, labels)
	if err != nil {
		return nil, err
	}
	if options.Groups != nil && len(options.Groups) != x.Rows {
		return nil, fmt.Errorf("head: %d groups for %d rows", len(options.Groups), x.Rows)
	}
	options.Calibrate, options.Loss = false, LossSoftmax
	t, err := newTrainer(ctx, x, y, len(classes), options.TrainOptions)
	if err != nil {
		return nil, err
	}
	defer func() { x.free(t.coordinates.data) }()
	if t.options.Groups == nil {
		t.options.Groups = ownGroups(x.Rows)
	}
	switch {
	case len(classes) == x.Rows:
		return nil, errSingle
	case !foldable(y, t.options.Groups, len(classes)):
		return nil, ErrAlike
	}
	report, _, err := t.choose(ctx)
	if err != nil {
		return nil, err
	}
	result := &OutOfFold{Classes: classes, Y: y, Report: report}
	o := &outOfFold{trainer: t, lambda: report.Lambda, count: cmp.Or(max(0, options.Folds), 5)}
	if err := o.run(ctx, result, options); err != nil {
		return nil, err
	}
	return result, nil
}

func (o *outOfFold) run(ctx context.Context, result *OutOfFold, options OutOfFoldOptions) (err error) {
	keep := slices.Repeat([]bool{true}, len(o.y))
	if result.Probabilities, err = o.test(ctx, keep, o.options.Seed); err != nil {
		return err
	}
	for i, p := range result.Probabilities {
		if p == nil {
			result.Untested = append(result.Untested, i)
		}
	}
	keep, result.Dropped = o.likely(result.Probabilities)
	repeats := options.Repeats
	if repeats < 1 {
		repeats = 1
		if len(o.y) <= repeatedRows {
			repeats = repeatedRuns
		}
	}
	for r := range repeats {
		again, err := o.test(ctx, keep, o.options.Seed+uint64(r))
		if err != nil {
			return err
		}
		result.Refined = addProbabilities(result.Refined, again, 1/float64(repeats))
	}
	k := options.Neighbours
	if k < 1 {
		k = min(25, max(5, len(o.y)/o.classes/4))
	}
	neighbours, err := o.neighbours(ctx, k, o.options.Groups, false)
	if err != nil {
		return err
	}
	result.Votes = neighbours.votes(o.y, o.classes)
	for _, i := range result.Untested {
		result.Votes[i] = nil
	}
	return nil
}

// ErrAlike says that rows are so alike that none can be tested by others.
var ErrAlike = errors.New("head: the rows of each class are copies or near duplicates of each other, so that no fold can be made: use more images, or keep fewer together")

var errSingle = errors.New("head: no class has more than one image, so that there is nothing to test its label by: add images, or join classes, such as those of misspelled labels")

// addProbabilities adds a share of some probabilities to others.
func addProbabilities(to, from [][]float64, share float64) [][]float64 {
	if to == nil {
		to = make([][]float64, len(from))
	}
	for i, p := range from {
		if p != nil && to[i] == nil {
			to[i] = make([]float64, len(p))
		}
		for c, v := range p {
			to[i][c] += share * v
		}
	}
	return to
}

// likely are the rows to train on again: all but those whose own class is far less probable than
// another. Of each class, more than half of the rows remain, and all if it would be fewer.
func (o *outOfFold) likely(probabilities [][]float64) (keep []bool, dropped int) {
	keep = slices.Repeat([]bool{true}, len(o.y))
	wrong, rows := make([]int, o.classes), make([]int, o.classes)
	for i, p := range probabilities {
		rows[o.y[i]]++
		if p != nil && p[o.y[i]] < surelyWrong*slices.Max(p) {
			keep[i] = false
			wrong[o.y[i]]++
		}
	}
	for i, c := range o.y {
		if !keep[i] && 2*wrong[c] >= rows[c] {
			keep[i] = true
		}
		if !keep[i] {
			dropped++
		}
	}
	return keep, dropped
}

// test tests each row by a regression on the rows to keep of other folds. Rows of classes that
// would have no rows to learn from have no probabilities.
func (o *outOfFold) test(ctx context.Context, keep []bool, seed uint64) ([][]float64, error) {
	number, count := foldNumbers(o.y, o.options.Groups, o.classes, o.count, seed)
	out := make([][]float64, len(o.y))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(allCPUs())
	workers := (allCPUs() + count - 1) / count
	for f := range count {
		train, test := o.divide(number, f, keep)
		if len(test) == 0 || len(train) == 0 {
			continue
		}
		group.Go(func() error {
			f := fold{test: test, regression: o.regression(train, workers, o.lambda)}
			start := make([]float64, weightVectors(o.classes)*(o.coordinates.cols+1)) // not from solutions that have seen the rows
			var err error
			if f.parameters, err = f.regression.fit(ctx, start, false); err != nil {
				return err
			}
			o.trainer.test(&f)
			for i, r := range test {
				softmax(f.logits[i])
				out[r] = f.logits[i]
			}
			return nil
		})
	}
	return out, group.Wait()
}

// Scores are the logarithms of Refined times Votes, for each row and class, without a common scale: they
// rank classes by both what the regression and what the neighbours say.
func (o *OutOfFold) Scores() [][]float64 {
	all := make([][]float64, len(o.Y))
	for i, p := range o.Refined {
		if p == nil {
			continue
		}
		all[i] = make([]float64, len(p))
		for c := range p {
			all[i][c] = math.Log(max(p[c], math.SmallestNonzeroFloat64)) + math.Log(o.Votes[i][c])
		}
	}
	return all
}
