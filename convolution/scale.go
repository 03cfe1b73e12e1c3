package convolution

import (
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// isNumber says whether a tensor is one number.
func (r *rewriter) isNumber(tensor string) bool {
	t, err := r.output(tensor)
	return err == nil && t.DataType() == tf.Float && t.Shape().NumDimensions() == 0
}

// matchScale recognizes what is done to each channel of the input before all else.
func (r *rewriter) matchScale(n *nodepb.NodeDef) (convolution, bool) {
	inputs, name := dataInputs(n), r.model.Input.Op.Name()
	input := r.model.Input
	if !slices.Contains([]string{"Mul", "AddV2", "Add", "Sub", "RealDiv"}, n.GetOp()) || len(inputs) != 2 || !r.method.products || input.DataType() != tf.Float || input.Index != 0 {
		return convolution{}, false
	}
	shape, err := input.Shape().ToSlice()
	if err != nil || len(shape) != 4 || shape[3] < 1 || shape[3] > mostScaled {
		return convolution{}, false
	}
	at := 0
	if n.GetOp() != "Sub" && n.GetOp() != "RealDiv" && first(inputs[1]) == name {
		at = 1
	}
	by := inputs[1-at]
	if first(inputs[at]) != name || r.dependent(by) || !r.perChannel(by, shape[3]) && !r.isNumber(by) {
		return convolution{}, false
	}
	return convolution{kind: scaled, pictures: inputs[at], out: shape[3], folds: []fold{{operation: n.GetOp(), tensors: []string{by}}}}, true
}

// mostScaled is the largest number of channels that are scaled.
const mostScaled = 16
