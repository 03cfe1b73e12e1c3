package convolution_test

import (
	"fmt"
	"math"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// What resembles a bottleneck is computed as it is, with no more in one operation than belongs to it. Each layer is asked
// for alone, as it is computed then.
func TestOtherBottlenecks(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	const side, channels = 8, 8 // all the same
	c := bottleneckCase{in: channels, wide: channels, side: 3, squeezed: channels, out: channels}
	type parts struct{ maps, gates tf.Output }
	for name, test := range map[string]struct {
		end  func(n *network, p parts, w weights) tf.Output
		want int // bottlenecks, without gates in them
	}{
		"gates of other maps": {func(n *network, p parts, w weights) tf.Output {
			other := n.gates(op.Neg(n.next(), p.maps), w, channels, channels, false)
			return op.Mul(n.next(), p.maps, other)
		}, 0},
		"gates that others read": {func(n *network, p parts, w weights) tf.Output {
			n.tap("opened", op.Neg(n.next(), p.gates), 1, 1, channels)
			return op.Mul(n.next(), p.maps, p.gates)
		}, 0},
		"maps that others read": {func(n *network, p parts, w weights) tf.Output {
			n.tap("negative", op.Neg(n.next(), p.maps), side, side, channels)
			return op.Mul(n.next(), p.maps, p.gates)
		}, 0},
		"a sum with gates": {func(n *network, p parts, w weights) tf.Output { return op.AddV2(n.next(), p.maps, p.gates) }, 0},
		"gates of gates":   {func(n *network, p parts, w weights) tf.Output { return op.Mul(n.next(), p.gates, p.gates) }, 0},
		"a mean of columns": {func(n *network, p parts, w weights) tf.Output {
			mean := op.Mean(n.next(), p.maps, n.ints(1), op.MeanKeepDims(true))
			return op.Mul(n.next(), p.maps, n.convolveBy(n.convolveBy(mean, w.squeeze, w.squeezeBias, channels, channels), w.excite, w.exciteBias, channels, channels))
		}, 0},
		"a mean of channels": {func(n *network, p parts, w weights) tf.Output {
			mean := op.Mean(n.next(), p.maps, n.ints(1, 3), op.MeanKeepDims(true))
			return op.Mul(n.next(), p.maps, n.convolveBy(n.convolveBy(op.Reshape(n.next(), mean, n.ints(-1, 1, 1, channels)), w.squeeze, w.squeezeBias, channels, channels), w.excite, w.exciteBias, channels, channels))
		}, 0},
		"a sum instead of a mean": {func(n *network, p parts, w weights) tf.Output {
			all := op.Sum(n.next(), p.maps, n.ints(1, 2), op.SumKeepDims(true))
			return op.Mul(n.next(), p.maps, n.convolveBy(n.convolveBy(all, w.squeeze, w.squeezeBias, channels, channels), w.excite, w.exciteBias, channels, channels))
		}, 0},
		"no gates": {func(n *network, p parts, w weights) tf.Output { return p.maps }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			n, x := newNetwork(t, side, side, channels)
			n.scale(3)
			w := c.weights()
			y := n.activate(n.convolveBy(x, w.expand, w.expandBias, channels, channels), false)
			y = op.DepthwiseConv2dNative(n.next(), y, n.tensor(w.depth, 3, 3, channels, 1), single, "SAME")
			p := parts{maps: n.activate(op.BiasAdd(n.next(), y, n.tensor(w.depthBias, channels)), true)}
			if name != "no gates" {
				p.gates = n.gates(p.maps, w, channels, channels, true)
			}
			y = n.convolveBy(test.end(n, p, w), w.project, w.projectBias, channels, channels)
			size := side
			if name == "gates of gates" {
				size = 1
			}
			n.tap("end", y, size, size, channels)
			model := n.open()
			compare(t, model, 3, convolution.Options{Shares: 1, Verify: true})
			if found := operations(t, model, "FoveaInverted"); found != test.want {
				t.Errorf("%d bottlenecks, want %d", found, test.want)
			}
		})
	}
}

