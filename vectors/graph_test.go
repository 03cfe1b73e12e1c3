package vectors

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// mixture are rows that lie between some directions, none of them negative, as features are.
func mixture(rows, cols int) []float32 {
	random := rand.New(rand.NewPCG(3, 4))
	centers := make([]float32, 20*cols)
	for i := range centers {
		centers[i] = float32(math.Abs(random.NormFloat64()))
	}
	data := make([]float32, rows*cols)
	for i := range rows {
		a, b, share := random.IntN(20), random.IntN(20), random.Float32()
		for j := range cols {
			data[i*cols+j] = max(0, centers[a*cols+j]*share+centers[b*cols+j]*(1-share)+0.2*float32(random.NormFloat64()))
		}
	}
	return data
}

func graphOf(t *testing.T, s screen, data []float32, cols, k int, o GraphOptions, maxMemory int64) *Graph {
	t.Helper()
	table, err := ReadTable(t.Context(), Matrix(data, cols, 77), maxMemory)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Free()
	g, err := table.graph(t.Context(), s, k, o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// exactGraph compares every row with every other one in float64.
func exactGraph(data []float32, cols, k int) [][]Neighbor {
	rows := len(data) / cols
	exact := make([][]Neighbor, rows)
	for i := range exact {
		for j := range rows {
			if j != i {
				exact[i] = append(exact[i], Neighbor{j, Cosine(data[i*cols:][:cols], data[j*cols:][:cols])})
			}
		}
		slices.SortStableFunc(exact[i], func(a, b Neighbor) int { return cmp.Compare(b.Similarity, a.Similarity) })
		exact[i] = exact[i][:min(k, len(exact[i]))]
	}
	return exact
}

// recall is the share of the exact neighbours that a graph has; each of its similarities must be right.
func recall(t *testing.T, g *Graph, data []float32, cols int, exact [][]Neighbor) float64 {
	t.Helper()
	found, all := 0, 0
	for i, near := range exact {
		have := g.Neighbors[i*g.K : (i+1)*g.K]
		for j, row := range have {
			want := Cosine(data[i*cols:][:cols], data[int(row)*cols:][:cols])
			if got := g.Similarities[i*g.K+j]; math.Abs(got-want) > 1e-12 || j > 0 && got > g.Similarities[i*g.K+j-1] {
				t.Fatalf("row %d, neighbour %d is row %d with a similarity of %g, want %g, in descending order", i, j, row, got, want)
			}
		}
		for _, n := range near {
			all++
			if slices.Contains(have, int32(n.Row)) {
				found++
			}
		}
	}
	return float64(found) / float64(all)
}

// The neighbours are the true ones, and the same with the instructions of every kind, any number of workers
// and the rows in a file. There are several segments, and strips, panels and steps that are not full.
func TestGraph(t *testing.T) {
	const cols, k = 131, 14
	data := mixture(segmentRows+303, cols)
	exact := exactGraph(data, cols, k)
	want := graphOf(t, screens()[len(screens())-1], data, cols, k, GraphOptions{Workers: 1}, 0)
	onEach(t, func(t *testing.T, s screen) {
		for _, workers := range []int{2, 7} {
			g := graphOf(t, s, data, cols, k, GraphOptions{Workers: workers}, 1<<20)
			if !slices.Equal(g.Neighbors, want.Neighbors) || !slices.Equal(g.Similarities, want.Similarities) {
				t.Errorf("%d workers find another graph than one with the instructions of any processor", workers)
			}
			if r := recall(t, g, data, cols, exact); r < 0.998 {
				t.Errorf("%.4f of the neighbours are found", r)
			} else {
				t.Logf("%.4f of the neighbours are found", r)
			}
		}
	})
}

// Copies are neighbours of each other, the following ones in a circle if there are many; rows of zeros have no others.
func TestGraphOfCopies(t *testing.T) {
	const cols, k = 40, 5
	data := mixture(200, cols)
	for i := 20; i < 80; i++ { // 60 copies of row 20
		copy(data[i*cols:], data[20*cols:21*cols])
	}
	copy(data[150*cols:], data[10*cols:11*cols])
	clear(data[190*cols : 193*cols])
	g := graphOf(t, fastest(), data, cols, k, GraphOptions{}, 0)
	if got := g.Neighbors[78*k : 79*k]; !slices.Equal(got, []int32{79, 20, 21, 22, 23}) {
		t.Errorf("row 78 has the neighbours %v", got)
	}
	if g.Neighbors[10*k] != 150 || g.Neighbors[150*k] != 10 || g.Similarities[10*k] != 1 {
		t.Errorf("rows 10 and 150 are copies, but have %v and %v", g.Neighbors[10*k:11*k], g.Neighbors[150*k:151*k])
	}
	if near, s := g.Neighbors[190*k:191*k], g.Similarities[190*k:191*k]; !slices.Equal(near[:2], []int32{191, 192}) || s[1] != 1 || s[2] != 0 {
		t.Errorf("a row of zeros has the neighbours %v with %v", near, s)
	}
	for i := range g.Rows {
		own := slices.Clone(g.Neighbors[i*k : (i+1)*k])
		slices.Sort(own)
		if len(slices.Compact(own)) != k || slices.Contains(own, int32(i)) {
			t.Errorf("row %d has the neighbours %v", i, g.Neighbors[i*k:(i+1)*k])
		}
	}
}

// With few rows each has all others.
func TestGraphOfFewRows(t *testing.T) {
	data := mixture(33, 6)
	for _, rows := range []int{0, 1, 2, 3, 31, 32, 33} {
		g := graphOf(t, fastest(), data[:rows*6], 6, 40, GraphOptions{}, 0)
		if g.Rows != rows || g.K != max(0, rows-1) {
			t.Errorf("%d rows: %d with %d neighbours", rows, g.Rows, g.K)
		} else if rows > 1 {
			if r := recall(t, g, data, 6, exactGraph(data[:rows*6], 6, 40)); r != 1 {
				t.Errorf("%d rows: %g of the neighbours are found", rows, r)
			}
		}
	}
}

func TestGraphErrors(t *testing.T) {
	data := mixture(3000, 64)
	table, err := ReadTable(t.Context(), Matrix(data, 64, 100), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Graph(t.Context(), 0, GraphOptions{}); err == nil {
		t.Error("a graph without neighbours is found")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	because := errors.New("enough")
	if _, err := table.Graph(ctx, 3, GraphOptions{Progress: func(float64) { cancel(because) }}); !errors.Is(err, because) {
		t.Errorf("cancelled: %v", err)
	}
	data[1234*64] = float32(math.Inf(-1))
	var wrong *NotFiniteError
	if _, err := ReadTable(t.Context(), Matrix(data, 64, 100), 0); !errors.As(err, &wrong) || wrong.Row != 1234 {
		t.Errorf("an infinity in row 1234: %v", err)
	}
}
