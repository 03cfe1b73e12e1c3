package convolution

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// matchDense recognizes a dense layer of maps as Keras exports it, a tensordot: the pixels become rows, which are
// multiplied with a matrix and become maps again. That is a convolution with a kernel of 1x1. The product itself sees
// to it that the rows are as long as the matrix is high, and so have a pixel's channels, if these are as many.
func (r *rewriter) matchDense(n *nodepb.NodeDef) (convolution, bool) {
	product := r.nodes[inference.Producer(n.GetInput()[0])]
	inputs := dataInputs(product)
	if !r.method.products || product.GetOp() != "MatMul" || len(inputs) != 2 || product.GetAttr()["transpose_a"].GetB() || product.GetAttr()["transpose_b"].GetB() || r.dependent(inputs[1]) {
		return convolution{}, false
	}
	pictures, controls := r.pixelsOf(inputs[0])
	matrix, err := r.output(inputs[1])
	if err != nil || pictures == "" || matrix.DataType() != tf.Float {
		return convolution{}, false
	}
	shape, err := matrix.Shape().ToSlice()
	size := r.size(pictures)
	if err != nil || size == nil || len(shape) != 2 || slices.Min(shape) < 1 || shape[0] != size[2] || !r.mapsAgain(n.GetInput()[1], pictures, shape[1]) {
		return convolution{}, false
	}
	return convolution{
		kind: multiplied, pictures: pictures, kernel: inputs[1], height: 1, width: 1, down: 1, across: 1, out: shape[1],
		controls: slices.Concat(controls, r.controls(product)),
		form:     []int32{1, 1, int32(shape[0]), int32(shape[1])}, size: []int64{size[0], size[1], shape[1]},
	}, true
}

// pixelsOf finds the maps that become rows, through a transposition that changes nothing, "" if these are no such rows.
func (r *rewriter) pixelsOf(flat string) (maps string, controls []string) {
	n := r.nodes[inference.Producer(flat)]
	if n.GetOp() != "Reshape" || !r.dependent(n.GetInput()[0]) {
		return "", nil
	}
	maps, controls = n.GetInput()[0], r.controls(n)
	n = r.nodes[inference.Producer(maps)]
	if n.GetOp() != "Transpose" {
		return maps, controls
	}
	order, _ := r.ints(n.GetInput()[1])
	if !slices.Equal(order, []int64{0, 1, 2, 3}) || !r.dependent(n.GetInput()[0]) {
		return maps, controls
	}
	return n.GetInput()[0], slices.Concat(controls, r.controls(n))
}

// mapsAgain says whether a shape is that of maps, but with so many channels.
func (r *rewriter) mapsAgain(shape, maps string, channels int64) bool {
	joined := dataInputs(r.nodes[inference.Producer(shape)])
	if r.nodes[inference.Producer(shape)].GetOp() != "ConcatV2" || len(joined) != 3 || !r.isInts(joined[1], channels) {
		return false
	}
	picked := r.nodes[inference.Producer(joined[0])]
	inputs := dataInputs(picked)
	if picked.GetOp() != "GatherV2" || len(inputs) != 3 || picked.GetAttr()["batch_dims"].GetI() != 0 || !r.isInts(inputs[1], 0, 1, 2) {
		return false
	}
	of := r.nodes[inference.Producer(inputs[0])]
	return of.GetOp() == "Shape" && strings.TrimSuffix(of.GetInput()[0], ":0") == strings.TrimSuffix(maps, ":0")
}

// isInts says whether a constant has these values.
func (r *rewriter) isInts(tensor string, want ...int64) bool {
	got, ok := r.ints(tensor)
	return ok && slices.Equal(got, want)
}

// grouped recognizes a convolution with a group for each channel, as Keras exports that of ConvNeXt: a depthwise one.
func (r *rewriter) grouped(n *nodepb.NodeDef, from string, around zeros, kernel []int64, in int64) (convolution, []int64, bool) {
	if n.GetOp() != "Conv2D" || kernel[2] != 1 || kernel[3] != in {
		return convolution{}, nil, false
	}
	strides := n.GetAttr()["strides"].GetList().GetI()
	return convolution{
		kind: depthwise, pictures: from, kernel: n.GetInput()[1], height: kernel[0], width: kernel[1], out: in,
		down: strides[1], across: strides[2], same: string(n.GetAttr()["padding"].GetS()) == "SAME", around: around, controls: r.controls(n),
		form: []int32{int32(kernel[0]), int32(kernel[1]), int32(in), 1},
	}, kernel, r.method.products
}

// matchGelu recognizes x/2 * (1 + erf(x/√2)).
func (r *rewriter) matchGelu(n *nodepb.NodeDef) (convolution, bool) {
	inputs := dataInputs(n)
	if len(inputs) != 2 {
		return convolution{}, false
	}
	for i, half := range inputs {
		x, halved := r.beside(half, "Mul", 0.5)
		erf, added := r.beside(inputs[1-i], "AddV2", 1)
		function := r.nodes[inference.Producer(erf)]
		if !halved || !added || function.GetOp() != "Erf" {
			continue
		}
		quotient := function.GetInput()[0]
		of, divided := r.beside(quotient, "RealDiv", math.Sqrt2)
		c, found := r.fast[x]
		once := r.once(half) && r.once(inputs[1-i]) && r.once(erf) && r.once(quotient)
		if divided && of == x && found && c.activates() && !c.begun() && once && r.readers[x] == 2 {
			c.activation = gelu
			return c, true
		}
	}
	return convolution{}, false
}

// once says whether a tensor has one reader.
func (r *rewriter) once(tensor string) bool { return r.readers[strings.TrimSuffix(tensor, ":0")] == 1 }

// beside is what a node combines with a number, if it is such an operation: the first operand, or either if the order
// does not matter.
func (r *rewriter) beside(tensor, operation string, with float32) (other string, found bool) {
	n := r.nodes[inference.Producer(tensor)]
	inputs := dataInputs(n)
	if n.GetOp() != operation || len(inputs) != 2 {
		return "", false
	}
	for i, from := range inputs {
		if i == 0 && operation == "RealDiv" {
			continue
		}
		if value, ok := r.scalar(from); ok && value == with {
			return strings.TrimSuffix(inputs[1-i], ":0"), true
		}
	}
	return "", false
}

// scalar is the value of a constant number.
func (r *rewriter) scalar(tensor string) (float32, bool) {
	value := r.constantOf(tensor)
	if value == nil || tf.DataType(value.GetDtype()) != tf.Float || len(value.GetTensorShape().GetDim()) != 0 {
		return 0, false
	}
	if content := value.GetTensorContent(); len(content) == 4 {
		return math.Float32frombits(binary.LittleEndian.Uint32(content)), true
	}
	if len(value.GetFloatVal()) != 1 {
		return 0, false
	}
	return value.GetFloatVal()[0], true
}
