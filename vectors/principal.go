package vectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Projection is what PrincipalComponents finds.
type Projection struct {
	// Scores has a row per row of the stream and a column per component.
	Scores *mat.Dense
	// Components has a column of unit length per component. Its largest coefficient in
	// magnitude is positive, as in scikit-learn.
	Components *mat.Dense
	Mean       []float64
	// Variances are those along the components (divided by n-1); Ratios are their shares of
	// the variance of all columns.
	Variances, Ratios []float64
	// Iterations is the number of times that the stream was read to find the components.
	Iterations int
}

// ErrNoConvergence says that principal components were not found to the wanted accuracy.
var ErrNoConvergence = errors.New("no convergence")

const (
	// oversampling is the number of directions that are followed beyond those wanted: the
	// error shrinks, each time the stream is read, by the ratio of the variances along the
	// first of those not followed and the last of those wanted.
	oversampling = 14
	// componentTolerance is the accepted norm of S v - lambda v, relative to the largest
	// lambda, where S is the covariance, v a component and lambda its variance.
	componentTolerance = 1e-8
	maxIterations      = 200
)

// PrincipalComponents finds the directions in which the rows vary most, and the rows'
// coordinates along them. The directions are found by subspace iteration from a fixed random
// start (Halko, Martinsson and Tropp, "Finding structure with randomness", 2011, 4.4), which
// needs a few directions of memory and not the covariance, which pool5 makes 25,088 wide.
func PrincipalComponents(ctx context.Context, source Source, components int) (*Projection, error) {
	p := &principal{source: source.checked()}
	if err := p.moments(ctx); err != nil {
		return nil, err
	}
	if components < 1 || p.rows < 2 || p.cols < components {
		return nil, fmt.Errorf("vectors: %d principal components of %d rows of %d values: there must be two rows and as many values", components, p.rows, p.cols)
	}
	if p.variance == 0 {
		return nil, errors.New("vectors: principal components: all rows are equal")
	}
	p.basis = p.randomBasis(min(components+oversampling, p.cols))
	for iteration := 1; iteration <= maxIterations; iteration++ {
		done, err := p.iterate(ctx, components)
		if err != nil {
			return nil, err
		}
		if done {
			p.result.Iterations = iteration
			return &p.result, p.project(ctx)
		}
	}
	return nil, fmt.Errorf("vectors: principal components: %w after %d iterations", ErrNoConvergence, maxIterations)
}

type principal struct {
	source     Source
	rows, cols int
	mean       []float64
	variance   float64 // of all columns, summed
	basis      *mat.Dense
	centered   []float64
	result     Projection
}

// moments finds the mean of each column and the sum of their variances.
func (p *principal) moments(ctx context.Context) error {
	err := p.source(ctx, func(b Block) error {
		if p.mean == nil {
			p.cols, p.mean = b.Cols, make([]float64, b.Cols)
		}
		for i := range b.Rows {
			p.rows++
			for j, x := range b.Row(i) {
				p.mean[j] += (float64(x) - p.mean[j]) / float64(p.rows)
			}
		}
		return nil
	})
	if err != nil || p.rows < 2 {
		return err
	}
	err = p.source(ctx, func(b Block) error {
		p.variance += floats.Dot(p.center(b).RawMatrix().Data, p.centered[:len(b.Data)])
		return nil
	})
	p.variance /= float64(p.rows - 1)
	return err
}

// center is the block without the mean, in memory that the next call uses again.
func (p *principal) center(b Block) *mat.Dense {
	if cap(p.centered) < len(b.Data) {
		p.centered = make([]float64, len(b.Data))
	}
	p.centered = p.centered[:len(b.Data)]
	for i := range b.Rows {
		for j, x := range b.Row(i) {
			p.centered[i*b.Cols+j] = float64(x) - p.mean[j]
		}
	}
	return mat.NewDense(b.Rows, b.Cols, p.centered)
}

