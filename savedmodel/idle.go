package savedmodel

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
)

// flatOutput is a tensor of the flat graph in the loaded one.
func (l *loader) flatOutput(name string) (tf.Output, error) {
	t := parseTensor(name)
	if l.loaded.Graph.Operation(l.prefix+"/"+t.node) != nil {
		t.node = l.prefix + "/" + t.node
	}
	return l.output(t.String())
}

// sameShape says whether two tensors have one shape, as far as that is known.
func (l *loader) sameShape(a, b string) bool {
	before, err := l.flatOutput(a)
	if err != nil {
		return false
	}
	after, err := l.flatOutput(b)
	if err != nil {
		return false
	}
	x, err := before.Shape().ToSlice()
	if err != nil {
		return false
	}
	y, err := after.Shape().ToSlice()
	return err == nil && slices.Equal(x, y)
}

// mostDrawn bounds the tensors of random numbers of a layer, all combinations of whose idle values
// are tried.
const mostDrawn = 6

// idle says whether a layer leaves two pictures of noise as they are when its random numbers
// are the ones that do nothing: all 0, such as angles and shifts, or 1, such as factors
// and shares. This is computed, not guessed by names.
func (l *loader) idle(one layer) bool {
	if len(one.drawn) > mostDrawn {
		return false
	}
	input, err := l.flatOutput(one.input)
	if err != nil {
		return false
	}
	output, err := l.flatOutput(one.output)
	if err != nil {
		return false
	}
	random := rand.New(rand.NewPCG(1, 1))
	pictures, err := sample(input, func() float64 { return float64(random.IntN(17)) / 16 })
	if err != nil {
		return false
	}
	want, err := decode(pictures)
	if err != nil {
		return false
	}
	for combination := range 1 << len(one.drawn) {
		feeds := map[tf.Output]*tf.Tensor{input: pictures}
		for i, name := range one.drawn {
			drawn, err := l.flatOutput(name)
			if err != nil {
				return false
			}
			value := float64(combination >> i & 1)
			if feeds[drawn], err = sample(drawn, func() float64 { return value }); err != nil {
				return false
			}
		}
		results, err := l.loaded.Session.Run(feeds, []tf.Output{output}, nil)
		if err != nil {
			return false // it needs more than its one input
		}
		if got, err := decode(results[0]); err == nil && near(got, want, output.DataType()) {
			return true
		}
	}
	return false
}

// near says whether values agree within the rounding of a few operations.
func near(got, want []float64, kind tf.DataType) bool {
	tolerance, scale := 1e-5, 0.0
	if kind != tf.Float {
		tolerance = 1e-2
	}
	for _, v := range want {
		scale = math.Max(scale, math.Abs(v))
	}
	return slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= tolerance*scale })
}

// openSide is taken for heights and widths that a graph leaves open.
const openSide = 16

// sample is a value for a tensor of the graph, for two pictures.
func sample(of tf.Output, next func() float64) (*tf.Tensor, error) {
	shape, err := of.Shape().ToSlice()
	if err != nil {
		return nil, err
	}
	size := 1
	for i, d := range shape {
		if d < 0 {
			shape[i] = openSide
			if i == 0 {
				shape[i] = 2
			}
		}
		size *= int(shape[i])
	}
	var data bytes.Buffer
	for range size {
		if err := encode(&data, of.DataType(), next()); err != nil {
			return nil, err
		}
	}
	return tf.ReadTensor(of.DataType(), shape, &data)
}

// encode writes a number from 0 to 1, of few digits, as an element of a tensor; bytes are
// written as 0 to 255.
func encode(to *bytes.Buffer, kind tf.DataType, value float64) error {
	bits := math.Float32bits(float32(value))
	order := binary.LittleEndian
	switch kind {
	case tf.Float:
		to.Write(order.AppendUint32(nil, bits))
	case tf.Double:
		to.Write(order.AppendUint64(nil, math.Float64bits(value)))
	case tf.Bfloat16:
		to.Write(order.AppendUint16(nil, uint16(bits>>16)))
	case tf.Half:
		half := uint16(0)
		if value != 0 {
			half = uint16(int(bits>>23)-127+15)<<10 | uint16(bits>>13&0x3ff)
		}
		to.Write(order.AppendUint16(nil, half))
	case tf.Uint8:
		to.WriteByte(byte(255 * value))
	case tf.Int32:
		to.Write(order.AppendUint32(nil, uint32(value)))
	case tf.Int64:
		to.Write(order.AppendUint64(nil, uint64(value)))
	default:
		return errElement
	}
	return nil
}

// decode reads the elements of a tensor.
func decode(tensor *tf.Tensor) ([]float64, error) {
	var data bytes.Buffer
	if _, err := tensor.WriteContentsTo(&data); err != nil {
		return nil, err
	}
	width := map[tf.DataType]int{tf.Float: 4, tf.Double: 8, tf.Bfloat16: 2, tf.Half: 2, tf.Uint8: 1}[tensor.DataType()]
	if width == 0 {
		return nil, errElement
	}
	values := make([]float64, 0, data.Len()/width)
	for element := range slices.Chunk(data.Bytes(), width) {
		values = append(values, decodeOne(tensor.DataType(), element))
	}
	return values, nil
}

func decodeOne(kind tf.DataType, element []byte) float64 {
	order := binary.LittleEndian
	switch kind {
	case tf.Float:
		return float64(math.Float32frombits(order.Uint32(element)))
	case tf.Double:
		return math.Float64frombits(order.Uint64(element))
	case tf.Bfloat16:
		return float64(math.Float32frombits(uint32(order.Uint16(element)) << 16))
	case tf.Uint8:
		return float64(element[0])
	}
	half := order.Uint16(element)
	exponent, fraction := int(half>>10&0x1f), float64(half&0x3ff)
	value := math.Ldexp(1+fraction/1024, exponent-15)
	if exponent == 0 {
		value = math.Ldexp(fraction/1024, -14)
	}
	if half>>15 != 0 {
		return -value
	}
	return value
}
