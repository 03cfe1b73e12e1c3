package savedmodel

import (
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
)

// rows reports whether the operations treat the images of a batch independently: fixed says that
// one of them turns any batch into a batch of one, apart that all are known to keep images apart.
// If neither is set, only computing will show.
func (w *inputWay) rows() (fixed, apart bool) {
	apart = true
	for _, name := range w.order {
		operation := w.operations[name]
		if operation.NumOutputs() == 0 {
			continue
		}
		if w.makesOne(name) {
			return true, false
		}
		apart = apart && w.keepsApart(name)
	}
	return false, apart
}

// makesOne says whether an operation turns a batch of any size into a batch of one image.
func (w *inputWay) makesOne(name string) bool {
	out, known := shapeOf(w.operations[name].Output(0))
	if !known || len(out) < 2 || out[0] != 1 {
		return false
	}
	for _, from := range w.inputs(w.node(name)) {
		if w.depends[from] && w.openBatch(from) {
			return true
		}
	}
	return false
}

// openBatch says whether a tensor is known to have a row for each picture.
func (w *inputWay) openBatch(name string) bool {
	if name == w.input {
		return true
	}
	operation := w.operations[name]
	if operation == nil || operation.NumOutputs() == 0 { // does not depend on the input
		return false
	}
	dims, known := shapeOf(operation.Output(0))
	return known && len(dims) > 1 && dims[0] < 0
}

func shapeOf(output tf.Output) ([]int64, bool) {
	dims, err := output.Shape().ToSlice()
	return dims, err == nil
}

// apartAlways are operations that treat the rows of their first input one by one, provided that the
// other inputs do not depend on the images.
var apartAlways = map[string]bool{
	"Conv2D": true, "DepthwiseConv2dNative": true, "BiasAdd": true, "MaxPool": true, "AvgPool": true, "LRN": true,
	"Relu": true, "Relu6": true, "LeakyRelu": true, "Elu": true, "Selu": true, "Sigmoid": true, "Tanh": true, "Softplus": true, "Softsign": true,
	"Erf": true, "Exp": true, "Log": true, "Log1p": true, "Sqrt": true, "Rsqrt": true, "Square": true, "Abs": true, "Neg": true, "Sign": true,
	"Floor": true, "Round": true, "Rint": true, "Ceil": true, "Reciprocal": true, "Cast": true, "ClipByValue": true, "ZerosLike": true, "OnesLike": true,
	"Identity": true, "StopGradient": true, "PreventGradient": true, "CheckNumerics": true, "Snapshot": true,
	"ResizeBilinear": true, "ResizeNearestNeighbor": true, "ResizeBicubic": true, "SpaceToDepth": true, "DepthToSpace": true,
	"_FusedConv2D": true, "QuantizeAndDequantizeV4": true, "FakeQuantWithMinMaxVars": true, "FakeQuantWithMinMaxArgs": true,
}

// elementwise are operations on two tensors that keep images apart where each operand either has a
// row for each image or does not depend on the images.
var elementwise = map[string]bool{
	"Add": true, "AddV2": true, "Sub": true, "Mul": true, "RealDiv": true, "Div": true, "Maximum": true, "Minimum": true,
	"Pow": true, "SquaredDifference": true, "MulNoNan": true, "DivNoNan": true, "FloorDiv": true, "FloorMod": true,
}

// keepsApart says whether an operation is known to treat the images of a batch one by one.
func (w *inputWay) keepsApart(name string) bool {
	n := w.node(name)
	inputs := w.inputs(n)
	if len(inputs) == 0 || w.sizes[name] {
		return w.sizes[name]
	}
	if !w.openBatch(name) {
		return false
	}
	switch kind := n.GetOp(); {
	case apartAlways[kind]:
		return w.openBatch(inputs[0]) && !slices.ContainsFunc(inputs[1:], w.varies)
	case elementwise[kind]:
		return len(inputs) == 2 && w.rowsOrNone(inputs[0], name) && w.rowsOrNone(inputs[1], name)
	case kind == "MatMul":
		return w.openBatch(inputs[0]) && !n.GetAttr()["transpose_a"].GetB() && !w.varies(inputs[1])
	case kind == "FusedBatchNormV3" || kind == "FusedBatchNorm" || kind == "FusedBatchNormV2":
		return w.openBatch(inputs[0]) && !n.GetAttr()["is_training"].GetB() && !slices.ContainsFunc(inputs[1:], w.varies)
	case kind == "Softmax" || kind == "LogSoftmax": // over the last dimension, of two at least
		return w.openBatch(inputs[0])
	case kind == "Mean" || kind == "Sum" || kind == "Max" || kind == "Min" || kind == "Prod":
		return len(inputs) == 2 && w.openBatch(inputs[0]) && w.otherAxes(inputs[1], w.rank(inputs[0]))
	case kind == "Pad" || kind == "PadV2" || kind == "MirrorPad":
		paddings, known := w.constant(inputs[1])
		return known && len(paddings) > 2 && paddings[0] == 0 && paddings[1] == 0 && w.openBatch(inputs[0])
	case kind == "ConcatV2":
		last := len(inputs) - 1
		return !slices.ContainsFunc(inputs[:last], func(in string) bool { return !w.openBatch(in) }) && w.otherAxes(inputs[last], w.rank(name))
	case kind == "Transpose":
		order, known := w.constant(inputs[1])
		return known && len(order) > 0 && order[0] == 0 && w.openBatch(inputs[0])
	case kind == "Reshape":
		return w.openBatch(inputs[0]) && w.sameRows(inputs[0], name)
	case kind == "IdentityN": // around Keras activations with a custom gradient
		return !slices.ContainsFunc(inputs, func(in string) bool { return w.depends[in] && !w.openBatch(in) })
	case kind == "Squeeze":
		return w.openBatch(inputs[0])
	}
	return false
}

func (w *inputWay) rank(name string) int {
	operation := w.operations[name]
	if operation == nil { // the input
		return 4
	}
	dims, _ := shapeOf(operation.Output(0))
	return len(dims)
}

// rowsOrNone says whether an operand has a row for each image, or is the same for all.
func (w *inputWay) rowsOrNone(operand, result string) bool {
	if w.depends[operand] {
		return w.openBatch(operand) && w.rank(operand) == w.rank(result)
	}
	return true // the result has a row for each image, and this operand is the same for all of them
}

// otherAxes says whether constant axes leave out the first dimension.
func (w *inputWay) otherAxes(axes string, rank int) bool {
	values, known := w.constant(axes)
	return known && rank > 1 && !slices.Contains(values, 0) && !slices.Contains(values, float64(-rank))
}

// sameRows says whether reshaping keeps the number of values per row, so that rows stay rows.
func (w *inputWay) sameRows(from, to string) bool {
	operation := w.operations[from]
	if operation == nil {
		return false // the input itself
	}
	before, _ := shapeOf(operation.Output(0))
	after, _ := shapeOf(w.operations[to].Output(0))
	return perRow(before) > 0 && perRow(before) == perRow(after)
}

// varies says whether a tensor depends on the content of the images, not only on their size.
func (w *inputWay) varies(name string) bool { return w.depends[name] && !w.sizes[name] }

// perRow is the number of values in a row, -1 if that is open.
func perRow(dims []int64) int64 {
	size := int64(1)
	for _, d := range dims[1:] {
		if d < 0 {
			return -1
		}
		size *= d
	}
	return size
}
