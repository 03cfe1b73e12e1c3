package convolution_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

func (n *network) ints(values ...int32) tf.Output { return op.Const(n.next(), values) }

// tensordot is x, whose dimensions that remain are given, times a matrix along one other dimension, as
// TensorFlow's Python writes it where the number of images is open.
func (n *network) tensordot(x, matrix tf.Output, along int32, remain []int32, columns int32) tf.Output {
	n.tb.Helper()
	shape, zero := op.Shape(n.next(), x), op.Const(n.next(), int32(0))
	free := op.GatherV2(n.next(), shape, n.ints(remain...), zero)
	summed := op.GatherV2(n.next(), shape, n.ints(along), zero)
	order := op.ConcatV2(n.next(), []tf.Output{n.ints(remain...), n.ints(along)}, zero)
	flat := op.Pack(n.next(), []tf.Output{op.Prod(n.next(), free, n.ints(0)), op.Prod(n.next(), summed, n.ints(0))})
	product := op.MatMul(n.next(), op.Reshape(n.next(), op.Transpose(n.next(), x, order), flat), matrix)
	return op.Reshape(n.next(), product, op.ConcatV2(n.next(), []tf.Output{free, n.ints(columns)}, zero))
}

// dense is a dense layer of maps.
func (n *network) dense(x tf.Output, in, out int) tf.Output {
	y := n.tensordot(x, n.constant(in, out), 3, []int32{0, 1, 2}, int32(out))
	return op.AddV2(n.next(), y, n.constant(out))
}

// gelu is Keras's.
func (n *network) gelu(x tf.Output) tf.Output {
	number := func(v float32) tf.Output { return op.Const(n.next(), v) }
	erf := op.Erf(n.next(), op.RealDiv(n.next(), x, number(math.Sqrt2)))
	return op.Mul(n.next(), op.Mul(n.next(), number(0.5), x), op.AddV2(n.next(), number(1), erf))
}

// layerNorm is Keras's layer normalization.
func (n *network) layerNorm(x tf.Output, channels int) tf.Output {
	keep := op.MeanKeepDims(true)
	mean := op.Mean(n.next(), x, n.ints(3), keep)
	variance := op.Mean(n.next(), op.SquaredDifference(n.next(), x, op.StopGradient(n.next(), mean)), n.ints(3), keep)
	scale := op.Mul(n.next(), op.Rsqrt(n.next(), op.AddV2(n.next(), variance, op.Const(n.next(), float32(1e-6)))), n.constant(1, 1, 1, channels))
	shift := op.Sub(n.next(), n.constant(1, 1, 1, channels), op.Mul(n.next(), mean, scale))
	return op.AddV2(n.next(), op.Mul(n.next(), x, scale), shift)
}

// Two blocks of ConvNeXt as Keras exports them, with every layer asked for, are TensorFlow's, in any number of
// shares: a convolution with a group for each channel, and dense layers of pixels.
func TestDenseLayers(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	const side, channels = 13, 48
	for _, shares := range []int{1, 2, 3} {
		n, x := newNetwork(t, side, side, channels)
		n.scale(8)
		for block := range 2 {
			name := func(of string) string { return fmt.Sprint(of, " ", block) }
			y := op.Conv2D(n.next(), x, n.constant(7, 7, 1, channels), single, "SAME")
			y = op.Identity(n.next().WithControlDependencies(op.NoOp(n.next())), y) // as what a function returns
			y = op.BiasAdd(n.next(), y, n.constant(channels))
			n.tap(name("grouped"), y, side, side, channels)
			y = n.layerNorm(y, channels)
			n.tap(name("normalized"), y, side, side, channels)
			y = n.dense(y, channels, 4*channels) // whose size the graph does not show
			n.tap(name("wide"), y, side, side, 4*channels)
			y = n.gelu(y)
			n.tap(name("gelu"), y, side, side, 4*channels)
			y = op.Mul(n.next(), n.dense(y, 4*channels, channels), n.constant(channels))
			n.tap(name("narrow"), y, side, side, channels)
			x = op.AddV2(n.next(), x, y)
			n.tap(name("sum"), x, side, side, channels)
		}
		n.tap("mean", op.Mean(n.next(), x, n.ints(1, 2)), channels)
		model := n.openUnfused()
		compare(t, model, 4, convolution.Options{Shares: shares, Verify: true})
		if model.Convolutions.Count != 6 {
			t.Errorf("%d convolutions were changed, want 6", model.Convolutions.Count)
		}
		if found := normalized(t, model); found != 2*shares {
			t.Errorf("%d normalizations were changed, want 2 in each of %d shares", found, shares)
		}
	}
}

