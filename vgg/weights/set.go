package weights

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"sync"

	"github.com/x448/float16"
	"github.com/zeebo/xxh3"

	"fovea/internal/finite"
)

// DType is the type of a tensor's elements in the file.
type DType string

// The element types of weights, named as in safetensors. What files store as float64 or bfloat16 is
// read as float32.
const (
	F32 DType = "F32"
	F16 DType = "F16"
)

// Tensor is one array of numbers in row-major order.
type Tensor struct {
	Shape []int
	DType DType
	// Raw are the elements, little-endian. It may be a view of the file's bytes.
	Raw []byte
}

// Set is the content of a weights file.
type Set struct {
	// Tensors by name, such as "block1_conv1/kernel". Their elements are F32 or F16.
	Tensors map[string]Tensor
	// Others are what the file holds besides them, by name: tensors of whole numbers, which are
	// bookkeeping (num_batches_tracked of a batch normalization, count of a Keras Normalization) or
	// quantized weights, and things that are not tensors. DType is the type as safetensors names it
	// (I64, U8, BOOL) or a description (string, link). Raw is nil for more than a few numbers and
	// where there are none.
	Others map[string]Tensor
	// KerasConfig is the network's architecture as Keras writes it, in JSON, from a whole model in
	// HDF5 (.h5) or a .keras archive. It is nil if the file has none.
	KerasConfig []byte
	// SHA256 is the hex SHA-256 of the file.
	SHA256 string
	// Metadata are the file's own notes.
	Metadata map[string]string
}

// Float32 decodes the elements. A NaN or infinite element is an error: no trained network has one.
func (t Tensor) Float32() ([]float32, error) {
	n, err := t.elements()
	if err != nil {
		return nil, err
	}
	values := make([]float32, n)
	if err := t.Decode(values); err != nil {
		return nil, err
	}
	return values, nil
}

// Sum is a checksum of all that Decode reads.
func (t Tensor) Sum() string {
	sum := xxh3.Hash128(t.Raw).Bytes()
	return string(t.DType) + " " + hex.EncodeToString(sum[:])
}

// elements is the number of elements.
func (t Tensor) elements() (int, error) {
	if t.DType != F32 && t.DType != F16 {
		return 0, fmt.Errorf("weights: elements of type %s cannot be read", t.DType)
	}
	return len(t.Raw) / t.DType.size(), nil
}

// Decode is Float32 into values, which must have the exact length.
func (t Tensor) Decode(values []float32) error {
	n, err := t.elements()
	if err != nil {
		return err
	}
	if n != len(values) {
		return fmt.Errorf("weights: %d elements do not fill %d values", n, len(values))
	}
	if t.DType == F16 {
		decoded := decodedHalves()
		for i := range values {
			values[i] = decoded[binary.LittleEndian.Uint16(t.Raw[2*i:])]
		}
	} else {
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
		}
	}
	if i := finite.First(values); i >= 0 {
		return fmt.Errorf("weights: element %d is %v", i, values[i])
	}
	return nil
}

// decodedHalves are the values of all float16 numbers: a lookup takes a tenth of the time of
// computing them.
var decodedHalves = sync.OnceValue(func() *[1 << 16]float32 {
	var decoded [1 << 16]float32
	for bits := range decoded {
		decoded[bits] = float16.Frombits(uint16(bits)).Float32()
	}
	return &decoded
})
