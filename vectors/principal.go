package vectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Projection is the result of PrincipalComponents.
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

// ErrNoConvergence says that the principal components were not found to the required accuracy.
var ErrNoConvergence = errors.New("no convergence")

const (
	// blockSize is the number of directions that are followed at a time.
	blockSize = 8
	// maxDirections bounds the stored directions, in two copies: 51 MB for pool5. If there are
	// more, the search restarts from the best ones.
	maxDirections = 128
	// componentTolerance is the accepted norm of S v - lambda v, relative to the largest
	// lambda, where S is the covariance, v a component and lambda its variance.
	componentTolerance = 1e-8
	maxIterations      = 300
)

// PrincipalComponents finds the directions in which the rows vary most, and the rows' coordinates
// along them. It uses a block Krylov method from a fixed random start (Musco and Musco, "Randomized
// block Krylov methods", 2015): on each pass over the stream, directions are multiplied by the
// covariance, and the components are sought among all directions so far. The covariance matrix
// itself, 25,088 wide for pool5, is never needed.
func PrincipalComponents(ctx context.Context, source Source, components int) (*Projection, error) {
	p := &principal{source: source.checked(), random: rand.New(rand.NewPCG(1, 2))}
	if err := p.moments(ctx); err != nil {
		return nil, err
	}
	if components < 1 || components > blockSize || p.rows < 2 || p.cols < components {
		return nil, fmt.Errorf("vectors: %d principal components of %d rows of %d values: it takes at least two rows and two values, and at most %d components", components, p.rows, p.cols, blockSize)
	}
	if p.variance == 0 {
		return nil, errors.New("vectors: principal components: all rows are equal")
	}
	next := make([][]float64, min(blockSize, p.cols))
	for i := range next {
		next[i] = p.noise()
	}
	for iteration := 1; iteration <= maxIterations; iteration++ {
		done, images, err := p.iterate(ctx, next, components)
		if err != nil {
			return nil, err
		}
		if done {
			p.result.Iterations = iteration
			return &p.result, p.project(ctx)
		}
		next = images
	}
	return nil, fmt.Errorf("vectors: principal components: %w after %d iterations", ErrNoConvergence, maxIterations)
}

type principal struct {
	source     Source
	random     *rand.Rand
	rows, cols int
	mean       []float64
	variance   float64 // of all columns, summed
	centered   []float64
	// basis are orthonormal directions, images their products with the covariance.
	basis, images [][]float64
	result        Projection
}

func (p *principal) noise() []float64 {
	v := make([]float64, p.cols)
	for i := range v {
		v[i] = p.random.NormFloat64()
	}
	return v
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

// center is the block without the mean, in memory that the next call reuses.
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

// extend adds directions to the basis, orthonormalized by the Gram-Schmidt method applied twice,
// and returns those added. A direction that depends on earlier ones is replaced by a random one,
// unless the basis is full.
func (p *principal) extend(directions [][]float64) [][]float64 {
	before := len(p.basis)
	for _, v := range directions {
		if len(p.basis) == p.cols {
			break
		}
		for {
			length := floats.Norm(v, 2)
			for range 2 {
				for _, other := range p.basis {
					floats.AddScaled(v, -floats.Dot(v, other), other)
				}
			}
			if left := floats.Norm(v, 2); left > 1e-10*length {
				floats.Scale(1/left, v)
				break
			}
			v = p.noise()
		}
		p.basis = append(p.basis, v)
	}
	return p.basis[before:]
}

// multiply reads the stream and returns the directions multiplied by the covariance.
func (p *principal) multiply(ctx context.Context, directions [][]float64) ([][]float64, error) {
	n := len(directions)
	v, image := mat.NewDense(p.cols, n, nil), mat.NewDense(p.cols, n, nil)
	for j, d := range directions {
		v.SetCol(j, d)
	}
	var scores, product mat.Dense
	err := p.source(ctx, func(b Block) error {
		if b.Rows == 0 {
			return nil
		}
		c := p.center(b)
		scores.Reset()
		scores.Mul(c, v)
		product.Mul(c.T(), &scores)
		image.Add(image, &product)
		return nil
	})
	image.Scale(1/float64(p.rows-1), image)
	images := make([][]float64, n)
	for j := range images {
		images[j] = mat.Col(nil, j, image)
	}
	return images, err
}

// iterate adds directions and seeks the components among all so far. When they are accurate, it
// enters them into the result; otherwise it returns the directions to continue with.
func (p *principal) iterate(ctx context.Context, directions [][]float64, wanted int) (done bool, next [][]float64, err error) {
	added := p.extend(directions)
	images, err := p.multiply(ctx, added)
	if err != nil {
		return false, nil, err
	}
	p.images = append(p.images, images...)
	n := len(p.basis)
	values, within, err := p.eigen()
	if err != nil {
		return false, nil, err
	}
	// best combines directions, or their images, to the i-th component.
	best := func(of [][]float64, i int) []float64 {
		v := make([]float64, p.cols)
		for j := range of {
			floats.AddScaled(v, within.At(j, n-1-i), of[j])
		}
		return v
	}
	done = p.enter(values, wanted, best)
	if done || n+blockSize <= maxDirections {
		return done || n == p.cols, clone(images), nil
	}
	basis, restarted := [][]float64{}, [][]float64{}
	for i := range min(blockSize, n) {
		basis, restarted = append(basis, best(p.basis, i)), append(restarted, best(p.images, i))
	}
	p.basis, p.images = basis, restarted
	return false, clone(restarted), nil
}

// enter makes the result of the components, and says whether all are accurate.
func (p *principal) enter(values []float64, wanted int, best func(of [][]float64, i int) []float64) (accurate bool) {
	n := len(values)
	accurate = true
	p.result = Projection{Mean: p.mean, Components: mat.NewDense(p.cols, wanted, nil)}
	for i := range wanted {
		variance, v := max(0, values[n-1-i]), best(p.basis, i)
		residual := best(p.images, i)
		floats.AddScaled(residual, -variance, v)
		if floats.Norm(residual, 2) > componentTolerance*values[n-1] {
			accurate = false
		}
		p.result.Components.SetCol(i, v)
		p.result.Variances = append(p.result.Variances, variance)
		p.result.Ratios = append(p.result.Ratios, variance/p.variance)
	}
	return accurate
}

// eigen are the eigenvalues of the covariance within the basis, ascending, and the vectors, a column each.
func (p *principal) eigen() (values []float64, within *mat.Dense, err error) {
	n := len(p.basis)
	small := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			small.SetSym(i, j, floats.Dot(p.basis[i], p.images[j]))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(small, true) {
		return nil, nil, fmt.Errorf("vectors: principal components: %w of a %dx%d matrix", ErrNoConvergence, n, n)
	}
	within = new(mat.Dense)
	eigen.VectorsTo(within)
	return eigen.Values(nil), within, nil
}

func clone(vectors [][]float64) [][]float64 {
	out := make([][]float64, len(vectors))
	for i, v := range vectors {
		out[i] = slices.Clone(v)
	}
	return out
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
