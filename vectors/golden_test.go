package vectors

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// golden is what scikit-learn finds; testdata/vectors/make_golden.py made it.
type golden struct {
	Scores, Components, Similarities [][]float64
	Variances, Ratios                []float64
	Nearest                          [][]int
	Pairs                            [][3]float64
}

const goldenRows, goldenCols = 90, 40

func loadGolden(t *testing.T) (golden, []float32) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	data := make([]float32, goldenRows*goldenCols)
	for i := range goldenRows {
		for j := range goldenCols {
			hashed := (i*7919 + j*104729 + i*i*j*31) % 1009
			data[i*goldenCols+j] = float32(max(0, float64(hashed)/256-1+float64((i%3)*(j%5))/2))
		}
	}
	row := func(i int) []float32 { return data[i*goldenCols : (i+1)*goldenCols] }
	copy(row(50), row(20))
	for j, x := range row(21) {
		row(60)[j] = 2 * x
	}
	return g, data
}

// Whatever the blocks, the results are scikit-learn's.
var goldenBlocks = []int{1, 7, 1000}

func TestPrincipalComponents(t *testing.T) {
	g, data := loadGolden(t)
	for _, block := range goldenBlocks {
		p, err := PrincipalComponents(context.Background(), Matrix(data, goldenCols, block), 2)
		if err != nil {
			t.Fatal(err)
		}
		for c := range 2 {
			near(t, "variance", p.Variances[c], g.Variances[c], 1e-10)
			near(t, "ratio", p.Ratios[c], g.Ratios[c], 1e-10)
			for i := range goldenRows {
				near(t, "score", p.Scores.At(i, c), g.Scores[i][c], 1e-6)
			}
			for j := range goldenCols {
				near(t, "coefficient", p.Components.At(j, c), g.Components[c][j], 1e-6)
			}
		}
	}
}

