package weights

import (
	"fmt"
	"slices"
)

// next checks that a layer can follow what precedes it.
func (w *onnxWalk) next(n onnxNode, p onnxPicture) error {
	switch {
	case p.odd != "":
		return fmt.Errorf("%v follows %s, which does not occur in a VGG", n, p.odd)
	case p.layers != w.layers:
		return fmt.Errorf("%v is on another branch than the layers before it: the network is not a sequence", n)
	case w.layers > 0 && !p.rectified:
		return fmt.Errorf("%v follows another layer without a rectifier between them, which does not occur in a VGG", n)
	}
	return nil
}

func (w *onnxWalk) constant(n onnxNode, constants []*onnxTensor, i int) (Tensor, error) {
	if i >= len(constants) || constants[i] == nil {
		why := error(nil)
		if i < len(n.inputs) {
			why = w.values[n.inputs[i]].why
		}
		if why == nil {
			why = fmt.Errorf("it is not a constant")
		}
		return Tensor{}, fmt.Errorf("%v: input %d: %w", n, i, why)
	}
	t, err := constants[i].tensor()
	if err != nil {
		return t, fmt.Errorf("%v: %w", n, err)
	}
	if len(t.Raw) == 0 {
		return t, fmt.Errorf("%w: %v: constant %s of shape %v is empty", ErrFormat, n, constants[i].name, t.Shape)
	}
	return t, nil
}

// bias is a layer's bias, zeros where it has none.
func (w *onnxWalk) bias(n onnxNode, constants []*onnxTensor, units int) (t Tensor, bare bool, err error) {
	if n.op == "MatMul" || len(n.inputs) < 3 || n.inputs[2] == "" {
		t, err = w.zeros(units)
		return t, true, err
	}
	t, err = w.constant(n, constants, 2)
	if err != nil {
		return t, false, err
	}
	t, err = vector(t, units)
	return t, false, err
}

func (w *onnxWalk) zeros(n int) (Tensor, error) {
	if err := w.graph.external.memory.Count(int64(n), 4, "a bias of zeros"); err != nil {
		return Tensor{}, err
	}
	return Float32Tensor([]int{n}, make([]float32, n)), nil
}

// vector is a tensor of n numbers, with dimensions of 1 stripped.
func vector(t Tensor, n int) (Tensor, error) {
	if shape := squeezed(t.Shape, nil); product(t.Shape) != n || len(shape) > 1 {
		return t, fmt.Errorf("a bias of shape %v for %d units", t.Shape, n)
	}
	t.Shape = []int{n}
	return t, nil
}

func (w *onnxWalk) convolution(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	if err := w.next(n, p); err != nil {
		return nil, err
	}
	kernel, err := w.constant(n, constants, 1)
	if err != nil {
		return nil, err
	}
	if len(kernel.Shape) != 4 || p.channelsLast || p.flat {
		return nil, fmt.Errorf("%v: a kernel of shape %v on an image that is not [batch, channels, height, width]", n, kernel.Shape)
	}
	if err := n.checkConvolution(kernel.Shape, p.pads); err != nil {
		return nil, err
	}
	bias, bare, err := w.bias(n, constants, kernel.Shape[0])
	if err != nil {
		return nil, fmt.Errorf("%v: %w", n, err)
	}
	if w.layers == 0 {
		if err := w.noteWay(n, p, kernel.Shape[1]); err != nil {
			return nil, err
		}
	}
	name := fmt.Sprintf("convolution_%d", w.convolutions)
	out := onnxPicture{fresh: w.convolutions, channels: kernel.Shape[0]}
	w.convolutions++
	w.add(name, kernel, bias, bare, &out)
	return &out, nil
}

// add emits a layer.
func (w *onnxWalk) add(name string, weight, bias Tensor, bare bool, out *onnxPicture) {
	w.set.Tensors["sequence/"+name+"/weight"], w.set.Tensors["sequence/"+name+"/bias"] = weight, bias
	w.names = append(w.names, name)
	w.layers++
	out.layers = w.layers
	if bare {
		out.bare = name
	}
}

