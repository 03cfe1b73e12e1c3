package head

import (
	"context"
	"errors"
	"fmt"
	"math"

	arrays "gonum.org/v1/gonum/floats"
)

// discriminant is linear discriminant analysis on rows of a regression, whose classes, importance and
// layout of parameters it shares. With the mean m of each class, its share p of the rows (each counted
// by its importance) and the covariance S of the rows around the means of their classes, the score of a class is
//
//	x' A^-1 m  -  m' A^-1 m / 2  +  log p,    A = (1 - s) S + s trace(S)/d I
//
// with the shrinkage s, as in scikit-learn's LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s). A would have
// 16 million entries for 4,096 columns, and no use but to be inverted; conjugate gradients need only its products
// with some vectors, which take two passes' arithmetic over the rows, as a step of softmax regression does.
type discriminant struct {
	*regression
	means  [][]float64 // of the coordinates, by class
	shares []float64
	spread float64 // trace(S)/d, for the d columns of the features
}

// columns is the number of columns of the features, which may be more than the coordinates.
func newDiscriminant(r *regression, columns int) *discriminant {
	a := &discriminant{regression: r, shares: make([]float64, r.classes)}
	counts, total, squares := make([]float64, r.classes), 0.0, 0.0
	for range r.classes {
		a.means = append(a.means, make([]float64, r.x.cols))
	}
	for _, i := range r.rows {
		row, class := r.x.row(i)[:r.x.cols], r.y[i]
		weight := r.importance[class]
		counts[class] += weight
		total += weight
		squares += weight * dot(row, row)
		mean := a.means[class]
		for j, v := range row {
			mean[j] += weight * float64(v)
		}
	}
	for c, n := range counts {
		if n > 0 {
			arrays.Scale(1/n, a.means[c])
		}
		a.shares[c] = n / total
		squares -= n * arrays.Dot(a.means[c], a.means[c])
	}
	// Rows that equal the means of their classes leave only rounding.
	a.spread = max(squares/total, 1e-12) / float64(columns)
	return a
}

// shares of a class without rows: small, but not so that its score is infinite.
const leastShare = 1e-6

// Conjugate gradients stop when the residual is this small beside the right-hand side, in coordinates in which A is
// about the identity. The first is enough to compare strengths.
const (
	closeResidual   = 1e-2
	preciseResidual = 1e-6
	maxSolverSteps  = 500
)

// targets are the right-hand sides: the means, of two classes their difference.
func (a *discriminant) targets() [][]float64 {
	if a.classes > 2 {
		return a.means
	}
	difference := make([]float64, a.x.cols)
	arrays.SubTo(difference, a.means[1], a.means[0])
	return [][]float64{difference}
}

// errUnsolved says that conjugate gradients come to no solution: rows of a class hardly differ, or one column is much
// larger than all others.
var errUnsolved = errors.New("head: linear discriminant analysis has no solution in float32")

// fit returns parameters for a shrinkage, as regression.fit does. It starts from those of another shrinkage, or zeros.
func (a *discriminant) fit(ctx context.Context, start []float64, shrinkage, tolerance float64) ([]float64, error) {
	d, targets := a.x.cols, a.targets()
	p := a.directions.precondition(1-shrinkage, shrinkage*a.spread)
	solution := make([]float64, len(start))
	copy(solution, start)
	s := newSolver(a, p, shrinkage, solution, targets)
	for range maxSolverSteps {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if s.done(tolerance) {
			break
		}
		s.step()
	}
	for c, t := range targets {
		own := solution[c*(d+1) : (c+1)*(d+1)]
		own[d] = a.bias(c, own[:d], t)
	}
	if worst := s.worst(); !(worst < 100*tolerance) {
		return nil, fmt.Errorf("%w: with shrinkage %g, the residual stays at %.2g", errUnsolved, shrinkage, worst)
	}
	return solution, nil
}

// bias is the constant of a score.
func (a *discriminant) bias(class int, weights, target []float64) float64 {
	share := func(c int) float64 { return math.Log(max(a.shares[c], leastShare)) }
	if a.classes > 2 {
		return share(class) - arrays.Dot(weights, target)/2
	}
	return share(1) - share(0) - (arrays.Dot(weights, a.means[1])+arrays.Dot(weights, a.means[0]))/2
}