// randomBasis has orthonormal columns, the same at any time.
func (p *principal) randomBasis(n int) *mat.Dense {
	random := rand.New(rand.NewPCG(1, 2))
	m := mat.NewDense(p.cols, n, nil)
	m.Apply(func(int, int, float64) float64 { return random.NormFloat64() }, m)
	orthonormalize(m, random)
	return m
}

// orthonormalize makes the columns orthonormal, by Gram and Schmidt's method done twice. A
// column that depends on those before it is replaced by a random one.
func orthonormalize(m *mat.Dense, random *rand.Rand) {
	rows, n := m.Dims()
	columns := make([][]float64, n)
	for j := range n {
		c := mat.Col(nil, j, m)
		for before := floats.Norm(c, 2); ; before = floats.Norm(c, 2) {
			for range 2 {
				for _, other := range columns[:j] {
					floats.AddScaled(c, -floats.Dot(c, other), other)
				}
			}
			if norm := floats.Norm(c, 2); norm > 1e-10*before && norm > 0 {
				floats.Scale(1/norm, c)
				break
			}
			for i := range rows {
				c[i] = random.NormFloat64()
			}
		}
		columns[j] = c
		m.SetCol(j, c)
	}
}

// iterate multiplies the basis by the covariance. It is done when the wanted components,
// seen in the basis, are accurate, and then enters them into the result.
func (p *principal) iterate(ctx context.Context, wanted int) (done bool, err error) {
	_, n := p.basis.Dims()
	image, small := mat.NewDense(p.cols, n, nil), mat.NewDense(n, n, nil)
	var scores, product, square mat.Dense
	err = p.source(ctx, func(b Block) error {
		if b.Rows == 0 {
			return nil
		}
		c := p.center(b)
		scores.Reset()
		scores.Mul(c, p.basis)
		product.Mul(c.T(), &scores)
		image.Add(image, &product)
		square.Mul(scores.T(), &scores)
		small.Add(small, &square)
		return nil
	})
	if err != nil {
		return false, err
	}
	image.Scale(1/float64(p.rows-1), image)
	small.Scale(1/float64(p.rows-1), small)

	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, small.RawMatrix().Data), true) {
		return false, fmt.Errorf("vectors: principal components: %w of a %dx%d matrix", ErrNoConvergence, n, n)
	}
	var within mat.Dense // ascending variances
	eigen.VectorsTo(&within)
	values := eigen.Values(nil)
	chosen := mat.NewDense(n, wanted, nil)
	for i := range wanted {
		chosen.SetCol(i, mat.Col(nil, n-1-i, &within))
	}
	var vectors, images mat.Dense
	vectors.Mul(p.basis, chosen)
	images.Mul(image, chosen)
	done = true
	p.result = Projection{Mean: p.mean, Components: &vectors}
	for i := range wanted {
		variance := max(0, values[n-1-i])
		residual := mat.Col(nil, i, &images)
		floats.AddScaled(residual, -variance, mat.Col(nil, i, &vectors))
		if floats.Norm(residual, 2) > componentTolerance*values[n-1] {
			done = false
		}
		p.result.Variances = append(p.result.Variances, variance)
		p.result.Ratios = append(p.result.Ratios, variance/p.variance)
	}
	if !done {
		orthonormalize(image, rand.New(rand.NewPCG(3, 4)))
		p.basis = image
	}
	return done, nil
}

// project finds the sign of the components and the scores.
func (p *principal) project(ctx context.Context) error {
	v := p.result.Components
	_, n := v.Dims()
	for j := range n {
		c := mat.Col(nil, j, v)
		largest := 0.0
		for _, x := range c {
			if math.Abs(x) > math.Abs(largest) {
				largest = x
			}
		}
		if largest < 0 {
			floats.Scale(-1, c)
			v.SetCol(j, c)
		}
	}
	p.result.Scores = mat.NewDense(p.rows, n, nil)
	return p.source(ctx, func(b Block) error {
		if b.Rows == 0 {
			return nil
		}
		part := p.result.Scores.Slice(b.First, b.First+b.Rows, 0, n).(*mat.Dense)
		part.Mul(p.center(b), v)
		return nil
	})
}
