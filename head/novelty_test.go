package head

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

func layersOf(shapes ...[]int) []recipe.Layer {
	var layers []recipe.Layer
	for i, s := range shapes {
		layers = append(layers, recipe.Layer{Name: "layer" + strconv.Itoa(i), Shape: s})
	}
	return layers
}

// Novelties are those of scikit-learn's nearest neighbours: testdata/head/make_novelty_golden.py.
func TestNoveltyGolden(t *testing.T) {
	text, err := os.ReadFile("../testdata/head/novelty.json")
	if err != nil {
		t.Fatal(err)
	}
	var problems []struct {
		Name                      string
		Shapes                    [][]int
		Rows, Neighbors, Measured int
		Rate, Cutoff              float64
		Groups                    []string
		X, Queries                []float32
		Novelty                   []float64
	}
	if err := json.Unmarshal(text, &problems); err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Run(p.Name, func(t *testing.T) {
			x := Matrix{Rows: p.Rows, Cols: len(p.X) / p.Rows, Data: p.X}
			labels := make([]string, p.Rows)
			for i := range labels {
				labels[i] = strconv.Itoa(i % 2)
			}
			layers := layersOf(p.Shapes...)
			n, err := TrainNovelty(context.Background(), x, labels, NoveltyOptions{Layers: layers, Groups: p.Groups, Rate: p.Rate, Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			if n.Neighbors != p.Neighbors || n.Measured != p.Measured || n.Known.Rows != p.Measured || math.Abs(n.Cutoff-p.Cutoff) > 1e-6 {
				t.Errorf("%d neighbours, %d and %d rows, cutoff %v; want %d, %d, %v", n.Neighbors, n.Measured, n.Known.Rows, n.Cutoff, p.Neighbors, p.Measured, p.Cutoff)
			}
			h := &Head{Layers: layers, Novelty: n, Standardization: Standardization{Mean: make([]float32, x.Cols)}}
			got, err := h.Novelties(Matrix{Rows: len(p.Novelty), Cols: x.Cols, Data: p.Queries})
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range p.Novelty {
				tolerance := 3e-6
				if i == len(p.Novelty)-1 {
					tolerance = 1e-3 // of a known row itself: the root of what rounding makes of 0
				}
				if math.Abs(got[i]-want) > tolerance {
					t.Errorf("novelty of row %d is %v, want %v", i, got[i], want)
				}
			}
		})
	}
}

// manyClusters are rows of several classes around centres of their own.
func manyClusters(rows, cols, classes int, seed uint64) (Matrix, []string) {
	centres := rand.New(rand.NewPCG(5, 5))
	middle := make([]float64, classes*cols)
	for i := range middle {
		middle[i] = centres.NormFloat64()
	}
	random := rand.New(rand.NewPCG(seed, 6))
	x, labels := Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}, make([]string, rows)
	for i := range rows {
		c := random.IntN(classes)
		labels[i] = fmt.Sprintf("class%02d", c)
		for j := range cols {
			x.Row(i)[j] = float32(middle[c*cols+j] + 0.6*random.NormFloat64())
		}
	}
	return x, labels
}

