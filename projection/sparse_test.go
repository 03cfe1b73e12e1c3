package projection

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"fovea/recipe"
)

// ramp are values that testdata/make_sparse.py makes, too.
func ramp(d int) []float32 {
	x := make([]float32, d)
	for i := range x {
		if i%3 != 0 {
			x[i] = float32(i*7919%1009-504) / 64
		}
	}
	return x
}

func layer(inputs int) recipe.Layer {
	return recipe.Layer{Name: "layer", Shape: []int{inputs}, Layout: recipe.LayoutC}
}

// The matrix is that of the description, to the last entry and bit.
func TestSparseAgreesWithNumPy(t *testing.T) {
	data, err := os.ReadFile("testdata/sparse.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Seed                          string
		Inputs, Values, Span, Nonzero int
		First                         [][3]float64
		Want                          []float32
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 9 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		seed, err := strconv.ParseUint(c.Seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		p := New(recipe.Projection{Kind: recipe.ProjectSparse, Values: c.Values, Seed: seed})
		values, apply, err := p.Layer(layer(c.Inputs))
		if err != nil || values != c.Values {
			t.Fatalf("%d values, %v", values, err)
		}
		got := make([]float32, values)
		apply(got, ramp(c.Inputs))
		if !slices.Equal(got, c.Want) {
			t.Errorf("seed %s: %d of %d values are %v, want %v", c.Seed, values, c.Inputs, got, c.Want)
		}
		m, err := p.Matrix(layer(c.Inputs))
		if err != nil {
			t.Fatal(err)
		}
		checkMatrix(t, m, c.Inputs, c.Values, c.Nonzero, c.First, c.Want)
	}
}

// checkMatrix compares the matrix as others see it.
func checkMatrix(t *testing.T, m Matrix, inputs, values, nonzero int, first [][3]float64, want []float32) {
	t.Helper()
	x, count, sums := ramp(inputs), 0, make([]float64, values)
	var listed [][3]float64
	for i, f := range m.Factors {
		if f != 0 {
			count++
			sums[i%values] += float64(f) * float64(x[m.Indices[i]])
			listed = append(listed, [3]float64{float64(i % values), float64(m.Indices[i]), math.Copysign(1, float64(f))})
		}
	}
	slices.SortFunc(listed, func(a, b [3]float64) int { return slices.Compare(a[:], b[:]) })
	if count != nonzero || !slices.Equal(listed[:len(first)], first) {
		t.Errorf("%d entries, want %d; the first are %v, want %v", count, nonzero, listed[:len(first)], first)
	}
	for j, s := range sums {
		if math.Abs(s-float64(want[j])) > 1e-5*max(1, math.Abs(s)) {
			t.Errorf("by the matrix, value %d is %g, want %g", j, s, want[j])
		}
	}
}

// Squared lengths are right in the mean, and vary as little as the bound says, for vectors that are hard: few values carry
// everything, and they are neighbours.
func TestSparseKeepsLengths(t *testing.T) {
	const inputs, values, seeds = 10_000, 64, 600
	r := rand.New(rand.NewPCG(3, 1))
	dense, few := make([]float32, inputs), make([]float32, inputs)
	for i := range dense {
		dense[i] = float32(math.Max(0, r.NormFloat64()))
	}
	for i := range 40 {
		few[5000+i] = float32(1 + r.Float64())
	}
	for name, x := range map[string][]float32{"dense": dense, "few": few} {
		squares, fourths := 0.0, 0.0
		for _, v := range x {
			squares += float64(v) * float64(v)
			fourths += math.Pow(float64(v), 4)
		}
		bound := (2 + (100-3)*fourths/(squares*squares)) / values // of the variance of the ratio
		mean, variance := 0.0, 0.0
		for seed := range uint64(seeds) {
			s, err := newSparse(seed, inputs, values)
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float32, values)
			s.apply(out, x)
			ratio := 0.0
			for _, v := range out {
				ratio += float64(v) * float64(v) / squares
			}
			mean += ratio / seeds
			variance += (ratio - 1) * (ratio - 1) / seeds
		}
		t.Logf("%s: the ratio of squared lengths is %.4f in the mean, its variance %.5f, the bound %.5f", name, mean, variance, bound)
		if off := math.Abs(mean - 1); off > 4*math.Sqrt(bound/seeds) {
			t.Errorf("%s: the mean is %.4f", name, mean)
		}
		if variance > 1.3*bound || variance < 0.3*bound {
			t.Errorf("%s: the variance is %.5f, the bound %.5f", name, variance, bound)
		}
	}
}

// Goroutines share a Projection and get the same bits.
func TestSparseIsShared(t *testing.T) {
	p := New(recipe.Projection{Kind: recipe.ProjectSparse, Values: 33, Seed: 5})
	x := ramp(5000)
	want := make([]float32, 33)
	s, err := newSparse(5, 5000, 33)
	if err != nil {
		t.Fatal(err)
	}
	s.apply(want, x)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				_, apply, err := p.Layer(layer(5000))
				got := make([]float32, 33)
				if err == nil {
					apply(got, x)
				}
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}

func TestWholeRoot(t *testing.T) {
	for n := range 70_000 {
		if r := wholeRoot(n); r*r > n || (r+1)*(r+1) <= n {
			t.Fatalf("the root of %d is %d", n, r)
		}
	}
	if r := wholeRoot(signBit*signBit - 1); r != signBit-1 {
		t.Error(r)
	}
	if _, err := newSparse(1, (signBit+1)*(signBit+1), 1); err == nil {
		t.Error("a layer that is too long is taken")
	}
}

// All layers of VGG16, from block1_conv1 to fc8, of one photo.
func BenchmarkVGG16(b *testing.B) {
	p := New(recipe.Projection{Kind: recipe.ProjectSparse, Values: 1024, Seed: 1})
	var all []func(out, x []float32)
	var maps [][]float32
	for _, block := range []struct{ side, channels, convolutions int }{{224, 64, 2}, {112, 128, 2}, {56, 256, 3}, {28, 512, 3}, {14, 512, 3}} {
		for range block.convolutions {
			maps = append(maps, ramp(block.side*block.side*block.channels))
		}
		maps = append(maps, ramp(block.side*block.side*block.channels/4))
	}
	maps = append(maps, ramp(4096), ramp(4096))
	for _, x := range maps {
		_, apply, err := p.Layer(layer(len(x)))
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, apply)
	}
	out := make([]float32, 1024)
	for b.Loop() {
		for i, apply := range all {
			apply(out, maps[i])
		}
	}
}

func BenchmarkNewSparse(b *testing.B) {
	for b.Loop() {
		if _, err := newSparse(1, 224*224*64, 1024); err != nil {
			b.Fatal(err)
		}
	}
}
