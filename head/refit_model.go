package head

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// refitModel is linear discriminant analysis for one fold. Its directions w are one fewer than its classes.
type refitModel struct {
	refit *Refit
	fold  *refitFold
	y     []int32
	// classes are those with rows outside the fold, the largest one last, shares their shares of the labelled rows.
	classes []int
	shares  []float64
	labels  float64 // the number of labelled rows
	mean    []float64
	// w has a direction in each row, narrow the same in float32; q has the means of the classes along them, around the mean of
	// the labelled rows, and at is that mean.
	w, q   *mat.Dense
	narrow dense
	at     []float64
	// vectors and biases give the scores of classes from a row's place along the directions.
	vectors *mat.Dense
	biases  []float64
}

// newRefitModel fits the model; with fewer than two classes, it has no directions.
func newRefitModel(r *Refit, f int, y []int32, sums []classSums) *refitModel {
	m := &refitModel{refit: r, fold: &r.folds[f], y: y}
	counts := make([]float64, len(sums[0].counts))
	for g, s := range sums {
		for c, n := range s.counts {
			if g != f {
				counts[c] += n
			}
		}
	}
	for c, n := range counts {
		if n > 0 {
			m.classes = append(m.classes, c)
			m.labels += n
		}
	}
	if len(m.classes) < 2 {
		return m
	}
	// The largest one's mean follows from the others'.
	slices.SortStableFunc(m.classes, func(a, b int) int { return cmp.Compare(counts[a], counts[b]) })
	means := m.means(f, sums, counts)
	m.solve(means)
	m.discriminate()
	return m
}

// means are those of the classes, around that of all labelled rows.
func (m *refitModel) means(f int, sums []classSums, counts []float64) *mat.Dense {
	d := m.refit.coordinates.cols
	m.mean = make([]float64, d)
	means := mat.NewDense(len(m.classes), d, nil)
	for k, c := range m.classes {
		row := means.RawRowView(k)
		for g, s := range sums {
			if g == f || s.sums[c] == nil {
				continue
			}
			for j, v := range s.sums[c] {
				row[j] += v
			}
		}
		for j := range row {
			m.mean[j] += row[j] / m.labels
			row[j] /= counts[c]
		}
		m.shares = append(m.shares, counts[c]/m.labels)
	}
	for k := range m.classes {
		row := means.RawRowView(k)
		for j := range row {
			row[j] -= m.mean[j]
		}
	}
	return means
}

// solve finds the directions, and the means along them.
func (m *refitModel) solve(means *mat.Dense) {
	k, d := means.Dims()
	turned := mat.DenseCopyOf(means.Slice(0, k-1, 0, d).T())
	m.fold.factor.solve(turned) // lambda bounds how badly the matrix is conditioned
	m.w = mat.DenseCopyOf(turned.T())
	m.narrow = newDense(padded(k-1, quad), d)
	for i := range k - 1 {
		row := m.narrow.row(i)
		for j, v := range m.w.RawRowView(i) {
			row[j] = float32(v)
		}
	}
	m.q = new(mat.Dense)
	m.q.Mul(means, m.w.T())
	m.at = make([]float64, k-1)
	mat.NewVecDense(k-1, m.at).MulVec(m.w, mat.NewVecDense(d, m.mean))
}

// discriminate finds the scores of classes along the directions.
func (m *refitModel) discriminate() {
	k := len(m.classes)
	s := m.within()
	var factor mat.Cholesky
	for jitter := 1e-12; !factor.Factorize(s); jitter *= 10 { // classes that have the same mean
		for i := range k - 1 {
			s.SetSym(i, i, s.At(i, i)+jitter*(mat.Trace(s)/float64(k-1)+math.SmallestNonzeroFloat32))
		}
	}
	var turned mat.Dense
	_ = factor.SolveTo(&turned, m.q.T()) // says if the matrix is badly conditioned, as the one of solve is not
	m.vectors = mat.DenseCopyOf(turned.T())
	for c := range k {
		own, q := m.vectors.RawRowView(c), m.q.RawRowView(c)
		bias := math.Log(m.shares[c])
		for j, v := range own {
			bias -= v * (q[j]/2 + m.at[j])
		}
		m.biases = append(m.biases, bias)
	}
}

