package weights

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/nlpodyssey/gopickle/types"

	"fovea/internal/budget"
)

// NumPy pickles an array as a call of _reconstruct, which makes an empty one, and a state that
// fills it: a version, the shape, the element type, whether the order is Fortran's, and the bytes.
// With protocol 5 it is a single call of _frombuffer. Python 2 and 3 name and encode these parts
// differently; all variants are known here, and nothing else.

// ndarray is one pickled array.
type ndarray struct {
	shape   []int
	dtype   *numpyType
	fortran bool
	raw     []byte
	objects []any // of an array of Python objects
}

// numpyType is numpy.dtype.
type numpyType struct {
	code string
	big  bool
}

func (t *numpyType) kind() DType {
	return map[string]DType{"f4": F32, "f2": F16, "f8": typeF64}[t.code]
}

// numpyClasses knows the classes that a dictionary of arrays may refer to. What they make is charged to memory.
type numpyClasses struct{ memory *budget.Budget }

func (c numpyClasses) find(module, name string) (any, error) {
	switch strings.Replace(module, "numpy._core", "numpy.core", 1) + "." + name {
	case "numpy.core.multiarray._reconstruct":
		return pickledCall(func(...any) (any, error) { return &ndarray{}, nil }), nil
	case "numpy.core.numeric._frombuffer":
		return pickledCall(fromBuffer), nil
	case "numpy.core.multiarray.scalar":
		return pickledCall(func(...any) (any, error) { return nil, nil }), nil // a counter, or a rate of learning
	case "numpy.ndarray", "__builtin__.bytes", "builtins.bytes":
		return pickledClass(name), nil
	case "numpy.dtype":
		return pickledCall(newNumPyType), nil
	case "_codecs.encode":
		return pickledCall(c.encodeLatin1), nil
	case "builtins.tuple", "__builtin__.tuple": // Paddle's way to pickle a named tensor
		return pickledCall(func(args ...any) (any, error) {
			if len(args) != 1 {
				return nil, fmt.Errorf("%w: a tuple of %d parts", ErrFormat, len(args))
			}
			return args[0], nil
		}), nil
	case "collections.OrderedDict":
		return &types.OrderedDictClass{}, nil
	}
	return nil, fmt.Errorf("%w: it refers to %s.%s, which no dictionary of NumPy arrays does: save a dictionary of arrays, preferably with numpy.savez", ErrFormat, module, name)
}

type (
	pickledCall  func(args ...any) (any, error)
	pickledClass string
)

// Call is what the unpickler calls.
func (c pickledCall) Call(args ...any) (any, error) { return c(args...) }

func newNumPyType(args ...any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("%w: a type of elements without a name", ErrFormat)
	}
	code, ok := pickledBytes(args[0])
	if !ok {
		return nil, fmt.Errorf("%w: a type of elements %s", ErrFormat, brief(args[0]))
	}
	t := &numpyType{code: strings.TrimLeft(string(code), "<>=|")}
	t.big = strings.HasPrefix(string(code), ">")
	return t, nil
}

// PySetState records the byte order.
func (t *numpyType) PySetState(state any) error {
	tuple, ok := state.(*types.Tuple)
	if !ok || tuple.Len() < 2 {
		return fmt.Errorf("%w: a type of elements of unexpected parts", ErrFormat)
	}
	if order, ok := pickledBytes(tuple.Get(1)); ok {
		t.big = string(order) == ">"
	}
	return nil
}

// encodeLatin1 is how Python 3 pickles bytes for Python 2.
func (c numpyClasses) encodeLatin1(args ...any) (any, error) {
	if len(args) == 0 {
		return []byte{}, nil
	}
	text, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("%w: bytes that are a %T", ErrFormat, args[0])
	}
	if err := c.memory.Take(int64(len(text)), "bytes as text"); err != nil {
		return nil, err
	}
	raw := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return nil, fmt.Errorf("%w: bytes with a character %q", ErrFormat, r)
		}
		raw = append(raw, byte(r))
	}
	return raw, nil
}

// PySetState fills the array.
func (a *ndarray) PySetState(state any) error {
	tuple, ok := state.(*types.Tuple)
	if !ok || tuple.Len() < 4 {
		return fmt.Errorf("%w: an array of unexpected parts", ErrFormat)
	}
	parts := []any(*tuple)[tuple.Len()-4:] // preceded by a version, except in old ones
	return a.fill(parts[0], parts[1], parts[2] == true || parts[2] == 1, parts[3])
}

func (a *ndarray) fill(shape, dtype any, fortran bool, elements any) (err error) {
	ok := false
	if a.shape, err = integers(shape); err != nil {
		return fmt.Errorf("%w: an array of shape %s", ErrFormat, brief(shape))
	}
	if a.dtype, _ = dtype.(*numpyType); a.dtype == nil {
		return fmt.Errorf("%w: an array of %s", ErrFormat, brief(dtype))
	}
	a.fortran = fortran
	if list, ok := elements.(*types.List); ok {
		a.objects = []any(*list)
		return nil
	}
	if a.raw, ok = pickledBytes(elements); !ok {
		return fmt.Errorf("%w: the elements of an array are a %T", ErrFormat, elements)
	}
	return nil
}

// fromBuffer is called with a buffer, a type, a shape and an order.
func fromBuffer(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("%w: an array of %d parts", ErrFormat, len(args))
	}
	order, _ := pickledBytes(args[3])
	a := &ndarray{}
	return a, a.fill(args[2], args[1], string(order) == "F", args[0])
}

// pickledBytes returns bytes, which Python 2 pickles as a string.
func pickledBytes(value any) ([]byte, bool) {
	switch v := value.(type) {
	case []byte:
		return v, true
	case string:
		return unsafe.Slice(unsafe.StringData(v), len(v)), true
	case *types.ByteArray:
		return *v, true
	}
	return nil, false
}

// tensor is the array in row-major order.
func (a *ndarray) tensor(memory *budget.Budget) (Tensor, error) {
	kind := a.dtype.kind()
	size, err := bytesOf(kind, a.shape)
	if err != nil {
		return Tensor{}, err
	}
	if size != len(a.raw) {
		return Tensor{}, fmt.Errorf("%w: shape %v of %s takes %d bytes, but %d are there", ErrFormat, a.shape, a.dtype.code, size, len(a.raw))
	}
	raw := a.raw
	if a.dtype.big {
		if err := memory.Take(int64(len(raw)), "numbers in another byte order"); err != nil {
			return Tensor{}, err
		}
		raw = slices.Clone(raw)
		swapBytes(raw, kind.size())
	}
	t, err := tensorOf(memory, kind, a.shape, raw)
	if err != nil || !a.fortran {
		return t, err
	}
	return rowMajor(memory, t)
}
