package convolution_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// productCase is a convolution that is no 3x3 with stride 1, with bias and rectifier; out is 0 for a depthwise one.
type productCase struct {
	height, width, in, out, side, stride int
	padding                              string
	pictures                             int
}

func (c productCase) String() string {
	return fmt.Sprintf("%dx%d, %d to %d channels, kernel %d, stride %d, %s, %d images", c.height, c.width, c.in, c.out, c.side, c.stride, c.padding, c.pictures)
}

// At the borders of what kernels treat alike: blocks of 6 and 14 pixels, lines of 8 and 16 channels, panels of 32
// output channels, spans of 8 pixels.
var productCases = []productCase{
	{1, 1, 1, 16, 1, 1, "SAME", 1},
	{1, 1, 512, 17, 1, 1, "VALID", 3},
	{2, 7, 3, 1, 1, 1, "SAME", 2},
	{5, 3, 16, 48, 1, 1, "SAME", 1},
	{7, 7, 2048, 33, 1, 1, "SAME", 3},
	{13, 15, 512, 64, 1, 2, "SAME", 2},
	{9, 9, 17, 3, 1, 2, "VALID", 1},
	{225, 223, 3, 17, 3, 2, "SAME", 1},
	{31, 30, 3, 64, 7, 2, "VALID", 2},
	{9, 12, 16, 32, 3, 1, "VALID", 2},
	{6, 11, 17, 16, 5, 1, "SAME", 3},
	{8, 8, 32, 24, 2, 2, "VALID", 1},
	{2, 1, 16, 16, 5, 1, "SAME", 1},
	{1, 1, 1, 0, 3, 1, "SAME", 2},
	{12, 19, 16, 0, 3, 1, "SAME", 3},
	{14, 15, 17, 0, 5, 2, "SAME", 1},
	{33, 31, 40, 0, 7, 1, "SAME", 2},
	{20, 23, 3, 0, 3, 2, "VALID", 1},
	{225, 223, 3, 0, 3, 1, "SAME", 1},
	{7, 7, 512, 0, 5, 1, "SAME", 2},
}

func (c productCase) channels() int {
	if c.out == 0 {
		return c.in
	}
	return c.out
}

// along is the output's size in one dimension, and the zeros before the input.
func (c productCase) along(size int) (out, before int) {
	if c.padding == "VALID" {
		return (size-c.side)/c.stride + 1, 0
	}
	out = (size + c.stride - 1) / c.stride
	return out, max(0, (out-1)*c.stride+c.side-size) / 2
}

func (c productCase) data() data {
	random := rand.New(rand.NewPCG(7, 8))
	fill := func(n int, scale float64) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(random.NormFloat64() * scale)
		}
		return values
	}
	products := c.side * c.side * c.in
	return data{pixels: fill(c.pictures*c.height*c.width*3, 50), kernel: fill(products*max(c.out, 1), 1/math.Sqrt(float64(products))), bias: fill(c.channels(), 10)}
}

// compute runs the case by one of float32's methods, in some shares.
func (c productCase) compute(t *testing.T, d data, which, shares int) []float32 {
	t.Helper()
	n, x := newNetwork(t, c.height, c.width, c.in)
	strides := []int64{1, int64(c.stride), int64(c.stride), 1}
	var bare tf.Output
	if c.out == 0 {
		bare = op.DepthwiseConv2dNative(n.next(), x, n.tensor(d.kernel, c.side, c.side, c.in, 1), strides, c.padding)
	} else {
		bare = op.Conv2D(n.next(), x, n.tensor(d.kernel, c.side, c.side, c.in, c.out), strides, c.padding)
	}
	rectified := op.Relu(n.next(), op.BiasAdd(n.next(), bare, n.tensor(d.bias, c.channels())))
	height, _ := c.along(c.height)
	width, _ := c.along(c.width)
	n.tap("rectified", rectified, height, width, c.channels())
	model := n.open()
	if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: shares}); err != nil {
		t.Fatal(err)
	}
	return compute(t, model, d.pixels, c.pictures)
}

