package head

import (
	"context"
	"math"
	"math/rand/v2"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
)

// directions are those in which rows vary most: approximately the eigenvectors of the columns'
// covariance with the largest eigenvalues, orthonormal. Features are highly correlated, so a loss is
// hundreds of times more curved along these than along others, and L-BFGS needs many steps to discover
// that. Given the directions (see preconditioner), it needs a fraction of them.
//
// Of smaller problems, only the columns' variances are known, which make up for different sizes.
type directions struct {
	vectors dense // one in each row
	values  []float64
	// rest is the mean of the other eigenvalues.
	rest float64
	// variances, if there are no vectors, are those of the columns.
	variances []float64
}

// Directions are found by block power iteration (Halko, Martinsson and Tropp 2011): their number, the
// maximum number of rows that are used, and the number of iterations. They need not be exact.
const (
	directionCount  = 64
	directionRows   = 8192
	directionRounds = 3
	// Smaller problems are solved faster than their directions are found.
	directionMinCols = 256
	directionMinRows = 512
)

// findDirections finds no vectors in problems that are too small to be worth it.
func findDirections(ctx context.Context, x dense) (*directions, error) {
	if x.cols < directionMinCols || x.rows < directionMinRows {
		return &directions{variances: x.variances()}, nil
	}
	rows := make([]int, min(x.rows, directionRows))
	for i := range rows {
		rows[i] = i * x.rows / len(rows) // evenly spaced
	}
	v, image, err := x.leading(ctx, rows)
	if err != nil {
		return nil, err
	}
	values, basis, ok := within(v, image)
	if !ok {
		return &directions{variances: x.variances()}, nil // fitting only takes longer
	}
	k := v.rows
	d := &directions{vectors: newDense(k, x.cols), values: values}
	top := 0.0
	for i := range k {
		d.values[i] = math.Max(d.values[i], 0)
		top += d.values[i]
		row := d.vectors.row(i)
		for j := range k {
			factor := float32(basis.At(j, i))
			for c, value := range v.row(j) {
				row[c] += factor * value
			}
		}
	}
	total := 0.0
	for _, r := range rows {
		total += dot(x.row(r), x.row(r)) / float64(len(rows))
	}
	d.rest = math.Max(total-top, 0) / float64(max(1, x.cols-k))
	return d, nil
}

// leading are orthonormal vectors that nearly span the directions in which some rows vary most, from random ones, and
// their images under the rows' covariance.
func (x dense) leading(ctx context.Context, rows []int) (v, image dense, err error) {
	v = newDense(directionCount, x.cols)
	random := rand.New(rand.NewPCG(1, 0x646972))
	for i := range v.rows {
		for j := range v.cols {
			v.row(i)[j] = float32(random.NormFloat64())
		}
	}
	orthonormalize(v)
	for round := range directionRounds {
		if err := context.Cause(ctx); err != nil {
			return v, image, err
		}
		image = x.covariance(rows, v)
		if round < directionRounds-1 {
			copy(v.data, image.data)
			orthonormalize(v)
		}
	}
	return v, image, nil
}

