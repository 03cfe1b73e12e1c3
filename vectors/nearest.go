package vectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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

// Nearest finds, for each row of queries, the k rows of the stream with the highest cosine
// similarity, the highest first and ties in row order. Rows of zeros have similarity 0; one with a
// value that is not finite is a NotFiniteError.
//
// Similarities are sums in float64 in the order of the columns, exact to about 1e-15; what is sure to be
// less than the k-th is summed in any order only.
func Nearest(ctx context.Context, source Source, queries Block, k int) ([][]Neighbor, error) {
	return nearestWith(ctx, fastest(), source, queries, k)
}

func nearestWith(ctx context.Context, s screen, source Source, queries Block, k int) ([][]Neighbor, error) {
	if queries.Rows < 1 || queries.Cols < 1 || k < 1 || len(queries.Data) != queries.Rows*queries.Cols {
		return nil, fmt.Errorf("vectors: nearest: %d neighbours of %d rows of %d values", k, queries.Rows, queries.Cols)
	}
	lengths := make([]float64, queries.Rows)
	for i := range lengths {
		switch lengths[i] = norm(queries.Row(i)); {
		case lengths[i] == 0:
			return nil, fmt.Errorf("vectors: nearest: query %d: %w", i, ErrZero)
		case math.IsNaN(lengths[i]) || math.IsInf(lengths[i], 0):
			return nil, fmt.Errorf("vectors: nearest: query %d has a value that is not finite", i)
		}
	}
	best := make([][]Neighbor, queries.Rows)
	var cosines []float64
	margin := rounding(queries.Cols)
	err := source.checked()(ctx, func(b Block) error {
		if b.Cols != queries.Cols {
			return fmt.Errorf("vectors: nearest: %w: queries of %d values, rows of %d", ErrShape, queries.Cols, b.Cols)
		}
		if b.Rows == 0 {
			return nil
		}
		cosines = slices.Grow(cosines[:0], b.Rows)[:b.Rows]
		for q := range best {
			s.cosines(b, queries.Row(q), 1/lengths[q], cosines)
			for i, about := range cosines {
				if math.IsNaN(about) {
					return fmt.Errorf("vectors: nearest: %w", &NotFiniteError{b.First + i})
				}
				if len(best[q]) < k || about >= best[q][k-1].Similarity-margin {
					best[q] = insert(best[q], Neighbor{b.First + i, Cosine(b.Row(i), queries.Row(q))}, k)
				}
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
