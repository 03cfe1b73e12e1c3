package vectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// onEach runs a test with the instructions of every kind that this processor has.
func onEach(t *testing.T, test func(t *testing.T, s screen)) {
	t.Helper()
	for _, s := range screens() {
		t.Run(s.name, func(t *testing.T) {
			if s.c == nil {
				t.Skipf("this processor has no %s", s.name)
			}
			t.Logf("run with the instructions of %s", s.name)
			test(t, s)
		})
	}
}

// exactPairs compares every row with every other one in float64.
func exactPairs(data []float32, cols int, blocks []int, threshold float64) []Pair {
	if len(blocks) == 0 {
		blocks = []int{cols}
	}
	var pairs []Pair
	for a := 0; a < len(data)/cols; a++ {
		for b := a + 1; b < len(data)/cols; b++ {
			if c := meanCosine(data[a*cols:][:cols], data[b*cols:][:cols], blocks); c >= threshold-1e-12 {
				pairs = append(pairs, Pair{A: a, B: b, Similarity: c})
			}
		}
	}
	return pairs
}

// atLeast are the pairs that a threshold includes.
func atLeast(pairs []Pair, threshold float64) []Pair {
	var some []Pair
	for _, p := range pairs {
		if p.Similarity >= threshold-1e-12 {
			some = append(some, p)
		}
	}
	return some
}

// meanCosine is what pairs are judged by. The race detector, of no use to it, would make it take ten times as long.
//
//go:norace
func meanCosine(a, b []float32, blocks []int) float64 {
	sum, at := 0.0, 0
	for _, width := range blocks {
		dot, aa, bb := 0.0, 0.0, 0.0
		for j := at; j < at+width; j++ {
			x, y := float64(a[j]), float64(b[j])
			dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
		}
		if aa > 0 && bb > 0 {
			sum += max(-1, min(1, dot/math.Sqrt(aa)/math.Sqrt(bb)))
		}
		at += width
	}
	return sum / float64(len(blocks))
}

func samePairsAs(t *testing.T, what string, got, want []Pair) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d pairs, want %d", what, len(got), len(want))
	}
	for i, p := range got {
		// Compilers may round sums of products once or twice.
		if p.A != want[i].A || p.B != want[i].B || math.Abs(p.Similarity-want[i].Similarity) > 1e-14 {
			t.Fatalf("%s: pair %d is %+v, want %+v", what, i, p, want[i])
		}
	}
}

// hostile makes rows that are hard to compare in few bits: of zeros, copies, tiny and huge ones, rows
// with a value far above the others or far below what is left of it in 8 bits, rows that are all equal,
// sparse ones, and rows at angles that a threshold just includes or excludes.
func hostile(rows, cols int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 9))
	data := make([]float32, rows*cols)
	row := func(i int) []float32 { return data[i*cols : (i+1)*cols] }
	for i := range rows {
		other := row(random.IntN(i + 1))
		scale := float32(math.Exp2(float64(random.IntN(200) - 100)))
		for j := range cols {
			noise := random.NormFloat64()
			switch i % 11 {
			case 0, 1:
				row(i)[j] = float32(noise)
			case 2:
				row(i)[j] = other[j] * scale // finite, and at times all zero
			case 3:
				row(i)[j] = other[j] + 0.3*float32(noise)
			case 4:
				row(i)[j] = max(0, float32(noise-1.5)) * 1e37
			case 5: // all but one value round to 0
				row(i)[j] = 1.0/254 - 1e-7
				if j == i%cols {
					row(i)[j] = float32(1 - 2*(i/11%2))
				}
			case 6: // the largest errors of rounding
				row(i)[j] = float32(float64(random.IntN(127))+0.4999) / 127
			case 7:
				row(i)[j] = 1
			case 8:
				row(i)[j] = float32(noise) * math.SmallestNonzeroFloat32 * 100
			case 9: // of zeros
			case 10:
				row(i)[j] = other[j]
			}
		}
		for j, x := range row(i) {
			if x > math.MaxFloat32/4 || x < -math.MaxFloat32/4 {
				row(i)[j] = 1
			}
		}
	}
	return data
}

func TestPairsOfHostileRows(t *testing.T) {
	for _, cols := range []int{1, 2, 3, 4, 5, 16, 31, 127, 128, 129, 511, 1000, 4097} {
		for _, rows := range []int{1, 2, 12, 13, 33, 80} {
			data := hostile(rows, cols, uint64(cols))
			all := exactPairs(data, cols, nil, 1e-9)
			onEach(t, func(t *testing.T, s screen) {
				for i, threshold := range []float64{1, 0.99, 0.95, 0.5, 1e-3, 1e-9} {
					memory := []int{0, 33 * cols, cols}[i%3]
					got, err := pairsWith(context.Background(), s, Matrix(data, cols, 17), PairOptions{Threshold: threshold, Memory: memory})
					if err != nil {
						t.Fatal(err)
					}
					samePairsAs(t, fmt.Sprintf("%d rows of %d, threshold %g, memory for %d", rows, cols, threshold, memory/cols), got, atLeast(all, threshold))
				}
			})
		}
	}
}

