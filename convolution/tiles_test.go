package convolution_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// accelerate gives a model our own convolutions in a precision, and skips where there are none. The
// model's own layers stay in the precision that it was opened with.
func accelerate(tb testing.TB, model *inference.Model, precision inference.Precision, options convolution.Options) {
	tb.Helper()
	model.Precision = precision
	err := convolution.Accelerate(model, options)
	if errors.Is(err, convolution.ErrNotFaster) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Pictures and kernels are such that all products and sums are exact in float32, which TensorFlow
// computes in: the results are TensorFlow's, rounded to bfloat16.
func TestTiles(t *testing.T) {
	for _, test := range []struct{ height, width, in, out, pictures, shares int }{
		{1, 1, 3, 32, 1, 1},
		{2, 3, 3, 32, 2, 1},
		{4, 4, 32, 32, 3, 2},
		{5, 7, 64, 32, 5, 2},
		{6, 6, 1, 96, 2, 3},
		{7, 5, 4, 32, 2, 2},
		{8, 9, 2, 64, 1, 4},
		{14, 14, 64, 64, 7, 3},
		{13, 28, 96, 32, 3, 2},
		{69, 13, 32, 32, 2, 1}, // rows after the bands that are no block
		{65, 30, 32, 32, 1, 1}, // the same, one row
		{300, 1, 32, 64, 1, 1},
		{3, 1200, 32, 32, 1, 1}, // a row larger than a band
		{56, 57, 32, 128, 2, 2},
		{15, 14, 256, 256, 2, 2}, // a large kernel
		{15, 14, 256, 288, 2, 2},
	} {
		t.Run(fmt.Sprintf("%dx%d, %d to %d channels, %d images in %d shares", test.height, test.width, test.in, test.out, test.pictures, test.shares), func(t *testing.T) {
			n, x := newNetwork(t, test.height, test.width, test.in)
			n.value = func(r *rand.Rand) float32 { return float32(r.IntN(17)-8) / 8 }
			n.taps(x, test.height, test.width, test.in, test.out)
			model := n.open()
			want := features(t, model, test.pictures)
			accelerate(t, model, inference.BFloat16, convolution.Options{Shares: test.shares})
			if model.Convolutions.Count != 1 {
				t.Fatalf("%d kernels were packed", model.Convolutions.Count)
			}
			got := features(t, model, test.pictures)
			for l, layer := range model.Layers {
				for i, w := range want[l] {
					if half := float32(math.Abs(float64(w))) / 256; !(got[l][i] >= w-half && got[l][i] <= w+half) || math.Float32bits(got[l][i])<<16 != 0 {
						t.Fatalf("layer %s: value %d is %v, want %v in bfloat16", layer.Name, i, got[l][i], w)
					}
				}
			}
		})
	}
}

// Layers in a row exchange planes; others see images in NHWC order.
func TestTilesInARow(t *testing.T) {
	const side, channels = 12, 32
	ones, twos := []int64{1, 1, 1, 1}, []int64{1, 2, 2, 1}
	n, x := newNetwork(t, side, side, 3)
	first := op.Relu(n.next(), op.BiasAdd(n.next(), op.Conv2D(n.next(), x, n.constant(3, 3, 3, channels), ones, "SAME"), n.constant(channels)))
	n.tap("first", first, side, side, channels)
	second := op.MaxPool(n.next(), op.Relu(n.next(), op.BiasAdd(n.next(), op.Conv2D(n.next(), first, n.constant(3, 3, channels, 2*channels), ones, "SAME"), n.constant(2*channels))), twos, twos, "VALID")
	n.tap("second", second, side/2, side/2, 2*channels)
	other := op.Mul(n.next(), second, n.constant(2*channels))
	n.tap("other", other, side/2, side/2, 2*channels)
	third := op.Relu(n.next(), op.Conv2D(n.next(), other, n.constant(3, 3, 2*channels, channels), ones, "SAME"))
	n.tap("third", third, side/2, side/2, channels)
	model := n.open()
	want := features(t, model, 5)
	accelerate(t, model, inference.BFloat16, convolution.Options{Shares: 2, Verify: true})
	if model.Convolutions.Count != 3 {
		t.Errorf("%d convolutions were changed, want 3", model.Convolutions.Count)
	}
	got := features(t, model, 5)
	for l, layer := range model.Layers {
		if off := apart(want[l], got[l]); off > 2e-2 {
			t.Errorf("layer %s is off by %.1e of its largest value", layer.Name, off)
		}
	}
}

// A value that is not a number must not be rectified to zero: the store refuses it by name.
func TestNaNStays(t *testing.T) {
	const side, channels = 8, 32
	for _, precision := range []inference.Precision{inference.Float32, inference.BFloat16} {
		t.Run(string(precision), func(t *testing.T) {
			n, x := newNetwork(t, side, side, 3)
			bias := make([]float32, channels)
			bias[5] = float32(math.NaN())
			biased := op.BiasAdd(n.next(), op.Conv2D(n.next(), x, n.constant(3, 3, 3, channels), []int64{1, 1, 1, 1}, "SAME"), n.tensor(bias, channels))
			rectified, twos := op.Relu(n.next(), biased), []int64{1, 2, 2, 1}
			n.tap("rectified", rectified, side, side, channels)
			n.tap("pooled", op.MaxPool(n.next(), rectified, twos, twos, "VALID"), side/2, side/2, channels)
			model := n.open()
			accelerate(t, model, precision, convolution.Options{})
			for l, values := range features(t, model, 1) {
				for i, v := range values {
					if got, want := v != v, i%channels == 5; got != want {
						t.Fatalf("layer %s: value %d, of channel %d, is %v", model.Layers[l].Name, i, i%channels, v)
					}
				}
			}
		})
	}
}