// checkConvolution refuses what is not a VGG convolution: these go over all pixels of a padded
// image, except for the large ones that replace dense layers.
func (n onnxNode) checkConvolution(shape, pads []int) error {
	group, isGrouped := n.attributes["group"]
	notOne := func(v int) bool { return v != 1 }
	if isGrouped && group.number != 1 || slices.ContainsFunc(n.attributes["strides"].numbers, notOne) || slices.ContainsFunc(n.attributes["dilations"].numbers, notOne) {
		return fmt.Errorf("%v has strides, groups or dilation, unlike any convolution of VGG", n)
	}
	want := []int{0, 0, 0, 0}
	if shape[2] <= 3 {
		want = []int{(shape[2] - 1) / 2, (shape[3] - 1) / 2, (shape[2] - 1) / 2, (shape[3] - 1) / 2}
	}
	got := []int{0, 0, 0, 0}
	for i, pad := range n.attributes["pads"].numbers {
		if i < 4 {
			got[i] += pad
		}
	}
	for i, pad := range pads {
		got[i] += pad
	}
	switch auto := n.attributes["auto_pad"].text; {
	case auto == "SAME_UPPER" || auto == "SAME_LOWER":
		if pads == nil && shape[2] <= 3 && shape[2]%2 == 1 && shape[3]%2 == 1 {
			return nil
		}
		got = []int{-1, -1, -1, -1}
	case auto == "VALID":
		got = append([]int{}, pads...)
		if pads == nil {
			got = []int{0, 0, 0, 0}
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%v pads by %v, but VGG's convolution of %dx%d pixels pads by %v", n, got, shape[2], shape[3], want)
	}
	return nil
}

func (w *onnxWalk) dense(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	if err := w.next(n, p); err != nil {
		return nil, err
	}
	if len(constants) < 2 || constants[0] != nil {
		return nil, fmt.Errorf("%v: the image is its second input", n)
	}
	weight, err := w.constant(n, constants, 1)
	if err != nil {
		return nil, err
	}
	if len(weight.Shape) != 2 || !p.flat {
		return nil, fmt.Errorf("%v: a weight of shape %v on an input that is not flattened", n, weight.Shape)
	}
	if n.op == "Gemm" {
		if err := n.checkGemm(); err != nil {
			return nil, err
		}
	}
	if n.op == "MatMul" || n.attributes["transB"].number == 0 {
		if weight, err = permute(w.graph.external.memory, weight, []int{1, 0}); err != nil {
			return nil, err
		}
	}
	bias, bare, err := w.bias(n, constants, weight.Shape[0])
	if err != nil {
		return nil, fmt.Errorf("%v: %w", n, err)
	}
	if weight, err = w.channelsFirst(n, p, weight); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("dense_%d", w.denses)
	w.denses++
	out := onnxPicture{fresh: -1, flat: true}
	w.add(name, weight, bias, bare, &out)
	return &out, nil
}

// channelsFirst orders the inputs of a dense layer as PyTorch does, which keeps all pixels of a channel together; where an
// image with channels last was flattened, the channels of a pixel are.
func (w *onnxWalk) channelsFirst(n onnxNode, p onnxPicture, weight Tensor) (Tensor, error) {
	units, inputs := weight.Shape[0], weight.Shape[1]
	if !p.channelsLast || p.channels == 0 || inputs <= p.channels {
		return weight, nil
	}
	if inputs%p.channels != 0 {
		return weight, fmt.Errorf("%v: %d inputs from %d channels", n, inputs, p.channels)
	}
	weight.Shape = []int{units, inputs / p.channels, p.channels}
	weight, err := permute(w.graph.external.memory, weight, []int{0, 2, 1})
	if err != nil {
		return weight, err
	}
	weight.Shape = []int{units, inputs}
	return weight, nil
}

func (n onnxNode) checkGemm() error {
	for _, factor := range []string{"alpha", "beta"} {
		if a, given := n.attributes[factor]; given && a.real != 1 {
			return fmt.Errorf("%v: it multiplies by %s = %v, unlike any dense layer", n, factor, a.real)
		}
	}
	if n.attributes["transA"].number != 0 {
		return fmt.Errorf("%v: it transposes its input, unlike any dense layer", n)
	}
	return nil
}

// pad records zeros around the image, which the next convolution treats as its own padding.
func (w *onnxWalk) pad(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	all := n.attributes["pads"].numbers
	if len(constants) > 1 && constants[1] != nil {
		var err error
		if all, err = constants[1].integers(); err != nil {
			return nil, fmt.Errorf("%v: %w", n, err)
		}
	}
	mode := n.attributes["mode"].text
	value := n.attributes["value"].real
	if len(constants) > 2 && constants[2] != nil {
		t, err := w.constant(n, constants, 2)
		if err != nil {
			return nil, err
		}
		if values, err := t.Float32(); err != nil || len(values) != 1 || values[0] != 0 {
			value = 1
		}
	}
	height := 2
	if p.channelsLast {
		height = 1
	}
	if len(all) != 8 || len(n.inputs) > 3 || mode != "" && mode != "constant" || value != 0 || p.pads != nil {
		return w.strange(n, p, constants)
	}
	pads := []int{all[height], all[height+1], all[height+4], all[height+5]}
	if outer := slices.Concat(all[:height], all[height+2:height+4], all[height+6:]); slices.ContainsFunc(outer, func(v int) bool { return v != 0 }) {
		return w.strange(n, p, constants)
	}
	if !slices.ContainsFunc(pads, func(v int) bool { return v != 0 }) {
		return &p, nil
	}
	p.pads, p.bare, p.fresh = pads, "", -1
	return &p, nil
}
