package head

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
)

// Refitted is what Refit.Fit finds for the labels of the moment.
type Refitted struct {
	// Classes is the number of classes; probabilities of row i are Probabilities[i*Classes : (i+1)*Classes], by a model
	// that was trained on rows of other folds alone, labelled or not. They are NaN where there were fewer than two classes to
	// learn.
	Classes       int
	Probabilities []float64
	// Tested says which rows have a label that others outside their fold have, too.
	Tested []bool
	// Right is the number of tested rows whose label is the most probable class, N that of all tested ones.
	Right, N int
	// Temperature is what scores were divided by.
	Temperature float64
}

// Accuracy is the share of tested rows that are classified as their label says, and its 95 % interval (Wilson's). Without
// a tested row, there is none.
func (r *Refitted) Accuracy() (value float64, interval [2]float64, ok bool) {
	if r.N == 0 {
		return 0, interval, false
	}
	value = float64(r.Right) / float64(r.N)
	return value, Wilson(value, float64(r.N)), true
}

// Of are the probabilities of a row.
func (r *Refitted) Of(row int) []float64 { return r.Probabilities[row*r.Classes : (row+1)*r.Classes] }

// Fit tests all rows by models of the other folds, for the classes y of the rows: numbers below classes, or -1 for rows
// without a label.
func (r *Refit) Fit(ctx context.Context, y []int32, classes int) (*Refitted, error) {
	return r.fit(ctx, len(r.folds), y, y, classes)
}

// fit learns from some labels, and tests others, in the first folds.
func (r *Refit) fit(ctx context.Context, folds int, learn, y []int32, classes int) (*Refitted, error) {
	if len(y) != len(r.number) || len(learn) != len(y) {
		return nil, fmt.Errorf("head: %d labels for %d rows", len(y), len(r.number))
	}
	if i := slices.IndexFunc(y, func(c int32) bool { return c < -1 || int(c) >= classes }); i >= 0 {
		return nil, fmt.Errorf("head: row %d has class %d of %d", i, y[i], classes)
	}
	out := &Refitted{Classes: classes, Probabilities: make([]float64, len(y)*classes), Tested: make([]bool, len(y))}
	sums := r.sums(learn, classes)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(allCPUs())
	for f := range r.folds[:folds] {
		group.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			newRefitModel(r, f, learn, sums).test(out, y)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out.finish(y, learn)
	return out, nil
}

// classSums are the sums of the rows of each class in a fold, and their numbers.
type classSums struct {
	counts []float64
	sums   [][]float64
}

// sums are those of all folds.
func (r *Refit) sums(y []int32, classes int) []classSums {
	d := r.coordinates.cols
	all := make([]classSums, len(r.folds))
	for f := range all {
		all[f] = classSums{make([]float64, classes), make([][]float64, classes)}
		for _, i := range r.folds[f].test {
			if c := y[i]; c >= 0 {
				if all[f].counts[c]++; all[f].sums[c] == nil {
					all[f].sums[c] = make([]float64, d)
				}
			}
		}
	}
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for f := range all {
		group.Go(func() error {
			for _, i := range r.folds[f].test {
				if y[i] < 0 {
					continue
				}
				sum := all[f].sums[y[i]]
				for j, v := range r.coordinates.row(i)[:d] {
					sum[j] += float64(v)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
	return all
}

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
	var turned mat.Dense
	if err := m.fold.factor.SolveTo(&turned, means.Slice(0, k-1, 0, d).T()); err != nil {
		_ = err // it says that the matrix is badly conditioned, which lambda bounds
	}
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
	if err := factor.SolveTo(&turned, m.q.T()); err != nil {
		_ = err // as in solve
	}
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
			v := squares.At(i, j)/m.labels - m.at[i]*m.at[j] + m.fold.lambda*lengths.At(i, j)
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
			sum.SetSym(i, j, n*((m.q.At(i, j)+m.q.At(j, i))/2-m.fold.lambda*lengths.At(i, j)+at.AtVec(i)*at.AtVec(j)))
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
