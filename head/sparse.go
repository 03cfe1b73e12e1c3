package head

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"

	arrays "gonum.org/v1/gonum/floats"
)

// Settings of fitSparse.
const (
	// memory is the number of steps that L-BFGS remembers.
	memory = 10
	// armijo is the share of the predicted decrease that a step must achieve.
	armijo = 1e-4
	// halvings is how often a step is halved at most; after that, only rounding is left.
	halvings = 20
)

// fitSparse minimizes the objective plus r.absolute times the absolute values of the weights of all
// classes, by OWL-QN (Andrew and Gao, "Scalable Training of L1-Regularized Log-Linear Models", 2007):
// L-BFGS whose steps end where a weight would change its sign, so that weights become exactly 0. It
// stops when no component of the gradient that the penalty does not balance is above tolerance.
func (r *regression) fitSparse(ctx context.Context, start []float64, tolerance float64) ([]float64, error) {
	f := newSparseFit(r, start)
	for range maxIterations {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		r.steepest(f.slope, f.x, f.gradient)
		if arrays.Norm(f.slope, math.Inf(1)) <= tolerance {
			break
		}
		if f.search(f.aim()) {
			f.advance()
			continue
		}
		if f.past.empty() {
			break
		}
		f.past.forget() // try again along the steepest descent
	}
	if math.IsNaN(f.value) {
		return nil, unlearnable{errors.New("head: the fit diverged to infinite weights")}
	}
	return f.x, nil
}

// sparseFit is where fitSparse has come to, and where it would go.
type sparseFit struct {
	r *regression
	// value is the objective at x, with the penalty, gradient that without it, and slope that with it.
	value              float64
	x, gradient, slope []float64
	// step is the direction of the search; next has what it found, with its gradient.
	step, next, nextGradient []float64
	past                     history
}

func newSparseFit(r *regression, start []float64) *sparseFit {
	vector := func() []float64 { return make([]float64, len(start)) }
	f := &sparseFit{
		r: r, x: slices.Clone(start), gradient: vector(), slope: vector(), step: vector(), next: vector(), nextGradient: vector(),
		past: history{most: memory},
	}
	f.value = r.loss(f.x, f.gradient) + r.absolutes(f.x)
	return f
}

// aim finds the direction of the step, and its length to try first.
func (f *sparseFit) aim() (length float64) {
	f.past.step(f.step, f.slope)
	for j, s := range f.slope {
		if f.step[j]*s > 0 { // uphill
			f.step[j] = 0
		}
	}
	if f.past.empty() {
		return math.Min(1, 1/arrays.Norm(f.slope, 2))
	}
	return 1
}

// search looks for a step that is short enough to lead downhill, and says whether there is one.
func (f *sparseFit) search(length float64) bool {
	for range halvings {
		f.move(length)
		promised := 0.0
		for j, s := range f.slope {
			promised += s * (f.next[j] - f.x[j])
		}
		if own := f.r.loss(f.next, f.nextGradient) + f.r.absolutes(f.next); own <= f.value+armijo*promised && own < f.value {
			f.value = own
			return true
		}
		length /= 2
	}
	return false
}

// move makes a step of a length, on which no weight changes its sign.
func (f *sparseFit) move(length float64) {
	d := f.r.x.cols
	for j, v := range f.x {
		f.next[j] = v + length*f.step[j]
		if j%(d+1) == d { // a bias
			continue
		}
		side := v
		if side == 0 {
			side = -f.slope[j]
		}
		if f.next[j]*side <= 0 {
			f.next[j] = 0
		}
	}
}

// advance goes to what the search found.
func (f *sparseFit) advance() {
	f.past.add(f.x, f.next, f.gradient, f.nextGradient)
	f.x, f.next = f.next, f.x
	f.gradient, f.nextGradient = f.nextGradient, f.gradient
}

// absolutes is the penalty on absolute values. The vector of two classes stands for two of half its
// size, which have the same sum.
func (r *regression) absolutes(parameters []float64) float64 {
	sum, d := 0.0, r.x.cols
	for start := 0; start < len(parameters); start += d + 1 {
		for _, v := range parameters[start : start+d] {
			sum += math.Abs(v)
		}
	}
	return r.absolute * sum
}

// steepest is the gradient including that of the absolute values. It is 0 where a weight is 0 and the
// penalty outweighs the loss in both directions.
func (r *regression) steepest(dst, x, gradient []float64) {
	d := r.x.cols
	for j, g := range gradient {
		switch v := x[j]; {
		case j%(d+1) == d:
			dst[j] = g
		case v > 0:
			dst[j] = g + r.absolute
		case v < 0:
			dst[j] = g - r.absolute
		default:
			dst[j] = math.Min(0, g+r.absolute) + math.Max(0, g-r.absolute)
		}
	}
}

// sparseLambdas are strengths to try, from half of the weakest one at which all weights are 0 down to a
// five-thousandth of it.
func (r *regression) sparseLambdas(ratio float64) []float64 {
	size := weightVectors(r.classes) * (r.x.cols + 1)
	x, gradient := make([]float64, size), make([]float64, size)
	// The biases that fit without any weight come first.
	for range 50 {
		r.loss(x, gradient)
		most := 0.0
		for c := r.x.cols; c < size; c += r.x.cols + 1 {
			x[c] -= 2 * gradient[c]
			most = math.Max(most, math.Abs(gradient[c]))
		}
		if most < 1e-4 {
			break
		}
	}
	r.loss(x, gradient)
	strongest := 0.0
	for j, g := range gradient {
		if j%(r.x.cols+1) != r.x.cols {
			strongest = math.Max(strongest, math.Abs(g)/ratio)
		}
	}
	var all []float64
	for _, part := range []float64{0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002} {
		// Two digits are enough, and easy to repeat with --lambda.
		rounded, _ := strconv.ParseFloat(strconv.FormatFloat(part*strongest, 'e', 1, 64), 64) // its own text
		all = append(all, rounded)
	}
	return all
}
