package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
)

// TrainOptions steer Train. The zero value is what is recommended.
type TrainOptions struct {
	// Seed decides about the folds of the cross-validation.
	Seed uint64
	// Lambdas are the strengths of regularization to choose from (default: 1e-4 to 10 in
	// steps of about 3).
	Lambdas []float64
	// Scaling of the columns (default ScaleCommon).
	Scaling Scaling
	// Folds of the cross-validation (default 5; fewer where a class has fewer rows).
	Folds int
	// Groups, one per row, keep rows of equal group (such as copies of one picture) in one
	// fold. Empty: every row for itself.
	Groups []string
	// Progress, if set, is called after each fold with the number of folds done.
	Progress func(done, of int)
}

var defaultLambdas = []float64{1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3, 10}

// Report tells how a head came about.
type Report struct {
	// Lambda is the strength that was chosen.
	Lambda float64 `json:"lambda"`
	// Path has the cross-validated loss and accuracy for each strength.
	Path []PathPoint `json:"path"`
	// Folds is the number of folds.
	Folds int `json:"folds"`
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
	t, err := newTrainer(ctx, x, y, len(classes), options)
	if err != nil {
		return nil, Report{}, err
	}
	report, err := t.choose(ctx)
	if err != nil {
		return nil, Report{}, err
	}
	parameters, err := t.path(ctx, t.all, []float64{report.Lambda}, nil)
	if err != nil {
		return nil, Report{}, err
	}
	h := &Head{Classes: classes, Standardization: t.standardization}
	h.Weights, h.Biases = t.weights(parameters)
	return h, report, nil
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
	classes := slices.Sorted(maps.Keys(counts))
	if len(classes) == 0 {
		return nil, errors.New("head: there are no rows to learn from")
	}
	if len(classes) == 1 {
		return nil, fmt.Errorf("head: all rows are of one class, %q: a classifier needs two; check the labels", classes[0])
	}
	for _, c := range classes {
		if counts[c] < 2 {
			return nil, fmt.Errorf("head: class %q has only one row: add pictures of it, or leave it out", c)
		}
	}
	return classes, nil
}

// trainer holds what all fits have in common.
type trainer struct {
	options         TrainOptions
	x               Matrix
	y               []int
	classes         int
	standardization Standardization
	all             []int // the numbers of all rows
	// coordinates are the standardized rows, or, where those are longer than there are
	// rows, equivalent ones of the length of the number of rows.
	coordinates *mat.Dense
	// factor is L of K = L L' in the second case.
	factor *mat.TriDense
}

func newTrainer(ctx context.Context, x Matrix, y []int, classes int, options TrainOptions) (*trainer, error) {
	t := &trainer{options: options, x: x, y: y, classes: classes, all: make([]int, x.Rows)}
	for i := range t.all {
		t.all[i] = i
	}
	if len(options.Lambdas) == 0 {
		t.options.Lambdas = defaultLambdas
	}
	if s := options.Scaling; s != "" && s != ScaleCommon && s != ScaleColumns {
		return nil, fmt.Errorf("head: unknown scaling %q: use common or columns", s)
	}
	for _, l := range t.options.Lambdas {
		if !(l > 0) || math.IsInf(l, 0) {
			return nil, fmt.Errorf("head: lambda %g: the strength of regularization must be positive", l)
		}
	}
	// From strong to weak: each solution is a good start for the next.
	t.options.Lambdas = slices.Clone(t.options.Lambdas)
	slices.SortFunc(t.options.Lambdas, func(a, b float64) int { return cmp.Compare(b, a) })
	var err error
	if t.standardization, err = standardize(x, t.all, options.Scaling); err != nil {
		return nil, err
	}
	if x.Cols > x.Rows {
		return t, t.dual(ctx)
	}
	t.coordinates = mat.NewDense(x.Rows, x.Cols, nil)
	row := make([]float32, x.Cols)
	for i := range x.Rows {
		t.standardization.apply(row, x.Row(i))
		for j, v := range row {
			t.coordinates.Set(i, j, float64(v))
		}
	}
	return t, nil
}

// ridge keeps the Gram matrix, whose rows sum to zero and whose entries were summed in
// float32, positive definite: a part of its mean diagonal.
const ridge = 1e-6

func (t *trainer) dual(ctx context.Context) error {
	k, err := gram(ctx, t.x, t.all, t.standardization)
	if err != nil {
		return err
	}
	mean := mat.Trace(k) / float64(t.x.Rows)
	for relative := ridge; relative < 1; relative *= 10 {
		for i := range t.x.Rows {
			k.SetSym(i, i, k.At(i, i)+relative*mean)
		}
		var cholesky mat.Cholesky
		if cholesky.Factorize(k) {
			t.factor = new(mat.TriDense)
			cholesky.LTo(t.factor)
			t.coordinates = mat.DenseCopyOf(t.factor)
			return nil
		}
	}
	return errors.New("head: the rows' inner products have no Cholesky factor: are features missing?")
}

