package inference

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"
)

// float32Bytes views values as the bytes they are stored in.
func float32Bytes(values []float32) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*4)
}

// NewFloat32Tensor copies values, in row-major order, into a tensor of that shape. A shape with
// negative or zero dimensions, or one that the values do not fill, is an error.
func NewFloat32Tensor(shape []int, values []float32) (*tf.Tensor, error) {
	size, err := checkedSize(shape)
	if err != nil {
		return nil, err
	}
	if size != len(values) {
		return nil, fmt.Errorf("inference: a tensor of shape %v takes %d values, not %d", shape, size, len(values))
	}
	return tf.ReadTensor(tf.Float, int64s(shape), bytes.NewReader(float32Bytes(values)))
}

// FillFloat32Tensor makes a tensor of that shape and lets fill write its values, in row-major
// order, in place: large ones are not copied. It refuses the same shapes as NewFloat32Tensor.
func FillFloat32Tensor(shape []int, fill func([]float32) error) (*tf.Tensor, error) {
	input, err := newInputTensor(tf.Float, shape)
	if err != nil {
		return nil, err
	}
	if err := fill(input.floats); err != nil {
		return nil, err
	}
	return input.tensor, nil
}

// inputTensor is a tensor that is made once and filled in place before each Run. The binding offers
// no view of a tensor's memory, but it reads into it: the reader's buffer is the tensor's own
// memory, which lives as long as the tensor does.
type inputTensor struct {
	tensor *tf.Tensor
	floats []float32 // the memory of a float32 tensor
	bytes  []uint8   // the memory of a uint8 tensor
}

type capturingReader struct{ memory []byte }

func (r *capturingReader) Read(p []byte) (int, error) {
	r.memory = p
	inHugePages(p)
	clear(p)
	return len(p), nil
}

// newInputTensor makes a tensor of float32 or uint8.
func newInputTensor(dtype tf.DataType, shape []int) (*inputTensor, error) {
	size, err := checkedSize(shape)
	if err != nil {
		return nil, err
	}
	var reader capturingReader
	tensor, err := tf.ReadTensor(dtype, int64s(shape), &reader)
	if err != nil {
		return nil, fmt.Errorf("inference: allocate an input tensor of shape %v: %w", shape, err)
	}
	element := map[tf.DataType]int{tf.Float: 4, tf.Uint8: 1}[dtype]
	if element == 0 {
		return nil, fmt.Errorf("inference: an input of type %v: only float32 and uint8 can be fed", dtype)
	}
	if len(reader.memory) != size*element {
		return nil, fmt.Errorf("inference: an input tensor of shape %v has %d bytes, not %d", shape, len(reader.memory), size*element)
	}
	if dtype == tf.Uint8 {
		return &inputTensor{tensor: tensor, bytes: reader.memory}, nil
	}
	return &inputTensor{tensor: tensor, floats: unsafe.Slice((*float32)(unsafe.Pointer(&reader.memory[0])), size)}, nil
}

// fill puts values at the tensor's beginning and zeros after them. Bytes are rounded from the
// values, which lie in 0..255 where pixels are not normalized.
func (t *inputTensor) fill(values []float32) {
	if t.floats != nil {
		clear(t.floats[copy(t.floats, values):])
		return
	}
	for i, v := range values {
		t.bytes[i] = uint8(min(max(v, 0), 255) + 0.5)
	}
	clear(t.bytes[len(values):])
}

// CopyFloat32 copies the whole tensor, which must hold len(dst) float32 values.
func CopyFloat32(dst []float32, tensor *tf.Tensor) error {
	if tensor.DataType() != tf.Float {
		return fmt.Errorf("inference: the output is of type %d, not float32", tensor.DataType())
	}
	sink := sliceWriter{rest: float32Bytes(dst)}
	if err := WriteContents(&sink, tensor); err != nil {
		return fmt.Errorf("inference: copy the output of shape %v: %w", tensor.Shape(), err)
	}
	if len(sink.rest) != 0 {
		return fmt.Errorf("inference: the output of shape %v fills only part of %d values", tensor.Shape(), len(dst))
	}
	return nil
}

// WriteContents writes the elements of a tensor of numbers, in row-major order, to w. Use it
// instead of the tensor's own WriteContentsTo, which reads the C library's memory without keeping
// the tensor alive: if the caller does not use the tensor again, the garbage collector may free
// that memory during the read.
func WriteContents(w io.Writer, tensor *tf.Tensor) error {
	defer runtime.KeepAlive(tensor)
	_, err := tensor.WriteContentsTo(w)
	return err
}

// Value is a tensor's content as a Go value, such as float32 or [][]string. Use it instead of the
// tensor's own Value, which does not keep the tensor alive either (see WriteContents) and panics on
// element types that the binding does not know, such as half precision.
func Value(tensor *tf.Tensor) (value any, err error) {
	defer runtime.KeepAlive(tensor)
	defer func() {
		if p := recover(); p != nil {
			value, err = nil, fmt.Errorf("inference: read a tensor of type %d and shape %v: %v", tensor.DataType(), tensor.Shape(), p)
		}
	}()
	return tensor.Value(), nil
}

type sliceWriter struct{ rest []byte }

var errTooLong = errors.New("more values than expected")

func (w *sliceWriter) Write(p []byte) (int, error) {
	if len(p) > len(w.rest) {
		return 0, errTooLong
	}
	n := copy(w.rest, p)
	w.rest = w.rest[n:]
	return n, nil
}

// maxTensorValues bounds a tensor to 8 GB, so that a hostile shape is refused before the C library
// tries to allocate it and crashes.
const maxTensorValues = 1 << 31

func checkedSize(shape []int) (int, error) {
	size := 1
	for _, d := range shape {
		if d <= 0 || size > maxTensorValues/d {
			return 0, fmt.Errorf("inference: shape %v is not one of 1 to %d values", shape, maxTensorValues)
		}
		size *= d
	}
	return size, nil
}

func int64s(shape []int) []int64 {
	wide := make([]int64, len(shape))
	for i, d := range shape {
		wide[i] = int64(d)
	}
	return wide
}
