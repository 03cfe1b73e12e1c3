package convolution

import (
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
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
	pictures, err := r.output(n.GetInput()[0])
	if err != nil {
		return convolution{}, nil, false
	}
	kernel, err = weights.Shape().ToSlice()
	maps, unknown := pictures.Shape().ToSlice()
	if err != nil || unknown != nil || len(kernel) != 4 || len(maps) != 4 || slices.Min(kernel) < 1 {
		return convolution{}, nil, false
	}
	if maps[3] != kernel[2] { // groups
		return r.grouped(n, kernel, maps[3])
	}
	return convolution{
		pictures: n.GetInput()[0], kernel: n.GetInput()[1], height: kernel[0], width: kernel[1],
		down: strides[1], across: strides[2], same: padding == "SAME", controls: r.controls(n),
	}, kernel, true
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
