package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// onnxValue is what is known about a tensor that the graph computes: a constant, the sizes of
// something, or what became of the image.
type onnxValue struct {
	constant *onnxTensor
	// why: it is a constant or a size, but not a known one.
	why error
	// picture is set if the image flows through it.
	picture *onnxPicture
}

// onnxPicture is the image at one point of the network.
type onnxPicture struct {
	// layers is how many convolutions and dense layers it has passed.
	layers int
	// channelsLast is its layout or, if flattened, its layout before that.
	channelsLast, flat bool
	// rectified: there has been a rectifier since the last layer.
	rectified bool
	// odd is an operation that does not occur in a VGG; no layer may follow it.
	odd string
	// bare names the layer whose output it is, if that has no bias yet; fresh is the convolution
	// whose output it is, with or without bias, -1 for none.
	bare  string
	fresh int
	pads  []int
	// part is the number of the single channel that was cut out, from 1.
	part int
	// channels of the last convolution.
	channels int
	way      affine
}

// onnxWalk follows a graph from its input.
type onnxWalk struct {
	graph                *onnxGraph
	values               map[string]onnxValue
	set                  Set
	layers               int
	convolutions, denses int
	// names are the layers and what lies between them, in order.
	names []string
}

// GraphLayersKey and GraphInputKey are the metadata keys of an ONNX model's operations, in order,
// and of its input's type and dimensions.
const (
	GraphLayersKey = "graph_layers"
	GraphInputKey  = "graph_input"
)

func newONNXWalk(g *onnxGraph) *onnxWalk {
	w := &onnxWalk{graph: g, values: map[string]onnxValue{"": {}}, set: Set{Tensors: map[string]Tensor{}}}
	for name, constant := range g.constants {
		w.values[name] = onnxValue{constant: constant}
	}
	return w
}

func (w *onnxWalk) run() error {
	inputs := w.graph.usedInputs()
	if len(inputs) != 1 {
		return fmt.Errorf("%w: it has %d inputs, not one image", ErrFormat, len(inputs))
	}
	in := inputs[0]
	last := len(in.shape) == 4 && in.shape[3] == 3 && in.shape[1] != 3
	w.values[in.name] = onnxValue{picture: &onnxPicture{channelsLast: last, fresh: -1, way: identityWay()}}
	types := map[int]string{onnxFloat: "float32", onnxUint8: "uint8", onnxHalf: "float16", onnxDouble: "float64"}
	w.set.note(GraphInputKey, strings.TrimSpace(fmt.Sprintf("%s %v", types[in.dtype], in.shape)))
	for _, node := range w.graph.nodes {
		if err := w.node(node); err != nil {
			return err
		}
	}
	if w.layers == 0 {
		return fmt.Errorf("%w: no convolution or dense layer computes with the input", ErrFormat)
	}
	w.set.note(GraphLayersKey, strings.Join(w.names, " "))
	return nil
}

// node determines what is known of a node's outputs.
func (w *onnxWalk) node(n onnxNode) error {
	if len(n.outputs) == 0 {
		return nil
	}
	result, err := w.result(n)
	if err != nil {
		return err
	}
	for i, output := range n.outputs {
		if output == "" {
			continue
		}
		if _, twice := w.values[output]; twice {
			return fmt.Errorf("%w: %v outputs %q, which another node outputs already", ErrFormat, n, output)
		}
		w.values[output] = result
		if i > 0 && result.picture != nil { // a mask, indices, parts: nothing that a layer takes
			part := *result.picture
			part.odd = n.String()
			w.values[output] = onnxValue{picture: &part}
		}
	}
	return nil
}

// result is what is known of a node's first output.
func (w *onnxWalk) result(n onnxNode) (result onnxValue, err error) {
	var pictures []*onnxPicture
	constants, unknown := make([]*onnxTensor, len(n.inputs)), error(nil)
	for i, name := range n.inputs {
		value, known := w.values[name]
		if !known {
			return result, fmt.Errorf("%w: %v takes %q, which nothing before it outputs", ErrFormat, n, name)
		}
		if value.picture != nil {
			pictures = append(pictures, value.picture)
		}
		constants[i] = value.constant
		if value.why != nil {
			unknown = value.why
		}
	}
	switch {
	case len(pictures) == 0 && unknown != nil:
		result.why = unknown
	case len(pictures) == 0:
		result.constant, result.why = n.fold(w.graph.external, constants)
	case n.op == "Shape" || n.op == "Size":
		result.why = errors.New("it depends on the image's size")
	case len(pictures) > 1:
		result.picture = w.joined(n, pictures)
	default:
		result.picture, err = w.step(n, *pictures[0], constants)
	}
	return result, err
}

