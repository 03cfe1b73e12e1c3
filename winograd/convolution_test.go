package winograd_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
	"fovea/winograd"
)

// network is a graph under construction with random weights, the same for the same seed.
type network struct {
	tb     testing.TB
	scope  *op.Scope
	random *rand.Rand
	model  *inference.Model
	names  int
}

func newNetwork(tb testing.TB, height, width, channels int) (*network, tf.Output) {
	tb.Helper()
	n := &network{tb: tb, scope: op.NewScope(), random: rand.New(rand.NewPCG(1, 2))}
	n.model = &inference.Model{Name: "small", Precision: inference.Float32, InputHeight: height, InputWidth: width}
	n.model.Input = op.Placeholder(n.scope, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, int64(height), int64(width), 3)))
	if channels == 3 {
		return n, n.model.Input
	}
	// A convolution of 1x1, which stays as it is, makes other numbers of channels.
	return n, op.Conv2D(n.next(), n.model.Input, n.constant(1, 1, 3, channels), []int64{1, 1, 1, 1}, "SAME")
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
		values[i] = float32(n.random.NormFloat64())
	}
	tensor, err := inference.NewFloat32Tensor(shape, values)
	if err != nil {
		n.tb.Fatal(err)
	}
	return op.Const(n.next(), tensor)
}

func (n *network) tap(name string, output tf.Output, shape ...int) {
	n.model.Layers = append(n.model.Layers, inference.Layer{Name: name, Output: output, Shape: shape})
}

func (n *network) open() *inference.Model {
	n.tb.Helper()
	graph, err := n.scope.Finalize()
	if err != nil {
		n.tb.Fatal(err)
	}
	n.model.Graph = graph
	if n.model.Session, n.model.Device, err = inference.NewSession(graph, inference.SessionConfig{Device: inference.DeviceCPU}); err != nil {
		n.tb.Fatal(err)
	}
	n.tb.Cleanup(func() {
		if err := n.model.Close(); err != nil {
			n.tb.Error(err)
		}
	})
	return n.model
}

// features are those of all layers of a model for some pictures of noise.
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
	pixels := make([]float32, pictures*model.InputHeight*model.InputWidth*3)
	for i := range pixels {
		pixels[i] = float32(random.IntN(256)) - 120
	}
	values, err := extractor.Extract(pixels, pictures)
	if err != nil {
		tb.Fatal(err)
	}
	return values
}

// compare accelerates a model and fails where a layer changes by more than rounding does.
func compare(t *testing.T, model *inference.Model, pictures int, options winograd.Options) {
	t.Helper()
	const tolerance = 2e-5 // of a layer's largest value
	want := features(t, model, pictures)
	if err := winograd.Accelerate(model, options); err != nil {
		t.Fatal(err)
	}
	got := features(t, model, pictures)
	for l, layer := range model.Layers {
		var worst, most float64
		for i, w := range want[l] {
			worst = math.Max(worst, math.Abs(float64(got[l][i]-w)))
			most = math.Max(most, math.Abs(float64(w)))
		}
		if !(worst <= tolerance*most) {
			t.Errorf("layer %s is off by %.1e of its largest value", layer.Name, worst/most)
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
		t.Run(fmt.Sprintf("%dx%d, %d to %d channels, %d pictures in %d shares", test.height, test.width, test.in, test.out, test.pictures, test.shares), func(t *testing.T) {
			n, x := newNetwork(t, test.height, test.width, test.in)
			ones, twos := []int64{1, 1, 1, 1}, []int64{1, 2, 2, 1}
			bare := op.Conv2D(n.next(), x, n.constant(3, 3, test.in, test.out), ones, "SAME")
			biased := op.BiasAdd(n.next(), bare, n.constant(test.out))
			rectified := op.Relu(n.next(), biased)
			n.tap("bare", bare, test.height, test.width, test.out)
			n.tap("biased", biased, test.height, test.width, test.out)
			n.tap("rectified", rectified, test.height, test.width, test.out)
			if test.height > 1 && test.width > 1 {
				pooled := op.MaxPool(n.next(), rectified, twos, twos, "VALID")
				n.tap("pooled", pooled, test.height/2, test.width/2, test.out)
				second := op.Relu(n.next(), op.Conv2D(n.next(), pooled, n.constant(3, 3, test.out, 16), ones, "SAME"))
				n.tap("without bias", second, test.height/2, test.width/2, 16)
			}
			compare(t, n.open(), test.pictures, winograd.Options{Shares: test.shares, Verify: true})
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
	compare(t, model, 5, winograd.Options{Shares: 2, Verify: true})
	if model.Winograd != 2 {
		t.Errorf("%d convolutions were changed, want 2: fast and again", model.Winograd)
	}
}

// strided2 is a second reader of a fast layer, with a dependence on the batch's size.
func strided2(n *network, x tf.Output, side int) tf.Output {
	shape := op.Shape(n.next(), x)
	return op.BroadcastTo(n.next(), op.Reshape(n.next(), n.constant(side), op.Const(n.next(), []int32{1, int32(side), 1, 1})), shape)
}

// A graph in which pictures see each other cannot be split; the model must say so by its
// results, and stay as it was.
func TestVerify(t *testing.T) {
	const side = 8
	n, x := newNetwork(t, side, side, 16)
	mean := op.Mean(n.next(), x, op.Const(n.next(), []int32{0}), op.MeanKeepDims(true))
	centred := op.Sub(n.next(), x, mean)
	n.tap("conv", op.Conv2D(n.next(), centred, n.constant(3, 3, 16, 16), []int64{1, 1, 1, 1}, "SAME"), side, side, 16)
	model := n.open()
	before := model.Layers[0].Output
	if err := winograd.Accelerate(model, winograd.Options{Shares: 2, Verify: true}); err == nil {
		t.Error("batches that must not be split were split")
	}
	if model.Layers[0].Output != before || model.Winograd != 0 {
		t.Error("the model was changed in spite of the error")
	}
}

func TestNotFaster(t *testing.T) {
	n, x := newNetwork(t, 8, 8, 16)
	n.tap("conv", op.Conv2D(n.next(), x, n.constant(5, 5, 16, 16), []int64{1, 1, 1, 1}, "SAME"), 8, 8, 16)
	model := n.open()
	if err := winograd.Accelerate(model, winograd.Options{}); !errors.Is(err, winograd.ErrNotFaster) {
		t.Errorf("a network of 5x5 convolutions: %v", err)
	}
	model.Precision = inference.BFloat16
	if err := winograd.Accelerate(model, winograd.Options{}); !errors.Is(err, winograd.ErrNotFaster) {
		t.Errorf("another arithmetic: %v", err)
	}
}
