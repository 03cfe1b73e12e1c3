package weights

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"fovea/internal/budget"
)

// MXNet's .params is a list of arrays followed by a list of their names. An array is a magic number
// that gives the version, the shape, the device, the type of the elements, and the elements.

const (
	mxnetMagic   = 0x112
	mxnetArrayV1 = 0xf993fac8
	mxnetArrayV2 = 0xf993fac9 // and a kind of storage
	mxnetArrayV3 = 0xf993faca // and a shape that may be unknown
	mxnetMaxRank = 32
)

var mxnetTypes = map[int32]DType{0: F32, 1: typeF64, 2: F16, 12: typeBF16}

var mxnetSizes = map[int32]int{0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1, 12: 2}

// mxnetFile reads numbers and tracks how much of the file is left.
type mxnetFile struct {
	r      *bufio.Reader
	left   int64
	memory *budget.Budget
	err    error
}

func (f *mxnetFile) bytes(n int64) []byte {
	if f.err != nil {
		return nil
	}
	if n < 0 || n > f.left || n > maxTensorBytes {
		f.err = fmt.Errorf("%w: %d bytes where %d are left: is it truncated?", ErrFormat, n, f.left)
		return nil
	}
	if f.err = f.memory.Take(n, "an array"); f.err != nil {
		return nil
	}
	f.left -= n
	data := make([]byte, n)
	if _, err := io.ReadFull(f.r, data); err != nil {
		f.err = fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
	}
	return data
}

func (f *mxnetFile) uint32() uint32 {
	if b := f.bytes(4); f.err == nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (f *mxnetFile) uint64() uint64 {
	if b := f.bytes(8); f.err == nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// readMXNet reads a file of named arrays.
func readMXNet(name string, o Options) (Set, error) {
	file, size, memory, err := o.open(name, budget.Plain)
	if err != nil {
		return Set{}, err
	}
	defer file.Close() // read-only
	f := &mxnetFile{r: bufio.NewReader(file), left: size, memory: memory}
	f.bytes(16) // the magic number and a reserved one
	arrays, err := f.arrays()
	if err != nil {
		return Set{}, err
	}
	set, err := f.named(arrays)
	if err == nil && len(set.Tensors) == 0 {
		err = fmt.Errorf("%w: it is a .params of MXNet without arrays of floating-point numbers", ErrFormat)
	}
	return set, err
}

// arrays reads the list of arrays; those of whole numbers, and empty ones, are nil.
func (f *mxnetFile) arrays() ([]*Tensor, error) {
	var arrays []*Tensor
	for n := f.uint64(); uint64(len(arrays)) < n && f.err == nil; {
		tensor, err := f.array()
		if err != nil {
			return nil, fmt.Errorf("array %d: %w", len(arrays), err)
		}
		if tensor != nil {
			if err := f.memory.Take(tensorBytes, "the list of arrays"); err != nil {
				return nil, err
			}
		}
		arrays = append(arrays, tensor)
	}
	return arrays, f.err
}

// named reads the arrays' names. The prefixes "arg:" and "aux:", with which MXNet marks trained and
// measured values, are stripped from them.
func (f *mxnetFile) named(arrays []*Tensor) (Set, error) {
	if n := f.uint64(); f.err == nil && n != uint64(len(arrays)) {
		return Set{}, fmt.Errorf("%w: %d names for %d arrays: save them with names", ErrFormat, n, len(arrays))
	}
	set := Set{Tensors: map[string]Tensor{}}
	for _, tensor := range arrays {
		name := string(f.bytes(int64(f.uint64())))
		if f.err != nil {
			return Set{}, f.err
		}
		name = strings.TrimPrefix(strings.TrimPrefix(name, "arg:"), "aux:")
		if _, twice := set.Tensors[name]; twice {
			return Set{}, fmt.Errorf("%w: it has two arrays %s", ErrFormat, name)
		}
		if tensor != nil {
			set.Tensors[name] = *tensor
		}
	}
	return set, f.err
}

// shape reads an array's version and dimensions.
func (f *mxnetFile) shape() ([]int, error) {
	magic := f.uint32()
	wide, rank := true, magic
	switch magic {
	case mxnetArrayV3, mxnetArrayV2:
		if storage := int32(f.uint32()); storage != 0 && f.err == nil {
			return nil, errors.New("it is stored sparsely, which is not supported")
		}
		rank = f.uint32()
	case mxnetArrayV1:
		rank = f.uint32()
	default: // the first format had no version and began with the rank
		wide = false
	}
	if rank > mxnetMaxRank {
		return nil, fmt.Errorf("%w: an array of %d dimensions", ErrFormat, rank)
	}
	shape := make([]int, rank)
	for i := range shape {
		if wide {
			shape[i] = int(f.uint64())
		} else {
			shape[i] = int(f.uint32())
		}
	}
	return shape, nil
}

// array reads one array; nil stands for one that is not a weight.
func (f *mxnetFile) array() (*Tensor, error) {
	shape, err := f.shape()
	if err != nil || f.err != nil || len(shape) == 0 {
		return nil, cmp.Or(err, f.err)
	}
	f.bytes(8) // the device
	dtype := int32(f.uint32())
	size, known := mxnetSizes[dtype]
	if f.err == nil && !known {
		return nil, fmt.Errorf("%w: elements of the type %d", ErrFormat, dtype)
	}
	for _, d := range shape {
		if d < 0 || d > 0 && size > maxTensorBytes/d {
			return nil, fmt.Errorf("%w: shape %v is too large", ErrFormat, shape)
		}
		size *= d
	}
	raw := f.bytes(int64(size))
	if f.err != nil || mxnetTypes[dtype] == notFloat {
		f.memory.Give(int64(len(raw)))
		return nil, f.err
	}
	tensor, err := tensorOf(f.memory, mxnetTypes[dtype], shape, raw)
	return &tensor, err
}
