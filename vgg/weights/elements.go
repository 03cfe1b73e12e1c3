package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"fovea/internal/budget"
)

// The other element types that files hold, named as in safetensors.
const (
	typeF64  DType = "F64"
	typeBF16 DType = "BF16"
	typeI64  DType = "I64"
	typeI32  DType = "I32"
	typeI16  DType = "I16"
	typeI8   DType = "I8"
	typeU64  DType = "U64"
	typeU32  DType = "U32"
	typeU16  DType = "U16"
	typeU8   DType = "U8"
	typeBool DType = "BOOL"
)

var sizes = map[DType]int{
	F32: 4, F16: 2, typeF64: 8, typeBF16: 2,
	typeI64: 8, typeI32: 4, typeI16: 2, typeI8: 1, typeU64: 8, typeU32: 4, typeU16: 2, typeU8: 1, typeBool: 1,
}

// size is the number of bytes of an element, 0 for an unknown type.
func (d DType) size() int { return sizes[d] }

// whole reports whether the elements are whole numbers or truth values.
func (d DType) whole() bool {
	return d.size() > 0 && d != F32 && d != F16 && d != typeF64 && d != typeBF16
}

// maxRank bounds the dimensions of a tensor: TensorFlow has 254 at most, others fewer.
const maxRank = 254

// maxOther is how many bytes are kept of a tensor that is not a weight. Larger ones are quantized
// weights, which are of no use here.
const maxOther = 1 << 16

// tensorBytes is about what a tensor takes besides its elements and name.
const tensorBytes = 256

// add puts a tensor, whose shape has been checked, where it belongs: weights go to the tensors as
// float32 or float16, whole numbers to the others.
func (s *Set) add(memory *budget.Budget, name string, t Tensor) error {
	if t.DType.whole() {
		if len(t.Raw) > maxOther {
			t.Raw = nil
		}
		return s.addOther(name, t)
	}
	if err := memory.Take(int64(len(name))+tensorBytes, "its list of tensors"); err != nil {
		return err
	}
	t, err := t.asWeights(memory)
	if err != nil {
		return err
	}
	if _, twice := s.Tensors[name]; twice {
		return fmt.Errorf("%w: there are two tensors of this name", ErrFormat)
	}
	if s.Tensors == nil {
		s.Tensors = map[string]Tensor{}
	}
	s.Tensors[name] = t
	return nil
}

// owned gives back the memory of elements that were read for this tensor alone, if they were converted or not kept.
func (s *Set) owned(memory *budget.Budget, name string, raw []byte) {
	for _, kept := range []Tensor{s.Tensors[name], s.Others[name]} {
		if len(raw) == 0 || len(kept.Raw) > 0 && &kept.Raw[0] == &raw[0] {
			return
		}
	}
	memory.Give(int64(len(raw)))
}

func (s *Set) addOther(name string, t Tensor) error {
	if _, twice := s.Others[name]; twice {
		return fmt.Errorf("%w: there are two tensors of this name", ErrFormat)
	}
	if s.Others == nil {
		s.Others = map[string]Tensor{}
	}
	s.Others[name] = t
	return nil
}

// holds reports an error if a file has no weights at all.
func (s *Set) holds() error {
	switch {
	case len(s.Tensors) > 0:
		return nil
	case len(s.Others) > 0:
		return fmt.Errorf("%w: it holds no floating-point numbers, only %d other things: are its weights quantized?", ErrFormat, len(s.Others))
	}
	return fmt.Errorf("%w: it holds no tensors: is it truncated?", ErrFormat)
}

// asWeights converts float64 and bfloat16 to float32. A float64 is rounded, and must not be too
// large.
func (t Tensor) asWeights(memory *budget.Budget) (Tensor, error) {
	switch t.DType {
	case F32, F16:
		return t, nil
	case typeBF16:
		if err := memory.Take(2*int64(len(t.Raw)), "bfloat16 as float32"); err != nil {
			return Tensor{}, err
		}
		raw := make([]byte, 2*len(t.Raw))
		for i := 0; i+1 < len(t.Raw); i += 2 {
			raw[2*i+2], raw[2*i+3] = t.Raw[i], t.Raw[i+1]
		}
		return Tensor{Shape: t.Shape, DType: F32, Raw: raw}, nil
	case typeF64:
		if err := memory.Take(int64(len(t.Raw)/2), "float64 as float32"); err != nil {
			return Tensor{}, err
		}
		raw := make([]byte, len(t.Raw)/2)
		for i := 0; i < len(t.Raw); i += 8 {
			wide := math.Float64frombits(binary.LittleEndian.Uint64(t.Raw[i:]))
			narrow := float32(wide)
			if math.IsInf(float64(narrow), 0) && !math.IsInf(wide, 0) {
				return Tensor{}, fmt.Errorf("element %d is %g, which does not fit float32", i/8, wide)
			}
			binary.LittleEndian.PutUint32(raw[i/2:], math.Float32bits(narrow))
		}
		return Tensor{Shape: t.Shape, DType: F32, Raw: raw}, nil
	}
	return Tensor{}, fmt.Errorf("elements of type %q are not supported: convert them to float32", t.DType)
}

// check compares the shape with the number of elements.
func (t Tensor) check() error {
	size := t.DType.size()
	if size == 0 {
		return fmt.Errorf("elements of type %q are not supported: convert them to float32", t.DType)
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("%w: an array of %d dimensions", ErrFormat, len(t.Shape))
	}
	for _, d := range t.Shape {
		if d < 0 || (d > 0 && size > maxTensorBytes/d) {
			return fmt.Errorf("%w: shape %v is too large", ErrFormat, t.Shape)
		}
		size *= d
	}
	if size != len(t.Raw) {
		return fmt.Errorf("%w: shape %v of %s takes %d bytes, but %d are there", ErrFormat, t.Shape, t.DType, size, len(t.Raw))
	}
	return nil
}
