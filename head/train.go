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

// TrainOptions are the options of Train. The zero value is recommended.
type TrainOptions struct {
	// Seed determines the folds of the cross-validation.
	Seed uint64
	// Lambdas are the strengths of regularization to choose from (default: 1e-4 to 10 in
	// steps of about 3, and on from there, from 1e-8 to 1e4, while the end is the best by a log loss of 0.001).
	Lambdas []float64
	// Loss is what is minimized besides the penalty (default LossSoftmax).
	Loss Loss
	// L1Ratio is the share of absolute values in the penalty, 0 (default) to 1: the penalty is
	// lambda (L1Ratio |W|_1 + (1 - L1Ratio)/2 |W|^2), scikit-learn's elastic net. Above 0, columns
	// that do not help get no weight, and the default strengths depend on the rows: from half of
	// the one at which no column has a weight down to 1/5,000 of it.
	L1Ratio float64
	// Scaling of the columns (default ScaleCommon).
	Scaling Scaling
	// ClassWeights determine how much each row counts (default WeighRows).
	ClassWeights ClassWeights
	// Calibrate fits a temperature on the rows tested in the cross-validation. It needs more
	// than one strength.
	Calibrate bool
	// Folds is the number of folds of the cross-validation (default 5; fewer where all classes have fewer
	// rows). Once 10,000 rows have been tested on, the remaining folds are skipped.
	Folds int
	// Groups has a name for each row. Rows of the same group, such as copies of an image, are kept
	// in one fold. Nil means that each row is its own group.
	Groups []string
	// Progress, if set, is called after each strength with the number of those done. The weakest
	// strengths may be skipped, and there may be more.
	Progress func(done, of int)
}

// Loss is the loss function that training minimizes.
type Loss string

const (
	// LossSoftmax is the log loss of softmax regression.
	LossSoftmax Loss = "softmax"
	// LossHinge is the squared hinge loss of linear support vector machines, one for each class
	// against the rest (a single one for two classes), as in scikit-learn's LinearSVC, where
	// C = 1/(lambda n). Its scores are not log probabilities; after a cross-validation they are
	// divided by a temperature, as with Calibrate.
	LossHinge Loss = "hinge"
)

// ClassWeights determine how much the rows of a class count in the loss.
type ClassWeights string

const (
	// WeighRows gives all rows the same weight.
	WeighRows ClassWeights = "none"
	// WeighClasses gives all classes the same weight: a row counts n / (classes * rows of its
	// class), as with scikit-learn's class_weight="balanced".
	WeighClasses ClassWeights = "balanced"
)

var defaultLambdas = []float64{1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3, 10}

// Report describes how a head was trained.
type Report struct {
	// Model, Scaling and Shrinkage are what TrainAuto chose, Candidates what it chose from, in the order of preference.
	Model      string      `json:"model,omitempty"`
	Scaling    Scaling     `json:"scaling,omitempty"`
	Shrinkage  float64     `json:"shrinkage,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
	// Lambda is the strength of the regularization that was chosen; 0 for a head with a hidden layer.
	Lambda float64 `json:"lambda"`
	// Path has the cross-validated loss and accuracy for each strength that was tried, from the
	// strongest on. Losses are weighted by class as in training and, of a head that is calibrated, those with the
	// temperature that suits the strength, where each row counts for the other classes by 1/(Tested + 2).
	Path []PathPoint `json:"path"`
	// Folds is the number of folds that were tested on, Tested the number of their rows: with many
	// rows, a few folds are enough.
	Folds  int `json:"folds"`
	Tested int `json:"tested,omitempty"`
	// Epochs are the passes over the rows that trained a hidden layer, BestEpoch is the number of the
	// one whose weights were kept.
	Epochs    []Epoch `json:"epochs,omitempty"`
	BestEpoch int     `json:"best_epoch,omitempty"`
	// Temperature is what the scores were divided by to calibrate them, 0 if they were not. The
	// weights include it.
	Temperature float64 `json:"temperature,omitempty"`
	// Columns is the number of columns that have a weight, if the penalty has absolute values.
	Columns int `json:"columns,omitempty"`
	// AtEdge says that the best strength is the strongest or the weakest of those tried, so that
	// there may be a better one beyond.
	AtEdge bool `json:"at_edge,omitempty"`
}

// PathPoint is the result of one strength of regularization.
type PathPoint struct {
	Lambda   float64 `json:"lambda"`
	LogLoss  float64 `json:"log_loss"`
	Accuracy float64 `json:"accuracy"`
}

// Train fits a head to the rows of x and their labels, the names of their classes. There must be at
// least two classes, and two rows of each. The result depends only on the data and the options, not on
// the number of CPUs.
func Train(ctx context.Context, x Matrix, labels []string, options TrainOptions) (*Head, Report, error) {
	classes, y, err := options.check(x, labels)
	if err != nil {
		return nil, Report{}, err
	}
	if options.Calibrate && len(options.Lambdas) == 1 {
		return nil, Report{}, errors.New("head: calibration needs held-out rows: give several strengths, so that there is a cross-validation")
	}
	switch {
	case options.Loss != "" && options.Loss != LossSoftmax && options.Loss != LossHinge:
		return nil, Report{}, fmt.Errorf("head: unknown loss %q: use softmax or hinge", options.Loss)
	case !(options.L1Ratio >= 0 && options.L1Ratio <= 1):
		return nil, Report{}, fmt.Errorf("head: L1 ratio %g: use 0 to 1", options.L1Ratio)
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
		h.calibrate(&report, t.logits, y, t.tested)
	}
	return h, report, nil
}

// check refuses rows and labels that no head can be trained on.
func (o TrainOptions) check(x Matrix, labels []string) (classes []string, y []int, err error) {
	if err := x.validate(); err != nil {
		return nil, nil, err
	}
	if o.Groups != nil && len(o.Groups) != x.Rows {
		return nil, nil, fmt.Errorf("head: %d groups for %d rows", len(o.Groups), x.Rows)
	}
	return indexLabels(x, labels)
}

// UsedColumns are the columns that have a weight in a head without hidden units, by decreasing sum of
// the absolute weights of all classes.
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

// ownGroups makes each row its own group.
func ownGroups(rows int) []string {
	groups := make([]string, rows)
	for i := range groups {
		groups[i] = strconv.Itoa(i)
	}
	return groups
}

// indexLabels returns the sorted classes and the index of each row's class.
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

// Classes returns the sorted names that occur in labels. Labels that no head can be trained on are an
// error: empty ones, a single class, a class with a single row.
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
			return nil, fmt.Errorf("head: the label %q is not UTF-8, so a head's file cannot hold it: escape it as datasets do", l)
		}
	}
	classes := slices.Sorted(maps.Keys(counts))
	if len(classes) == 0 {
		return nil, errors.New("head: there are no rows to learn from")
	}
	if len(classes) == 1 {
		return nil, fmt.Errorf("head: all rows are of one class, %q: a classifier needs two: check the labels", classes[0])
	}
	for _, c := range classes {
		if counts[c] < 2 {
			return nil, fmt.Errorf("head: class %q has only one row: add images of it, or leave it out", c)
		}
	}
	return classes, nil
}
