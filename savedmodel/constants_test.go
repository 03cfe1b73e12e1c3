package savedmodel

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/x448/float16"
)

// Constants are read out of both ways in which a tensor may have them, and the last value listed stands for
// all that follow.
func TestConstant(t *testing.T) {
	raw := func(values any) []byte {
		var b bytes.Buffer
		if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	type tensor = tensorpb.TensorProto
	for name, test := range map[string]struct {
		tensor *tensor
		dims   []int64
		want   []float64 // nil for what is refused
	}{
		"float32, raw":         {&tensor{Dtype: typespb.DataType_DT_FLOAT, TensorContent: raw([]float32{1.5, -2})}, []int64{2}, []float64{1.5, -2}},
		"float64, raw":         {&tensor{Dtype: typespb.DataType_DT_DOUBLE, TensorContent: raw([]float64{math.Pi})}, []int64{1}, []float64{math.Pi}},
		"int32, raw":           {&tensor{Dtype: typespb.DataType_DT_INT32, TensorContent: raw([]int32{-7, 7})}, []int64{2}, []float64{-7, 7}},
		"int64, raw":           {&tensor{Dtype: typespb.DataType_DT_INT64, TensorContent: raw([]int64{-1 << 40})}, []int64{1}, []float64{-1 << 40}},
		"float16, raw":         {&tensor{Dtype: typespb.DataType_DT_HALF, TensorContent: raw([]uint16{0x3c00, 0xc000})}, []int64{2}, []float64{1, -2}},
		"bfloat16, raw":        {&tensor{Dtype: typespb.DataType_DT_BFLOAT16, TensorContent: raw([]uint16{0x3f80, 0xc040})}, []int64{2}, []float64{1, -3}},
		"bytes, raw":           {&tensor{Dtype: typespb.DataType_DT_UINT8, TensorContent: []byte{0, 255}}, []int64{2}, []float64{0, 255}},
		"float32, listed":      {&tensor{Dtype: typespb.DataType_DT_FLOAT, FloatVal: []float32{1, 2, 3, 4}}, []int64{2, 2}, []float64{1, 2, 3, 4}},
		"float64, listed":      {&tensor{Dtype: typespb.DataType_DT_DOUBLE, DoubleVal: []float64{.1}}, nil, []float64{.1}},
		"int64, listed":        {&tensor{Dtype: typespb.DataType_DT_INT64, Int64Val: []int64{5}}, []int64{1}, []float64{5}},
		"bytes, listed":        {&tensor{Dtype: typespb.DataType_DT_UINT8, IntVal: []int32{200}}, []int64{1}, []float64{200}},
		"float16, listed":      {&tensor{Dtype: typespb.DataType_DT_HALF, HalfVal: []int32{0x3800}}, []int64{1}, []float64{.5}},
		"bfloat16, listed":     {&tensor{Dtype: typespb.DataType_DT_BFLOAT16, HalfVal: []int32{0x4000}}, []int64{1}, []float64{2}},
		"one for all":          {&tensor{Dtype: typespb.DataType_DT_FLOAT, FloatVal: []float32{3}}, []int64{2, 2}, []float64{3, 3, 3, 3}},
		"the last for the end": {&tensor{Dtype: typespb.DataType_DT_INT32, IntVal: []int32{1, 2}}, []int64{4}, []float64{1, 2, 2, 2}},
		"nothing":              {&tensor{Dtype: typespb.DataType_DT_FLOAT}, []int64{0}, []float64{}},
		"nothing for two":      {&tensor{Dtype: typespb.DataType_DT_FLOAT}, []int64{2}, nil},
		"too many":             {&tensor{Dtype: typespb.DataType_DT_FLOAT, FloatVal: []float32{1, 2, 3}}, []int64{2}, nil},
		"half a number":        {&tensor{Dtype: typespb.DataType_DT_FLOAT, TensorContent: []byte{1, 2, 3}}, []int64{1}, nil},
		"text":                 {&tensor{Dtype: typespb.DataType_DT_STRING, StringVal: [][]byte{{1}}}, []int64{1}, nil},
		"too large a side":     {&tensor{Dtype: typespb.DataType_DT_FLOAT, FloatVal: []float32{1}}, []int64{1 << 40}, nil},
		"too large a product":  {&tensor{Dtype: typespb.DataType_DT_FLOAT, FloatVal: []float32{1}}, []int64{1 << 16, 1 << 16, 1 << 16, 1 << 16}, nil},
		"a negative side":      {&tensor{Dtype: typespb.DataType_DT_FLOAT, FloatVal: []float32{1}}, []int64{-1}, nil},
	} {
		test.tensor.TensorShape = tensorShape(test.dims...)
		got, ok := constant(test.tensor)
		if ok != (test.want != nil) || ok && !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %t, want %v", name, got, ok, test.want)
		}
	}
	if _, ok := constant(&tensorpb.TensorProto{Dtype: typespb.DataType_DT_FLOAT, FloatVal: []float32{1}, TensorShape: &shapepb.TensorShapeProto{UnknownRank: true}}); ok {
		t.Error("a tensor of unknown rank is a constant")
	}
}

// All numbers of 16 bits are what another implementation says.
func TestHalf(t *testing.T) {
	for bits := range 1 << 16 {
		got, want := half(uint16(bits)), float64(float16.Frombits(uint16(bits)).Float32())
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%#04x is %g, want %g", bits, got, want)
		}
	}
}

// Features differ by the largest difference in terms of the largest value, and equal infinities do not.
func TestDifference(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, test := range []struct {
		a, b []float32
		want float64
	}{
		{[]float32{1, 2}, []float32{1, 2}, 0},
		{[]float32{0, 0}, []float32{0, 0}, 0},
		{[]float32{1, 4}, []float32{1.5, 4}, .125},
		{[]float32{-8, 1}, []float32{-8, 2}, .125},
		{[]float32{nan, 1}, []float32{nan, 1}, 0},
		{[]float32{inf, 1}, []float32{inf, 1}, 0},
		{[]float32{nan, 1}, []float32{0, 1}, math.Inf(1)},
	} {
		got := difference(test.a, test.b)
		if math.Abs(got-test.want) > 1e-12 && got != test.want {
			t.Errorf("%v and %v differ by %g, want %g", test.a, test.b, got, test.want)
		}
	}
	if got := difference([]float32{inf}, []float32{-inf}); !math.IsInf(got, 1) {
		t.Errorf("opposite infinities differ by %g", got)
	}
}
