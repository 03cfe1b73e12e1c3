package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zlib"

	"fovea/internal/budget"
)

// A MATLAB file up to version 7 is a header of 128 bytes followed by elements: a type, a length,
// and data, which may be elements again or elements compressed by zlib ("MAT-File Level 5 File
// Format"). A variable is a matrix: flags, dimensions, a name, and whatever its class requires.

// The types of elements.
const (
	miInt8 = iota + 1
	miUint8
	miInt16
	miUint16
	miInt32
	miUint32
	miSingle
	_
	miDouble
	_
	_
	miInt64
	miUint64
	miMatrix
	miCompressed
)

// The classes of matrices.
const (
	mxCell   = 1
	mxStruct = 2
	mxObject = 3
	mxChar   = 4
	mxDouble = 6
	mxUint64 = 15
)

const (
	matHeader  = 128
	matComplex = 0x0800
	// maxMatDepth and maxMatValues bound the nesting of a hostile file.
	maxMatDepth  = 16
	maxMatValues = 200_000
)

// matrix is a MATLAB value.
type matrix struct {
	name  string
	class uint32
	dims  []int
	// text is set for a char array, cells for a cell array, and fields, one map per element, for a
	// struct array.
	text   string
	cells  []matrix
	fields []map[string]matrix
	// numbers are those of a numeric array in MATLAB's order, the first index fastest.
	numbers Tensor
}

// matReader reads elements, never beyond the one that contains them.
type matReader struct {
	memory *budget.Budget
	values int
}

// readMATFile returns a file's variables by name.
func readMATFile(name string, o Options) (map[string]matrix, *budget.Budget, error) {
	file, size, memory, err := o.open(name, budget.Packed)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() // read-only
	header := make([]byte, matHeader)
	if _, err := io.ReadFull(file, header); err != nil {
		return nil, nil, fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
	}
	if string(header[126:]) != "IM" {
		return nil, nil, fmt.Errorf("%w: it is a MATLAB file with big-endian numbers: save it again on a little-endian machine", ErrFormat)
	}
	r := &matReader{memory: memory}
	variables := map[string]matrix{}
	for at := int64(matHeader); at < size; {
		section := io.NewSectionReader(file, at, size-at)
		kind, length, data, err := element(section, uint64(section.Size()))
		if err != nil {
			return nil, nil, err
		}
		at += length
		m, err := r.variable(kind, data)
		if err != nil {
			return nil, nil, err
		}
		if m.name != "" {
			variables[m.name] = m
		}
	}
	return variables, memory, nil
}

// variable reads a top-level element.
func (r *matReader) variable(kind uint32, data *io.LimitedReader) (matrix, error) {
	switch kind {
	case miMatrix:
		return r.matrix(data, 0)
	case miCompressed:
		unpacked, err := zlib.NewReader(data)
		if err != nil {
			return matrix{}, fmt.Errorf("%w: a compressed variable: %w", ErrFormat, err)
		}
		kind, _, inner, err := element(unpacked, 2*maxTensorBytes)
		if err != nil || kind != miMatrix {
			return matrix{}, errors.Join(err, fmt.Errorf("%w: a compressed element of type %d", ErrFormat, kind))
		}
		m, err := r.matrix(inner, 0)
		if err != nil {
			return matrix{}, fmt.Errorf("variable %s: %w", m.name, err)
		}
		if _, err := io.Copy(io.Discard, unpacked); err != nil { // to its checksum
			return matrix{}, fmt.Errorf("%w: variable %s: %w", ErrFormat, m.name, err)
		}
		return m, nil
	}
	return matrix{}, nil
}

// element reads a tag. length is the size of the whole element in source; data reads its content,
// which is at most limit bytes long.
func element(source io.Reader, limit uint64) (kind uint32, length int64, data *io.LimitedReader, err error) {
	var tag [8]byte
	if _, err := io.ReadFull(source, tag[:]); err != nil {
		return 0, 0, nil, fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
	}
	kind, size := binary.LittleEndian.Uint32(tag[:]), binary.LittleEndian.Uint32(tag[4:])
	if small := kind >> 16; small != 0 { // up to 4 bytes lie in the tag itself
		if small > 4 {
			return 0, 0, nil, fmt.Errorf("%w: an element of %d bytes in its own tag", ErrFormat, small)
		}
		text := strings.NewReader(string(tag[4:]))
		return kind & 0xffff, 8, &io.LimitedReader{R: text, N: int64(small)}, nil
	}
	if uint64(size) > limit {
		return 0, 0, nil, fmt.Errorf("%w: an element of %d bytes where %d are left: is it truncated?", ErrFormat, size, limit)
	}
	length = 8 + int64(size)
	if kind != miCompressed {
		length += -length & 7
	}
	return kind, length, &io.LimitedReader{R: source, N: int64(size)}, nil
}