// choose finds the strength with the smallest cross-validated log loss.
func (t *trainer) choose(ctx context.Context) (Report, error) {
	lambdas := t.options.Lambdas
	folds := t.folds()
	report := Report{Folds: slices.Max(folds) + 1}
	if len(lambdas) == 1 {
		report.Lambda = lambdas[0]
		return report, nil
	}
	// The folds' sums are added in their order, so that the result is always the same.
	type sums struct{ loss, right []float64 }
	perFold := make([]sums, report.Folds)
	finished := make(chan struct{}, report.Folds)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2) // more would only compete for memory
	for f := range report.Folds {
		group.Go(func() error {
			var train, test []int
			for i, fold := range folds {
				if fold == f {
					test = append(test, i)
				} else {
					train = append(train, i)
				}
			}
			s := sums{make([]float64, len(lambdas)), make([]float64, len(lambdas))}
			_, err := t.path(ctx, train, lambdas, func(l int, parameters []float64) {
				s.loss[l], s.right[l] = t.test(test, parameters)
			})
			perFold[f] = s
			finished <- struct{}{}
			if t.options.Progress != nil {
				t.options.Progress(len(finished), report.Folds)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	best := math.Inf(1)
	for l, lambda := range lambdas {
		point := PathPoint{Lambda: lambda}
		for _, s := range perFold {
			point.LogLoss += s.loss[l] / float64(t.x.Rows)
			point.Accuracy += s.right[l] / float64(t.x.Rows)
		}
		report.Path = append(report.Path, point)
		if point.LogLoss < best { // of equals the stronger
			best, report.Lambda = point.LogLoss, lambda
			report.AtEdge = l == 0 || l == len(lambdas)-1
		}
	}
	return report, nil
}

// folds gives each row its fold, stratified by class.
func (t *trainer) folds() []int {
	folds := t.options.Folds
	if folds < 2 {
		folds = 5
	}
	groups := t.options.Groups
	if groups == nil {
		groups = make([]string, len(t.y))
		for i := range groups {
			groups[i] = fmt.Sprint(i)
		}
	}
	units := groupUnits(t.y, groups, t.options.Seed)
	perClass := map[int]int{}
	for _, u := range units {
		perClass[u.class]++
	}
	for _, n := range perClass {
		folds = max(2, min(folds, n))
	}
	fold, next := make([]int, len(t.y)), map[int]int{}
	for _, u := range units {
		for _, i := range u.rows {
			fold[i] = next[u.class] % folds
		}
		next[u.class]++
	}
	return fold
}

// path fits the rows for one strength after another and returns the last solution.
func (t *trainer) path(ctx context.Context, rows []int, lambdas []float64, visit func(int, []float64)) ([]float64, error) {
	_, d := t.coordinates.Dims()
	x, y := t.coordinates, t.y
	if len(rows) < len(t.y) {
		x, y = mat.NewDense(len(rows), d, nil), make([]int, len(rows))
		for i, r := range rows {
			x.SetRow(i, t.coordinates.RawRowView(r))
			y[i] = t.y[r]
		}
	}
	parameters := make([]float64, t.classes*(d+1))
	for l, lambda := range lambdas {
		var err error
		if parameters, err = newRegression(x, y, t.classes, lambda).fit(ctx, parameters); err != nil {
			return nil, err
		}
		if visit != nil {
			visit(l, parameters)
		}
	}
	return parameters, nil
}

// test sums the log loss of rows and counts those whose class is found.
func (t *trainer) test(rows []int, parameters []float64) (loss, right float64) {
	_, d := t.coordinates.Dims()
	scores := make([]float64, t.classes)
	for _, r := range rows {
		row := t.coordinates.RawRowView(r)
		for c := range scores {
			w := parameters[c*(d+1) : (c+1)*(d+1)]
			scores[c] = w[d]
			for j, v := range row {
				scores[c] += w[j] * v
			}
		}
		score := scores[t.y[r]]
		loss += softmax(scores) - score
		if argmax(scores) == t.y[r] {
			right++
		}
	}
	return loss, right
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

// weights maps a solution back to weights of the standardized columns.
func (t *trainer) weights(parameters []float64) (weights [][]float32, biases []float32) {
	_, d := t.coordinates.Dims()
	row := make([]float32, t.x.Cols)
	for c := range t.classes {
		own := parameters[c*(d+1) : (c+1)*(d+1)]
		sums := slices.Clone(own[:d])
		if t.factor != nil {
			// own = L' a, and the weights are X' a.
			var a mat.VecDense
			if err := a.SolveVec(t.factor.T(), mat.NewVecDense(d, own[:d])); err != nil {
				var condition mat.Condition
				if !errors.As(err, &condition) { // badly conditioned is expected, and harmless
					panic(fmt.Sprintf("head: solve with a Cholesky factor: %v", err))
				}
			}
			sums = make([]float64, t.x.Cols)
			for i := range t.x.Rows {
				t.standardization.apply(row, t.x.Row(i))
				factor := a.AtVec(i)
				for j, v := range row {
					sums[j] += factor * float64(v)
				}
			}
		}
		w := make([]float32, len(sums))
		for j, v := range sums {
			w[j] = float32(v)
		}
		weights, biases = append(weights, w), append(biases, float32(own[d]))
	}
	return weights, biases
}
