package training

import (
	"maps"
	"slices"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/vgg"
)

// The update of a kernel waits for the gradient of its layer's input, which holds the kernel, and for
// nothing that a step would not run: nobody wants the gradient of the network's own input. Nor does
// it wait for the layer itself, which TensorFlow fuses with its bias and rectifier.
func TestReaders(t *testing.T) {
	n := Network{Name: "two of each", Input: []int{6, 6, 3}, Layers: []vgg.Layer{
		{Name: "before", Kind: vgg.KindMaxPool, Shape: []int{3, 3, 3}},
		conv("first", 3, 3, 4), conv("second", 3, 4, 5),
		{Name: "flatten", Kind: vgg.KindFlatten, Shape: []int{45}},
		dense("hidden", 45, 6, true), dense("scores", 6, 3, false),
	}}
	g, err := build(n, Options{Momentum: 0.9, WeightDecay: 1e-3, Dropout: 0.5}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	var values []tf.Output
	for _, v := range g.variables {
		values = append(values, v.value)
	}
	gradients, err := g.graph.AddGradients("again", []tf.Output{g.training.loss}, values, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for i, readers := range g.readers(gradients) {
		for _, o := range readers {
			if !strings.HasPrefix(o.Name(), "again/") {
				t.Errorf("%s: %s is none of the gradients'", g.variables[i].name, o.Name())
			}
			if o.Type() != "Shape" { // which holds nothing
				got[g.variables[i].name] = append(got[g.variables[i].name], o.Type())
			}
		}
	}
	want := map[string][]string{"second/kernel": {"Conv2DBackpropInput"}, "hidden/kernel": {"MatMul"}, "scores/kernel": {"MatMul"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("readers are %v, want %v", got, want)
	}
}