// within are the eigenvalues and eigenvectors of V C V', which within the span of the vectors V are those of C
// (Rayleigh-Ritz); image is V C.
func within(v, image dense) (values []float64, basis *mat.Dense, ok bool) {
	small := mat.NewSymDense(v.rows, nil)
	for i := range v.rows {
		for j := range i + 1 {
			small.SetSym(i, j, (dot(v.row(i), image.row(j))+dot(v.row(j), image.row(i)))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(small, true) {
		return nil, nil, false
	}
	basis = new(mat.Dense)
	eigen.VectorsTo(basis)
	return eigen.Values(nil), basis, true
}

// variances are those of columns whose mean is 0.
func (x dense) variances() []float64 {
	all := make([]float64, x.cols)
	for i := range x.rows {
		for j, v := range x.row(i)[:x.cols] {
			all[j] += float64(v) * float64(v) / float64(x.rows)
		}
	}
	return all
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for j, v := range a {
		sum += float64(v) * float64(b[j])
	}
	return sum
}

// orthonormalize makes rows orthonormal, by the Gram-Schmidt process applied twice.
func orthonormalize(v dense) {
	for i := range v.rows {
		own := v.row(i)
		for range 2 {
			for j := range i {
				other := v.row(j)
				factor := float32(dot(own, other))
				for c, value := range other {
					own[c] -= factor * value
				}
			}
		}
		unitNorm(own, own)
	}
}

// covarianceParts is fixed, so that sums do not depend on the number of CPUs.
const covarianceParts = 8

// covariance computes V X'X / n for some rows of x, whose columns have mean 0.
func (x dense) covariance(rows []int, v dense) dense {
	parts := make([]dense, covarianceParts)
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for p := range parts {
		group.Go(func() error {
			parts[p] = newDense(v.rows, v.cols)
			scores := make([]float32, blockRows*v.rows)
			own := rows[p*len(rows)/covarianceParts : (p+1)*len(rows)/covarianceParts]
			for start := 0; start < len(own); start += blockRows {
				block := own[start:min(start+blockRows, len(own))]
				x.scores(block, v, scores)
				x.addProducts(block, scores, parts[p])
			}
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
	sum := parts[0]
	for _, part := range parts[1:] {
		for i, value := range part.data {
			sum.data[i] += value
		}
	}
	for i := range sum.data {
		sum.data[i] /= float32(len(rows))
	}
	return sum
}

// preconditioner maps the variables u of the optimizer to weights w = P u, where P is the inverse square
// root of the approximate curvature: curvature * covariance + strength.
type preconditioner struct {
	*directions
	// factors are for the directions, common is for all others, bias for biases.
	factors      []float32
	common, bias float64
	// scales, if there are no directions, are those of the columns.
	scales []float64
}

// precondition makes a preconditioner for losses with a curvature with respect to the scores and a
// penalty of a strength.
func (d *directions) precondition(curvature, strength float64) *preconditioner {
	inverseRoot := func(value float64) float64 { return 1 / math.Sqrt(curvature*value+strength) }
	if d.vectors.rows == 0 {
		p := &preconditioner{directions: d, bias: 1 / math.Sqrt(curvature)}
		for _, v := range d.variances {
			p.scales = append(p.scales, inverseRoot(v))
		}
		return p
	}
	p := &preconditioner{directions: d, common: inverseRoot(d.rest), bias: 1 / math.Sqrt(curvature)}
	for _, value := range d.values {
		p.factors = append(p.factors, float32(inverseRoot(value)-p.common))
	}
	return p
}

// apply computes P x, which equals P' x, for parameters laid out as in regression.
func (p *preconditioner) apply(dst, x []float64, count int) {
	if p.scales != nil {
		for j, v := range x {
			if at := j % (len(p.scales) + 1); at < len(p.scales) {
				dst[j] = v * p.scales[at]
			} else {
				dst[j] = v * p.bias
			}
		}
		return
	}
	d := p.vectors.cols
	in, out, all := newDense(count, d), newDense(padded(count, 2), d), make([]int, count)
	for c := range count {
		all[c] = c
		for j, v := range x[c*(d+1) : c*(d+1)+d] {
			in.row(c)[j] = float32(v)
		}
	}
	scores := make([]float32, count*p.vectors.rows)
	in.scores(all, p.vectors, scores)
	// addProducts takes the factors by row, which are the directions here.
	factors := make([]float32, p.vectors.rows*out.rows)
	directions := make([]int, p.vectors.rows)
	for i := range directions {
		directions[i] = i
		for c := range count {
			factors[i*out.rows+c] = scores[c*p.vectors.rows+i] * p.factors[i]
		}
	}
	p.vectors.addProducts(directions, factors, out)
	for c := range count {
		from, to := x[c*(d+1):(c+1)*(d+1)], dst[c*(d+1):(c+1)*(d+1)]
		for j, v := range from[:d] {
			to[j] = p.common*v + float64(out.row(c)[j])
		}
		to[d] = p.bias * from[d]
	}
}

// invert computes u from w.
func (p *preconditioner) invert(dst, w []float64, count int) {
	inverse := &preconditioner{directions: p.directions, common: 1 / p.common, bias: 1 / p.bias}
	for _, s := range p.scales {
		inverse.scales = append(inverse.scales, 1/s)
	}
	for _, f := range p.factors {
		inverse.factors = append(inverse.factors, float32(1/(float64(f)+p.common)-inverse.common))
	}
	inverse.apply(dst, w, count)
}