// want is the rectified layer in float64.
func (c productCase) want(d data) []float64 {
	height, top := c.along(c.height)
	width, left := c.along(c.width)
	channels := c.channels()
	y := make([]float64, 0, c.pictures*height*width*channels)
	for at := range c.pictures * height * width {
		p, i, j := at/(height*width), at/width%height, at%width
		sums := make([]float64, channels)
		for o, b := range d.bias {
			sums[o] = float64(b)
		}
		for tap := range c.side * c.side {
			r, q := i*c.stride+tap/c.side-top, j*c.stride+tap%c.side-left
			if r < 0 || q < 0 || r >= c.height || q >= c.width {
				continue
			}
			c.add(sums, d.pixels[((p*c.height+r)*c.width+q)*3:][:3], d.kernel, tap)
		}
		for _, s := range sums {
			if s < 0 {
				s = 0 // NaN stays
			}
			y = append(y, s)
		}
	}
	return y
}

// add adds what one pixel contributes at one point of the kernel.
func (c productCase) add(sums []float64, pixel, kernel []float32, tap int) {
	for k := range c.in {
		x := float64(pixel[k%3])
		if c.out == 0 {
			sums[k] += x * float64(kernel[tap*c.in+k])
			continue
		}
		for o, w := range kernel[(tap*c.in+k)*c.out:][:c.out] {
			sums[o] += x * float64(w)
		}
	}
}

// checkProducts compares with float64, of which NaN and infinities are part.
func checkProducts(t *testing.T, want []float64, got []float32) {
	t.Helper()
	const tolerance = 1e-5 // of the largest finite value
	most := math.SmallestNonzeroFloat64
	for _, w := range want {
		if !math.IsInf(w, 0) && !math.IsNaN(w) {
			most = max(most, math.Abs(w))
		}
	}
	if len(want) != len(got) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := float64(got[i])
		same := g == w || (math.IsNaN(g) && math.IsNaN(w)) || math.Abs(g-w) <= tolerance*most
		if !same {
			t.Fatalf("value %d is %g, want %g", i, g, w)
		}
	}
}

// Both sets of instructions give float64's results, the same bits as each other, and the same bits in any number of
// shares.
func TestProducts(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	names, missing := convolution.Methods(inference.Float32)
	for _, c := range productCases {
		t.Run(c.String(), func(t *testing.T) {
			d := c.data()
			want := c.want(d)
			var first []float32
			for which, name := range names {
				if missing[which] != nil {
					t.Logf("%s: %v", name, missing[which])
					continue
				}
				for _, shares := range []int{1, 3} {
					got := c.compute(t, d, which, shares)
					checkProducts(t, want, got)
					if first == nil {
						first = got
					}
					if !slices.Equal(first, got) {
						t.Fatalf("%s in %d shares gives other bits", name, shares)
					}
				}
			}
			if first == nil {
				t.Skip("this processor has no method for float32")
			}
		})
	}
}

// What is not a number, or infinite, comes through, and stays where it belongs.
func TestProductsOfNoNumbers(t *testing.T) {
	names, missing := convolution.Methods(inference.Float32)
	for _, c := range []productCase{{6, 7, 17, 33, 1, 1, "SAME", 2}, {12, 19, 20, 0, 3, 1, "SAME", 2}, {9, 12, 16, 32, 3, 2, "SAME", 1}} {
		d := c.data()
		d.pixels[0] = float32(math.NaN())
		d.pixels[len(d.pixels)-1] = float32(math.Inf(1))
		d.pixels[len(d.pixels)/2] = float32(math.Inf(-1))
		want := c.want(d)
		for which, name := range names {
			if missing[which] != nil {
				continue
			}
			t.Run(fmt.Sprint(name, c), func(t *testing.T) { checkProducts(t, want, c.compute(t, d, which, 2)) })
		}
	}
}

// normalize is a batch normalization: TensorFlow's operation, or the multiplication and addition that Keras 3 exports.
func (n *network) normalize(x tf.Output, channels int, fused bool) tf.Output {
	vector := func() tf.Output { return n.constant(channels) }
	if fused {
		variance := op.Square(n.next(), vector())
		y, _, _, _, _, _ := op.FusedBatchNormV3(n.next(), x, vector(), vector(), vector(), variance, op.FusedBatchNormV3IsTraining(false), op.FusedBatchNormV3Epsilon(0.1))
		return y
	}
	one := n.constant(1, 1, 1, channels)
	return op.AddV2(n.next(), op.Mul(n.next(), x, one), n.constant(1, 1, 1, channels))
}