// Of known rows that it has not seen, a head calls about as many unknown as it was told to; of those of a further class,
// nearly all.
func TestNoveltyRate(t *testing.T) {
	if testing.Short() {
		t.Skip("trains many times, as other tests do once")
	}
	for _, c := range []struct {
		shape []int
		rows  int
		kept  int
		rate  float64
	}{
		{[]int{24}, 700, 700, 0.05}, {[]int{24}, 700, 700, 0.2}, {[]int{24}, 2000, 2000, 0.01},
		{[]int{2, 300}, 1500, 1500, 0.05}, {[]int{600}, 1500, 1024, 0.05}, {[]int{600}, 1500, 1024, 0.3},
	} {
		layers := layersOf(c.shape)
		x, labels := manyClusters(c.rows, layers[0].Size(), 3, 1)
		n, err := TrainNovelty(context.Background(), x, labels, NoveltyOptions{Layers: layers, Rate: c.rate, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		h := &Head{Layers: layers, Novelty: n, Standardization: Standardization{Mean: make([]float32, x.Cols)}}
		test, _ := manyClusters(3000, x.Cols, 3, 2)
		share, err := h.NoveltyOf(test)
		if err != nil {
			t.Fatal(err)
		}
		got := float64(share.Above) / float64(share.Images)
		deviation := math.Sqrt(c.rate * (1 - c.rate) * (1/float64(c.rows) + 1/float64(test.Rows)))
		if n.Known.Rows != c.kept || math.Abs(got-c.rate) > 3.5*deviation || share.Expected != c.rate || share.Median >= 1 {
			t.Errorf("%v: %d rows are kept, %.4f are above the cutoff, %+v; want %d, %.4f and a deviation of %.4f", c.shape, n.Known.Rows, got, share, c.kept, c.rate, deviation)
		}
		other, _ := manyClusters(3000, x.Cols, 4, 3)
		_, others := manyClusters(3000, x.Cols, 4, 3)
		all, err := h.Novelties(other)
		if err != nil {
			t.Fatal(err)
		}
		above, foreign := 0.0, 0.0
		for i, l := range others {
			if l == "class03" {
				foreign++
				if all[i] > 1 {
					above++
				}
			}
		}
		if above < 0.95*foreign {
			t.Errorf("%v: %v of %v rows of another class are above the cutoff", c.shape, above, foreign)
		}
	}
}

// The model depends on neither the number of CPUs nor how many rows are computed together, and its size is bounded.
func TestNoveltyIsDeterministic(t *testing.T) {
	layers := layersOf([]int{2, 2, 350}, []int{700})
	x, labels := manyClusters(900, 2100, 20, 1)
	var first *Novelty
	var values []float64
	numbers := []int{1, 2, 7}
	if testing.Short() {
		numbers = numbers[1:] // on one CPU nothing is done at the same time
	}
	for _, cpus := range numbers {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cpus))
			n, err := TrainNovelty(context.Background(), x, labels, NoveltyOptions{Layers: layers, Rate: 0.05, Seed: 4})
			if err != nil {
				t.Fatal(err)
			}
			h := &Head{Layers: layers, Novelty: n, Standardization: Standardization{Mean: make([]float32, x.Cols)}}
			all, err := h.Novelties(x)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first, values = n, all
			}
			if d := cmp.Diff(first, n); d != "" {
				t.Errorf("%d CPUs make another model: %s", cpus, d)
			}
			if d := cmp.Diff(values, all); d != "" {
				t.Errorf("%d CPUs compute other novelties: %s", cpus, d)
			}
			for i := range 50 {
				alone, err := h.Novelties(Matrix{Rows: 1, Cols: x.Cols, Data: x.Row(i)})
				if err != nil || alone[0] != all[i] {
					t.Fatalf("row %d alone has the novelty %v, want %v: %v", i, alone, all[i], err)
				}
			}
		}()
	}
	if k := first.Known; k.Cols != 350+512 || k.Rows != mostKnown/862 {
		t.Errorf("%d rows of %d values are kept", k.Rows, k.Cols)
	}
	counts := map[string]int{}
	for _, r := range alternating(onePerGroup(x.Rows, nil, 4), labels, 100) {
		counts[labels[r]]++
	}
	if len(counts) != 20 || counts["class07"] != 5 {
		t.Errorf("of 20 classes, so many of 100 rows are kept: %v", counts)
	}
}

