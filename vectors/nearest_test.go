package vectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestNotFinite(t *testing.T) {
	onEach(t, func(t *testing.T, s screen) {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			data := rectified(40, 70, 2)
			query := Block{Rows: 1, Cols: 70, Data: slices.Clone(data[:70])}
			data[33*70+69] = float32(bad)
			var row *NotFiniteError
			if _, err := pairsWith(context.Background(), s, Matrix(data, 70, 9), PairOptions{Threshold: 0.5}); !errors.As(err, &row) || row.Row != 33 {
				t.Errorf("pairs with %g: %v", bad, err)
			}
			row = nil
			if _, err := nearestWith(context.Background(), s, Matrix(data, 70, 9), query, 3); !errors.As(err, &row) || row.Row != 33 {
				t.Errorf("nearest with %g: %v", bad, err)
			}
			query.Data[5] = float32(bad)
			if _, err := nearestWith(context.Background(), s, Matrix(data[:70], 70, 9), query, 3); err == nil || !strings.Contains(err.Error(), "query 0 has a value that is not finite") {
				t.Errorf("a query with %g: %v", bad, err)
			}
		}
	})
}

// The neighbours of hostile rows are those that sorting all rows gives.
func TestNearestOfHostileRows(t *testing.T) {
	onEach(t, func(t *testing.T, s screen) {
		for _, cols := range []int{1, 7, 16, 100, 513} {
			data := hostile(110, cols, 4)
			queries := Block{Rows: 0, Cols: cols}
			for i := range 30 {
				if row := data[i*cols : (i+1)*cols]; norm(row) > 0 {
					queries.Rows, queries.Data = queries.Rows+1, append(queries.Data, row...)
				}
			}
			got, err := nearestWith(context.Background(), s, Matrix(data, cols, 13), queries, 20)
			if err != nil {
				t.Fatal(err)
			}
			for q := range queries.Rows {
				var want []Neighbor
				for i := range 110 {
					want = append(want, Neighbor{i, meanCosine(data[i*cols:][:cols], queries.Row(q), []int{cols})})
				}
				slices.SortStableFunc(want, func(a, b Neighbor) int {
					if math.Abs(a.Similarity-b.Similarity) < 1e-13 {
						return 0
					}
					return int(math.Copysign(1, b.Similarity-a.Similarity))
				})
				for i, n := range got[q] {
					near(t, fmt.Sprintf("similarity %d of query %d", i, q), n.Similarity, want[i].Similarity, 1e-13)
				}
			}
		}
	})
}