// What resembles a dense layer of maps is none.
func TestOtherProductsStay(t *testing.T) {
	const side, channels = 8, 8 // all the same
	for name, other := range map[string]func(*network, tf.Output) tf.Output{
		"along the width": func(n *network, x tf.Output) tf.Output {
			return n.tensordot(x, n.constant(side, channels), 2, []int32{0, 1, 3}, channels)
		},
		"turned": func(n *network, x tf.Output) tf.Output {
			return n.tensordot(x, n.constant(channels, channels), 3, []int32{0, 2, 1}, channels)
		},
		"of another layer's shape": func(n *network, x tf.Output) tf.Output {
			y := op.Transpose(n.next(), x, n.ints(0, 2, 1, 3))
			shape := op.Shape(n.next(), y)
			flat := op.Reshape(n.next(), x, n.ints(-1, channels))
			return op.Reshape(n.next(), op.MatMul(n.next(), flat, n.constant(channels, channels)), shape)
		},
		"a transposed matrix": func(n *network, x tf.Output) tf.Output {
			flat := op.Reshape(n.next(), x, n.ints(-1, channels))
			return op.Reshape(n.next(), op.MatMul(n.next(), flat, n.constant(channels, channels), op.MatMulTransposeB(true)), op.Shape(n.next(), x))
		},
		"another gelu": func(n *network, x tf.Output) tf.Output {
			x = op.Conv2D(n.next(), x, n.constant(1, 1, channels, channels), single, "SAME")
			erf := op.Erf(n.next(), op.RealDiv(n.next(), op.Const(n.next(), float32(math.Sqrt2)), x))
			return op.Mul(n.next(), op.Mul(n.next(), op.Const(n.next(), float32(0.5)), x), op.AddV2(n.next(), op.Const(n.next(), float32(1)), erf))
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, x := newNetwork(t, side, side, channels)
			n.scale(8)
			y := other(n, x)
			n.tap("other", y, side, side, channels)
			n.tap("last", op.Conv2D(n.next(), y, n.constant(3, 3, channels, 16), single, "SAME"), side, side, 16)
			model := n.open()
			compare(t, model, 3, convolution.Options{Shares: 2, Verify: true})
			if want := 1; model.Convolutions.Count != want && name != "another gelu" {
				t.Errorf("%d convolutions were changed, want %d", model.Convolutions.Count, want)
			}
		})
	}
}

