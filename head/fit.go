package head

import (
	"context"
	"fmt"
	"math"
	"slices"

	arrays "gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// Settings of the optimizer. Where it stops is told by what the mean loss could still fall by, about half of
// g' C^-1 g with the gradient g and the curvature C, of which the preconditioner is the approximate inverse. Unlike
// the size of the gradient, that says how far predictions are from those at the optimum, whatever the strength of the
// penalty and the sizes of the columns.
const (
	// preciseGain puts probabilities within 1e-4 of the optimum (TestOptimum).
	preciseGain = 2e-11
	// closeGain is where steps need no search along them any more, which takes two evaluations each.
	closeGain = 1e-6
	// validationGain is enough to compare strengths. Where the loss is below 0.1, it falls with it.
	validationGain = 1e-5
	// worstGain is more than rounding leaves: a fit that ends with more has failed.
	worstGain = 1e-6

	// sparseTolerance and sparseValidationTolerance bound the gradient of a penalty on absolute values.
	sparseTolerance           = 1e-5
	sparseValidationTolerance = 1e-4

	maxIterations = 500
	// fruitless is the number of evaluations in a row without progress after which the rest is rounding.
	fruitless = 20
	// polishMemory is the number of steps that polishing remembers, straying how much larger than the smallest one
	// a gradient may be on the way.
	polishMemory = 20
	straying     = 10
	// minCurvature bounds the steps where all predictions are certain.
	minCurvature = 1e-3
)

// fit minimizes the objective from start, which may be the solution for another strength, for the final weights or,
// less closely, to compare strengths.
func (r *regression) fit(ctx context.Context, start []float64, final bool) ([]float64, error) {
	switch {
	case r.absolute > 0 && final:
		return r.fitSparse(ctx, start, sparseTolerance)
	case r.absolute > 0:
		return r.fitSparse(ctx, start, sparseValidationTolerance)
	case !final:
		return r.descend(ctx, start, validationGain)
	}
	found, err := r.descend(ctx, start, closeGain)
	if err != nil {
		return nil, err
	}
	return r.polish(ctx, found)
}

// descend minimizes until the loss is within about gain of the minimum, less where it is small, or falls no more.
func (r *regression) descend(ctx context.Context, start []float64, gain float64) ([]float64, error) {
	d := r.descent(start, gain)
	if d.done {
		return d.best, nil
	}
	problem := optimize.Problem{
		Func:   func(x []float64) float64 { d.evaluate(x); return d.value },
		Grad:   func(g, x []float64) { d.evaluate(x); copy(g, d.slope) },
		Status: func() (optimize.Status, error) { return d.status(ctx) },
	}
	settings := &optimize.Settings{MajorIterations: maxIterations, Converger: optimize.NeverTerminate{}}
	result, err := optimize.Minimize(problem, slices.Clone(d.point), settings, &optimize.LBFGS{})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	// At the limit of the precision the line search finds no better point, which the optimizer reports
	// as an error. The best point so far is the solution.
	if err != nil && (result == nil || math.IsNaN(result.F)) {
		return nil, unlearnable{fmt.Errorf("head: fit with lambda %g: %w", r.lambda, err)}
	}
	return d.best, nil
}

// descent is the objective as the optimizer sees it, in the coordinates of a preconditioner, and the best point so far.
type descent struct {
	regression *regression
	*preconditioner
	gain float64
	// point is where the objective was evaluated last, value and slope what it is there; weights and gradient are point
	// and slope in the objective's own coordinates.
	point, slope      []float64
	value             float64
	weights, gradient []float64
	// best are the weights with the least value, since is the number of evaluations after it.
	best  []float64
	least float64
	since int
	done  bool
}

func (r *regression) descent(start []float64, gain float64) *descent {
	size := len(start)
	d := &descent{
		regression: r, gain: gain, best: slices.Clone(start), weights: slices.Clone(start),
		gradient: make([]float64, size), point: make([]float64, size), slope: make([]float64, size),
	}
	d.value = r.loss(d.weights, d.gradient)
	d.least = d.value
	d.preconditioner = r.precondition()
	d.invert(d.point, start, weightVectors(r.classes))
	d.judge()
	return d
}

// evaluate goes to a point. The optimizer asks for the value and then for the gradient there: one pass over the rows
// computes both.
func (d *descent) evaluate(x []float64) {
	if slices.Equal(x, d.point) {
		return
	}
	copy(d.point, x)
	d.apply(d.weights, x, weightVectors(d.regression.classes))
	d.value = d.regression.loss(d.weights, d.gradient)
	d.since++
	if d.value < d.least {
		d.least, d.since = d.value, 0
		copy(d.best, d.weights)
	}
	d.judge()
}

// judge says whether the last point is close enough to the minimum.
func (d *descent) judge() {
	d.apply(d.slope, d.gradient, weightVectors(d.regression.classes))
	d.done = arrays.Dot(d.slope, d.slope)/2 <= d.gain*min(1, 10*d.value)
}

func (d *descent) status(ctx context.Context) (optimize.Status, error) {
	if err := context.Cause(ctx); err != nil {
		return optimize.Failure, err
	}
	if d.done || d.since > fruitless {
		return optimize.FunctionConvergence, nil
	}
	return optimize.NotTerminated, nil
}

// precondition is for the curvature of the last loss.
func (r *regression) precondition() *preconditioner {
	return r.directions.precondition(max(r.curvature, minCurvature), r.lambda*r.half())
}
