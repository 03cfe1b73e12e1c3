package convolution

import (
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// The comparison finds a layer that is wrong in shares by itself, whatever is known of operations,
// and though the last layers are right.
func TestComparisonFindsAnyLayer(t *testing.T) {
	if err := supported(engine{instructions: avx2}); err != nil {
		t.Skip(err)
	}
	if err := register(); err != nil {
		t.Fatal(err)
	}
	const side, channels = 8, 16
	root := op.NewScope()
	x := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, side, side, 3)))
	kernel := func(scope *op.Scope) tf.Output {
		values := make([]float32, 3*3*3*channels)
		for i := range values {
			values[i] = float32(i%7) - 3
		}
		tensor, err := inference.NewFloat32Tensor([]int{3, 3, 3, channels}, values)
		if err != nil {
			t.Fatal(err)
		}
		return op.Const(scope.SubScope("kernel"), tensor)
	}
	convolve := func(name string, x tf.Output) inference.Layer {
		scope := root.SubScope(name)
		y := op.Conv2D(scope, x, kernel(scope), []int64{1, 1, 1, 1}, "SAME")
		return inference.Layer{Name: name, Output: y, Shape: []int{side, side, channels}}
	}
	mean := op.Mean(root, x, op.Const(root.SubScope("axis"), []int32{0}), op.MeanKeepDims(true))
	layers := []inference.Layer{convolve("plain", x), convolve("centred", op.Sub(root, x, mean)), convolve("last", x)}
	graph, err := root.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	model := &inference.Model{Name: "branches", Precision: inference.Float32, Graph: graph, Input: x, InputHeight: side, InputWidth: side, Layers: layers}
	if model.Session, model.Device, err = inference.NewSession(graph, inference.SessionConfig{Device: inference.DeviceCPU}); err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	m, err := methodFor(model)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRewriter(model, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.checkRows(); err == nil {
		t.Error("the mean of a batch is not seen in the graph")
	}
	for name := range r.traced { // as if the operations were not known
		r.traced[name] = traced{batching: rows}
	}
	known := rules["Mean"]
	rules["Mean"] = func(operation) batching { return rows }
	rules["Sub"] = func(operation) batching { return rows }
	defer func() { rules["Mean"], rules["Sub"] = known, elementwise }()
	for _, measured := range []bool{false, true} {
		if err := r.verify(2, measured); err == nil || !strings.Contains(err.Error(), "layer centred") {
			t.Errorf("measured %t: the error is %v, want one about the layer centred", measured, err)
		}
	}
}
