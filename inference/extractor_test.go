package inference

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/preprocessing"
	"fovea/recipe"
)

const (
	side     = 8
	channels = 64
)

// tinyModel is a 3x3 convolution with fixed random weights, a dense layer on top of it, and
// the input itself as a layer that is easy to check by hand.
func tinyModel(tb testing.TB) *Model {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	weights := func(n int) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(random.NormFloat64())
		}
		return values
	}
	scope := op.NewScope()
	input := op.Placeholder(scope, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, side, side, 3)))
	constant := func(name string, shape ...int) tf.Output {
		size, err := checkedSize(shape)
		if err != nil {
			tb.Fatal(err)
		}
		tensor, err := NewFloat32Tensor(shape, weights(size))
		if err != nil {
			tb.Fatal(err)
		}
		return op.Const(scope.SubScope(name), tensor)
	}
	identity := op.Identity(scope, input)
	conv := op.Relu(scope, op.Conv2D(scope, input, constant("kernel", 3, 3, 3, channels), []int64{1, 1, 1, 1}, "SAME"))
	flat := op.Reshape(scope, conv, op.Const(scope.SubScope("shape"), []int32{-1, side * side * channels}))
	dense := op.MatMul(scope, flat, constant("dense", side*side*channels, 5))
	graph, err := scope.Finalize()
	if err != nil {
		tb.Fatal(err)
	}
	session, device, err := NewSession(graph, SessionConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	model := &Model{
		Name: "tiny", SHA256: "00", Preprocessing: preprocessing.Caffe, Device: device, Precision: Float32,
		Graph: graph, Session: session, Input: input, InputHeight: side, InputWidth: side,
		Layers: []Layer{
			{Name: "input", Output: identity, Shape: []int{side, side, 3}},
			{Name: "conv", Aliases: []string{"features.0"}, Output: conv, Shape: []int{side, side, channels}},
			{Name: "dense", Output: dense, Shape: []int{5}},
		},
	}
	tb.Cleanup(func() {
		if err := model.Close(); err != nil {
			tb.Error(err)
		}
	})
	return model
}

func pictures(n int) []float32 {
	random := rand.New(rand.NewPCG(3, 4))
	values := make([]float32, n*side*side*3)
	for i := range values {
		values[i] = float32(random.IntN(256)) - 128
	}
	return values
}

func extractor(tb testing.TB, model *Model, options ExtractorOptions) *Extractor {
	tb.Helper()
	e, err := NewExtractor(model, options)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func TestExtractPools(t *testing.T) {
	model := tinyModel(t)
	pixels := pictures(2)
	want := map[string][]float32{recipe.PoolNone: pixels, recipe.PoolAverage: make([]float32, 6), recipe.PoolMax: make([]float32, 6)}
	for p := range 2 {
		for c := range 3 {
			sum, most := 0.0, math.Inf(-1)
			for i := range side * side {
				v := float64(pixels[p*side*side*3+i*3+c])
				sum, most = sum+v, max(most, v)
			}
			want[recipe.PoolAverage][p*3+c] = float32(sum / side / side)
			want[recipe.PoolMax][p*3+c] = float32(most)
		}
	}
	for pool, values := range want {
		e := extractor(t, model, ExtractorOptions{Layers: []string{"input", "dense"}, Pool: pool, Batch: 4})
		got, err := e.Extract(pixels, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got[0], values, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 }) {
			t.Errorf("pool %s: layer input is %v, want %v", pool, got[0], values)
		}
		if len(got[1]) != 2*5 {
			t.Errorf("pool %s: the dense layer has %d values for 2 images, want 10", pool, len(got[1]))
		}
		layer := e.Layers()[0]
		if layer.Size() != len(values)/2 {
			t.Errorf("pool %s: layer %v does not describe %d values", pool, layer, len(values)/2)
		}
	}
}

