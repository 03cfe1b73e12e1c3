package umap

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/vectors"
)

func mustLayout(t *testing.T, data []float32, cols int, o Options) []float32 {
	t.Helper()
	points, err := Layout(t.Context(), vectors.Matrix(data, cols, 100), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 2*len(data)/cols {
		t.Fatalf("%d coordinates for %d rows", len(points), len(data)/cols)
	}
	for i, x := range points {
		if math.IsNaN(float64(x)) || math.Abs(float64(x)) > 1000 {
			t.Fatalf("coordinate %d is %g", i, x)
		}
	}
	return points
}

// clusters are rows around as many directions, one after the other.
func clusters(rows, cols, directions int) []float32 {
	random := rand.New(rand.NewPCG(1, 2))
	centers := make([]float32, directions*cols)
	for i := range centers {
		centers[i] = float32(random.NormFloat64())
	}
	data := make([]float32, rows*cols)
	for i := range data {
		data[i] = centers[i/cols%directions*cols+i%cols] + 0.3*float32(random.NormFloat64())
	}
	return data
}

// Clusters without an edge between them stay whole and apart.
func TestClustersStayApart(t *testing.T) {
	const directions = 6
	data := clusters(1200, 64, directions)
	points := mustLayout(t, data, 64, Options{})
	for i := range 1200 {
		order := make([]int, 0, 1200)
		for j := range 1200 {
			order = append(order, j)
		}
		distance := func(j int) float64 {
			return math.Hypot(float64(points[2*i]-points[2*j]), float64(points[2*i+1]-points[2*j+1]))
		}
		slices.SortFunc(order, func(a, b int) int { return int(math.Copysign(1, distance(a)-distance(b))) })
		for _, j := range order[:10] {
			if j%directions != i%directions {
				t.Fatalf("row %d of cluster %d lies beside row %d of cluster %d", i, i%directions, j, j%directions)
			}
		}
	}
}

// The map depends on the seed alone, not on workers or blocks.
func TestSameMap(t *testing.T) {
	data := clusters(2500, 40, 5)
	want := mustLayout(t, data, 40, Options{Seed: 7, Workers: 1, Epochs: 30})
	for _, workers := range []int{2, 7} {
		if got := mustLayout(t, data, 40, Options{Seed: 7, Workers: workers, Epochs: 30}); !slices.Equal(got, want) {
			t.Errorf("%d workers make another map than one", workers)
		}
	}
	blocks, err := Layout(t.Context(), vectors.Matrix(data, 40, 1), Options{Seed: 7, Epochs: 30, MaxMemory: 1})
	if err != nil || !slices.Equal(blocks, want) {
		t.Errorf("blocks of one row, in a file, make another map: %v", err)
	}
	if got := mustLayout(t, data, 40, Options{Seed: 8, Epochs: 30}); slices.Equal(got, want) {
		t.Error("another seed makes the same map")
	}
}

// Rows without much to tell have places, too: few, equal, zero, of one value.
func TestFewAndEqualRows(t *testing.T) {
	constant := make([]float32, 300*8)
	for i := range constant {
		constant[i] = 2.5
	}
	for name, c := range map[string]struct {
		data []float32
		cols int
	}{
		"none": {nil, 4}, "one": {[]float32{1, 2}, 2}, "two": {[]float32{1, 2, 2, 1}, 2}, "three": {[]float32{1, 2, 3, 3, 2, 1, 0, 0, 1}, 3},
		"five":  {clusters(5, 7, 2), 7},
		"equal": {constant, 8}, "zero": {make([]float32, 200*4), 4}, "of one value": {clusters(100, 1, 1), 1},
		"of zeros and others": {append(make([]float32, 50*6), clusters(50, 6, 2)...), 6},
		"tiny":                {[]float32{1e-38, 2e-38, 3e-38, 1e-44, 0, 1e-40}, 2}, "huge": {[]float32{1e38, 2e38, 3e38, 3e38, 1, 1e38}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			points := mustLayout(t, c.data, c.cols, Options{Epochs: 50})
			seen := map[[2]float32]bool{}
			for i := 0; i < len(points); i += 2 {
				seen[[2]float32{points[i], points[i+1]}] = true
			}
			if len(seen) != len(points)/2 {
				t.Errorf("%d places for %d rows", len(seen), len(points)/2)
			}
		})
	}
}

func TestWrongInput(t *testing.T) {
	data := clusters(100, 4, 2)
	for _, o := range []Options{{Neighbors: 1}, {Neighbors: -3}, {Epochs: -1}, {MinDist: 2}, {MinDist: math.NaN()}, {Workers: -1}} {
		if _, err := Layout(t.Context(), vectors.Matrix(data, 4, 10), o); err == nil || !strings.Contains(err.Error(), "there must be") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	data[41*4+1] = float32(math.NaN())
	var wrong *vectors.NotFiniteError
	if _, err := Layout(t.Context(), vectors.Matrix(data, 4, 10), Options{}); !errors.As(err, &wrong) || wrong.Row != 41 {
		t.Errorf("a NaN in row 41: %v", err)
	}
}

// A context that ends stops every stage soon, and progress never falls.
func TestCancelled(t *testing.T) {
	data := clusters(3000, 64, 5)
	for _, at := range []float64{0, 0.1, 0.6, 0.8, 0.95} {
		ctx, cancel := context.WithCancelCause(t.Context())
		because := errors.New("enough")
		var cancelled time.Time
		last := 0.0
		stop := func(done float64) {
			if done < last {
				t.Errorf("progress falls from %g to %g", last, done)
			}
			if last = done; done >= at && cancelled.IsZero() {
				cancelled = time.Now()
				cancel(because)
			}
		}
		_, err := Layout(ctx, vectors.Matrix(data, 64, 100), Options{Epochs: 40, Progress: stop})
		if took := time.Since(cancelled); !errors.Is(err, because) || took > 10*time.Second {
			t.Errorf("cancelled at %g: %v after %v", at, err, took)
		}
		cancel(nil)
	}
}

// Two meetings of a round never have a block in common, and every two blocks meet once.
func TestMeetings(t *testing.T) {
	at := map[[2]int]bool{} // round and block
	met := map[int]bool{}
	for a := range blocks {
		for b := range a {
			m := meeting(a, b)
			round := m / blocks
			if m != meeting(b, a) || met[m] || at[[2]int{round, a}] || at[[2]int{round, b}] {
				t.Errorf("blocks %d and %d meet while others do, in round %d", a, b, round)
			}
			met[m], at[[2]int{round, a}], at[[2]int{round, b}] = true, true, true
		}
		alone := 0
		for b := range blocks {
			if b != a && meeting(a, b) == meeting(a, a) {
				alone++
			}
		}
		if alone != 1 {
			t.Errorf("the rows of block %d meet in %d meetings of it", a, alone)
		}
	}
}

func TestExpAndLog(t *testing.T) {
	for x := -600.0; x < 600; x += 0.37 {
		if got := exp(x); math.Abs(got/math.Exp(x)-1) > 1e-13 {
			t.Errorf("exp(%g) is %g", x, got)
		}
		if got := log(math.Exp(x)); math.Abs(got-x) > 1e-13*max(1, math.Abs(x)) {
			t.Errorf("the logarithm of e to the power of %g is %g", x, got)
		}
	}
}
