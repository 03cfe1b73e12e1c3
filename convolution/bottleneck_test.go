package convolution_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// bottleneckCase is an inverted bottleneck: without expansion if wide is 0, without gates if squeezed is 0.
type bottleneckCase struct {
	height, width, in, wide, side, stride int
	padding                               string // PAD: by an operation of its own, uneven
	squeezed, out                         int
	hard                                  bool // the activations
	pictures                              int
}

func (c bottleneckCase) String() string {
	return fmt.Sprintf("%dx%d, %d, %d to %d channels, kernel %d, stride %d, %s, %d squeezed, hard %t, %d images", c.height, c.width, c.in, c.wide, c.out, c.side, c.stride, c.padding, c.squeezed, c.hard, c.pictures)
}

// At the borders of what the operation treats alike: bands of rows that fit its memory, groups of small pictures, lines and
// panels of channels, pictures of one row or pixel.
var bottleneckCases = []bottleneckCase{
	{1, 1, 3, 5, 3, 1, "SAME", 2, 3, false, 2},
	{7, 7, 16, 96, 5, 1, "SAME", 4, 16, false, 7},
	{7, 7, 160, 240, 3, 1, "SAME", 10, 160, false, 3},
	{15, 13, 24, 72, 5, 2, "SAME", 24, 40, true, 3},
	{56, 57, 24, 100, 3, 2, "PAD", 6, 17, false, 2},
	{113, 61, 16, 64, 3, 2, "PAD", 4, 24, false, 1},
	{40, 90, 17, 130, 5, 1, "SAME", 5, 17, false, 3},
	{33, 47, 32, 0, 3, 1, "SAME", 8, 32, false, 2},
	{33, 47, 16, 0, 5, 2, "VALID", 0, 33, true, 3},
	{61, 90, 16, 112, 7, 1, "SAME", 0, 16, false, 1},
	{30, 200, 20, 40, 3, 3, "VALID", 3, 20, true, 2},
	{2, 9, 3, 48, 1, 2, "SAME", 7, 1, true, 3},
	{12, 5, 16, 33, 2, 5, "VALID", 0, 5, false, 4},
}

// mid is the number of channels between the products.
func (c bottleneckCase) mid() int {
	if c.wide == 0 {
		return c.in
	}
	return c.wide
}

// along is the output's size in one dimension, and the zeros before the input.
func (c bottleneckCase) along(size int) (out, before int) {
	if c.padding == "PAD" {
		return (size+2+1-c.side)/c.stride + 1, 2
	}
	return productCase{side: c.side, stride: c.stride, padding: c.padding}.along(size)
}

func (c bottleneckCase) residual() bool { return c.in == c.out && c.stride == 1 && c.padding == "SAME" }

// weights are random numbers of a bottleneck.
type weights struct{ pixels, expand, expandBias, depth, depthBias, squeeze, squeezeBias, excite, exciteBias, project, projectBias []float32 }

func (c bottleneckCase) weights() weights {
	random := rand.New(rand.NewPCG(9, 10))
	fill := func(n int, scale float64) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(random.NormFloat64() * scale)
		}
		return values
	}
	of := func(in, out int) []float32 { return fill(in*out, 1/math.Sqrt(float64(in))) }
	mid := c.mid()
	return weights{
		fill(c.pictures*c.height*c.width*3, 2), of(c.in, c.wide), fill(c.wide, 1), of(c.side*c.side, mid), fill(mid, 1),
		of(mid, c.squeezed), fill(c.squeezed, 1), of(max(c.squeezed, 1), mid), fill(mid, 1), of(mid, c.out), fill(c.out, 1),
	}
}

// activate is swish, or the hard one, as Keras exports them.
func (n *network) activate(x tf.Output, hard bool) tf.Output {
	if hard {
		return op.Mul(n.next(), x, n.hardSigmoid(x))
	}
	y := op.Mul(n.next(), x, op.Sigmoid(n.next(), op.Mul(n.next(), op.Const(n.next(), float32(1)), x)))
	return op.IdentityN(n.next(), []tf.Output{y, x})[0]
}

func (n *network) hardSigmoid(x tf.Output) tf.Output {
	return op.RealDiv(n.next(), op.Relu6(n.next(), op.AddV2(n.next(), x, op.Const(n.next(), float32(3)))), op.Const(n.next(), float32(6)))
}

// convolveBy is a product of pixels with a bias.
func (n *network) convolveBy(x tf.Output, kernel, bias []float32, in, out int) tf.Output {
	return op.BiasAdd(n.next(), op.Conv2D(n.next(), x, n.tensor(kernel, 1, 1, in, out), single, "SAME"), n.tensor(bias, out))
}

// gates are computed from the means of maps, which keep their dimensions or not.
func (n *network) gates(x tf.Output, w weights, mid, squeezed int, hard bool) tf.Output {
	mean := op.Mean(n.next(), x, n.ints(1, 2), op.MeanKeepDims(hard))
	if !hard {
		pictures := op.StridedSlice(n.next(), op.Shape(n.next(), mean), n.ints(0), n.ints(1), n.ints(1), op.StridedSliceShrinkAxisMask(1))
		one := op.Const(n.next(), int32(1))
		mean = op.Reshape(n.next(), mean, op.Pack(n.next(), []tf.Output{pictures, one, one, op.Const(n.next(), int32(mid))}))
	}
	s := n.convolveBy(mean, w.squeeze, w.squeezeBias, mid, squeezed)
	if hard {
		s = op.Relu(n.next(), s)
	} else {
		s = n.activate(s, false)
	}
	e := n.convolveBy(s, w.excite, w.exciteBias, squeezed, mid)
	if hard {
		return n.hardSigmoid(e)
	}
	return op.Sigmoid(n.next(), e)
}