// Rows of pixels through which images see each other are refused.
func TestMixedPixelsAreRefused(t *testing.T) {
	const side, channels = 8, 16
	for name, mix := range map[string]func(*network, tf.Output) tf.Output{
		"tensordot along the batch": func(n *network, x tf.Output) tf.Output {
			last := op.Transpose(n.next(), x, n.ints(0, 3, 1, 2))
			y := n.tensordot(last, n.constant(side, side), 3, []int32{1, 0, 2}, side) // channels first
			return op.Reshape(n.next(), y, op.Shape(n.next(), x))
		},
		"mean of the pixels of all": func(n *network, x tf.Output) tf.Output {
			flat := op.Reshape(n.next(), x, n.ints(-1, channels))
			flat = op.Sub(n.next(), flat, op.Mean(n.next(), flat, n.ints(0), op.MeanKeepDims(true)))
			return op.Reshape(n.next(), flat, op.Shape(n.next(), x))
		},
		"turned pixels": func(n *network, x tf.Output) tf.Output {
			flat := op.Reshape(n.next(), x, n.ints(-1, channels))
			turned := op.Softmax(n.next(), op.Transpose(n.next(), flat, n.ints(1, 0)))
			return op.Reshape(n.next(), op.Transpose(n.next(), turned, n.ints(1, 0)), op.Shape(n.next(), x))
		},
		"the multiple last": func(n *network, x tf.Output) tf.Output {
			shape, zero := op.Shape(n.next(), x), op.Const(n.next(), int32(0))
			all := op.Prod(n.next(), op.GatherV2(n.next(), shape, n.ints(0, 1, 2), zero), n.ints(0))
			flat := op.Reshape(n.next(), x, op.Pack(n.next(), []tf.Output{op.Const(n.next(), int32(channels)), all}))
			return op.Reshape(n.next(), op.Softmax(n.next(), flat), shape)
		},
		"height before the batch": func(n *network, x tf.Output) tf.Output {
			shape, zero := op.Shape(n.next(), x), op.Const(n.next(), int32(0))
			turned := op.Reshape(n.next(), x, op.GatherV2(n.next(), shape, n.ints(1, 0, 2, 3), zero))
			return op.Reshape(n.next(), op.Softmax(n.next(), op.Mean(n.next(), turned, n.ints(1), op.MeanKeepDims(true))), n.ints(1, side, side, channels))
		},
		"pixels of several images in a row": func(n *network, x tf.Output) tf.Output {
			flat := op.Reshape(n.next(), x, n.ints(-1, 3*side*side*channels))
			return op.Reshape(n.next(), op.Softmax(n.next(), flat), op.Shape(n.next(), x))
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, x := newNetwork(t, side, side, channels)
			n.tap("mixed", op.Conv2D(n.next(), mix(n, x), n.constant(3, 3, channels, channels), single, "SAME"), side, side, channels)
			n.tap("last", op.Conv2D(n.next(), x, n.constant(3, 3, channels, channels), single, "SAME"), side, side, channels)
			model := n.open()
			outputs, nodes := outputsOf(model), nodesOf(t, model)
			if err := convolution.Accelerate(model, convolution.Options{Shares: 2}); !errors.Is(err, convolution.ErrMixed) {
				t.Errorf("the error is %v", err)
			}
			unchanged(t, model, outputs, nodes)
		})
	}
}

// The activation is that of float64, by all instructions and with the same bits; what is no number comes through.
func TestGelu(t *testing.T) {
	const side = 64
	names, missing := convolution.Methods(inference.Float32)
	pixels := make([]float32, side*side*3)
	for i := range side * side {
		pixels[3*i] = float32(i-side*side/2) / 200
	}
	for i, odd := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e30, -1e30, math.Copysign(0, -1)} {
		pixels[3*i] = float32(odd)
	}
	var first []float32
	for which, name := range names {
		if missing[which] != nil {
			t.Logf("%s: %v", name, missing[which])
			continue
		}
		n, x := newNetwork(t, side, side, 1)
		n.tap("gelu", n.gelu(op.Conv2D(n.next(), x, n.tensor([]float32{1}, 1, 1, 1, 1), single, "SAME")), side, side, 1)
		model := n.open()
		if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: 1}); err != nil {
			t.Fatal(err)
		}
		extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"gelu"}, Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		got, err := extractor.Extract(pixels, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range got[0] {
			x := float64(pixels[3*i])
			want := x / 2 * (1 + math.Erf(x/math.Sqrt2))
			near := math.Abs(float64(g)-want) <= 4e-7*math.Max(1, math.Abs(x))
			if !near && float64(g) != want && !(math.IsNaN(float64(g)) && math.IsNaN(want)) {
				t.Fatalf("%s: gelu(%g) is %g, want %g", name, x, g, want)
			}
			if first != nil && math.Float32bits(first[i]) != math.Float32bits(g) {
				t.Fatalf("%s: gelu(%g) has other bits", name, x)
			}
		}
		first = got[0]
	}
	if first == nil {
		t.Skip("this processor has no method for float32")
	}
}