// step follows the image through an operation.
func (w *onnxWalk) step(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	if n.domain != "" && n.domain != "ai.onnx" || p.part > 0 {
		return w.strange(n, p, constants)
	}
	switch n.op {
	case "Identity", "Dropout":
		return &p, nil
	case "Cast":
		if kind := onnxKinds[n.attributes["to"].number]; kind == notFloat {
			return w.strange(n, p, constants)
		}
		return &p, nil
	case "Conv":
		return w.convolution(n, p, constants)
	case "Gemm", "MatMul":
		return w.dense(n, p, constants)
	case "BatchNormalization":
		return w.batchNorm(n, p, constants)
	case "Add", "Sub", "Mul", "Div":
		return w.arithmetic(n, p, constants)
	case "Gather", "Slice":
		return w.reorder(n, p, constants)
	case "Pad":
		return w.pad(n, p, constants)
	case "Transpose":
		return w.transposed(n, p, constants)
	}
	return w.unpadded(n, p, constants)
}

// unpadded follows the image through an operation before which no Pad may stand.
func (w *onnxWalk) unpadded(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	if p.pads != nil {
		return w.strange(n, p, constants)
	}
	switch n.op {
	case "Relu":
		p.rectified = true
		return w.plain(p, "relu"), nil
	case "LRN":
		return w.plain(p, "lrn"), nil
	case "MaxPool", "AveragePool":
		return w.pool(n, p, constants)
	case "GlobalAveragePool":
		return w.plain(p, "global_average_pool"), nil
	case "ReduceMean":
		return w.mean(n, p, constants)
	case "Flatten", "Reshape", "Squeeze":
		if axis, ok := n.attributes["axis"]; w.layers == 0 || ok && axis.number != 1 {
			return w.strange(n, p, constants)
		}
		if !p.flat {
			p.flat = true
			return w.plain(p, "flatten"), nil
		}
		return w.plain(p, ""), nil
	}
	return w.strange(n, p, constants)
}

// plain records an operation between layers.
func (w *onnxWalk) plain(p onnxPicture, name string) *onnxPicture {
	if name != "" {
		w.names = append(w.names, name)
	}
	p.bare, p.fresh = "", -1
	return &p
}

// strange records an operation that does not occur in a VGG. It does no harm after the last layer,
// as a softmax; but one with weights is itself a layer.
func (w *onnxWalk) strange(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	for _, c := range constants {
		if c != nil && len(c.shape) > 1 && onnxKinds[c.dtype] != notFloat && slices.Max(c.shape) > 1 && w.layers > 0 {
			return nil, fmt.Errorf("%v has weights (%s of shape %v), which does not occur in a VGG", n, c.name, c.shape)
		}
	}
	if p.odd == "" {
		p.odd = n.String()
	}
	p.bare, p.fresh = "", -1
	w.names = append(w.names, strings.ToLower(n.op))
	return &p, nil
}

// pool accepts VGG's max pooling, and averages of single pixels, which PyTorch's adaptive pooling
// becomes.
func (w *onnxWalk) pool(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	size, strides := n.attributes["kernel_shape"].numbers, n.attributes["strides"].numbers
	padded := slices.ContainsFunc(n.attributes["pads"].numbers, func(pad int) bool { return pad != 0 })
	dilated := slices.ContainsFunc(n.attributes["dilations"].numbers, func(d int) bool { return d != 1 })
	switch {
	case padded || dilated || p.channelsLast:
	case n.op == "MaxPool" && slices.Equal(size, []int{2, 2}) && slices.Equal(strides, []int{2, 2}):
		return w.plain(p, "max_pool"), nil
	case n.op == "AveragePool" && slices.Equal(size, []int{1, 1}) && !slices.ContainsFunc(strides, func(s int) bool { return s != 1 }):
		return w.plain(p, ""), nil
	case n.op == "AveragePool" && p.fresh < 0 && len(size) == 2 && size[0] == size[1] && size[0] == 7:
		return w.plain(p, "global_average_pool"), nil // of the last layer at 224 pixels
	}
	return w.strange(n, p, constants)
}

// mean takes the mean over height and width.
func (w *onnxWalk) mean(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	axes := n.attributes["axes"].numbers
	if len(constants) > 1 && constants[1] != nil {
		var err error
		if axes, err = constants[1].integers(); err != nil {
			return nil, fmt.Errorf("%v: %w", n, err)
		}
	}
	for i, axis := range axes {
		if axis < 0 {
			axes[i] = axis + 4
		}
	}
	slices.Sort(axes)
	want := []int{2, 3}
	if p.channelsLast {
		want = []int{1, 2}
	}
	if p.flat || !slices.Equal(axes, want) {
		return w.strange(n, p, constants)
	}
	keep, given := n.attributes["keepdims"]
	p.flat = given && keep.number == 0
	return w.plain(p, "global_average_pool"), nil
}

// transposed follows a change of layout.
func (w *onnxWalk) transposed(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	perm := n.attributes["perm"].numbers
	switch {
	case p.pads != nil || p.flat:
	case slices.Equal(perm, []int{0, 1, 2, 3}):
		return &p, nil
	case p.channelsLast && slices.Equal(perm, []int{0, 3, 1, 2}):
		p.channelsLast = false
		return &p, nil
	case !p.channelsLast && slices.Equal(perm, []int{0, 2, 3, 1}):
		p.channelsLast = true
		return &p, nil
	case w.layers == 0 && slices.Equal(perm, []int{0, 3, 1, 2}) && p.way.uniform():
		p.channelsLast = false // the input's dimensions are open
		return &p, nil
	}
	return w.strange(n, p, constants)
}
