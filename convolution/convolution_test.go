package convolution_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// network is a graph under construction with random weights, the same for the same seed.
type network struct {
	tb     testing.TB
	scope  *op.Scope
	random *rand.Rand
	value  func(*rand.Rand) float32 // of a weight
	model  *inference.Model
	names  int
}

func newNetwork(tb testing.TB, height, width, channels int) (*network, tf.Output) {
	tb.Helper()
	n := &network{tb: tb, scope: op.NewScope(), random: rand.New(rand.NewPCG(1, 2)), value: func(r *rand.Rand) float32 { return float32(r.NormFloat64()) }}
	n.model = &inference.Model{Name: "small", Precision: inference.Float32, InputHeight: height, InputWidth: width}
	n.model.Input = op.Placeholder(n.scope, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, int64(height), int64(width), 3)))
	if channels == 3 {
		return n, n.model.Input
	}
	// Channels are repeated to get other numbers of them.
	indices := make([]int32, channels)
	for c := range indices {
		indices[c] = int32(c % 3)
	}
	return n, op.GatherV2(n.next(), n.model.Input, op.Const(n.next(), indices), op.Const(n.next(), int32(3)))
}

func (n *network) next() *op.Scope {
	n.names++
	return n.scope.SubScope(fmt.Sprint("node_", n.names))
}

func (n *network) constant(shape ...int) tf.Output {
	n.tb.Helper()
	size := 1
	for _, d := range shape {
		size *= d
	}
	values := make([]float32, size)
	for i := range values {
		values[i] = n.value(n.random)
	}
	return n.tensor(values, shape...)
}

func (n *network) tensor(values []float32, shape ...int) tf.Output {
	n.tb.Helper()
	tensor, err := inference.NewFloat32Tensor(shape, values)
	if err != nil {
		n.tb.Fatal(err)
	}
	return op.Const(n.next(), tensor)
}

func (n *network) tap(name string, output tf.Output, shape ...int) {
	n.model.Layers = append(n.model.Layers, inference.Layer{Name: name, Output: output, Shape: shape})
}

// scale makes weights so many times smaller.
func (n *network) scale(by float64) {
	n.value = func(r *rand.Rand) float32 { return float32(r.NormFloat64() / by) }
}

func (n *network) open() *inference.Model {
	return n.openAs(inference.SessionConfig{Device: inference.DeviceCPU})
}

// openUnfused is open for convolutions in groups, which TensorFlow cannot compute once it has fused them.
func (n *network) openUnfused() *inference.Model {
	n.model.Unfused = true
	return n.openAs(inference.SessionConfig{Device: inference.DeviceCPU, Unfused: true})
}

func (n *network) openAs(config inference.SessionConfig) *inference.Model {
	n.tb.Helper()
	graph, err := n.scope.Finalize()
	if err != nil {
		n.tb.Fatal(err)
	}
	n.model.Graph = graph
	if n.model.Session, n.model.Device, err = inference.NewSession(graph, config); err != nil {
		n.tb.Fatal(err)
	}
	n.tb.Cleanup(func() {
		if err := n.model.Close(); err != nil {
			n.tb.Error(err)
		}
	})
	return n.model
}

// features are those of all layers of a model for some images of noise.
func features(tb testing.TB, model *inference.Model, pictures int) [][]float32 {
	tb.Helper()
	var names []string
	for _, l := range model.Layers {
		names = append(names, l.Name)
	}
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names, Batch: pictures})
	if err != nil {
		tb.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	pixels := make([]float32, pictures*model.InputHeight*model.InputWidth*model.Depth())
	for i := range pixels {
		pixels[i] = float32(random.IntN(256)) - 120
	}
	values, err := extractor.Extract(pixels, pictures)
	if err != nil {
		tb.Fatal(err)
	}
	return values
}

// taps adds a convolution as it can be asked for: bare, with its bias, rectified and, if it is large
// enough, pooled, which is returned.
func (n *network) taps(x tf.Output, height, width, in, out int) (pooled tf.Output, found bool) {
	n.tb.Helper()
	ones, twos := []int64{1, 1, 1, 1}, []int64{1, 2, 2, 1}
	bare := op.Conv2D(n.next(), x, n.constant(3, 3, in, out), ones, "SAME")
	biased := op.BiasAdd(n.next(), bare, n.constant(out))
	rectified := op.Relu(n.next(), biased)
	n.tap("bare", bare, height, width, out)
	n.tap("biased", biased, height, width, out)
	n.tap("rectified", rectified, height, width, out)
	if height == 1 || width == 1 {
		return tf.Output{}, false
	}
	pooled = op.MaxPool(n.next(), rectified, twos, twos, "VALID")
	n.tap("pooled", pooled, height/2, width/2, out)
	return pooled, true
}

// apart is the largest difference, relative to the largest value.
func apart(want, got []float32) float64 {
	var worst, most float64
	for i, w := range want {
		worst = math.Max(worst, math.Abs(float64(got[i]-w)))
		most = math.Max(most, math.Abs(float64(w)))
	}
	return worst / max(most, math.SmallestNonzeroFloat64)
}

// compare accelerates a model and fails where a layer changes by more than rounding does.
func compare(t *testing.T, model *inference.Model, pictures int, options convolution.Options) {
	t.Helper()
	const tolerance = 2e-5 // of a layer's largest value
	want := features(t, model, pictures)
	if err := convolution.Accelerate(model, options); err != nil {
		t.Fatal(err)
	}
	got := features(t, model, pictures)
	for l, layer := range model.Layers {
		if off := apart(want[l], got[l]); !(off <= tolerance) {
			t.Errorf("layer %s is off by %.1e of its largest value", layer.Name, off)
		}
	}
}