// Activations that are nearly hard ones are computed as they are.
func TestOtherHardActivations(t *testing.T) {
	for name, numbers := range map[string][2]float32{"by 5": {3, 5}, "plus 2": {2, 6}} {
		n, x := newNetwork(t, 6, 7, 16)
		n.scale(30)
		y := op.Conv2D(n.next(), x, n.constant(1, 1, 16, 16), single, "SAME")
		clipped := op.Relu6(n.next(), op.AddV2(n.next(), y, op.Const(n.next(), numbers[0])))
		n.tap(name, op.Mul(n.next(), y, op.RealDiv(n.next(), clipped, op.Const(n.next(), numbers[1]))), 6, 7, 16)
		compare(t, n.open(), 3, convolution.Options{Shares: 2, Verify: true})
	}
}

// Zeros that an operation puts around maps become a convolution's own; other paddings stay.
func TestPaddings(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	const side, channels = 11, 16
	for name, c := range map[string]struct {
		around  []int32 // images, rows, columns, channels
		padding string
		stay    bool
	}{
		"uneven":       {[]int32{0, 0, 0, 1, 2, 3, 0, 0}, "VALID", false},
		"wide":         {[]int32{0, 0, 9, 9, 9, 9, 0, 0}, "VALID", false},
		"of channels":  {[]int32{0, 0, 1, 1, 1, 1, 1, 0}, "VALID", true},
		"twice":        {[]int32{0, 0, 1, 1, 1, 1, 0, 0}, "SAME", true},
		"by something": {nil, "VALID", true},
	} {
		for _, kernel := range []int{1, 3, 5} {
			t.Run(fmt.Sprint(name, kernel), func(t *testing.T) {
				n, x := newNetwork(t, side, side, channels)
				n.scale(8)
				in, rows, columns := channels, side, side
				var padded tf.Output
				if c.around == nil {
					padded = op.PadV2(n.next(), x, n.tensorOfInts([]int32{0, 0, 1, 1, 1, 1, 0, 0}, 4, 2), op.Const(n.next(), float32(2)))
					rows, columns = rows+2, columns+2
				} else {
					padded = op.Pad(n.next(), x, n.tensorOfInts(c.around, 4, 2))
					rows, columns = rows+int(c.around[2]+c.around[3]), columns+int(c.around[4]+c.around[5])
					in += int(c.around[6] + c.around[7])
				}
				size := func(of int) int {
					if c.padding == "SAME" {
						return (of + 1) / 2
					}
					return (of-kernel)/2 + 1
				}
				twos := []int64{1, 2, 2, 1}
				n.tap("product", op.Conv2D(n.next(), padded, n.constant(kernel, kernel, in, 24), twos, c.padding), size(rows), size(columns), 24)
				n.tap("depthwise", op.DepthwiseConv2dNative(n.next(), padded, n.constant(kernel, kernel, in, 1), twos, c.padding), size(rows), size(columns), in)
				model := n.open()
				before := operations(t, model, "Pad") + operations(t, model, "PadV2")
				compare(t, model, 3, convolution.Options{Shares: 1, Verify: true})
				if more := operations(t, model, "Pad") + operations(t, model, "PadV2") - before; (more > 0) != c.stay {
					t.Errorf("%d paddings were copied", more)
				}
			})
		}
	}
}

