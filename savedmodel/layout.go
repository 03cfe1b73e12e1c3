package savedmodel

import (
	"fmt"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// layout is the order of a map's dimensions after the batch.
type layout int

const (
	unknownLayout layout = iota
	channelsLast
	channelsFirst
)

// layouts follows the order of dimensions from the input on: operations with a data format and
// transpositions decide it, others keep the order of their input.
func (w *inputWay) layouts(input layout) map[string]layout {
	of := map[string]layout{w.input: input}
	for _, name := range w.order {
		n := w.node(name)
		given := unknownLayout
		for _, from := range w.inputs(n) {
			if given = of[from]; given != unknownLayout {
				break
			}
		}
		switch format := string(n.GetAttr()["data_format"].GetS()); {
		case n.GetOp() == "Transpose":
			of[name] = w.transposed(given, w.inputs(n))
		case n.GetOp() == "Reshape":
			// Unflattening a vector says nothing about the order.
		case format == "NCHW":
			of[name] = channelsFirst
		case format == "NHWC" && n.GetOp() != "BiasAdd": // Keras leaves its default in place
			of[name] = channelsLast
		default:
			of[name] = given
		}
	}
	return of
}

// transposed is the order after a transposition.
func (w *inputWay) transposed(given layout, inputs []string) layout {
	if len(inputs) != 2 {
		return unknownLayout
	}
	permutation, _ := w.constant(inputs[1])
	switch {
	case slices.Equal(permutation, []float64{0, 1, 2, 3}):
		return given
	case slices.Equal(permutation, []float64{0, 2, 3, 1}) && given == channelsFirst:
		return channelsLast
	case slices.Equal(permutation, []float64{0, 3, 1, 2}) && given == channelsLast:
		return channelsFirst
	}
	return unknownLayout
}

// firstLayout is the order of dimensions that the first operations after the input want: that of
// the first one with a data format, undoing the transpositions before it.
func (l *loader) firstLayout() layout {
	w := l.newInputWay(nil)
	turned := map[layout]layout{channelsFirst: channelsLast, channelsLast: channelsFirst}
	odd := false
	for _, n := range l.flat.nodes {
		format := string(n.GetAttr()["data_format"].GetS())
		switch in := w.inputs(n); {
		case n.GetOp() == "Transpose" && len(in) == 2:
			permutation, _ := w.constant(in[1])
			odd = odd != (slices.Equal(permutation, []float64{0, 2, 3, 1}) || slices.Equal(permutation, []float64{0, 3, 1, 2}))
		case format == "NCHW" || format == "NHWC":
			of := map[string]layout{"NCHW": channelsFirst, "NHWC": channelsLast}[format]
			if odd {
				of = turned[of]
			}
			return of
		}
	}
	return unknownLayout
}

// channelsFirst says whether any operation of the model is defined in NCHW order.
func (l *loader) channelsFirst() bool {
	first := func(n *nodepb.NodeDef) bool { return string(n.GetAttr()["data_format"].GetS()) == "NCHW" }
	return slices.ContainsFunc(l.flat.nodes, first) || slices.ContainsFunc(l.meta.GetGraphDef().GetNode(), first)
}

// putChannelsLast transposes layers whose channels come before height and width, so that all have
// the order that recipes and pooling expect.
func (l *loader) putChannelsLast(w *inputWay, layers []inference.Layer) error {
	input := channelsLast
	if l.input.channelsFirst {
		input = channelsFirst
	}
	names := map[string]string{} // of the nodes, by their operations'
	for name, operation := range w.operations {
		names[operation.Name()] = name
	}
	of := w.layouts(input)
	var scope *op.Scope
	var order tf.Output
	for i := range layers {
		layer := &layers[i]
		if !layer.Spatial() || of[names[layer.Output.Op.Name()]] != channelsFirst {
			continue
		}
		if scope == nil {
			scope = op.NewScopeWithGraph(l.loaded.Graph).SubScope("fovea_channels_last")
			order = op.Const(scope.SubScope("order"), []int32{0, 2, 3, 1})
		}
		layer.Output = op.Transpose(scope.SubScope("layer"), layer.Output, order)
		layer.Shape = []int{layer.Shape[1], layer.Shape[2], layer.Shape[0]}
		if err := scope.Err(); err != nil {
			return fmt.Errorf("turn layer %s: %w", layer.Name, err)
		}
	}
	return nil
}