func TestPrincipalComponentsOfLittle(t *testing.T) {
	p, err := PrincipalComponents(context.Background(), Matrix([]float32{0, 0, 0, 3, 4, 0}, 3, 1), 2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "distance", math.Abs(p.Scores.At(0, 0)-p.Scores.At(1, 0)), 5, 1e-12)
	near(t, "second variance", p.Variances[1], 0, 1e-12)
	near(t, "first ratio", p.Ratios[0], 1, 1e-12)
	for name, source := range map[string]Source{
		"one row":     Matrix([]float32{1, 2, 3}, 3, 1),
		"no rows":     Matrix(nil, 3, 1),
		"one column":  Matrix([]float32{1, 2, 3}, 1, 1),
		"equal rows":  Matrix([]float32{1, 2, 1, 2}, 2, 1),
		"broken file": func(context.Context, func(Block) error) error { return errors.New("broken") },
	} {
		if _, err := PrincipalComponents(context.Background(), source, 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNearest(t *testing.T) {
	g, data := loadGolden(t)
	onEach(t, func(t *testing.T, s screen) {
		for _, block := range goldenBlocks {
			got, err := nearestWith(context.Background(), s, Matrix(data, goldenCols, block), Block{Rows: goldenRows, Cols: goldenCols, Data: data}, 5)
			if err != nil {
				t.Fatal(err)
			}
			for q := range goldenRows {
				for i, n := range got[q] {
					near(t, "similarity", n.Similarity, g.Similarities[q][i], 1e-14)
					if n.Row != g.Nearest[q][i] && math.Abs(n.Similarity-1) > 1e-12 { // copies may change places by rounding
						t.Errorf("blocks of %d: neighbour %d of %d is %d, want %d", block, i, q, n.Row, g.Nearest[q][i])
					}
				}
			}
		}
	})
}

func TestNearestRefuses(t *testing.T) {
	_, data := loadGolden(t)
	source := Matrix(data, goldenCols, 10)
	if _, err := Nearest(context.Background(), source, Block{Rows: 1, Cols: goldenCols, Data: make([]float32, goldenCols)}, 1); !errors.Is(err, ErrZero) {
		t.Errorf("zero query: %v", err)
	}
	if _, err := Nearest(context.Background(), source, Block{Rows: 1, Cols: 2, Data: []float32{1, 2}}, 1); !errors.Is(err, ErrShape) {
		t.Errorf("query of another length: %v", err)
	}
	if _, err := Nearest(context.Background(), source, Block{Rows: 1, Cols: 2, Data: []float32{1, 2}}, 0); err == nil {
		t.Error("no neighbours wanted: no error")
	}
	zeros := Matrix(make([]float32, 6), 2, 2)
	got, err := Nearest(context.Background(), zeros, Block{Rows: 1, Cols: 2, Data: []float32{1, 2}}, 9)
	if want := [][]Neighbor{{{0, 0}, {1, 0}, {2, 0}}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("rows of zeros: %v, %v, want %v", got, err, want)
	}
}

func TestPairs(t *testing.T) {
	g, data := loadGolden(t)
	onEach(t, func(t *testing.T, s screen) {
		for _, block := range goldenBlocks {
			// With memory for all rows, some, one.
			for _, rows := range []int{1000, 37, 10, 1} {
				got, err := pairsWith(context.Background(), s, Matrix(data, goldenCols, block), PairOptions{Threshold: 0.8, Memory: rows * goldenCols})
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != len(g.Pairs) {
					t.Fatalf("blocks of %d, memory for %d: %d pairs, want %d", block, rows, len(got), len(g.Pairs))
				}
				for i, p := range got {
					want := g.Pairs[i]
					if float64(p.A) != want[0] || float64(p.B) != want[1] {
						t.Fatalf("pair %d is %+v, want %v", i, p, want)
					}
					near(t, "similarity", p.Similarity, want[2], 1e-14)
				}
			}
		}
	})
	if _, err := Pairs(context.Background(), Matrix(data, goldenCols, 9), PairOptions{Threshold: 0.1, Most: 10}); !errors.Is(err, ErrTooMany) {
		t.Errorf("many pairs: %v, want ErrTooMany", err)
	}
	for _, threshold := range []float64{0, -1, 1.1, math.NaN()} {
		if _, err := Pairs(context.Background(), Matrix(data, goldenCols, 9), PairOptions{Threshold: threshold}); err == nil {
			t.Errorf("threshold %g: no error", threshold)
		}
	}
	got, err := Pairs(context.Background(), Matrix(data, goldenCols, 9), PairOptions{Threshold: 1})
	if err != nil || len(got) != 2 || got[0].A != 20 || got[1].B != 60 {
		t.Errorf("copies: %v, %v", got, err)
	}
}

func TestGroups(t *testing.T) {
	got := Groups([]Pair{{A: 1, B: 9}, {A: 2, B: 3}, {A: 3, B: 4}, {A: 7, B: 9}, {A: 2, B: 4}, {A: 0, B: 8}})
	if want := [][]int{{0, 8}, {1, 7, 9}, {2, 3, 4}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Noise has no direction that stands out: it takes more directions than are remembered.
func TestPrincipalComponentsOfNoise(t *testing.T) {
	const rows, cols = 450, 400
	data := rectified(rows, cols, 5)
	dense := mat.NewDense(rows, cols, nil)
	for i, x := range data {
		dense.Set(i/cols, i%cols, float64(x))
	}
	var want stat.PC
	if !want.PrincipalComponents(dense, nil) {
		t.Fatal("gonum finds no components")
	}
	p, err := PrincipalComponents(context.Background(), Matrix(data, cols, 64), 2)
	if err != nil {
		t.Fatal(err)
	}
	var vectors mat.Dense
	want.VectorsTo(&vectors)
	for c := range 2 {
		near(t, "variance", p.Variances[c], want.VarsTo(nil)[c], 1e-10)
		near(t, "cosine to gonum's", math.Abs(mat.Dot(p.Components.ColView(c), vectors.ColView(c))), 1, 1e-8)
	}
	if p.Iterations*blockSize <= maxDirections {
		t.Errorf("%d iterations: the directions never were too many", p.Iterations)
	}
}
