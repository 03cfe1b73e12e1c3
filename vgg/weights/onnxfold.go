package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"fovea/internal/budget"
)

// errNotFolded marks a constant that the graph computes in an unknown way.
var errNotFolded = errors.New("it is computed in the graph: fold the constants (onnxsim, or torch.onnx.export(..., do_constant_folding=True))")

// fold computes the few operations that exporters apply to constants.
func (n onnxNode) fold(files *onnxFiles, inputs []*onnxTensor) (*onnxTensor, error) {
	if n.op == "Constant" {
		if value := n.attributes["value"].tensor; value != nil {
			return value, nil
		}
		return n.simpleConstant(files)
	}
	if len(inputs) == 0 || inputs[0] == nil {
		return nil, errNotFolded
	}
	switch n.op {
	case "Identity":
		return inputs[0], nil
	case "Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose":
	default:
		return nil, errNotFolded
	}
	t, err := inputs[0].tensor()
	if err != nil {
		return nil, errNotFolded
	}
	if n.op == "Cast" && onnxKinds[n.attributes["to"].number] != F32 {
		return nil, errNotFolded
	}
	if t, err = n.reshaped(files.memory, t, inputs[1:]); err != nil {
		return nil, err
	}
	return &onnxTensor{name: n.outputs[0], dtype: onnxFloat, shape: t.Shape, made: &t}, nil
}

// simpleConstant is a Constant given as numbers.
func (n onnxNode) simpleConstant(files *onnxFiles) (*onnxTensor, error) {
	t := &onnxTensor{name: n.outputs[0], shape: []int{}, files: files}
	whole := func(values ...int) {
		t.dtype = onnxInt64
		for _, v := range values {
			t.packed = binary.AppendUvarint(t.packed, uint64(v))
		}
	}
	for name, a := range n.attributes {
		switch name {
		case "value_float":
			one := Float32Tensor(nil, []float32{float32(a.real)})
			t.dtype, t.made = onnxFloat, &one
		case "value_floats":
			t.dtype, t.raw, t.shape = onnxFloat, a.reals, []int{len(a.reals) / 4}
		case "value_int":
			whole(a.number)
		case "value_ints":
			whole(a.numbers...)
			t.shape = []int{len(a.numbers)}
		default:
			return nil, errNotFolded
		}
	}
	return t, nil
}

// reshaped changes a constant's shape.
func (n onnxNode) reshaped(memory *budget.Budget, t Tensor, more []*onnxTensor) (Tensor, error) {
	parameter := n.attributes["axes"].numbers
	if len(more) > 0 && more[0] != nil {
		var err error
		if parameter, err = more[0].integers(); err != nil {
			return t, err
		}
	}
	if len(parameter) > maxRank {
		return t, fmt.Errorf("%w: %v of %d dimensions", ErrFormat, n, len(parameter))
	}
	switch n.op {
	case "Transpose":
		return n.transpose(memory, t)
	case "Squeeze":
		t.Shape = squeezed(t.Shape, parameter)
	case "Unsqueeze":
		t.Shape = unsqueezed(t.Shape, parameter)
	case "Reshape":
		t.Shape = resolved(t.Shape, parameter)
	case "Flatten":
		axis := 1
		if a, ok := n.attributes["axis"]; ok {
			axis = a.number
		}
		if axis < 0 || axis > len(t.Shape) {
			return t, errNotFolded
		}
		t.Shape = []int{product(t.Shape[:axis]), product(t.Shape[axis:])}
	}
	return t, t.check()
}

// transpose reverses the axes where the node does not say how they are ordered.
func (n onnxNode) transpose(memory *budget.Budget, t Tensor) (Tensor, error) {
	perm := n.attributes["perm"].numbers
	if perm == nil {
		for i := len(t.Shape) - 1; i >= 0; i-- {
			perm = append(perm, i)
		}
	}
	if sorted := slices.Sorted(slices.Values(perm)); len(perm) != len(t.Shape) || !isRange(sorted) {
		return t, fmt.Errorf("%w: %v transposes a constant of shape %v by %v", ErrFormat, n, t.Shape, perm)
	}
	return permute(memory, t, perm)
}

func isRange(sorted []int) bool {
	for i, v := range sorted {
		if i != v {
			return false
		}
	}
	return true
}

// unsqueezed has dimensions of 1 more, at the axes of the result.
func unsqueezed(shape, axes []int) []int {
	rank := len(shape) + len(axes)
	more := make([]int, 0, rank)
	for i := range rank {
		if slices.Contains(axes, i) || slices.Contains(axes, i-rank) {
			more = append(more, 1)
		} else if len(shape) > 0 {
			more, shape = append(more, shape[0]), shape[1:]
		}
	}
	return more
}

// squeezed drops dimensions of 1, of the axes if there are any.
func squeezed(shape, axes []int) []int {
	var kept []int
	for i, d := range shape {
		if d == 1 && (len(axes) == 0 || slices.Contains(axes, i) || slices.Contains(axes, i-len(shape))) {
			continue
		}
		kept = append(kept, d)
	}
	return kept
}

// resolved is a new shape in which 0 keeps a dimension and -1 takes the rest.
func resolved(shape, wanted []int) []int {
	out, known := slices.Clone(wanted), 1
	for i, d := range out {
		if d == 0 && i < len(shape) {
			out[i] = shape[i]
		}
		if out[i] > 0 && known <= maxTensorBytes {
			known *= out[i]
		}
	}
	for i, d := range out {
		if d == -1 && known > 0 {
			out[i] = product(shape) / known
		}
	}
	return out
}

// product is the number of elements of a shape that has been checked.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
