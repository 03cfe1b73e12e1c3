package weights

import (
	"errors"
	"fmt"
	"slices"

	"fovea/internal/budget"
)

// notFloat stands for the element types of foreign formats that cannot be weights: integers,
// strings and the like are a trainer's counters and notes.
const notFloat DType = ""

// tensorOf makes a tensor of little-endian numbers. float32 and float16 are used in place; bfloat16
// and float64 become float32, the former exactly.
func tensorOf(memory *budget.Budget, kind DType, shape []int, raw []byte) (Tensor, error) {
	if kind == notFloat {
		return Tensor{}, errors.New("its elements are not floating-point numbers")
	}
	t := Tensor{Shape: slices.Clone(shape), DType: kind, Raw: raw}
	if err := t.check(); err != nil {
		return Tensor{}, err
	}
	return t.asWeights(memory)
}

// bytesOf is how many bytes a shape of such elements takes, if the numbers are plausible.
func bytesOf(kind DType, shape []int) (int, error) {
	size := kind.size()
	for _, d := range shape {
		if d < 0 || (d > 0 && size > maxTensorBytes/d) {
			return 0, fmt.Errorf("%w: shape %v is too large", ErrFormat, shape)
		}
		size *= d
	}
	return size, nil
}

// rowMajor converts an array whose first index varies fastest, as in MATLAB and Fortran, to the
// order in which the last one does.
func rowMajor(memory *budget.Budget, t Tensor) (Tensor, error) {
	if err := t.check(); err != nil {
		return Tensor{}, err
	}
	reversed := slices.Clone(t.Shape)
	slices.Reverse(reversed)
	order := make([]int, len(reversed))
	for i := range order {
		order[i] = len(order) - 1 - i
	}
	return permute(memory, Tensor{Shape: reversed, DType: t.DType, Raw: t.Raw}, order)
}