// multiply computes A v for vectors laid out as parameters, without their biases.
func (a *discriminant) multiply(dst, v []float64, shrinkage float64) {
	a.eachStripe(v, func(s *stripe) { s.multiply(a.regression) })
	d, count := a.x.cols, weightVectors(a.classes)
	clear(dst)
	total := 0.0
	for _, s := range a.stripes { // in a fixed order
		total += s.loss
		arrays.Add(dst, s.gradient)
	}
	for c := range count {
		own, from := dst[c*(d+1):c*(d+1)+d], v[c*(d+1):c*(d+1)+d]
		arrays.Scale((1-shrinkage)/total, own)
		for k, mean := range a.means {
			arrays.AddScaled(own, -(1-shrinkage)*a.shares[k]*arrays.Dot(mean, from), mean)
		}
		arrays.AddScaled(own, shrinkage*a.spread, from)
	}
}

// multiply sums x x' v over the stripe's rows, each times its importance, and the importances into loss.
func (s *stripe) multiply(r *regression) {
	count, d, width := weightVectors(r.classes), r.x.cols, r.weights.rows
	s.loss = 0
	clear(s.gradient)
	for start := 0; start < len(s.rows); start += flushRows {
		s.sums.clear()
		part := s.rows[start:min(start+flushRows, len(s.rows))]
		for first := 0; first < len(part); first += blockRows {
			block := part[first:min(first+blockRows, len(part))]
			r.x.scores(block, r.weights, s.scores)
			for i, row := range block {
				weight := r.importance[r.y[row]]
				s.loss += weight
				for c := range count {
					s.scores[i*width+c] *= float32(weight)
				}
			}
			r.x.addProducts(block, s.scores, s.sums)
		}
		for c := range count {
			own := s.gradient[c*(d+1):]
			for j, g := range s.sums.row(c)[:d] {
				own[j] += float64(g)
			}
		}
	}
}

// solver is the method of conjugate gradients, preconditioned, for all vectors at once, each with its own steps.
type solver struct {
	*discriminant
	preconditioner *preconditioner
	shrinkage      float64
	solution       []float64
	residual       []float64 // right-hand side minus A times solution
	better         []float64 // the preconditioned residual
	direction      []float64
	product        []float64
	sizes          []float64 // residual' better, of each vector
	first          []float64 // that of the right-hand side
}

func newSolver(a *discriminant, p *preconditioner, shrinkage float64, solution []float64, targets [][]float64) *solver {
	n, d := len(solution), a.x.cols
	s := &solver{
		discriminant: a, preconditioner: p, shrinkage: shrinkage, solution: solution, residual: make([]float64, n), better: make([]float64, n),
		direction: make([]float64, n), product: make([]float64, n), sizes: make([]float64, len(targets)), first: make([]float64, len(targets)),
	}
	for c, t := range targets {
		copy(s.residual[c*(d+1):], t)
		solution[c*(d+1)+d] = 0
	}
	s.precondition(s.first)
	if arrays.Norm(solution, 2) > 0 {
		a.multiply(s.product, solution, shrinkage)
		arrays.Sub(s.residual, s.product)
		s.precondition(s.sizes)
	} else {
		copy(s.sizes, s.first)
	}
	copy(s.direction, s.better)
	return s
}

// vector is the part of one vector.
func (s *solver) vector(all []float64, c int) []float64 {
	d := s.x.cols
	return all[c*(d+1) : c*(d+1)+d]
}

// precondition computes better, and the sizes of the residuals.
func (s *solver) precondition(sizes []float64) {
	half := make([]float64, len(s.residual))
	s.preconditioner.apply(half, s.residual, len(sizes))
	s.preconditioner.apply(s.better, half, len(sizes))
	for c := range sizes {
		sizes[c] = arrays.Dot(s.vector(s.residual, c), s.vector(s.better, c))
	}
}

// worst is the largest relative residual.
func (s *solver) worst() float64 {
	worst := 0.0
	for c, size := range s.sizes {
		if s.first[c] > 0 {
			worst = max(worst, math.Sqrt(max(size, 0)/s.first[c]))
		}
	}
	return worst
}

func (s *solver) done(tolerance float64) bool { return s.worst() <= tolerance }

// step improves the solutions.
func (s *solver) step() {
	s.multiply(s.product, s.direction, s.shrinkage)
	for c := range s.sizes {
		if curvature := arrays.Dot(s.vector(s.direction, c), s.vector(s.product, c)); curvature > 0 && s.sizes[c] > 0 {
			length := s.sizes[c] / curvature
			arrays.AddScaled(s.vector(s.solution, c), length, s.vector(s.direction, c))
			arrays.AddScaled(s.vector(s.residual, c), -length, s.vector(s.product, c))
		}
	}
	before := append([]float64(nil), s.sizes...)
	s.precondition(s.sizes)
	for c, size := range before {
		if size > 0 {
			own := s.vector(s.direction, c)
			arrays.Scale(s.sizes[c]/size, own)
			arrays.Add(own, s.vector(s.better, c))
		}
	}
}
