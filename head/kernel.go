package head

import (
	"gonum.org/v1/gonum/blas/blas32"
)

// All training comes down to two products, rows by weights and errors by rows. They are blocked here so
// that what is used again is still in the CPU's caches. Gonum's float32 products are four times slower,
// because they lack wider instructions and register tiles.
//
// The order of summation depends only on the sizes. CPUs with AVX2 round once where others round twice,
// so results differ between the two in the last digits.
const (
	// lane is the number of values that one instruction works on.
	lane = 8
	// chunk is the number of columns that are worked on at a time: those of about a dozen weight vectors
	// fit into the first-level cache.
	chunk = 512
	// blockRows is the number of rows that are worked on at a time: they are read from
	// memory once, for both products.
	blockRows = 32
	// quad is the number of weight vectors that are worked on at a time.
	quad = 4
)

// padded is the next multiple of m.
func padded(n, m int) int { return (n + m - 1) / m * m }

// dense is a matrix whose rows start stride values apart, a multiple of lane. The values between cols and
// stride are zero.
type dense struct {
	rows, cols, stride int
	data               []float32
}

func newDense(rows, cols int) dense {
	stride := padded(cols, lane)
	return dense{rows, cols, stride, make([]float32, rows*stride)}
}

// row is row i with its padding.
func (d dense) row(i int) []float32 { return d.data[i*d.stride:][:d.width()] }

// width is the number of columns with padding.
func (d dense) width() int { return padded(d.cols, lane) }

// columns is a view of columns from start, a multiple of lane, to end.
func (d dense) columns(start, end int) dense {
	return dense{d.rows, end - start, d.stride, d.data[start:]}
}

// from is a view of some rows.
func (d dense) from(start, rows int) dense {
	return dense{rows, d.cols, d.stride, d.data[start*d.stride:]}
}

// clear sets all values to zero.
func (d dense) clear() { clear(d.data) }

// scores computes the inner products of rows of x with all rows of w, whose number is a
// multiple of quad: out[i*w.rows+c] is that of rows[i] with c.
func (x dense) scores(rows []int, w dense, out []float32) {
	clear(out[:len(rows)*w.rows])
	var sums [8]float32
	for start := 0; start < x.width(); start += chunk {
		n := min(chunk, x.width()-start)
		for i := 0; i < len(rows); i += 2 {
			first, second := rows[i], rows[min(i+1, len(rows)-1)]
			for c := 0; c < w.rows; c += quad {
				dot2x4(x.row(first)[start:start+n], x.row(second)[start:start+n], w.data[c*w.stride+start:], w.stride, &sums)
				a := out[i*w.rows+c:]
				a[0], a[1], a[2], a[3] = a[0]+sums[0], a[1]+sums[1], a[2]+sums[2], a[3]+sums[3]
				if i+1 < len(rows) {
					b := out[(i+1)*w.rows+c:]
					b[0], b[1], b[2], b[3] = b[0]+sums[4], b[1]+sums[5], b[2]+sums[6], b[3]+sums[7]
				}
			}
		}
	}
}

// addProducts adds to each row c of g the rows of x times factors[i*g.rows+c]. The number
// of rows of g is even.
func (x dense) addProducts(rows []int, factors []float32, g dense) {
	var own [4][]float32
	var f [8]float32
	for start := 0; start < x.width(); start += chunk {
		n := min(chunk, x.width()-start)
		for i := 0; i < len(rows); i += 4 {
			for k := range own {
				own[k] = x.row(rows[min(i+k, len(rows)-1)])[start : start+n]
			}
			for c := 0; c < g.rows; c += 2 {
				for k := range own {
					f[k], f[4+k] = 0, 0
					if i+k < len(rows) {
						f[k], f[4+k] = factors[(i+k)*g.rows+c], factors[(i+k)*g.rows+c+1]
					}
				}
				axpy4x2(&own, g.data[c*g.stride+start:][:n], g.data[(c+1)*g.stride+start:][:n], &f)
			}
		}
	}
}

// dot2x4 computes the inner products of two slices with four, which begin stride values
// apart in w: sums are those of x0, then those of x1.
func dot2x4(x0, x1, w []float32, stride int, sums *[8]float32) {
	n := len(x0)
	_, _ = x1[n-1], w[3*stride+n-1] // the assembly does not check bounds
	if haveAVX2 {
		dot2x4AVX2(&x0[0], &x1[0], &w[0], stride, n, sums)
		return
	}
	for c := range 4 {
		v := vector(w[c*stride:][:n])
		sums[c], sums[4+c] = blas32.Dot(vector(x0), v), blas32.Dot(vector(x1), v)
	}
}

// axpy4x2 adds the four x times factors[0:4] to g0, and times factors[4:8] to g1.
func axpy4x2(x *[4][]float32, g0, g1 []float32, factors *[8]float32) {
	n := len(g0)
	_ = g1[n-1]
	if haveAVX2 {
		axpy4x2AVX2(&[4]*float32{&x[0][:n][0], &x[1][:n][0], &x[2][:n][0], &x[3][:n][0]}, &g0[0], &g1[0], n, factors)
		return
	}
	for k, row := range x {
		blas32.Axpy(factors[k], vector(row), vector(g0))
		blas32.Axpy(factors[4+k], vector(row), vector(g1))
	}
}

func vector(x []float32) blas32.Vector { return blas32.Vector{N: len(x), Inc: 1, Data: x} }