// next reads an element within another and returns its data.
func (r *matReader) next(parent *io.LimitedReader) (kind uint32, data []byte, err error) {
	kind, length, inner, err := element(parent, uint64(max(parent.N-8, 0)))
	if err != nil {
		return 0, nil, err
	}
	want := inner.N
	if want > maxTensorBytes {
		return 0, nil, fmt.Errorf("%w: an array of %d bytes", ErrFormat, want)
	}
	if err := r.memory.Take(want, "an array"); err != nil {
		return 0, nil, err
	}
	data = make([]byte, want)
	_, err = io.ReadFull(inner, data)
	if err != nil || int64(len(data)) != want {
		return 0, nil, fmt.Errorf("%w: an array of %d bytes is truncated or damaged: %w", ErrFormat, want, errors.Join(err, io.ErrUnexpectedEOF))
	}
	if length > 8 {
		_, err = io.CopyN(io.Discard, parent, min(length-8-want, parent.N))
	}
	return kind, data, err
}

// matrix reads the content of an element miMatrix.
func (r *matReader) matrix(data *io.LimitedReader, depth int) (m matrix, err error) {
	if r.values++; r.values > maxMatValues || depth > maxMatDepth {
		return m, fmt.Errorf("%w: its values are too many or nested too deeply", ErrFormat)
	}
	if data.N == 0 {
		return m, nil
	}
	if err := r.memory.Take(2*tensorBytes, "its list of values"); err != nil {
		return m, err
	}
	word, err := r.flags(data)
	if err != nil {
		return m, err
	}
	m.class = word & 0xff
	if m.class > mxUint64 || m.class == 0 { // what only MATLAB's own programs use
		_, err := io.Copy(io.Discard, data)
		return m, err
	}
	if err := r.sizeAndName(&m, data); err != nil {
		return m, err
	}
	switch {
	case m.class == mxCell:
		err = r.cellArray(&m, data, depth)
	case m.class == mxStruct, m.class == mxObject:
		err = r.structArray(&m, data, depth)
	case m.class == mxChar:
		err = r.charArray(&m, data)
	case m.class >= mxDouble:
		err = r.numericArray(&m, data)
		if word&matComplex != 0 && err == nil {
			m.numbers = Tensor{}
		}
	}
	if err == nil { // a sparse array, an imaginary part
		_, err = io.Copy(io.Discard, data)
	}
	return m, err
}

// flags reads a matrix's class, in the lowest byte, and what else is said of it in bits.
func (r *matReader) flags(data *io.LimitedReader) (uint32, error) {
	_, flags, err := r.next(data)
	if err != nil {
		return 0, err
	}
	if len(flags) < 8 {
		return 0, fmt.Errorf("%w: the flags of a matrix have %d bytes", ErrFormat, len(flags))
	}
	return binary.LittleEndian.Uint32(flags), nil
}

func (r *matReader) sizeAndName(m *matrix, data *io.LimitedReader) error {
	_, dims, err := r.next(data)
	if err != nil {
		return err
	}
	for i := 0; i+4 <= len(dims); i += 4 {
		m.dims = append(m.dims, int(int32(binary.LittleEndian.Uint32(dims[i:]))))
	}
	_, name, err := r.next(data)
	m.name = string(name)
	return err
}

// inner reads a matrix within a matrix.
func (r *matReader) inner(parent *io.LimitedReader, depth int) (matrix, error) {
	kind, _, data, err := element(parent, uint64(max(parent.N-8, 0)))
	if err != nil {
		return matrix{}, err
	}
	if kind != miMatrix {
		return matrix{}, fmt.Errorf("%w: an element of type %d where a matrix should be", ErrFormat, kind)
	}
	m, err := r.matrix(data, depth+1)
	if err == nil && data.N != 0 {
		err = fmt.Errorf("%w: it is truncated", ErrFormat)
	}
	return m, err
}
