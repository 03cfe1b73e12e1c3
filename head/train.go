package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// TrainOptions steer Train. The zero value is what is recommended.
type TrainOptions struct {
	// Seed decides about the folds of the cross-validation.
	Seed uint64
	// Lambdas are the strengths of regularization to choose from (default: 1e-4 to 10 in
	// steps of about 3).
	Lambdas []float64
	// Loss is what is minimized besides the penalty (default LossSoftmax).
	Loss Loss
	// L1Ratio is the part of the penalty that is of absolute values, 0 (default) to 1: the
	// penalty is lambda (L1Ratio |W|_1 + (1 - L1Ratio)/2 |W|^2), scikit-learn's elastic net.
	// Above 0, columns that do not help get no weight, and the default strengths depend on
	// the rows: from half of what leaves no column at all, down to 1/250 of that.
	L1Ratio float64
	// Scaling of the columns (default ScaleCommon).
	Scaling Scaling
	// ClassWeights say how much each row counts (default WeighRows).
	ClassWeights ClassWeights
	// Calibrate fits a temperature on the rows tested in the cross-validation. It needs more
	// than one strength.
	Calibrate bool
	// Folds of the cross-validation (default 5; fewer where a class has fewer rows; those after the
	// first 10,000 rows are not tested on).
	Folds int
	// Groups, one per row, keep rows of equal group (such as copies of one picture) in one
	// fold. Empty: every row for itself.
	Groups []string
	// Progress, if set, is called after each strength with the number of those done; the
	// weakest may be left out.
	Progress func(done, of int)
}

// Loss is what training minimizes.
type Loss string

const (
	// LossSoftmax is the log loss of softmax regression.
	LossSoftmax Loss = "softmax"
	// LossHinge is the squared hinge loss of linear support vector machines, one per class
	// against the rest (of two classes one alone), as scikit-learn's LinearSVC has it: there
	// C = 1/(lambda n). Its scores are no logarithms of probabilities; after a
	// cross-validation they are divided by a temperature, as by Calibrate.
	LossHinge Loss = "hinge"
)

// ClassWeights is how much the rows of a class count in the loss.
type ClassWeights string

const (
	// WeighRows counts all rows alike.
	WeighRows ClassWeights = "none"
	// WeighClasses counts all classes alike: a row counts n / (classes * rows of its
	// class), as scikit-learn's class_weight="balanced".
	WeighClasses ClassWeights = "balanced"
)

var defaultLambdas = []float64{1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3, 10}

// Report tells how a head came about.
type Report struct {
	// Lambda is the strength that was chosen; 0 for a head with a hidden layer.
	Lambda float64 `json:"lambda"`
	// Path has the cross-validated loss and accuracy for each strength that was tried, from
	// the strongest; losses are weighed by class as the training's.
	Path []PathPoint `json:"path"`
	// Folds is the number of folds that were tested on, Tested that of their rows: with
	// many rows, some folds are enough.
	Folds  int `json:"folds"`
	Tested int `json:"tested,omitempty"`
	// Epochs are the passes over the rows that trained a hidden layer, BestEpoch the one
	// whose weights were kept.
	Epochs    []Epoch `json:"epochs,omitempty"`
	BestEpoch int     `json:"best_epoch,omitempty"`
	// Temperature is what the scores were divided by to calibrate them, if they were; the
	// weights contain it.
	Temperature float64 `json:"temperature,omitempty"`
	// Columns is the number of columns that have a weight, where the penalty is of absolute
	// values.
	Columns int `json:"columns,omitempty"`
	// AtEdge says that the best strength is the strongest or the weakest of all, so that
	// a better one may lie beyond.
	AtEdge bool `json:"at_edge,omitempty"`
}

// PathPoint is one strength of regularization.
type PathPoint struct {
	Lambda   float64 `json:"lambda"`
	LogLoss  float64 `json:"log_loss"`
	Accuracy float64 `json:"accuracy"`
}

