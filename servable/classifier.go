package servable

import (
	"slices"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"fovea/head"
	"fovea/inference"
)

// declare adds a variable's handle with exactly this name.
func (n *nodes) declare(name string, kind typespb.DataType, shape *attrpb.AttrValue) string {
	n.list = append(n.list, &nodepb.NodeDef{Name: name, Op: "VarHandleOp", Attr: attributes{
		"dtype": typeOf(kind), "shape": shape, "shared_name": text(name), "container": text(""),
	}})
	return name
}

// classifier adds a head to a graph.
type classifier struct {
	*nodes
	variables []variable
	err       error // the first
}

// read declares a variable with a value, and returns a reference to its reading.
func (c *classifier) read(name string, values []float32, dims ...int) string {
	tensor, err := inference.NewFloat32Tensor(dims, values)
	if err != nil && c.err == nil {
		c.err = err
	}
	handle := c.declare("head/"+name, float32Type, shapeOf(dims...))
	c.variables = append(c.variables, variable{name: handle, kind: float32Type, value: tensor})
	return c.add("ReadVariableOp", "head/"+name+"/read", []string{handle}, attributes{"dtype": typeOf(float32Type)})
}

// overViews averages a layer of that size, a tensor of shape [images x views, ...], over an image's views: [images,
// values].
func (c *classifier) overViews(layer string, views, size int) string {
	return c.reduce("Mean", c.reshape(float32Type, layer, -1, views, size), 1, false)
}

// unit divides rows by their lengths.
func (c *classifier) unit(x string) string {
	length := c.add("Sqrt", "", []string{c.reduce("Sum", c.binary("Mul", float32Type, x, x), 1, true)}, attributes{"T": typeOf(float32Type)})
	return c.binary("DivNoNan", float32Type, x, length)
}

// join puts tensors side by side.
func (c *classifier) join(blocks []string) string {
	if len(blocks) == 1 {
		return blocks[0]
	}
	return c.add("ConcatV2", "", append(blocks, c.whole(1)), attributes{"N": integer(len(blocks)), "T": typeOf(float32Type), "Tidx": typeOf(int32Type)})
}

// probabilities adds the head, which takes a tensor of shape [images, values] for each of its layers, and returns
// probabilities of shape [images, classes].
func (c *classifier) probabilities(h *head.Head, features []string) string {
	blocks := slices.Clone(features)
	for i, x := range blocks {
		if h.Standardization.Sqrt {
			x = c.binary("Mul", float32Type, c.unary("Sign", x), c.unary("Sqrt", c.unary("Abs", x)))
		}
		if h.Standardization.Unit {
			x = c.unit(x)
		}
		blocks[i] = x
	}
	x := c.join(blocks)
	columns := h.Columns()
	x = c.binary("Sub", float32Type, x, c.read("mean", h.Standardization.Mean, columns))
	x = c.binary("Mul", float32Type, x, c.read("scale", h.Standardization.Scale, columns))
	if h.Hidden != nil {
		x = c.dense("hidden", x, h.Hidden.Weights, h.Hidden.Biases)
		x = c.unary("Relu", x)
	}
	return c.add("Softmax", "probabilities", []string{c.dense("scores", x, h.Weights, h.Biases)}, attributes{"T": typeOf(float32Type)})
}

// unary adds an operation on each value.
func (c *classifier) unary(operation, x string) string {
	return c.add(operation, "", []string{x}, attributes{"T": typeOf(float32Type)})
}

// dense adds a fully connected layer whose weights have a row per unit.
func (c *classifier) dense(name string, x string, weights [][]float32, biases []float32) string {
	units, inputs := len(weights), len(weights[0])
	flat := make([]float32, 0, units*inputs)
	for _, w := range weights {
		flat = append(flat, w...)
	}
	product := c.add("MatMul", "", []string{x, c.read(name+"/weights", flat, units, inputs)}, attributes{"T": typeOf(float32Type), "transpose_b": boolean(true)})
	return c.binary("BiasAdd", float32Type, product, c.read(name+"/biases", biases, units))
}

func (c *classifier) reduce(operation, x string, axis int, keep bool) string {
	return c.add(operation, "", []string{x, c.wholes(axis)}, attributes{"T": typeOf(float32Type), "Tidx": typeOf(int32Type), "keep_dims": boolean(keep)})
}

// names adds the classes' names, of shape [images, classes], and the label of each image: the most probable class, or
// unknown, unless that is empty, where the novelty is above 1.
func (c *classifier) names(classes []string, probabilities, novelty, unknown string) (all, label string) {
	names := c.strings(classes...)
	size := c.size(float32Type, probabilities)
	all = c.add("BroadcastTo", "classes", []string{names, size}, attributes{"T": typeOf(stringType), "Tidx": typeOf(int32Type)})
	index := c.add("ArgMax", "", []string{probabilities, c.whole(1)}, attributes{"T": typeOf(float32Type), "Tidx": typeOf(int32Type), "output_type": typeOf(int32Type)})
	best := func(name string) string {
		return c.add("GatherV2", name, []string{names, index, c.whole(0)}, attributes{"Tparams": typeOf(stringType), "Tindices": typeOf(int32Type), "Taxis": typeOf(int32Type)})
	}
	if unknown == "" {
		return all, best(Label)
	}
	return all, c.add("SelectV2", Label, []string{c.binary("Greater", float32Type, novelty, c.real(1)), c.bytes(unknown), best("best")}, attributes{"T": typeOf(stringType)})
}
