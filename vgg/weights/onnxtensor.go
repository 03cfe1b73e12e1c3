package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
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

// onnxTensor is a constant: onnx.TensorProto. Its elements are bytes of the file, a field for
// their type, or a part of another file.
type onnxTensor struct {
	name     string
	dtype    int
	shape    []int
	raw      []byte
	packed   []byte // whole numbers as varints: half floats, one in each, int32 and int64
	external map[string]string
	files    *onnxFiles
	// made is the tensor where it has been computed from another one.
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
		if tensor, err = tensorOf(kind, t.shape, raw); err == nil {
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
		return nil, fmt.Errorf("constant %s is no list of whole numbers", t.name)
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

// errNotFolded marks a constant that the graph computes in a way that is not known here.
var errNotFolded = errors.New("it is computed in the graph: fold the constants (onnxsim, or torch.onnx.export(..., do_constant_folding=True))")

// fold computes the few operations with which exporters prepare constants.
func (n onnxNode) fold(inputs []*onnxTensor) (*onnxTensor, error) {
	if n.op == "Constant" {
		if value := n.attributes["value"].tensor; value != nil {
			return value, nil
		}
		return n.simpleConstant()
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
	if t, err = n.reshaped(t, inputs[1:]); err != nil {
		return nil, err
	}
	return &onnxTensor{name: n.outputs[0], dtype: onnxFloat, shape: t.Shape, made: &t}, nil
}

// simpleConstant is a Constant given as numbers.
func (n onnxNode) simpleConstant() (*onnxTensor, error) {
	t := &onnxTensor{name: n.outputs[0], shape: []int{}}
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
func (n onnxNode) reshaped(t Tensor, more []*onnxTensor) (Tensor, error) {
	parameter := n.attributes["axes"].numbers
	if len(more) > 0 && more[0] != nil {
		var err error
		if parameter, err = more[0].integers(); err != nil {
			return t, err
		}
	}
	switch n.op {
	case "Transpose":
		perm := n.attributes["perm"].numbers
		if perm == nil {
			for i := len(t.Shape) - 1; i >= 0; i-- {
				perm = append(perm, i)
			}
		}
		if sorted := slices.Sorted(slices.Values(perm)); len(perm) != len(t.Shape) || !isRange(sorted) {
			return t, fmt.Errorf("%w: %v transposes a constant of shape %v by %v", ErrFormat, n, t.Shape, perm)
		}
		return permute(t, perm), nil
	case "Squeeze":
		t.Shape = squeezed(t.Shape, parameter)
	case "Unsqueeze":
		rank := len(t.Shape) + len(parameter)
		shape, rest := make([]int, 0, rank), t.Shape
		for i := range rank {
			if slices.Contains(parameter, i) || slices.Contains(parameter, i-rank) {
				shape = append(shape, 1)
			} else if len(rest) > 0 {
				shape, rest = append(shape, rest[0]), rest[1:]
			}
		}
		t.Shape = shape
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

func isRange(sorted []int) bool {
	for i, v := range sorted {
		if i != v {
			return false
		}
	}
	return true
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

// resolved is a new shape in which 0 keeps a dimension and -1 takes what is left.
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
