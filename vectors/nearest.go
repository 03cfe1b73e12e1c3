package vectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Neighbor is a row that is similar to another.
type Neighbor struct {
	// Row is its place in the stream.
	Row int
	// Similarity is the cosine of the angle between the two, -1 to 1.
	Similarity float64
}

// ErrZero says that a vector is all zero and so has no direction to compare.
var ErrZero = errors.New("the vector is all zero")

// screenMargin is how far a cosine computed in float32 may be from the one in float64: a thousand
// times the error seen on pool5's vectors of 25,088 values.
const screenMargin = 1e-3

// Nearest finds, for each row of queries, the k rows of the stream with the highest cosine
// similarity, the highest first and ties in row order. Rows of zeros have similarity 0.
//
// Blocks are screened by a matrix product in float32; candidates are computed again in float64, so
// that the result is exact to about 1e-15.
func Nearest(ctx context.Context, source Source, queries Block, k int) ([][]Neighbor, error) {
	if queries.Rows < 1 || queries.Cols < 1 || k < 1 || len(queries.Data) != queries.Rows*queries.Cols {
		return nil, fmt.Errorf("vectors: nearest: %d neighbours of %d rows of %d values", k, queries.Rows, queries.Cols)
	}
	units := slices.Clone(queries.Data)
	for i := range queries.Rows {
		if !normalize(units[i*queries.Cols : (i+1)*queries.Cols]) {
			return nil, fmt.Errorf("vectors: nearest: query %d: %w", i, ErrZero)
		}
	}
	best := make([][]Neighbor, queries.Rows)
	var unit, products []float32
	err := source.checked()(ctx, func(b Block) error {
		if b.Cols != queries.Cols {
			return fmt.Errorf("vectors: nearest: %w: queries of %d values, rows of %d", ErrShape, queries.Cols, b.Cols)
		}
		unit = normalized(unit, b)
		products = multiply(products, unit, b.Rows, units, queries.Rows, b.Cols)
		for i := range b.Rows {
			for q := range queries.Rows {
				if full := len(best[q]) == k; full && float64(products[i*queries.Rows+q]) < best[q][k-1].Similarity-screenMargin {
					continue
				}
				n := Neighbor{b.First + i, Cosine(b.Row(i), queries.Row(q))}
				best[q] = insert(best[q], n, k)
			}
		}
		return nil
	})
	return best, err
}

// insert keeps the k nearest in order. Rows come in ascending order, so that ties stay in row
// order.
func insert(best []Neighbor, n Neighbor, k int) []Neighbor {
	at := len(best)
	for at > 0 && best[at-1].Similarity < n.Similarity {
		at--
	}
	if at == k {
		return best
	}
	if len(best) == k {
		best = best[:k-1]
	}
	return slices.Insert(best, at, n)
}

// Cosine is the cosine of the angle between two vectors of one length, 0 if one is all zero.
func Cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i, x := range a {
		y := b[i]
		dot += float64(x) * float64(y)
		aa += float64(x) * float64(x)
		bb += float64(y) * float64(y)
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return min(1, max(-1, dot/math.Sqrt(aa)/math.Sqrt(bb)))
}

// norm is the Euclidean length of a vector.
func norm(v []float32) float64 {
	squares := 0.0
	for _, x := range v {
		squares += float64(x) * float64(x)
	}
	return math.Sqrt(squares)
}

// normalize scales a vector to length 1; it returns false for a zero vector.
func normalize(v []float32) bool {
	length := norm(v)
	if length == 0 {
		return false
	}
	for i, x := range v {
		v[i] = float32(float64(x) / length)
	}
	return true
}

// normalized copies the rows of a block into dst, each scaled to length 1 unless it is zero.
func normalized(dst []float32, b Block) []float32 {
	dst = append(dst[:0], b.Data...)
	for i := range b.Rows {
		normalize(dst[i*b.Cols : (i+1)*b.Cols])
	}
	return dst
}

// multiply is the product of a (m rows) and the transpose of b (n rows), row by row, in dst.
func multiply(dst, a []float32, m int, b []float32, n, cols int) []float32 {
	dst = slices.Grow(dst[:0], m*n)[:m*n]
	if m == 0 || n == 0 {
		return dst
	}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: m, Cols: cols, Stride: cols, Data: a[:m*cols]},
		blas32.General{Rows: n, Cols: cols, Stride: cols, Data: b[:n*cols]},
		0, blas32.General{Rows: m, Cols: n, Stride: n, Data: dst})
	return dst
}