// A bottleneck of ResNet and an inverted one of EfficientNet, with every layer asked for, are TensorFlow's; and so
// are single layers, for which other parts are computed.
func TestBlocks(t *testing.T) {
	for _, fused := range []bool{true, false} {
		t.Run(fmt.Sprint("fused normalization ", fused), func(t *testing.T) {
			const side, narrow, wide = 13, 16, 48
			n, x := newNetwork(t, side, side, wide)
			n.value = func(r *rand.Rand) float32 { return float32(r.NormFloat64() / 8) }
			ones := []int64{1, 1, 1, 1}
			convolve := func(name string, x tf.Output, size, in, out int) tf.Output {
				y := n.normalize(op.BiasAdd(n.next(), op.Conv2D(n.next(), x, n.constant(size, size, in, out), ones, "SAME"), n.constant(out)), out, fused)
				n.tap(name, y, side, side, out)
				return y
			}
			shortcut := convolve("shortcut", x, 1, wide, wide)
			y := op.Relu(n.next(), convolve("reduce", x, 1, wide, narrow))
			y = op.Relu(n.next(), convolve("middle", y, 3, narrow, narrow))
			y = op.AddV2(n.next(), shortcut, convolve("expand", y, 1, narrow, wide))
			n.tap("sum", y, side, side, wide)
			y = op.Relu(n.next(), y)
			n.tap("rectified", y, side, side, wide)
			swish := func(x tf.Output) tf.Output {
				return op.Mul(n.next(), x, op.Sigmoid(n.next(), op.Mul(n.next(), op.Const(n.next(), float32(1)), x)))
			}
			z := swish(convolve("inverted", y, 1, wide, 40))
			z = op.IdentityN(n.next(), []tf.Output{z, y})[0]
			z = n.normalize(op.DepthwiseConv2dNative(n.next(), z, n.constant(5, 5, 40, 1), ones, "SAME"), 40, fused)
			z = op.Relu6(n.next(), z)
			n.tap("depthwise", z, side, side, 40)
			z = op.AddV2(n.next(), convolve("project", z, 1, 40, wide), y)
			n.tap("last", z, side, side, wide)
			model := n.open()
			compare(t, model, 5, convolution.Options{Shares: 2, Verify: true})
			if model.Convolutions.Count != 7 {
				t.Errorf("%d convolutions were changed, want 7", model.Convolutions.Count)
			}
		})
	}
}

// A model is not tried if that would take longer than it saves: some products of few values, for few images. With a
// convolution that can be filtered, it is, however many there are.
func TestSmallModelsAreNotTried(t *testing.T) {
	for _, c := range []struct {
		size, pictures int // -1: not known
		small          bool
	}{{1, -1, true}, {1, 5e5, true}, {1, 2e7, false}, {3, -1, false}, {3, 1, false}} {
		size := c.size
		n, x := newNetwork(t, 13, 13, 16)
		y := op.Relu(n.next(), op.Conv2D(n.next(), x, n.constant(size, size, 16, 32), []int64{1, 1, 1, 1}, "SAME"))
		n.tap("rectified", y, 13, 13, 32)
		model := n.open()
		options := convolution.Options{Shares: 1, Verify: true, Measure: true}
		if c.pictures >= 0 {
			options.Pictures = func() int { return c.pictures }
		}
		err := convolution.Accelerate(model, options)
		switch {
		case c.small && (!errors.Is(err, convolution.ErrNotFaster) || !strings.Contains(err.Error(), "longer than they would save")):
			t.Errorf("%dx%d, %d images: %v", size, size, c.pictures, err)
		case !c.small && err != nil && !errors.Is(err, convolution.ErrSlower):
			t.Errorf("%dx%d, %d images: %v", size, size, c.pictures, err)
		}
	}
}
