package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

func (r *matReader) cellArray(m *matrix, data *io.LimitedReader, depth int) error {
	for data.N >= 8 {
		cell, err := r.inner(data, depth)
		if err != nil {
			return err
		}
		m.cells = append(m.cells, cell)
	}
	return nil
}

func (r *matReader) structArray(m *matrix, data *io.LimitedReader, depth int) error {
	if m.class == mxObject {
		if _, _, err := r.next(data); err != nil { // the name of its class
			return err
		}
	}
	_, width, err := r.next(data)
	if err != nil {
		return err
	}
	_, names, err := r.next(data)
	if err != nil {
		return err
	}
	if len(width) < 4 {
		return fmt.Errorf("%w: the fields of a struct are damaged", ErrFormat)
	}
	n := int(binary.LittleEndian.Uint32(width))
	if len(names) == 0 {
		return nil
	}
	if n <= 0 || n > 1024 || len(names)%n != 0 {
		return fmt.Errorf("%w: the fields of a struct are damaged", ErrFormat)
	}
	for data.N >= 8 {
		fields := map[string]matrix{}
		for i := 0; i < len(names); i += n {
			value, err := r.inner(data, depth)
			if err != nil {
				return err
			}
			fields[strings.TrimRight(string(names[i:i+n]), "\x00")] = value
		}
		m.fields = append(m.fields, fields)
	}
	return nil
}

func (r *matReader) charArray(m *matrix, data *io.LimitedReader) error {
	kind, raw, err := r.next(data)
	if err != nil {
		return err
	}
	if err := r.memory.Take(4*int64(len(raw)), "a text"); err != nil {
		return err
	}
	if kind == miUint16 || kind == miInt16 {
		text := make([]rune, len(raw)/2)
		for i := range text {
			text[i] = rune(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		m.text = string(text)
		return nil
	}
	m.text = strings.TrimRight(string(raw), "\x00")
	return nil
}

// numericArray reads the real part as float32. MATLAB stores whole numbers in as few bytes as they
// need, whatever their class.
func (r *matReader) numericArray(m *matrix, data *io.LimitedReader) error {
	kind, raw, err := r.next(data)
	if err != nil {
		return err
	}
	size := map[uint32]int{miInt8: 1, miUint8: 1, miInt16: 2, miUint16: 2, miInt32: 4, miUint32: 4, miSingle: 4, miDouble: 8, miInt64: 8, miUint64: 8}[kind]
	if size == 0 || len(raw)%size != 0 || len(raw)/size > maxTensorBytes/4 {
		return fmt.Errorf("%w: %d bytes of numbers of type %d", ErrFormat, len(raw), kind)
	}
	m.numbers = Tensor{Shape: m.dims, DType: F32, Raw: raw}
	if kind != miSingle {
		if err := r.memory.Take(int64(len(raw)/size*4), "numbers as float32"); err != nil {
			return err
		}
		defer r.memory.Give(int64(len(raw)))
		floats := make([]byte, 0, len(raw)/size*4)
		for i := 0; i < len(raw); i += size {
			floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(matNumber(kind, raw[i:])))
		}
		m.numbers.Raw = floats
	}
	return m.numbers.check()
}

func matNumber(kind uint32, raw []byte) float32 {
	switch kind {
	case miInt8:
		return float32(int8(raw[0]))
	case miUint8:
		return float32(raw[0])
	case miInt16:
		return float32(int16(binary.LittleEndian.Uint16(raw)))
	case miUint16:
		return float32(binary.LittleEndian.Uint16(raw))
	case miInt32:
		return float32(int32(binary.LittleEndian.Uint32(raw)))
	case miUint32:
		return float32(binary.LittleEndian.Uint32(raw))
	case miInt64:
		return float32(int64(binary.LittleEndian.Uint64(raw)))
	case miUint64:
		return float32(binary.LittleEndian.Uint64(raw))
	}
	return float32(math.Float64frombits(binary.LittleEndian.Uint64(raw)))
}