// Pictures that fill no tile, some, or all of one; channels below, at and beyond a register's
// multiples; batches that do not divide by the shares, or are smaller than them.
func TestConvolution(t *testing.T) {
	for _, test := range []struct{ height, width, in, out, pictures, shares int }{
		{1, 1, 3, 16, 1, 1},
		{2, 3, 3, 16, 2, 1},
		{4, 4, 16, 32, 3, 2},
		{5, 7, 17, 16, 5, 2},
		{6, 6, 1, 48, 2, 3},
		{8, 9, 15, 64, 1, 4},
		{14, 14, 64, 64, 7, 3},
		{13, 28, 40, 16, 8, 5},
		{56, 57, 33, 128, 2, 2},
		{28, 28, 200, 144, 3, 2},
	} {
		t.Run(fmt.Sprintf("%dx%d, %d to %d channels, %d images in %d shares", test.height, test.width, test.in, test.out, test.pictures, test.shares), func(t *testing.T) {
			n, x := newNetwork(t, test.height, test.width, test.in)
			if pooled, found := n.taps(x, test.height, test.width, test.in, test.out); found {
				ones := []int64{1, 1, 1, 1}
				second := op.Relu(n.next(), op.Conv2D(n.next(), pooled, n.constant(3, 3, test.out, 16), ones, "SAME"))
				n.tap("without bias", second, test.height/2, test.width/2, 16)
			}
			compare(t, n.open(), test.pictures, convolution.Options{Shares: test.shares, Verify: true})
		})
	}
}

// What looks like it, but is another operation, must stay as it is; so must all before,
// between and after.
func TestOtherNodesStay(t *testing.T) {
	const side, channels = 12, 16
	ones, twos := []int64{1, 1, 1, 1}, []int64{1, 2, 2, 1}
	n, x := newNetwork(t, side, side, channels)
	n.tap("input", op.Identity(n.next(), n.model.Input), side, side, 3)
	fast := op.Relu(n.next(), op.BiasAdd(n.next(), op.Conv2D(n.next(), x, n.constant(3, 3, channels, channels), ones, "SAME"), n.constant(channels)))
	n.tap("fast", fast, side, side, channels)
	valid := op.Conv2D(n.next(), fast, n.constant(3, 3, channels, channels), ones, "VALID")
	n.tap("valid", valid, side-2, side-2, channels)
	strided := op.Conv2D(n.next(), fast, n.constant(3, 3, channels, channels), twos, "SAME")
	n.tap("strided", strided, side/2, side/2, channels)
	dilated := op.Conv2D(n.next(), fast, n.constant(3, 3, channels, channels), ones, "SAME", op.Conv2DDilations(twos))
	n.tap("dilated", dilated, side, side, channels)
	large := op.Conv2D(n.next(), fast, n.constant(5, 5, channels, channels), ones, "SAME")
	n.tap("large", large, side, side, channels)
	odd := op.Conv2D(n.next(), fast, n.constant(3, 3, channels, 17), ones, "SAME")
	n.tap("odd", odd, side, side, 17)
	same := op.MaxPool(n.next(), fast, twos, twos, "SAME")
	n.tap("same", same, side/2, side/2, channels)
	overlapping := op.MaxPool(n.next(), fast, []int64{1, 3, 3, 1}, twos, "VALID")
	n.tap("overlapping", overlapping, (side-1)/2, (side-1)/2, channels)
	twice := op.AddV2(n.next(), op.Relu(n.next(), fast), strided2(n, fast, side))
	n.tap("twice", twice, side, side, channels)
	again := op.Conv2D(n.next(), twice, n.constant(3, 3, channels, 2*channels), ones, "SAME")
	n.tap("again", again, side, side, 2*channels)
	flat := op.Reshape(n.next(), again, op.Const(n.next(), []int32{-1, side * side * 2 * channels}))
	n.tap("dense", op.MatMul(n.next(), flat, n.constant(side*side*2*channels, 5)), 5)
	model := n.open()
	compare(t, model, 5, convolution.Options{Shares: 2})
	if model.Convolutions.Count != 6 {
		t.Errorf("%d convolutions were changed, want 6: all but dilated", model.Convolutions.Count)
	}
}

// strided2 is a second reader of a fast layer, with a dependence on the batch's size.
func strided2(n *network, x tf.Output, side int) tf.Output {
	shape := op.Shape(n.next(), x)
	return op.BroadcastTo(n.next(), op.Reshape(n.next(), n.constant(side), op.Const(n.next(), []int32{1, int32(side), 1, 1})), shape)
}

func TestNotFaster(t *testing.T) {
	n, x := newNetwork(t, 8, 8, 16)
	n.tap("conv", op.Conv2D(n.next(), x, n.constant(5, 5, 16, 16), []int64{1, 1, 1, 1}, "SAME", op.Conv2DDilations([]int64{1, 2, 2, 1})), 8, 8, 16)
	model := n.open()
	if err := convolution.Accelerate(model, convolution.Options{}); !errors.Is(err, convolution.ErrNotFaster) {
		t.Errorf("a network of dilated convolutions: %v", err)
	}
	model.Precision = inference.Int16
	if err := convolution.Accelerate(model, convolution.Options{}); !errors.Is(err, convolution.ErrNotFaster) {
		t.Errorf("a network of dilated convolutions in int16: %v", err)
	}
	model.Precision = inference.Float16
	if err := convolution.Accelerate(model, convolution.Options{}); !errors.Is(err, convolution.ErrNotFaster) {
		t.Errorf("another arithmetic: %v", err)
	}
}
