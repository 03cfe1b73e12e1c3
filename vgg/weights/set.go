package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// DType is the type of a tensor's elements in the file.
type DType string

// The element types, named as safetensors does.
const (
	F32 DType = "F32"
	F16 DType = "F16"
)

// size is the number of bytes of an element, 0 for an unknown type.
func (d DType) size() int {
	switch d {
	case F32:
		return 4
	case F16:
		return 2
	}
	return 0
}

// Tensor is one array of numbers in row-major order.
type Tensor struct {
	Shape []int
	DType DType
	// Raw are the elements, little-endian. It may be a view of the file's bytes.
	Raw []byte
}

// Set is the content of a weights file.
type Set struct {
	// Tensors by name, such as "block1_conv1/kernel".
	Tensors map[string]Tensor
	// SHA256 is the hex SHA-256 of the file.
	SHA256 string
	// Metadata are the file's own notes.
	Metadata map[string]string
}

// Float32 decodes the elements. An element that is NaN or infinite is an error: no trained
// network has one.
func (t Tensor) Float32() ([]float32, error) {
	var values []float32
	switch t.DType {
	case F32:
		values = make([]float32, len(t.Raw)/4)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
		}
	case F16:
		values = make([]float32, len(t.Raw)/2)
		for i := range values {
			values[i] = float16.Frombits(binary.LittleEndian.Uint16(t.Raw[2*i:])).Float32()
		}
	default:
		return nil, fmt.Errorf("weights: elements of type %s cannot be read", t.DType)
	}
	for i, v := range values {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 { // all exponent bits set: NaN or infinity
			return nil, fmt.Errorf("weights: element %d is %v", i, v)
		}
	}
	return values, nil
}
