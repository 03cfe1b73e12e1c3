package head

import (
	"context"
	"fmt"
	"slices"

	arrays "gonum.org/v1/gonum/floats"
)

// polish goes on by gradients alone: close to the minimum, differences between losses are rounding long before
// gradients are. Steps are L-BFGS's. Each may make the gradient a little larger: that takes a fraction of the steps
// of those that must not.
func (r *regression) polish(ctx context.Context, weights []float64) ([]float64, error) {
	p := newPolisher(r, weights)
	for range maxIterations {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if p.least*p.least/2 <= preciseGain {
			break
		}
		if p.advance() {
			continue
		}
		if p.past.empty() {
			break
		}
		p.past.forget() // try again along the gradient
	}
	if left := p.least * p.least / 2; !(left <= worstGain) {
		return nil, unlearnable{fmt.Errorf("head: fit with lambda %g: it stops where the loss could still fall by about %.2g: give a larger --lambda, or check the features for columns that are much larger than all others", r.lambda, left)}
	}
	p.apply(weights, p.best, p.count)
	return weights, nil
}

// polisher is a polish in progress.
type polisher struct {
	*preconditioner
	regression        *regression
	count             int
	weights, gradient []float64 // of the last loss
	// The others are preconditioned: where it is, where it might go, and the point with the smallest gradient so far,
	// of the norm least.
	point, slope, next, nextSlope, step []float64
	best                                []float64
	least                               float64
	past                                history
}

func newPolisher(r *regression, weights []float64) *polisher {
	size := len(weights)
	p := &polisher{
		regression: r, count: weightVectors(r.classes), weights: weights, gradient: make([]float64, size),
		point: make([]float64, size), slope: make([]float64, size),
		next: make([]float64, size), nextSlope: make([]float64, size), step: make([]float64, size),
		past: history{most: polishMemory},
	}
	r.loss(weights, p.gradient)
	p.preconditioner = r.precondition() // for the curvature of this loss
	p.invert(p.point, weights, p.count)
	p.apply(p.slope, p.gradient, p.count)
	p.best, p.least = slices.Clone(p.point), arrays.Norm(p.slope, 2)
	return p
}

// advance goes a step, or a part of it, unless all make the gradient too large.
func (p *polisher) advance() (advanced bool) {
	p.past.step(p.step, p.slope)
	for length := 1.0; length > 0.1 && !advanced; length /= 2 {
		arrays.AddScaledTo(p.next, p.point, length, p.step)
		p.apply(p.weights, p.next, p.count)
		p.regression.loss(p.weights, p.gradient)
		p.apply(p.nextSlope, p.gradient, p.count)
		advanced = arrays.Norm(p.nextSlope, 2) < min(2*arrays.Norm(p.slope, 2), straying*p.least)
	}
	if !advanced {
		return false
	}
	p.past.add(p.point, p.next, p.slope, p.nextSlope)
	p.point, p.next = p.next, p.point
	p.slope, p.nextSlope = p.nextSlope, p.slope
	if norm := arrays.Norm(p.slope, 2); norm < p.least {
		p.least = norm
		copy(p.best, p.point)
	}
	return true
}