// An image's features must not depend on the other images of its batch, on its place
// among them, or on the padding.
func TestExtractIgnoresNeighbours(t *testing.T) {
	const n, tolerance = 8, 1e-5 // of the largest value: rounding in another order of summation
	e := extractor(t, tinyModel(t), ExtractorOptions{Layers: []string{"conv", "dense"}, Batch: n})
	pixels := pictures(n)
	together, err := e.Extract(pixels, n)
	if err != nil {
		t.Fatal(err)
	}
	size := len(pixels) / n
	for p := range n {
		alone, err := e.Extract(pixels[p*size:(p+1)*size], 1)
		if err != nil {
			t.Fatal(err)
		}
		for l, layer := range e.Layers() {
			row := together[l][p*layer.Size() : (p+1)*layer.Size()]
			scale := math.Max(float64(slices.Max(row)), -float64(slices.Min(row)))
			for i := range row {
				if difference := math.Abs(float64(row[i] - alone[l][i])); difference > tolerance*scale {
					t.Fatalf("layer %s, image %d, value %d: %v in the batch, %v alone", layer.Name, p, i, row[i], alone[l][i])
				}
			}
		}
	}
}

func TestExtractRefuses(t *testing.T) {
	e := extractor(t, tinyModel(t), ExtractorOptions{Layers: []string{"dense"}, Batch: 2})
	for name, test := range map[string]struct{ values, n int }{
		"no images":       {0, 0},
		"too many":        {3 * side * side * 3, 3},
		"too few values":  {side * side * 3, 2},
		"too many values": {side*side*3 + 1, 1},
	} {
		if _, err := e.Extract(make([]float32, test.values), test.n); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNewExtractorRefuses(t *testing.T) {
	model := tinyModel(t)
	for want, options := range map[string]ExtractorOptions{
		"no layer":         {},
		"unknown layer":    {Layers: []string{"fc7"}},
		"twice":            {Layers: []string{"conv", "conv"}},
		"unknown pooling":  {Layers: []string{"conv"}, Pool: "median"},
		"batch of -1":      {Layers: []string{"conv"}, Batch: -1},
		"batch of 100000":  {Layers: []string{"conv"}, Batch: 100000},
		"input, conv, den": {Layers: []string{"nothing"}},
	} {
		if _, err := NewExtractor(model, options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error is %v, want one with %q", options, err, want)
		}
	}
	if _, err := NewExtractor(model, ExtractorOptions{Layers: []string{"features.0"}}); err != nil {
		t.Errorf("an alias is refused: %v", err)
	}
}

func TestNewFloat32TensorRefuses(t *testing.T) {
	for _, shape := range [][]int{{0}, {-1}, {1 << 40, 1 << 40}, {3}} {
		if _, err := NewFloat32Tensor(shape, make([]float32, 2)); err == nil {
			t.Errorf("shape %v is accepted for 2 values", shape)
		}
	}
}

// residentBytes is the memory of this process, C's included.
func residentBytes(tb testing.TB) int {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Skipf("the memory of the process cannot be told here: %v", err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		tb.Fatal(err)
	}
	return resident * os.Getpagesize()
}

// The binding leaves output tensors to finalizers, which the collector has no reason to
// run, least of all in a program whose own heap is large. The outputs come to 2.6 GB.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("20,000 runs")
	}
	const warm, runs, allowed = 1000, 20_000, 200 << 20
	e := extractor(t, tinyModel(t), ExtractorOptions{Layers: []string{"conv"}, Batch: 8})
	pixels := pictures(8)
	ballast := make([]byte, 1<<30) // never touched, so not resident
	defer runtime.KeepAlive(ballast)
	start := 0
	for i := range warm + runs {
		if i == warm {
			start = residentBytes(t)
		}
		if _, err := e.Extract(pixels, 8); err != nil {
			t.Fatal(err)
		}
	}
	if grown := residentBytes(t) - start; grown > allowed {
		t.Errorf("the process grew by %d MB in %d runs", grown>>20, runs)
	} else {
		t.Logf("the process grew by %d MB in %d runs", grown>>20, runs)
	}
}
