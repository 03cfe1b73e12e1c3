package weights

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/budget"
	"fovea/internal/lazy"
)

var (
	npyDescr   = lazy.Regexp(`'descr':\s*'([^']*)'`)
	npyFortran = lazy.Regexp(`'fortran_order':\s*(True|False)`)
	npyShape   = lazy.Regexp(`'shape':\s*\(([^)]*)\)`)
)

// npyTypes are NumPy's names of the element types, without their byte order.
var npyTypes = map[string]DType{
	"f2": F16, "f4": F32, "f8": typeF64, "b1": typeBool,
	"i1": typeI8, "i2": typeI16, "i4": typeI32, "i8": typeI64, "u1": typeU8, "u2": typeU16, "u4": typeU32, "u8": typeU64,
}

// parseNPY reads an array: a magic string, the length of a header that is a Python dictionary, the
// header, and the elements (NumPy enhancement proposal 1).
func parseNPY(data []byte, memory *budget.Budget) (Tensor, error) {
	header, elements, err := splitNPY(data)
	if err != nil {
		return Tensor{}, err
	}
	descr, fortran, shape := npyDescr().FindSubmatch(header), npyFortran().FindSubmatch(header), npyShape().FindSubmatch(header)
	if descr == nil || fortran == nil || shape == nil {
		return Tensor{}, fmt.Errorf("%w: its elements are records, or its header is damaged: %.80q", ErrFormat, header)
	}
	t, bigEndian, err := npyType(string(descr[1]))
	if err != nil {
		return Tensor{}, err
	}
	t.Raw = elements
	for part := range strings.SplitSeq(string(shape[1]), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		d, err := strconv.Atoi(part)
		if err != nil {
			return Tensor{}, fmt.Errorf("%w: shape (%s)", ErrFormat, shape[1])
		}
		t.Shape = append(t.Shape, d)
	}
	if err := t.check(); err != nil {
		return Tensor{}, err
	}
	if bigEndian {
		swapBytes(t.Raw, t.DType.size())
	}
	if string(fortran[1]) == "True" {
		if err := memory.Take(int64(len(t.Raw)), "an array in another order"); err != nil {
			return Tensor{}, err
		}
		t.Raw = fromColumns(t)
	}
	return t, nil
}

func splitNPY(data []byte) (header, elements []byte, err error) {
	if len(data) < 12 || string(data[:6]) != "\x93NUMPY" {
		return nil, nil, fmt.Errorf("%w: not a NumPy array", ErrFormat)
	}
	start, length := 10, int(binary.LittleEndian.Uint16(data[8:]))
	if data[6] >= 2 {
		start, length = 12, int(binary.LittleEndian.Uint32(data[8:]))
	}
	if length < 0 || length > len(data)-start {
		return nil, nil, fmt.Errorf("%w: a header of %d bytes in an array of %d", ErrFormat, length, len(data))
	}
	return data[start : start+length], data[start+length:], nil
}

// npyType reads a description such as "<f4".
func npyType(descr string) (t Tensor, bigEndian bool, err error) {
	if len(descr) > 1 {
		t.DType = npyTypes[descr[1:]]
	}
	switch {
	case strings.HasSuffix(descr, "O"):
		return t, false, fmt.Errorf("its elements are pickled Python objects, not numbers: save each array by its own name with numpy.savez")
	case t.DType == "" || !strings.Contains("<>|=", descr[:1]):
		return t, false, fmt.Errorf("elements of type %q are not supported: convert them to float32", descr)
	}
	return t, descr[0] == '>', nil
}

// swapBytes reverses the bytes of each element in place.
func swapBytes(raw []byte, size int) {
	if size > 1 {
		for element := range slices.Chunk(raw, size) {
			slices.Reverse(element)
		}
	}
}

// fromColumns converts elements in column-major order, in which the first dimension varies fastest,
// to row-major order.
func fromColumns(t Tensor) []byte {
	stride, strides := 1, make([]int, len(t.Shape))
	for i, d := range t.Shape {
		strides[i] = stride
		stride *= d
	}
	return gather(t.Raw, t.DType.size(), t.Shape, strides)
}

// gather collects elements of size bytes that lie at multiples of strides, in row-major order. The
// caller has checked that all of them are in raw.
func gather(raw []byte, size int, shape, strides []int) []byte {
	count := 1
	for _, d := range shape {
		count *= d
	}
	out := make([]byte, count*size)
	if count == 0 {
		return out
	}
	if len(shape) == 0 {
		copy(out, raw[:size])
		return out
	}
	// The last dimension gets its own inner loop, for speed.
	last := len(shape) - 1
	index, from, row, step := make([]int, last), 0, shape[last]*size, strides[last]*size
	for to := 0; to < len(out); to += row {
		if step == size {
			copy(out[to:to+row], raw[from:])
		} else {
			for i := range shape[last] {
				copy(out[to+i*size:to+(i+1)*size], raw[from+i*step:])
			}
		}
		for i := last - 1; i >= 0; i-- {
			index[i]++
			from += strides[i] * size
			if index[i] < shape[i] {
				break
			}
			from -= strides[i] * size * shape[i]
			index[i] = 0
		}
	}
	return out
}
