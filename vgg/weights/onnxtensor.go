package weights

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// The types of elements that matter (onnx.TensorProto.DataType).
const (
	onnxFloat    = 1
	onnxUint8    = 2
	onnxInt32    = 6
	onnxInt64    = 7
	onnxHalf     = 10
	onnxDouble   = 11
	onnxBFloat16 = 16
)

var onnxKinds = map[int]DType{onnxFloat: F32, onnxHalf: F16, onnxDouble: typeF64, onnxBFloat16: typeBF16}

// onnxTensor is a constant: onnx.TensorProto. Its elements are raw bytes, a field for their type,
// or a part of another file.
type onnxTensor struct {
	name     string
	dtype    int
	shape    []int
	raw      []byte
	packed   []byte // whole numbers as varints: half floats, one in each, int32 and int64
	external map[string]string
	files    *onnxFiles
	// made is the tensor if it was computed from another one.
	made *Tensor
}

func (g *onnxGraph) parseTensor(message []byte) (*onnxTensor, error) {
	t := &onnxTensor{shape: []int{}, files: g.external}
	outside := false
	err := eachField(message, func(f field) (err error) {
		switch f.number {
		case 1:
			t.shape, err = f.integers(t.shape)
		case 2:
			t.dtype = int(f.value)
		case 4, 10:
			t.raw = f.fixed(t.raw)
		case 5, 7:
			t.packed = f.varints(t.packed)
		case 8:
			t.name = string(f.bytes)
		case 9:
			t.raw = f.bytes
		case 13:
			err = t.parseExternal(f.bytes)
		case 14:
			outside = f.value == 1
		}
		return err
	})
	if !outside {
		t.external = nil
	}
	if err == nil {
		err = t.files.memory.Take(int64(16*len(t.shape))+onnxPartBytes, "the list of constants")
	}
	return t, err
}

func (t *onnxTensor) parseExternal(message []byte) error {
	var entry [3]string
	err := eachField(message, func(f field) error {
		if f.number <= 2 {
			entry[f.number] = string(f.bytes)
		}
		return nil
	})
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[entry[1]] = entry[2]
	return err
}

// tensor is the constant's floating-point numbers.
func (t *onnxTensor) tensor() (Tensor, error) {
	if t.made != nil {
		return *t.made, nil
	}
	kind := onnxKinds[t.dtype]
	if kind == notFloat {
		return Tensor{}, fmt.Errorf("constant %s: elements of ONNX's type %d are not supported: export the model with float32, not quantized", t.name, t.dtype)
	}
	raw, err := t.bytes(kind)
	if err == nil {
		var tensor Tensor
		if tensor, err = tensorOf(t.files.memory, kind, t.shape, raw); err == nil {
			return tensor, nil
		}
	}
	return Tensor{}, fmt.Errorf("constant %s: %w", t.name, err)
}

func (t *onnxTensor) bytes(kind DType) ([]byte, error) {
	if t.external != nil {
		return t.externalBytes(kind)
	}
	if len(t.packed) == 0 {
		return t.raw, nil
	}
	want, err := bytesOf(kind, t.shape)
	if kind.size() != 2 || len(t.raw) > 0 || err != nil || want/2 > len(t.packed) {
		return nil, fmt.Errorf("%w: its elements are in the wrong field, or too few for shape %v", ErrFormat, t.shape)
	}
	if err := t.files.memory.Take(int64(want), "float16 numbers"); err != nil {
		return nil, err
	}
	raw := make([]byte, 0, want)
	for rest := t.packed; len(rest) > 0; {
		bits, n := binary.Uvarint(rest)
		if n <= 0 {
			return nil, fmt.Errorf("%w: its numbers are damaged", ErrFormat)
		}
		raw, rest = binary.LittleEndian.AppendUint16(raw, uint16(bits)), rest[n:]
	}
	return raw, nil
}

func (t *onnxTensor) externalBytes(kind DType) ([]byte, error) {
	want, err := bytesOf(kind, t.shape)
	if err != nil {
		return nil, err
	}
	offset := int64(0)
	if text := t.external["offset"]; text != "" {
		if offset, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fmt.Errorf("%w: an offset %q", ErrFormat, text)
		}
	}
	if text := t.external["length"]; text != "" && text != strconv.Itoa(want) {
		return nil, fmt.Errorf("%w: shape %v takes %d bytes, but %s are there", ErrFormat, t.shape, want, text)
	}
	return t.files.read(t.external["location"], offset, want)
}

// maxIntegers bounds what is read as axes, sizes or indices.
const maxIntegers = 1 << 16

// integers are the constant's whole numbers, such as axes.
func (t *onnxTensor) integers() ([]int, error) {
	size := map[int]int{onnxInt32: 4, onnxInt64: 8}[t.dtype]
	if size == 0 || t.external != nil || t.made != nil || len(t.raw) > maxIntegers*size {
		return nil, fmt.Errorf("constant %s is not a list of whole numbers", t.name)
	}
	var values []int
	for rest := t.packed; len(rest) > 0; {
		value, n := binary.Uvarint(rest)
		if n <= 0 || len(values) >= maxIntegers {
			return nil, fmt.Errorf("%w: constant %s: its numbers are damaged", ErrFormat, t.name)
		}
		values, rest = append(values, int(value)), rest[n:]
	}
	for i := 0; i+size <= len(t.raw); i += size {
		if size == 4 {
			values = append(values, int(int32(binary.LittleEndian.Uint32(t.raw[i:]))))
		} else {
			values = append(values, int(binary.LittleEndian.Uint64(t.raw[i:])))
		}
	}
	return values, nil
}