// What is done to the channels of the input before the first convolution is one operation, with the same bits by all
// instructions, for all numbers of pixels, and numbers that are none; other things stay.
func TestScales(t *testing.T) {
	number := func(n *network, v float32) tf.Output { return op.Const(n.next(), v) }
	names, missing := convolution.Methods(inference.Float32)
	for name, c := range map[string]struct {
		scale func(n *network, x tf.Output) tf.Output
		ours  int
	}{
		"Keras's": {func(n *network, x tf.Output) tf.Output {
			x = op.AddV2(n.next(), op.Mul(n.next(), x, number(n, 1/255.)), number(n, 0.5))
			x = op.Sub(n.next(), x, n.tensor([]float32{0.4, 0.5, 0.6}, 1, 1, 1, 3))
			return op.RealDiv(n.next(), x, op.Maximum(n.next(), op.Sqrt(n.next(), n.tensor([]float32{0.04, 0.05, 0.06}, 1, 1, 1, 3)), number(n, 1e-7)))
		}, 1},
		"a difference from the input": {func(n *network, x tf.Output) tf.Output { return op.Sub(n.next(), number(n, 3), x) }, 0},
		"a quotient by the input": {func(n *network, x tf.Output) tf.Output {
			return op.RealDiv(n.next(), number(n, 3), op.Exp(n.next(), x))
		}, 0},
		"by the rows": {func(n *network, x tf.Output) tf.Output { return op.Mul(n.next(), x, n.constant(7, 1, 3)) }, 0},
		"by itself":   {func(n *network, x tf.Output) tf.Output { return op.Mul(n.next(), x, x) }, 0},
	} {
		for _, width := range []int{1, 5, 33} {
			var first []float32
			for which, method := range names {
				if missing[which] != nil {
					continue
				}
				n, x := newNetwork(t, 7, width, 3)
				n.scale(20)
				y := op.Conv2D(n.next(), c.scale(n, x), n.constant(1, 1, 3, 20), single, "SAME")
				n.tap("convolved", y, 7, width, 20)
				model := n.open()
				pixels := make([]float32, 2*7*width*3)
				for i := range pixels {
					pixels[i] = float32(i%23) - 11
				}
				pixels[3], pixels[len(pixels)-1] = float32(math.NaN()), float32(math.Inf(1))
				want := compute(t, model, pixels, 2)
				if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: 1}); err != nil {
					t.Fatal(err)
				}
				got := compute(t, model, pixels, 2)
				exact := make([]float64, len(want))
				for i, w := range want {
					exact[i] = float64(w)
				}
				checkProducts(t, exact, got)
				if first == nil {
					first = got
				}
				sameBits(t, fmt.Sprint(name, " by ", method), first, got)
				checkWhole(t, model, c.ours == 1, "convolved")
				if found := operations(t, model, "FoveaScale"); found != c.ours {
					t.Errorf("%s: %d scales are ours, want %d", name, found, c.ours)
				}
			}
		}
	}
}

// Activations of all sizes are float64's, up to a few units of the last place, by all instructions.
func TestActivations(t *testing.T) {
	values := []float32{0, 1e-20, -1e-20, 1, -1, 3, -3, 20, -20, 86.9, -86.9, 88.5, -88.5, 89.5, -89.5, 1e30, -1e30, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), -5}
	for i := range 1000 {
		values = append(values, float32(i)/20-25)
	}
	values = values[:len(values)/3*3]
	names, missing := convolution.Methods(inference.Float32)
	for which, name := range names {
		if missing[which] != nil {
			continue
		}
		n, x := newNetwork(t, 1, len(values)/3, 3)
		identity := n.tensor([]float32{1, 1, 1}, 1, 1, 3, 1)
		y := op.DepthwiseConv2dNative(n.next(), x, identity, single, "SAME")
		n.tap("swish", n.activate(y, false), 1, len(values)/3, 3)
		model := n.open()
		if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: 1}); err != nil {
			t.Fatal(err)
		}
		for i, g := range compute(t, model, values, 1) {
			v := float64(values[i])
			want, got := v*(1/(1+math.Exp(-v))), float64(g)
			if !(math.Abs(got-want) <= 5e-7*math.Abs(want)+1e-35) && got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("%s: swish of %g is %g, want %g", name, v, got, want)
			}
		}
	}
}
