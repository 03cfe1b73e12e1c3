package convolution

import (
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// layout says whether a node takes images in NHWC order, if the order matters to it.
func layout(n *nodepb.NodeDef) bool {
	format := string(n.GetAttr()["data_format"].GetS())
	return format == "" || format == "NHWC"
}

// window reads what Conv2D and DepthwiseConv2dNative have in common, if it is supported.
func (r *rewriter) window(n *nodepb.NodeDef) (c convolution, kernel []int64, ok bool) {
	strides, dilations := n.GetAttr()["strides"].GetList().GetI(), n.GetAttr()["dilations"].GetList().GetI()
	padding := string(n.GetAttr()["padding"].GetS())
	if !layout(n) || len(strides) != 4 || strides[0] != 1 || strides[3] != 1 || (padding != "SAME" && padding != "VALID") ||
		slices.ContainsFunc(dilations, func(d int64) bool { return d != 1 }) || !r.dependent(n.GetInput()[0]) || r.dependent(n.GetInput()[1]) {
		return convolution{}, nil, false
	}
	weights, err := r.output(n.GetInput()[1])
	if err != nil || weights.DataType() != tf.Float {
		return convolution{}, nil, false
	}
	from, around := r.unpadded(n.GetInput()[0], padding)
	pictures, err := r.output(from)
	if err != nil {
		return convolution{}, nil, false
	}
	kernel, err = weights.Shape().ToSlice()
	maps, unknown := pictures.Shape().ToSlice()
	if err != nil || unknown != nil || len(kernel) != 4 || len(maps) != 4 || slices.Min(kernel) < 1 {
		return convolution{}, nil, false
	}
	if maps[3] != kernel[2] { // groups
		return r.grouped(n, from, around, kernel, maps[3])
	}
	return convolution{
		pictures: from, kernel: n.GetInput()[1], height: kernel[0], width: kernel[1],
		down: strides[1], across: strides[2], same: padding == "SAME", around: around, controls: r.controls(n),
	}, kernel, true
}

// unpadded are the maps that become those that a convolution without padding of its own sees, by zeros around them, if
// there are any.
func (r *rewriter) unpadded(maps, padding string) (string, zeros) {
	n := r.nodes[inference.Producer(maps)]
	inputs := dataInputs(n)
	if padding != "VALID" || n.GetOp() != "Pad" || len(inputs) != 2 || !r.method.products || !r.dependent(inputs[0]) || len(r.controls(n)) > 0 {
		return maps, zeros{}
	}
	const most = 1 << 10
	around, ok := r.ints(inputs[1])
	if !ok || len(around) != 8 || around[0] != 0 || around[1] != 0 || around[6] != 0 || around[7] != 0 || slices.Min(around) < 0 || slices.Max(around) > most {
		return maps, zeros{}
	}
	return inputs[0], zeros{top: around[2], bottom: around[3], left: around[4], right: around[5]}
}

func (r *rewriter) matchConvolution(n *nodepb.NodeDef) (convolution, bool) {
	c, kernel, ok := r.window(n)
	if !ok {
		return convolution{}, false
	}
	if c.kind == depthwise {
		return c, true
	}
	c.out = kernel[3]
	if c.height == 3 && c.width == 3 && c.down == 1 && c.across == 1 && c.same && r.method.suits(kernel[2], kernel[3]) {
		return c, true
	}
	c.kind = multiplied
	return c, r.method.products
}

func (r *rewriter) matchDepthwise(n *nodepb.NodeDef) (convolution, bool) {
	c, kernel, ok := r.window(n)
	if !ok || kernel[3] != 1 {
		return convolution{}, false
	}
	c.kind, c.out = depthwise, kernel[2]
	return c, r.method.products
}
