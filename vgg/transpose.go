package vgg

import "fovea/vgg/weights"

// transpose reorders the dimensions: dimension i of the result is dimension order[i] of the tensor.
func transpose(t weights.Tensor, order ...int) weights.Tensor {
	count := elements(t.Shape)
	if count == 0 {
		return t
	}
	element := len(t.Raw) / count
	strides, stride := make([]int, len(order)), element
	for i := len(t.Shape) - 1; i >= 0; i-- {
		strides[i] = stride
		stride *= t.Shape[i]
	}
	out := weights.Tensor{Shape: make([]int, len(order)), DType: t.DType, Raw: make([]byte, len(t.Raw))}
	steps := make([]int, len(order))
	for i, o := range order {
		out.Shape[i], steps[i] = t.Shape[o], strides[o]
	}
	// The last dimension of the result gets its own inner loop, for speed.
	last := len(order) - 1
	index, from, length, step := make([]int, last), 0, out.Shape[last], steps[last]
	for to := 0; to < len(out.Raw); to += length * element {
		copyRow(out.Raw[to:to+length*element], t.Raw[from:], length, step, element)
		for i := last - 1; i >= 0; i-- {
			index[i]++
			from += steps[i]
			if index[i] < out.Shape[i] {
				break
			}
			from -= steps[i] * out.Shape[i]
			index[i] = 0
		}
	}
	return out
}

// copyRow copies n elements that are step bytes apart.
func copyRow(to, from []byte, n, step, element int) {
	switch element {
	case step:
		copy(to, from)
	case 4:
		for i := range n {
			*(*[4]byte)(to[4*i:]) = *(*[4]byte)(from[i*step:])
		}
	case 2:
		for i := range n {
			*(*[2]byte)(to[2*i:]) = *(*[2]byte)(from[i*step:])
		}
	default:
		for i := range n {
			copy(to[i*element:(i+1)*element], from[i*step:])
		}
	}
}
