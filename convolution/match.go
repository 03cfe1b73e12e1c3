package convolution

import (
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// kind is how a convolution is computed.
type kind int

const (
	// filtered ones have kernels of 3x3 and stride 1: the method's own way.
	filtered kind = iota
	// multiplied are all others but depthwise, as products of matrices (pointwise.h).
	multiplied
	depthwise
	// normalized are no convolutions, but the normalizations of pixels between them: the kernel is what their channels
	// are multiplied with.
	normalized
	// scaled are the model's input, each channel of which is multiplied with a number, and another one is added, before
	// there is any convolution. The kernel is made of what follows the input alone.
	scaled
)

// activation is what follows the sums; the numbers are pointwise.h's.
type activation int64

const (
	linear activation = iota
	relu
	relu6
	swish
	gelu // by the error function
	sigmoid
	hardSwish
	hardSigmoid
)

// convolution is what replaces a node: a convolution with what follows it.
type convolution struct {
	kind
	pictures, kernel string // tensors of the original graph
	height, width    int64  // of the kernel
	down, across     int64  // strides
	same             bool   // padding: zeros around the image
	around           zeros  // otherwise
	out              int64  // channels
	folds            []fold
	residual         string // is added before the activation; empty: nothing
	activation
	pool     bool // of 2x2
	controls []string
	// planes says that the node gives planes.
	planes bool
	// form is the shape that the kernel needs, if it has another one.
	form    []int32
	epsilon float32 // of a normalization
	// size is the shape of a map of an image where the graph does not show it, as that of dense layers.
	size []int64
	// bottleneck is what comes before a product, and is computed with it.
	bottleneck *bottleneck
}

// zeros are how many rows and columns of zeros are around a map.
type zeros struct{ top, left, bottom, right int64 }

// maps are the tensors with images that a convolution reads.
func (c convolution) maps() []string {
	if c.residual == "" {
		return []string{c.pictures}
	}
	return []string{c.pictures, c.residual}
}

// begun says whether something follows the sums that nothing can be folded through.
func (c convolution) begun() bool {
	return c.kind == normalized || c.residual != "" || c.activation != linear || c.pool
}

// source follows a tensor to where it comes from, through nodes that only repeat it, and wait for nothing that depends
// on the images.
func (r *rewriter) source(tensor string) string {
	for {
		node := r.nodes[inference.Producer(tensor)]
		_, index, err := inference.ParseTensor(tensor)
		if err != nil || !r.dependent(tensor) || slices.ContainsFunc(node.GetInput()[len(dataInputs(node)):], r.dependent) || index >= len(dataInputs(node)) {
			return tensor
		}
		switch node.GetOp() {
		case "Identity", "IdentityN", "Snapshot", "StopGradient", "PreventGradient":
			tensor = strings.TrimSuffix(node.GetInput()[index], ":0")
		default:
			return tensor
		}
	}
}

// skipIdentities lets all nodes read from the sources, and counts who reads what.
func (r *rewriter) skipIdentities() {
	for _, n := range r.order {
		for i, from := range dataInputs(n) {
			if r.dependent(from) {
				n.Input[i] = r.source(from)
			}
		}
	}
	needed := map[string]bool{}
	for _, layer := range r.model.Layers {
		needed[inference.Producer(r.source(tensorName(layer.Output)))] = true
	}
	for _, n := range slices.Backward(r.order) {
		if !needed[n.GetName()] {
			continue
		}
		for _, from := range n.GetInput() {
			needed[inference.Producer(from)] = true
			r.readers[strings.TrimSuffix(from, ":0")]++
		}
	}
}

// before is the convolution that makes a tensor, if nobody else reads that.
func (r *rewriter) before(tensor string) (convolution, bool) {
	c, found := r.fast[strings.TrimSuffix(tensor, ":0")]
	return c, found && r.readers[strings.TrimSuffix(tensor, ":0")] == 1
}

// match recognizes a convolution, alone, with what can be folded into it, rectified, or pooled.
func (r *rewriter) match(n *nodepb.NodeDef) (c convolution, found bool) {
	switch n.GetOp() {
	case "Conv2D":
		return r.matchConvolution(n)
	case "DepthwiseConv2dNative":
		return r.matchDepthwise(n)
	}
	for _, matched := range append(r.matchers(n.GetOp()), r.matchScale) {
		if c, found = matched(n); found {
			break
		}
	}
	c.controls = slices.Concat(c.controls, r.controls(n))
	return c, found
}

// matchers recognize what ends in an operation other than a convolution; the first one that does counts.
func (r *rewriter) matchers(operation string) []func(*nodepb.NodeDef) (convolution, bool) {
	type matchers = []func(*nodepb.NodeDef) (convolution, bool)
	switch operation {
	case "BiasAdd", "Sub", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3":
		return matchers{r.matchFold}
	case "Add", "AddV2":
		return matchers{r.matchFold, r.matchResidual, r.matchNormalization}
	case "Mul":
		return matchers{r.matchFold, r.matchSwish, r.matchGelu, r.matchHard}
	case "RealDiv":
		return matchers{r.matchFold, r.matchHard}
	case "Reshape":
		return matchers{r.matchDense}
	case "Relu", "Relu6", "Sigmoid":
		return matchers{r.matchActivation}
	case "MaxPool":
		return matchers{r.matchPooling}
	}
	return nil
}

// activates says whether something can be computed of the sums in registers.
func (c convolution) activates() bool { return c.kind == multiplied || c.kind == depthwise }

func (r *rewriter) matchActivation(n *nodepb.NodeDef) (convolution, bool) {
	c, found := r.before(n.GetInput()[0])
	if !found || c.activation != linear || c.pool || !c.activates() && (c.kind != filtered || n.GetOp() != "Relu") {
		return convolution{}, false
	}
	c.activation = map[string]activation{"Relu": relu, "Relu6": relu6, "Sigmoid": sigmoid}[n.GetOp()]
	return c, true
}

func (r *rewriter) matchPooling(n *nodepb.NodeDef) (convolution, bool) {
	c, found := r.before(n.GetInput()[0])
	window := []int64{1, 2, 2, 1}
	if !found || !layout(n) || c.kind != filtered || c.activation != relu || c.pool || string(n.GetAttr()["padding"].GetS()) != "VALID" ||
		!slices.Equal(n.GetAttr()["ksize"].GetList().GetI(), window) || !slices.Equal(n.GetAttr()["strides"].GetList().GetI(), window) {
		return convolution{}, false
	}
	c.pool = true
	return c, true
}

// matchResidual recognizes the sum of a convolution and another map of the same size.
func (r *rewriter) matchResidual(n *nodepb.NodeDef) (convolution, bool) {
	inputs := dataInputs(n)
	if len(inputs) != 2 || !r.dependent(inputs[0]) || !r.dependent(inputs[1]) || !slices.Equal(r.size(inputs[0]), r.size(inputs[1])) || r.size(inputs[0]) == nil {
		return convolution{}, false
	}
	for i, from := range inputs {
		if c, found := r.before(from); found && c.kind == multiplied && !c.begun() {
			c.residual = inputs[1-i]
			return c, true
		}
	}
	return convolution{}, false
}

// matchSwish recognizes x * sigmoid(x), where x may be multiplied with 1 in between.
func (r *rewriter) matchSwish(n *nodepb.NodeDef) (convolution, bool) {
	inputs := dataInputs(n)
	if len(inputs) != 2 {
		return convolution{}, false
	}
	for i, x := range inputs {
		x = strings.TrimSuffix(x, ":0")
		c, found := r.fast[x]
		sigmoid := r.nodes[inference.Producer(inputs[1-i])]
		if !found || !c.activates() || c.begun() || sigmoid.GetOp() != "Sigmoid" || r.readers[sigmoid.GetName()] != 1 || r.readers[x] != 2 {
			continue
		}
		of := strings.TrimSuffix(sigmoid.GetInput()[0], ":0")
		if times, found := r.beside(of, "Mul", 1); found && r.readers[of] == 1 {
			of = times
		}
		if of == x {
			c.activation = swish
			return c, true
		}
	}
	return convolution{}, false
}

// size is the shape of a map of an image, nil if it is not known.
func (r *rewriter) size(tensor string) []int64 {
	if c := r.fast[strings.TrimSuffix(tensor, ":0")]; c.size != nil {
		return c.size
	}
	t, err := r.output(tensor)
	if err != nil || t.DataType() != tf.Float {
		return nil
	}
	shape, err := t.Shape().ToSlice()
	if err != nil || len(shape) != 4 || slices.Contains(shape[1:], -1) {
		return nil
	}
	return shape[1:]
}

// leaveParts leaves to TensorFlow those convolutions whose sums other nodes scale, which are needed only if
// somebody asks for just them. Their kernels would be kept twice.
func (r *rewriter) leaveParts() {
	for _, n := range r.order {
		c, found := r.fast[n.GetName()]
		if !found || len(c.folds) == 0 || !c.scaled() || c.begun() {
			continue
		}
		for name := inference.Producer(r.convolved(n)); ; name = inference.Producer(r.convolved(r.nodes[name])) {
			part, found := r.fast[name]
			if !found {
				break
			}
			delete(r.fast, name)
			if len(part.folds) == 0 {
				break
			}
		}
	}
}

// convolved is the input of a folded node that depends on the images.
func (r *rewriter) convolved(n *nodepb.NodeDef) string {
	inputs := dataInputs(n)
	if i := slices.IndexFunc(inputs, r.dependent); i >= 0 {
		return inputs[i]
	}
	return ""
}