// Train fits a head to rows and their labels, each a non-empty class name. There must be two
// classes and two rows of each. The result depends on data and seed alone, not on the number
// of CPUs.
func Train(ctx context.Context, x Matrix, labels []string, options TrainOptions) (*Head, Report, error) {
	if err := x.validate(); err != nil {
		return nil, Report{}, err
	}
	classes, y, err := indexLabels(x, labels)
	if err != nil {
		return nil, Report{}, err
	}
	if options.Groups != nil && len(options.Groups) != x.Rows {
		return nil, Report{}, fmt.Errorf("head: %d groups for %d rows", len(options.Groups), x.Rows)
	}
	if options.Calibrate && len(options.Lambdas) == 1 {
		return nil, Report{}, errors.New("head: to calibrate, rows must be kept out: give several strengths, so that there is a cross-validation")
	}
	switch {
	case options.Loss != "" && options.Loss != LossSoftmax && options.Loss != LossHinge:
		return nil, Report{}, fmt.Errorf("head: unknown loss %q: use softmax or hinge", options.Loss)
	case !(options.L1Ratio >= 0 && options.L1Ratio <= 1):
		return nil, Report{}, fmt.Errorf("head: a part of absolute values of %g: use 0 to 1", options.L1Ratio)
	}
	t, err := newTrainer(ctx, x, y, len(classes), options)
	if err != nil {
		return nil, Report{}, err
	}
	defer func() { x.free(t.coordinates.data) }()
	report, start, err := t.choose(ctx)
	if err != nil {
		return nil, Report{}, err
	}
	parameters, err := t.fit(ctx, report.Lambda, start)
	if err != nil {
		return nil, Report{}, err
	}
	h := &Head{Classes: classes, Standardization: t.standardization}
	h.Weights, h.Biases = t.weights(parameters)
	if options.L1Ratio > 0 {
		report.Columns = len(h.UsedColumns())
	}
	if options.Calibrate || (options.Loss == LossHinge && len(t.logits) > 0) {
		h.soften(&report, t.logits, y, t.tested)
	}
	return h, report, nil
}

// UsedColumns are the columns of a head without hidden units that have a weight, those with
// the largest ones, added up over the classes, first.
func (h *Head) UsedColumns() []int {
	sums := make([]float64, h.Columns())
	var used []int
	for j := range sums {
		for _, w := range h.Weights {
			sums[j] += math.Abs(float64(w[j]))
		}
		if sums[j] > 0 {
			used = append(used, j)
		}
	}
	slices.SortStableFunc(used, func(a, b int) int { return cmp.Compare(sums[b], sums[a]) })
	return used
}

// ownGroups has each row stand for itself.
func ownGroups(rows int) []string {
	groups := make([]string, rows)
	for i := range groups {
		groups[i] = strconv.Itoa(i)
	}
	return groups
}

// indexLabels sorts the classes and numbers the rows' ones.
func indexLabels(x Matrix, labels []string) ([]string, []int, error) {
	if len(labels) != x.Rows {
		return nil, nil, fmt.Errorf("head: %d labels for %d rows", len(labels), x.Rows)
	}
	classes, err := Classes(labels)
	if err != nil {
		return nil, nil, err
	}
	y := make([]int, len(labels))
	for i, l := range labels {
		y[i], _ = slices.BinarySearch(classes, l)
	}
	return classes, y, nil
}

// Classes are the sorted names among labels. Labels that no head can be trained on are an
// error: empty ones, those of a single class, a class with a single row.
func Classes(labels []string) ([]string, error) {
	counts := map[string]int{}
	for i, l := range labels {
		if l == "" {
			return nil, fmt.Errorf("head: row %d has no label", i)
		}
		counts[l]++
	}
	for l := range counts {
		if !utf8.ValidString(l) {
			return nil, fmt.Errorf("head: the label %q is not UTF-8, in which a head's file could hold it: spell it, as datasets do", l)
		}
	}
	classes := slices.Sorted(maps.Keys(counts))
	if len(classes) == 0 {
		return nil, errors.New("head: there are no rows to learn from")
	}
	if len(classes) == 1 {
		return nil, fmt.Errorf("head: all rows are of one class, %q: a classifier needs two; check the labels", classes[0])
	}
	for _, c := range classes {
		if counts[c] < 2 {
			return nil, fmt.Errorf("head: class %q has only one row: add images of it, or leave it out", c)
		}
	}
	return classes, nil
}