// A threshold that is a pair's own similarity includes the pair, whatever its rows lose in 8 bits.
func TestPairsAtTheThreshold(t *testing.T) {
	for _, cols := range []int{3, 64, 257, 2048} {
		data := hostile(44, cols, 7)
		all := exactPairs(data, cols, nil, 0.01)
		onEach(t, func(t *testing.T, s screen) {
			for i := 0; i < len(all); i += 1 + len(all)/60 {
				threshold := all[i].Similarity
				got, err := pairsWith(context.Background(), s, Matrix(data, cols, 44), PairOptions{Threshold: threshold, Memory: 50 * cols})
				if err != nil {
					t.Fatal(err)
				}
				samePairsAs(t, fmt.Sprintf("%d columns, threshold %.17g", cols, threshold), got, atLeast(all, threshold))
			}
		})
	}
}

// Sums of products of so many columns would not fit into 32 bits if all were as large as they may be.
func TestPairsOfManyColumns(t *testing.T) {
	const cols = 300_000
	data := hostile(15, cols, 3)
	for i := range cols {
		data[12*cols+i] = 3
		data[13*cols+i] = float32(3 - 6*(i%2))
	}
	all := exactPairs(data, cols, nil, 0.01)
	onEach(t, func(t *testing.T, s screen) {
		for _, threshold := range []float64{0.9999, 0.7, 0.01} {
			got, err := pairsWith(context.Background(), s, Matrix(data, cols, 4), PairOptions{Threshold: threshold})
			if err != nil {
				t.Fatal(err)
			}
			samePairsAs(t, fmt.Sprint(threshold), got, atLeast(all, threshold))
		}
	})
}

func TestPairsOfBlocks(t *testing.T) {
	onEach(t, func(t *testing.T, s screen) {
		for _, blocks := range [][]int{{1, 2}, {64, 1, 100}, {512, 300}, {7, 7, 7, 7, 7}} {
			cols := 0
			for _, width := range blocks {
				cols += width
			}
			data := hostile(80, cols, 5)
			for i := range 20 {
				clear(data[i*cols:][:blocks[0]]) // a block of zeros
			}
			for _, threshold := range []float64{1, 0.9, 0.5, 0.2} {
				got, err := pairsWith(context.Background(), s, Matrix(data, cols, 30), PairOptions{Threshold: threshold, Blocks: blocks, Memory: 50 * cols})
				if err != nil {
					t.Fatal(err)
				}
				samePairsAs(t, fmt.Sprintf("blocks %v, threshold %g", blocks, threshold), got, exactPairs(data, cols, blocks, threshold))
			}
		}
	})
	for _, blocks := range [][]int{{1}, {1, 2}, {3, -1}, {0, 2}} {
		if _, err := Pairs(context.Background(), Matrix([]float32{1, 2}, 2, 1), PairOptions{Threshold: 0.5, Blocks: blocks}); !errors.Is(err, ErrShape) {
			t.Errorf("blocks of %v: %v, want ErrShape", blocks, err)
		}
	}
}

// So many rows that the first products rule out most, and more pairs are found than there is room for
// at a time.
func TestPairsOfManyRows(t *testing.T) {
	const rows, cols = 2500, 160
	data := rectified(rows, cols, 8)
	for i := 1000; i < 1600; i++ { // a cluster
		for j := range cols {
			data[i*cols+j] = data[1000*cols+j] + 0.02*data[i*cols+j]
		}
	}
	all := exactPairs(data, cols, nil, 0.6)
	for _, threshold := range []float64{0.97, 0.6} {
		want := atLeast(all, threshold)
		if len(want) < 100_000 {
			t.Fatalf("only %d pairs", len(want))
		}
		onEach(t, func(t *testing.T, s screen) {
			got, err := pairsWith(context.Background(), s, Matrix(data, cols, 700), PairOptions{Threshold: threshold, Most: 1e7, Memory: 1500 * cols})
			if err != nil {
				t.Fatal(err)
			}
			samePairsAs(t, fmt.Sprint(threshold), got, want)
		})
	}
}

// A search ends soon after it is no longer wanted.
func TestPairsCancelled(t *testing.T) {
	data := rectified(30_000, 256, 6)
	signal := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(context.Background())
	var asked time.Time
	time.AfterFunc(100*time.Millisecond, func() {
		asked = time.Now()
		cancel(signal)
	})
	// The source does not look at the context.
	_, err := Pairs(ctx, func(_ context.Context, visit func(Block) error) error {
		return Matrix(data, 256, 5000)(context.Background(), visit)
	}, PairOptions{Threshold: 0.9})
	if !errors.Is(err, signal) {
		t.Fatalf("%v, want the context's cause", err)
	}
	if err := Matrix(data, 256, 5000)(ctx, func(Block) error { return nil }); !errors.Is(err, signal) {
		t.Errorf("a source ends with %v", err)
	}
	if late := time.Since(asked); late > 5*time.Second {
		t.Errorf("it ended %v later", late)
	}
}