// within is the covariance of the labelled rows around the means of their classes along the directions, and lambda.
func (m *refitModel) within() *mat.SymDense {
	k := len(m.classes)
	squares := m.squares()
	var lengths mat.SymDense
	lengths.SymOuterK(1, m.w)
	s := mat.NewSymDense(k-1, nil)
	for i := range k - 1 {
		for j := i; j < k-1; j++ {
			v := squares.At(i, j)/m.labels - m.at[i]*m.at[j] + m.fold.factor.lambda*lengths.At(i, j)
			for c, share := range m.shares {
				v -= share * m.q.At(c, i) * m.q.At(c, j)
			}
			s.SetSym(i, j, v)
		}
	}
	return s
}

// squares are the sums of z z' over the labelled rows, z being their places along the directions: those of the labelled
// rows, or of all rows, which the covariance gives, less the others, whichever are fewer.
func (m *refitModel) squares() *mat.SymDense {
	var labelled, others []int
	for _, i := range m.fold.train {
		if m.y[i] >= 0 {
			labelled = append(labelled, i)
		} else {
			others = append(others, i)
		}
	}
	k := len(m.classes) - 1
	sum := mat.NewSymDense(k, nil)
	if len(labelled) <= len(others) {
		m.addSquares(sum, labelled, 1)
		return sum
	}
	// w' (T + lambda I) w are the means along the directions, by what the directions are.
	var lengths mat.SymDense
	lengths.SymOuterK(1, m.w)
	at := mat.NewVecDense(k, nil)
	at.MulVec(m.w, mat.NewVecDense(len(m.fold.mean), m.fold.mean))
	n := float64(len(m.fold.train))
	for i := range k {
		for j := i; j < k; j++ {
			sum.SetSym(i, j, n*((m.q.At(i, j)+m.q.At(j, i))/2-m.fold.factor.lambda*lengths.At(i, j)+at.AtVec(i)*at.AtVec(j)))
		}
	}
	m.addSquares(sum, others, -1)
	return sum
}

// addSquares adds the squares of rows, times a factor.
func (m *refitModel) addSquares(sum *mat.SymDense, rows []int, factor float64) {
	k := len(m.classes) - 1
	m.along(rows, func(_ int, z []float32) {
		for i := range k {
			for j := i; j < k; j++ {
				sum.SetSym(i, j, sum.At(i, j)+factor*float64(z[i])*float64(z[j]))
			}
		}
	})
}

// along calls visit with the places of rows along the directions.
func (m *refitModel) along(rows []int, visit func(row int, z []float32)) {
	out := make([]float32, blockRows*m.narrow.rows)
	for block := range slices.Chunk(rows, blockRows) {
		m.refit.coordinates.scores(block, m.narrow, out)
		for i, r := range block {
			visit(r, out[i*m.narrow.rows:(i+1)*m.narrow.rows])
		}
	}
}

// test scores the rows of the fold.
func (m *refitModel) test(out *Refitted, y []int32) {
	if len(m.classes) < 2 {
		for _, r := range m.fold.test {
			own := out.Of(r)
			for c := range own {
				own[c] = math.NaN()
			}
		}
		return
	}
	m.along(m.fold.test, func(r int, z []float32) {
		own := out.Of(r)
		for c := range own {
			own[c] = math.Inf(-1)
		}
		for k, c := range m.classes {
			score := m.biases[k]
			for j, v := range m.vectors.RawRowView(k) {
				score += v * float64(z[j])
			}
			own[c] = score
			out.Tested[r] = out.Tested[r] || y[r] == int32(c)
		}
	})
}
