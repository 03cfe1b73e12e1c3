package convolution_test

import (
	"slices"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// A graph that is this package's as a whole computes the same bits without TensorFlow's rewriting; one in which
// anything else computes is not said to be whole.
func TestWhole(t *testing.T) {
	const side, channels = 12, 16
	var computed [2][][]float32
	for i, unrewritten := range []bool{false, true} {
		n, x := newNetwork(t, side, side, 3)
		n.scale(8)
		first := op.Conv2D(n.next(), x, n.constant(3, 3, 3, channels), single, "SAME")
		y := op.Relu(n.next(), n.normalize(op.BiasAdd(n.next(), first, n.constant(channels)), channels, false))
		y = op.MaxPool(n.next(), y, []int64{1, 3, 3, 1}, []int64{1, 2, 2, 1}, "SAME")
		z := n.normalize(op.Conv2D(n.next(), y, n.constant(1, 1, channels, channels), single, "VALID"), channels, false)
		z = op.Relu(n.next(), op.AddV2(n.next(), z, y))
		n.tap("whole", z, side/2, side/2, channels)
		n.tap("dilated", op.Conv2D(n.next(), z, n.constant(3, 3, channels, channels), single, "SAME", op.Conv2DDilations([]int64{1, 2, 2, 1})), side/2, side/2, channels)
		mean := op.Mean(n.next(), z, op.Const(n.next(), []int32{1, 2}))
		n.tap("scores", op.Softmax(n.next(), op.MatMul(n.next(), mean, n.constant(channels, 5))), 5)
		n.tap("halved", op.Mul(n.next(), mean, op.Const(n.next(), float32(0.5))), channels)
		model := n.openAs(inference.SessionConfig{Device: inference.DeviceCPU, Unrewritten: unrewritten})
		checkWhole(t, model, false, "whole") // it is TensorFlow's yet
		accelerate(t, model, inference.Float32, convolution.Options{Shares: 2})
		checkWhole(t, model, true, "whole")
		for _, name := range []string{"dilated", "scores", "halved", "unknown"} {
			checkWhole(t, model, false, "whole", name)
		}
		model.Layers = slices.DeleteFunc(model.Layers, func(l inference.Layer) bool { return l.Name != "whole" })
		computed[i] = features(t, model, 3)
	}
	if !slices.Equal(computed[0][0], computed[1][0]) {
		t.Error("without rewriting, some bits differ")
	}
}

// What kernels are made with counts, too: TensorFlow might compute it otherwise.
func TestWholeKernels(t *testing.T) {
	n, x := newNetwork(t, 8, 8, 3)
	y := op.Conv2D(n.next(), x, n.constant(1, 1, 3, 16), single, "VALID")
	scale := op.Exp(n.next(), n.constant(1, 1, 1, 16))
	n.tap("y", op.Mul(n.next(), y, scale), 8, 8, 16)
	model := n.open()
	accelerate(t, model, inference.Float32, convolution.Options{})
	checkWhole(t, model, false, "y")
}

func checkWhole(t *testing.T, model *inference.Model, want bool, layers ...string) {
	t.Helper()
	if got, err := convolution.Whole(model, layers); err != nil || got != want {
		t.Errorf("the layers %v are whole: %t, %v", layers, got, err)
	}
}
