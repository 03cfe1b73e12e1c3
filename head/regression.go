package head

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// regression is softmax regression on n rows of d coordinates. Its parameters are, class by
// class, d weights and a bias.
type regression struct {
	x       *mat.Dense // n x d
	y       []int      // class of each row
	classes int
	lambda  float64
	scores  *mat.Dense // n x classes, used again by every evaluation
}

func newRegression(x *mat.Dense, y []int, classes int, lambda float64) *regression {
	n, _ := x.Dims()
	return &regression{x, y, classes, lambda, mat.NewDense(n, classes, nil)}
}

func (r *regression) dims() (n, d int) { return r.x.Dims() }

// loss is the objective; if gradient is not nil, it is filled.
func (r *regression) loss(parameters, gradient []float64) float64 {
	n, d := r.dims()
	weights := mat.NewDense(r.classes, d+1, parameters)
	w := weights.Slice(0, r.classes, 0, d)
	r.scores.Mul(r.x, w.T())
	total := 0.0
	for i := range n {
		row := r.scores.RawRowView(i)
		for c := range row {
			row[c] += weights.At(c, d)
		}
		score := row[r.y[i]]
		total += softmax(row) - score
		row[r.y[i]]-- // probabilities less the truth
	}
	penalty := 0.0
	for c := range r.classes {
		for _, v := range weights.RawRowView(c)[:d] {
			penalty += v * v
		}
	}
	if gradient != nil {
		g := mat.NewDense(r.classes, d+1, gradient)
		slope := g.Slice(0, r.classes, 0, d).(*mat.Dense)
		slope.Mul(r.scores.T(), r.x)
		for c := range r.classes {
			row := g.RawRowView(c)
			for j, v := range weights.RawRowView(c)[:d] {
				row[j] = row[j]/float64(n) + r.lambda*v
			}
			row[d] = 0
			for i := range n {
				row[d] += r.scores.At(i, c)
			}
			row[d] /= float64(n)
		}
	}
	return total/float64(n) + r.lambda/2*penalty
}

// softmax turns scores into probabilities in place and returns the logarithm of the sum of
// their exponentials.
func softmax(scores []float64) float64 {
	most := math.Inf(-1)
	for _, s := range scores {
		most = math.Max(most, s)
	}
	sum := 0.0
	for i, s := range scores {
		scores[i] = math.Exp(s - most)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
	return most + math.Log(sum)
}

// Settings of the optimizer: the gradient is per row, so its norm does not grow with them.
const (
	defaultTolerance  = 1e-5
	defaultIterations = 500
)

// fit minimizes the objective from start, which may be the solution for another strength.
func (r *regression) fit(ctx context.Context, start []float64) ([]float64, error) {
	// The optimizer asks for the value and for the gradient at the same point, one after
	// the other; both come out of one pass over the rows.
	point, gradient := make([]float64, len(start)), make([]float64, len(start))
	value, known := 0.0, false
	evaluate := func(x []float64) {
		if known && slices.Equal(x, point) {
			return
		}
		copy(point, x)
		value, known = r.loss(x, gradient), true
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { evaluate(x); return value },
		Grad: func(g, x []float64) { evaluate(x); copy(g, gradient) },
		Status: func() (optimize.Status, error) {
			if err := ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	settings := &optimize.Settings{GradientThreshold: defaultTolerance, MajorIterations: defaultIterations, Converger: optimize.NeverTerminate{}}
	result, err := optimize.Minimize(problem, start, settings, &optimize.LBFGS{})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// At the limit of float64's precision the line search finds no better point, which the
	// optimizer calls an error; the point it has is the solution.
	if err != nil && (result == nil || math.IsNaN(result.F)) {
		return nil, fmt.Errorf("head: fit with lambda %g: %w", r.lambda, err)
	}
	return result.X, nil
}
