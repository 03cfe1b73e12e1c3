package convolution

import (
	"slices"
	"strings"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// matchNormalization recognizes the normalization of each pixel over its channels as Keras exports it: x*scale + shift,
// where scale is γ/√(variance+ε) and shift is β - mean*scale.
func (r *rewriter) matchNormalization(n *nodepb.NodeDef) (convolution, bool) {
	if !r.method.products {
		return convolution{}, false
	}
	for _, sum := range r.pairs(n.GetName(), n.GetOp()) {
		for _, product := range r.pairs(sum[0], "Mul") {
			c, mean, found := r.scaling(product[0], product[1])
			if !found {
				continue
			}
			if shift := r.shiftBy(sum[1], mean, product[1]); shift != "" && !r.dependent(shift) && r.perChannel(shift, c.out) {
				c.folds = []fold{{operation: "AddV2", tensors: []string{shift}}}
				return c, true
			}
		}
	}
	return convolution{}, false
}

// scaling recognizes what x is multiplied with to be normalized, and tells which tensor is its mean.
func (r *rewriter) scaling(x, scale string) (c convolution, mean string, found bool) {
	channels := r.channels(x)
	for _, factors := range r.pairs(scale, "Mul") {
		root, gamma := r.nodes[inference.Producer(factors[0])], factors[1]
		if root.GetOp() != "Rsqrt" || channels < 1 || r.dependent(gamma) || !r.perChannel(gamma, channels) {
			continue
		}
		for _, added := range r.pairs(root.GetInput()[0], "AddV2") {
			epsilon, constant := r.scalar(added[1])
			squares, isMean := r.meanOfChannels(added[0])
			if !constant || !isMean {
				continue
			}
			for _, difference := range r.pairs(squares, "SquaredDifference") {
				if of, isMean := r.meanOfChannels(difference[1]); isMean && of == x && difference[0] == x {
					return convolution{kind: normalized, pictures: x, kernel: gamma, form: []int32{int32(channels)}, out: channels, epsilon: epsilon}, difference[1], true
				}
			}
		}
	}
	return convolution{}, "", false
}

// shiftBy is β if a tensor is β - mean*scale, and "" if it is not.
func (r *rewriter) shiftBy(tensor, mean, scale string) string {
	is := func(product, factor string) bool {
		return slices.Contains(r.pairs(product, "Mul"), [2]string{factor, scale})
	}
	if n := r.nodes[inference.Producer(tensor)]; n.GetOp() == "Sub" {
		if inputs := dataInputs(n); is(first(inputs[1]), mean) {
			return inputs[0]
		}
		return ""
	}
	for _, sum := range r.pairs(tensor, "AddV2") {
		for _, product := range r.pairs(sum[0], "Mul") {
			if negative := r.nodes[product[0]]; product[1] == scale && negative.GetOp() == "Neg" && first(negative.GetInput()[0]) == mean {
				return sum[1]
			}
		}
	}
	return ""
}

// meanOfChannels is what a tensor is the mean of, over the last of four dimensions, which is kept.
func (r *rewriter) meanOfChannels(tensor string) (of string, found bool) {
	n := r.nodes[inference.Producer(tensor)]
	if n.GetOp() != "Mean" || !n.GetAttr()["keep_dims"].GetB() || !r.isInts(n.GetInput()[1], -1) && !r.isInts(n.GetInput()[1], 3) {
		return "", false
	}
	return first(n.GetInput()[0]), true
}

// pairs are both orders of the two operands of a node of that kind, none if it is of another.
func (r *rewriter) pairs(tensor, operation string) [][2]string {
	n := r.nodes[inference.Producer(tensor)]
	inputs := dataInputs(n)
	if n.GetOp() != operation || len(inputs) != 2 {
		return nil
	}
	a, b := first(inputs[0]), first(inputs[1])
	return [][2]string{{a, b}, {b, a}}
}

// first names a node's first output as the node.
func first(tensor string) string { return strings.TrimSuffix(tensor, ":0") }

// channels is the number of channels of maps, 0 if it is not known or these are none.
func (r *rewriter) channels(maps string) int64 {
	if size := r.size(maps); size != nil {
		return size[2]
	}
	t, err := r.output(maps)
	if err != nil {
		return 0
	}
	shape, err := t.Shape().ToSlice()
	if err != nil || len(shape) != 4 || !r.dependent(maps) {
		return 0
	}
	return max(shape[3], 0)
}
