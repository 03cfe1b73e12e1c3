package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// elementKind is how the numbers of a foreign format are encoded, little-endian. Only these
// can be weights; integers, strings and the like are a trainer's counters and notes.
type elementKind int

const (
	notFloat elementKind = iota
	float32s
	float16s
	bfloat16s
	float64s
)

func (k elementKind) size() int {
	return map[elementKind]int{float32s: 4, float16s: 2, bfloat16s: 2, float64s: 8}[k]
}

// tensorOf makes a tensor of encoded numbers. float32 and float16 are viewed as they are;
// bfloat16, which float32 holds exactly, and float64 become float32.
func tensorOf(kind elementKind, shape []int, raw []byte) (Tensor, error) {
	t := Tensor{Shape: slices.Clone(shape), DType: F32, Raw: raw}
	switch kind {
	case notFloat:
		return Tensor{}, fmt.Errorf("its elements are no floating-point numbers")
	case float16s:
		t.DType = F16
	case bfloat16s:
		if len(raw)%2 != 0 || len(raw) > maxTensorBytes/2 {
			return Tensor{}, fmt.Errorf("%w: %d bytes of bfloat16", ErrFormat, len(raw))
		}
		t.Raw = make([]byte, 0, 2*len(raw))
		for i := 0; i < len(raw); i += 2 {
			t.Raw = append(t.Raw, 0, 0, raw[i], raw[i+1])
		}
	case float64s:
		if len(raw)%8 != 0 {
			return Tensor{}, fmt.Errorf("%w: %d bytes of float64", ErrFormat, len(raw))
		}
		t.Raw = make([]byte, 0, len(raw)/2)
		for i := 0; i < len(raw); i += 8 {
			v := math.Float64frombits(binary.LittleEndian.Uint64(raw[i:]))
			t.Raw = binary.LittleEndian.AppendUint32(t.Raw, math.Float32bits(float32(v)))
		}
	}
	return t, t.check()
}

// bytesOf is how many bytes a shape of such elements takes, if the numbers are sane.
func bytesOf(kind elementKind, shape []int) (int, error) {
	size := kind.size()
	for _, d := range shape {
		if d < 0 || (d > 0 && size > maxTensorBytes/d) {
			return 0, fmt.Errorf("%w: shape %v is too large", ErrFormat, shape)
		}
		size *= d
	}
	return size, nil
}

// rowMajor puts the elements of an array whose first index runs fastest, as MATLAB and
// Fortran keep it, into the order in which the last one does.
func rowMajor(t Tensor) (Tensor, error) {
	if err := t.check(); err != nil {
		return Tensor{}, err
	}
	reversed := slices.Clone(t.Shape)
	slices.Reverse(reversed)
	order := make([]int, len(reversed))
	for i := range order {
		order[i] = len(order) - 1 - i
	}
	return permute(Tensor{Shape: reversed, DType: t.DType, Raw: t.Raw}, order), nil
}
