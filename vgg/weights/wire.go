package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Several foreign formats are protocol buffers whose messages are mostly weights. They are walked
// field by field: the elements stay views of the file, where generated code would copy them, and no
// schema is needed for the few fields that matter.

// field is one field of a message: a number or bytes, by its wire type.
type field struct {
	number protowire.Number
	kind   protowire.Type
	value  uint64 // of a varint or a fixed number
	bytes  []byte // of a string, a message or packed numbers
}

// eachField calls yield for every field of a message.
func eachField(message []byte, yield func(field) error) error {
	for len(message) > 0 {
		f, n, err := nextField(message)
		if err != nil {
			return err
		}
		message = message[n:]
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

func nextField(message []byte) (field, int, error) {
	number, kind, n := protowire.ConsumeTag(message)
	if n < 0 {
		return field{}, 0, fmt.Errorf("%w: it is damaged or truncated: %w", ErrFormat, protowire.ParseError(n))
	}
	f, rest, m := field{number: number, kind: kind}, message[n:], 0
	switch kind {
	case protowire.VarintType:
		f.value, m = protowire.ConsumeVarint(rest)
	case protowire.BytesType:
		f.bytes, m = protowire.ConsumeBytes(rest)
	case protowire.Fixed32Type:
		var value uint32
		value, m = protowire.ConsumeFixed32(rest)
		f.value = uint64(value)
	case protowire.Fixed64Type:
		f.value, m = protowire.ConsumeFixed64(rest)
	default:
		m = protowire.ConsumeFieldValue(number, kind, rest)
	}
	if m < 0 {
		return field{}, 0, fmt.Errorf("%w: it is damaged or truncated: %w", ErrFormat, protowire.ParseError(m))
	}
	return f, n + m, nil
}

// integers appends a repeated whole number, packed or not.
func (f field) integers(to []int) ([]int, error) {
	if f.kind != protowire.BytesType {
		return append(to, int(f.value)), nil
	}
	for b := f.bytes; len(b) > 0; {
		value, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, fmt.Errorf("%w: packed numbers are damaged", ErrFormat)
		}
		to, b = append(to, int(value)), b[n:]
	}
	return to, nil
}

// varints appends a repeated whole number, packed or not, in its encoded form.
func (f field) varints(to []byte) []byte {
	switch {
	case f.kind == protowire.VarintType:
		return protowire.AppendVarint(to, f.value)
	case len(to) == 0:
		return f.bytes[:len(f.bytes):len(f.bytes)]
	}
	return append(to, f.bytes...)
}

// fixed appends a repeated float or double, packed or not, as bytes. A field that comes packed and
// in one piece, as large ones do, is not copied.
func (f field) fixed(to []byte) []byte {
	switch f.kind {
	case protowire.BytesType:
		if len(to) == 0 {
			return f.bytes[:len(f.bytes):len(f.bytes)]
		}
		return append(to, f.bytes...)
	case protowire.Fixed32Type:
		return binary.LittleEndian.AppendUint32(to, uint32(f.value))
	case protowire.Fixed64Type:
		return binary.LittleEndian.AppendUint64(to, f.value)
	}
	return to
}

// float is a single float.
func (f field) float() float64 { return float64(math.Float32frombits(uint32(f.value))) }