// Rows that nothing can be learned from, and layers that do not fit.
func TestNoveltyRefuses(t *testing.T) {
	x, labels := clusters(30, 6, 1, 1)
	layers := layersOf([]int{6})
	same := make([]string, 30)
	for name, c := range map[string]struct {
		options NoveltyOptions
		want    error
	}{
		"copies":   {NoveltyOptions{Layers: layers, Rate: 0.05, Groups: same}, ErrCopies},
		"rate 0":   {NoveltyOptions{Layers: layers}, nil},
		"rate 1":   {NoveltyOptions{Layers: layers, Rate: 1}, nil},
		"rate NaN": {NoveltyOptions{Layers: layers, Rate: math.NaN()}, nil},
		"layers":   {NoveltyOptions{Layers: layersOf([]int{7}), Rate: 0.05}, nil},
		"groups":   {NoveltyOptions{Layers: layers, Rate: 0.05, Groups: same[1:]}, nil},
	} {
		if n, err := TrainNovelty(context.Background(), x, labels, c.options); err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: %v, %v", name, n, err)
		}
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	if _, err := TrainNovelty(ctx, x, labels, NoveltyOptions{Layers: layers, Rate: 0.05}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
	// Rows that are equal but not called copies, and rows without a direction.
	equal := Matrix{Rows: 30, Cols: 6, Data: make([]float32, 180)}
	for i := range equal.Data {
		equal.Data[i] = float32(i % 6)
	}
	n, err := TrainNovelty(context.Background(), equal, labels, NoveltyOptions{Layers: layers, Rate: 0.05})
	if err != nil || n.Cutoff != minCutoff {
		t.Fatalf("equal rows have the cutoff %v, %v", n, err)
	}
	h := &Head{Layers: layers, Novelty: n, Standardization: Standardization{Mean: make([]float32, 6)}}
	got, err := h.Novelties(Matrix{Rows: 2, Cols: 6, Data: append(make([]float32, 6), equal.Row(0)...)})
	if err != nil || math.Abs(got[0]-math.Sqrt2/minCutoff) > 1e-6 || got[1] > 1 {
		t.Errorf("a row of zeros and an equal one have the novelties %v, %v", got, err)
	}
	if _, err := h.Novelties(x); err != nil {
		t.Error(err)
	}
	if _, err := h.Novelties(Matrix{Rows: 1, Cols: 5, Data: make([]float32, 5)}); err == nil {
		t.Error("a row of another width has a novelty")
	}
	if got, err := (&Head{}).Novelties(x); got != nil || err != nil {
		t.Errorf("a head without a model: %v, %v", got, err)
	}
}

// Rows of zeros are as far from each other as from all others: they change nothing about what the others tell, however
// many they are.
func TestNoveltyOfZeros(t *testing.T) {
	layers := layersOf([]int{2, 4}, []int{5})
	x, labels := manyClusters(60, 13, 2, 1)
	want, err := TrainNovelty(context.Background(), x, labels, NoveltyOptions{Layers: layers, Rate: 0.1, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	many := Matrix{Rows: 160, Cols: 13, Data: append(make([]float32, 1300), x.Data...)}
	all := append(slices.Repeat([]string{"class00", "class01"}, 50), labels...)
	for name, groups := range map[string][]string{"each": nil, "one group": append(slices.Repeat([]string{"zeros"}, 100), ownGroups(60)...)} {
		n, err := TrainNovelty(context.Background(), many, all, NoveltyOptions{Layers: layers, Rate: 0.1, Seed: 2, Groups: groups})
		if err != nil || n.Measured != 60 || n.Known.Rows != 60 || math.Abs(n.Cutoff-want.Cutoff) > 1e-6 {
			t.Fatalf("%s: %d of %d rows, cutoff %v, %v; want 60 and %v", name, n.Measured, n.Known.Rows, n.Cutoff, err, want.Cutoff)
		}
		h := &Head{Layers: layers, Novelty: n, Standardization: Standardization{Mean: make([]float32, 13)}}
		share, err := h.NoveltyOf(Matrix{Rows: 100, Cols: 13, Data: many.Data[:1300]})
		if err != nil || share.Above != 100 {
			t.Errorf("%s: of 100 rows of zeros: %+v, %v", name, share, err)
		}
	}
	if d := cmp.Diff(allOf(100), many.ZeroRows()); d != "" || x.ZeroRows() != nil {
		t.Errorf("rows of zeros: %s, and %v", d, x.ZeroRows())
	}
	if _, err := TrainNovelty(context.Background(), Matrix{Rows: 101, Cols: 13, Data: many.Data[:1313]}, all[:101], NoveltyOptions{Layers: layers, Rate: 0.1}); !errors.Is(err, ErrCopies) {
		t.Errorf("one row that is not zero: %v", err)
	}
}

// allOf are the numbers below n.
func allOf(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// withNovelty is a head with a model of what it knows.
func withNovelty(t testing.TB) *Head {
	t.Helper()
	x, labels := clusters(30, 6, 1, 1)
	h := trained(t)
	var err error
	if h.Novelty, err = TrainNovelty(context.Background(), x, labels, NoveltyOptions{Layers: h.Layers, Rate: 0.1, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	return h
}

// A head's file has its novelty model, in the version of the same head without one.
func TestNoveltyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "head.json")
	saveAndLoad(t, withNovelty(t), name)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil || object["version"] != 1.0 || object["novelty"] == nil {
		t.Errorf("its version is %v, its novelty %v, %v", object["version"], object["novelty"], err)
	}
}
