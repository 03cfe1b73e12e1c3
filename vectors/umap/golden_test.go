package umap

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"fovea/vectors"
)

// golden is what testdata/umap/make_golden.py writes: digits, and what umap-learn makes of them.
type golden struct {
	Cols                                                                 int
	Digits, Neighbors, Distances, Scales, Nearest, Starts, Rows, Weights string
	Curves                                                               [][3]float64
	Trustworthiness                                                      []float64
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	content, err := os.ReadFile("../../testdata/umap/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{}
	if err := json.Unmarshal(content, g); err != nil {
		t.Fatal(err)
	}
	return g
}

func unpack[T uint8 | uint16 | float32](t *testing.T, text string) []T {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var zero T
	values := make([]T, len(raw)/binary.Size(zero))
	if err := binary.Read(bytes.NewReader(raw), binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

// digits are rows of real numbers.
func (g *golden) digits(t *testing.T) []float32 {
	t.Helper()
	var data []float32
	for _, x := range unpack[uint8](t, g.Digits) {
		data = append(data, float32(x))
	}
	return data
}

// near is the graph of the neighbours that umap-learn was given.
func (g *golden) near(t *testing.T) *vectors.Graph {
	t.Helper()
	near := &vectors.Graph{K: 14}
	for _, row := range unpack[uint16](t, g.Neighbors) {
		near.Neighbors = append(near.Neighbors, int32(row))
	}
	for _, d := range unpack[float32](t, g.Distances) {
		near.Similarities = append(near.Similarities, 1-float64(d))
	}
	near.Rows = len(near.Neighbors) / near.K
	return near
}

// The scales of rows and the distances of their nearest neighbours are those of umap-learn's smooth_knn_dist.
func TestScalesAreThoseOfUMAPLearn(t *testing.T) {
	g := readGolden(t)
	distances, scales, nearest := unpack[float32](t, g.Distances), unpack[float32](t, g.Scales), unpack[float32](t, g.Nearest)
	mean := 0.0
	for _, d := range distances {
		mean += float64(d)
	}
	mean /= float64(len(scales) * 15)
	for i := range scales {
		scale, first := smooth(distances[i*14:][:14], mean)
		if math.Abs(float64(scale-scales[i])) > 1e-4*float64(scales[i]) || first != nearest[i] {
			t.Errorf("row %d: a scale of %g beyond %g, want %g beyond %g", i, scale, first, scales[i], nearest[i])
		}
	}
}

// The edges and their weights are those of umap-learn's fuzzy_simplicial_set.
func TestWeightsAreThoseOfUMAPLearn(t *testing.T) {
	g := readGolden(t)
	w := newWeights(g.near(t), 3)
	starts, rows, want := unpack[uint16](t, g.Starts), unpack[uint16](t, g.Rows), unpack[float32](t, g.Weights)
	if len(w.starts) != len(starts) {
		t.Fatalf("%d rows, want %d", len(w.starts)-1, len(starts)-1)
	}
	for i := range len(starts) - 1 {
		have := map[int32]float32{}
		for e := w.starts[i]; e < w.starts[i+1]; e++ {
			have[w.rows[e]] = w.weights[e]
		}
		for e := starts[i]; e < starts[i+1]; e++ {
			if x := have[int32(rows[e])]; math.Abs(float64(x-want[e])) > 1e-4 {
				t.Errorf("the edge from %d to %d weighs %g, want %g", i, rows[e], x, want[e])
			}
			delete(have, int32(rows[e]))
		}
		for row, x := range have {
			if x > 1e-6 {
				t.Errorf("the edge from %d to %d weighs %g, want none", i, row, x)
			}
		}
	}
}

// The curve is that of umap-learn's find_ab_params.
func TestCurveIsThatOfUMAPLearn(t *testing.T) {
	for _, c := range readGolden(t).Curves {
		if a, b := curve(c[0]); math.Abs(a-c[1]) > 1e-4*c[1] || math.Abs(b-c[2]) > 1e-4*c[2] {
			t.Errorf("with a least distance of %g: %g and %g, want %g and %g", c[0], a, b, c[1], c[2])
		}
	}
}

// The map of real rows is no less trustworthy than umap-learn's, whatever the seed.
func TestTrustworthiness(t *testing.T) {
	g := readGolden(t)
	data := g.digits(t)
	least := slices.Min(g.Trustworthiness)
	for seed := range uint64(3) {
		points := mustLayout(t, data, g.Cols, Options{Seed: seed})
		trust := trustworthiness(data, g.Cols, points, 15)
		t.Logf("seed %d: a trustworthiness of %.4f; umap-learn's: %.4f", seed, trust, g.Trustworthiness)
		if trust < least {
			t.Errorf("seed %d: a trustworthiness of %.4f, less than umap-learn's of %.4f", seed, trust, g.Trustworthiness)
		}
	}
}

// trustworthiness says how many of the k nearest in the plane are near in truth, and how far the others are
// (Venna and Kaski, 2001). It compares all rows with all others.
func trustworthiness(data []float32, cols int, points []float32, k int) float64 {
	rows := len(points) / 2
	penalty := 0
	likeness, away, order := make([]float64, rows), make([]float64, rows), make([]int, 0, rows)
	for i := range rows {
		order = order[:0]
		for j := range rows {
			likeness[j] = vectors.Cosine(data[i*cols:][:cols], data[j*cols:][:cols])
			away[j] = math.Hypot(float64(points[2*i]-points[2*j]), float64(points[2*i+1]-points[2*j+1]))
			if j != i {
				order = append(order, j)
			}
		}
		slices.SortStableFunc(order, func(a, b int) int {
			if away[a] < away[b] {
				return -1
			}
			return 1
		})
		for _, near := range order[:k] {
			rank := 1
			for j := range rows {
				if j != i && likeness[j] > likeness[near] {
					rank++
				}
			}
			penalty += max(0, rank-k)
		}
	}
	return 1 - float64(penalty)*2/float64(rows*k*(2*rows-3*k-1))
}
