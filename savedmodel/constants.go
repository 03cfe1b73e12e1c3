package savedmodel

import (
	"encoding/binary"
	"math"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// maxConstant bounds the constants that are read: means and permutations are short.
const maxConstant = 1 << 16

// constant returns the values of a tensor in a graph's definition, or false for types and sizes
// that nothing here needs.
func constant(t *tensorpb.TensorProto) ([]float64, bool) {
	size := 1
	for _, d := range t.GetTensorShape().GetDim() {
		if d.GetSize() < 0 || d.GetSize() > maxConstant || size > maxConstant {
			return nil, false
		}
		size *= int(d.GetSize())
	}
	if size > maxConstant || t.GetTensorShape().GetUnknownRank() {
		return nil, false
	}
	values, ok := rawValues(t)
	if !ok {
		values, ok = listedValues(t)
	}
	switch {
	case !ok || len(values) > size || len(values) == 0 && size > 0:
		return nil, false
	case len(values) == size:
		return values, true
	}
	for len(values) < size { // the last value is repeated
		values = append(values, values[len(values)-1])
	}
	return values, true
}

// rawValues returns the values that a tensor stores as bytes.
func rawValues(t *tensorpb.TensorProto) ([]float64, bool) {
	content := t.GetTensorContent()
	width := map[typespb.DataType]int{
		typespb.DataType_DT_FLOAT: 4, typespb.DataType_DT_DOUBLE: 8, typespb.DataType_DT_INT32: 4, typespb.DataType_DT_INT64: 8,
		typespb.DataType_DT_HALF: 2, typespb.DataType_DT_BFLOAT16: 2, typespb.DataType_DT_UINT8: 1,
	}[t.GetDtype()]
	if len(content) == 0 || width == 0 || len(content)%width != 0 {
		return nil, false
	}
	values := make([]float64, len(content)/width)
	for i := range values {
		values[i] = rawValue(t.GetDtype(), content[i*width:])
	}
	return values, true
}

func rawValue(dtype typespb.DataType, b []byte) float64 {
	switch dtype {
	case typespb.DataType_DT_FLOAT:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case typespb.DataType_DT_DOUBLE:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case typespb.DataType_DT_INT32:
		return float64(int32(binary.LittleEndian.Uint32(b)))
	case typespb.DataType_DT_INT64:
		return float64(int64(binary.LittleEndian.Uint64(b)))
	case typespb.DataType_DT_HALF:
		return half(binary.LittleEndian.Uint16(b))
	case typespb.DataType_DT_BFLOAT16:
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16))
	}
	return float64(b[0])
}

// listedValues returns the values that a tensor stores one by one.
func listedValues(t *tensorpb.TensorProto) ([]float64, bool) {
	switch t.GetDtype() {
	case typespb.DataType_DT_FLOAT:
		return widened(t.GetFloatVal()), true
	case typespb.DataType_DT_DOUBLE:
		return t.GetDoubleVal(), true
	case typespb.DataType_DT_INT32, typespb.DataType_DT_UINT8:
		return widened(t.GetIntVal()), true
	case typespb.DataType_DT_INT64:
		return widened(t.GetInt64Val()), true
	case typespb.DataType_DT_HALF, typespb.DataType_DT_BFLOAT16:
		var values []float64
		for _, v := range t.GetHalfVal() {
			raw := binary.LittleEndian.AppendUint16(nil, uint16(v))
			values = append(values, rawValue(t.GetDtype(), raw))
		}
		return values, true
	}
	return nil, false
}

func widened[T int32 | int64 | float32](values []T) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// half is the value of an IEEE 754 number of 16 bits.
func half(bits uint16) float64 {
	sign, exponent, fraction := 1.0, int(bits>>10&31), float64(bits&1023)
	if bits>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction == 0 {
			return sign * math.Inf(1)
		}
		return math.NaN()
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
