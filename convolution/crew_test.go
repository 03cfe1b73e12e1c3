package convolution_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// One picture, whose layers the cores share, has the same features, to the bit, as among others, of which each core has
// some; also when several are computed at a time.
func TestSinglePictures(t *testing.T) {
	for _, precision := range []inference.Precision{inference.Float32, inference.Int16} {
		for _, size := range [][2]int{{70, 61}, {9, 5}} {
			n, x := newNetwork(t, size[0], size[1], 3)
			height, width := size[0], size[1]
			for i, channels := range []int{3, 64, 160} {
				out := []int{64, 160, 96}[i]
				others := len(n.model.Layers)
				pooled, found := n.taps(x, height, width, channels, out)
				for l := others; l < len(n.model.Layers); l++ {
					n.model.Layers[l].Name += fmt.Sprint("_", i)
				}
				if !found {
					break
				}
				x, height, width = pooled, height/2, width/2
			}
			n.checkSingle(fmt.Sprint(precision, size), precision)
		}
	}
	n, x := newNetwork(t, 67, 90, 3)
	strided := op.Relu(n.next(), op.Conv2D(n.next(), x, n.constant(7, 7, 3, 64), []int64{1, 2, 2, 1}, "SAME"))
	product := op.Relu(n.next(), op.Conv2D(n.next(), strided, n.constant(1, 1, 64, 208), []int64{1, 1, 1, 1}, "SAME"))
	deep := op.BiasAdd(n.next(), op.DepthwiseConv2dNative(n.next(), product, n.constant(5, 5, 208, 1), []int64{1, 1, 1, 1}, "SAME"), n.constant(208))
	sum := op.AddV2(n.next(), op.Conv2D(n.next(), deep, n.constant(1, 1, 208, 208), []int64{1, 1, 1, 1}, "SAME"), product)
	small := op.Conv2D(n.next(), sum, n.constant(3, 3, 208, 300), []int64{1, 9, 9, 1}, "VALID")
	for name, layer := range map[string]struct {
		tensor tf.Output
		shape  []int
	}{"strided": {strided, []int{34, 45, 64}}, "product": {product, []int{34, 45, 208}}, "deep": {deep, []int{34, 45, 208}}, "sum": {sum, []int{34, 45, 208}}, "small": {small, []int{4, 5, 300}}} {
		n.tap(name, layer.tensor, layer.shape...)
	}
	n.checkSingle("products", inference.Float32)
}

// checkSingle compares pictures by themselves with those of a batch.
func (n *network) checkSingle(name string, precision inference.Precision) {
	t := n.tb.(*testing.T)
	t.Helper()
	n.model.Precision = precision
	model := n.openAs(inference.SessionConfig{Device: inference.DeviceCPU, Precision: precision})
	if err := convolution.Accelerate(model, convolution.Options{Shares: 2}); err != nil {
		t.Logf("%s: skipped: %v", name, err)
		return
	}
	want := features(t, model, 4)
	check := func(got [][]float32) {
		for l, values := range got {
			if !slices.Equal(values, want[l][:len(values)]) {
				t.Errorf("%s: layer %s is another for a picture by itself", name, model.Layers[l].Name)
			}
		}
	}
	check(features(t, model, 1))
	var group sync.WaitGroup
	results := make([][][]float32, 4)
	for i := range results {
		group.Go(func() { results[i] = features(t, model, 1+i%2) })
	}
	group.Wait()
	for _, got := range results {
		check(got)
	}
}