// add adds the bottleneck to a graph.
func (c bottleneckCase) add(n *network, x tf.Output, w weights) tf.Output {
	y, mid := x, c.mid()
	if c.wide > 0 {
		y = n.activate(n.convolveBy(y, w.expand, w.expandBias, c.in, c.wide), c.hard)
	}
	strides, padding := []int64{1, int64(c.stride), int64(c.stride), 1}, c.padding
	if padding == "PAD" {
		padding = "VALID"
		y = op.Pad(n.next(), y, n.tensorOfInts([]int32{0, 0, 2, 1, 2, 1, 0, 0}, 4, 2))
	}
	y = op.DepthwiseConv2dNative(n.next(), y, n.tensor(w.depth, c.side, c.side, mid, 1), strides, padding)
	y = n.activate(op.BiasAdd(n.next(), y, n.tensor(w.depthBias, mid)), c.hard)
	if c.squeezed > 0 {
		y = op.Mul(n.next(), y, n.gates(y, w, mid, c.squeezed, c.hard))
	}
	y = n.convolveBy(y, w.project, w.projectBias, mid, c.out)
	if c.residual() {
		y = op.AddV2(n.next(), y, x)
	}
	return y
}

func (n *network) tensorOfInts(values []int32, shape ...int64) tf.Output {
	tensor, err := tf.NewTensor(values)
	if err != nil {
		n.tb.Fatal(err)
	}
	if err := tensor.Reshape(shape); err != nil {
		n.tb.Fatal(err)
	}
	return op.Const(n.next(), tensor)
}

// operations is how many nodes of a kind a model has.
func operations(t *testing.T, model *inference.Model, kind string) int {
	t.Helper()
	graph, err := inference.GraphDef(model.Graph)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, n := range graph.GetNode() {
		if n.GetOp() == kind {
			found++
		}
	}
	return found
}

// open is a model of the bottleneck alone, by one of float32's methods.
func (c bottleneckCase) open(t *testing.T, w weights, which, shares int) *inference.Model {
	t.Helper()
	n, x := newNetwork(t, c.height, c.width, c.in)
	height, _ := c.along(c.height)
	width, _ := c.along(c.width)
	n.tap("bottleneck", c.add(n, x, w), height, width, c.out)
	model := n.open()
	if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: shares}); err != nil {
		t.Fatal(err)
	}
	if found, others := operations(t, model, "FoveaInverted"), operations(t, model, "FoveaProduct")+operations(t, model, "FoveaDepthwise"); found != shares || others != 0 {
		t.Fatalf("%d bottlenecks and %d other operations in %d shares", found, others, shares)
	}
	return model
}

// compute computes a model's first layer.
func compute(t *testing.T, model *inference.Model, pixels []float32, pictures int) []float32 {
	t.Helper()
	input, err := inference.NewFloat32Tensor([]int{pictures, model.InputHeight, model.InputWidth, 3}, pixels)
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := model.Session.Run(map[tf.Output]*tf.Tensor{model.Input: input}, []tf.Output{model.Layers[0].Output}, nil)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, pictures*sizeOf(model.Layers[0]))
	if err := inference.CopyFloat32(values, tensors[0]); err != nil {
		t.Fatal(err)
	}
	return values
}

// sameBits fails where values have other bits; all that are not numbers count as the same.
func sameBits(t *testing.T, what string, want, got []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(w) != math.Float32bits(got[i]) && !(math.IsNaN(float64(w)) && math.IsNaN(float64(got[i]))) {
			t.Fatalf("%s: value %d has other bits: %g, %g", what, i, w, got[i])
		}
	}
}

// Bottlenecks are those of float64, by all instructions and with the same bits; in any number of shares, and each picture
// alone, which all cores compute together.
func TestBottlenecks(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	names, missing := convolution.Methods(inference.Float32)
	for _, c := range bottleneckCases {
		t.Run(c.String(), func(t *testing.T) {
			w := c.weights()
			want := c.want(w)
			var first []float32
			for which, name := range names {
				if missing[which] != nil {
					t.Logf("%s: %v", name, missing[which])
					continue
				}
				for _, shares := range []int{1, 3} {
					model := c.open(t, w, which, shares)
					got := compute(t, model, w.pixels, c.pictures)
					checkProducts(t, want, got)
					if first == nil {
						first = got
					}
					sameBits(t, fmt.Sprint(name, " in ", shares, " shares"), first, got)
					one, size := len(w.pixels)/c.pictures, len(first)/c.pictures
					for p := range c.pictures {
						sameBits(t, fmt.Sprint(name, ", picture ", p, " alone"), first[p*size:][:size], compute(t, model, w.pixels[p*one:][:one], 1))
					}
				}
			}
		})
	}
}

// What is not a number, or infinite, comes through, and stays in its picture.
func TestBottlenecksOfNoNumbers(t *testing.T) {
	names, missing := convolution.Methods(inference.Float32)
	for _, c := range []bottleneckCase{{15, 13, 24, 48, 3, 1, "SAME", 8, 24, false, 4}, {15, 13, 24, 48, 3, 2, "PAD", 0, 17, true, 4}, {9, 9, 16, 0, 3, 1, "SAME", 4, 16, false, 4}} {
		w := c.weights()
		one := len(w.pixels) / c.pictures
		w.pixels[one+5] = float32(math.NaN())
		w.pixels[2*one+7] = float32(math.Inf(1))
		w.pixels[3*one+8] = float32(math.Inf(-1))
		want := c.want(w)
		for which, name := range names {
			if missing[which] == nil {
				t.Run(fmt.Sprint(name, c), func(t *testing.T) { checkProducts(t, want, compute(t, c.open(t, w, which, 2), w.pixels, c.pictures)) })
			}
		}
	}
}
