package savedmodel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// flatOutput finds a tensor of the flat graph in the loaded one; in place of the input, another may
// be given.
func (l *loader) flatOutput(name string) (tf.Output, error) {
	t := parseTensor(name)
	if t == parseTensor(l.input.tensor) {
		return l.in.given, nil
	}
	if l.loaded.Graph.Operation(l.prefix+"/"+t.node) != nil {
		t.node = l.prefix + "/" + t.node
	}
	return l.output(t.String())
}

// mayRepeat says whether a tensor can have the same shape as an earlier one, as far as both are
// known. A side that is open before and fixed after was cropped or resized.
func (l *loader) mayRepeat(a, b string) bool {
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
	if err != nil {
		return slices.Contains(x[min(1, len(x)):], -1)
	}
	return slices.EqualFunc(x, y, func(m, n int64) bool { return m == n || n < 0 })
}

// mostDrawn bounds the random tensors of a layer, because all combinations of their neutral values
// are tried.
const mostDrawn = 6

// idle says whether a layer leaves two images of noise unchanged when its random numbers are
// neutral: all 0, such as angles and shifts, or all 1, such as factors. This is computed, not
// guessed from names. A layer that cannot be computed on its own is not idle. Where sides are open,
// two sizes are tried, because one of them may happen to be the size that images are cropped to.
func (l *loader) idle(one layer) bool {
	if len(one.drawn) > mostDrawn {
		return false
	}
	input, err := l.flatOutput(one.input)
	if err != nil {
		return false
	}
	dims, err := input.Shape().ToSlice()
	if err != nil || len(dims) == 0 {
		return false
	}
	sides := openSides
	if !slices.Contains(dims[1:], -1) {
		sides = sides[:1]
	}
	return !slices.ContainsFunc(sides, func(side int) bool { return !l.idleAt(one, input, side) })
}

// idleAt is idle for images with that many pixels on each open side.
func (l *loader) idleAt(one layer, input tf.Output, side int) bool {
	output, err := l.asFloat32(one.output)
	if err != nil {
		return false
	}
	random := rand.New(rand.NewPCG(1, 1))
	pictures, want, err := l.sample(input, side, func() float32 { return float32(random.IntN(17)) / 16 })
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
			value := float32(combination >> i & 1)
			if feeds[drawn], _, err = l.sample(drawn, side, func() float32 { return value }); err != nil {
				return false
			}
		}
		results, err := l.loaded.Session.Run(feeds, []tf.Output{output}, nil)
		if err != nil {
			return false
		}
		if slices.Equal(results[0].Shape(), pictures.Shape()) && near(results[0], want, input.DataType()) {
			return true
		}
	}
	return false
}

// near says whether a tensor has these values within the rounding of a few operations.
func near(tensor *tf.Tensor, want []float32, kind tf.DataType) bool {
	tolerance, scale := 1e-5, 0.0
	if kind == tf.Half || kind == tf.Bfloat16 {
		tolerance = 1e-2
	}
	var got bytes.Buffer
	if err := inference.WriteContents(&got, tensor); err != nil || got.Len() != 4*len(want) {
		return false
	}
	for _, v := range want {
		scale = math.Max(scale, math.Abs(float64(v)))
	}
	for i, v := range want {
		value := math.Float32frombits(binary.NativeEndian.Uint32(got.Bytes()[4*i:]))
		if !(math.Abs(float64(value-v)) <= tolerance*scale) {
			return false
		}
	}
	return true
}

// openSides are tried for heights and widths that a graph leaves open.
var openSides = []int{16, 24}

// sample makes a value for a tensor of the graph, for two images with side pixels on each open
// side: numbers from 0 to 1, or bytes in proportion.
func (l *loader) sample(of tf.Output, side int, next func() float32) (*tf.Tensor, []float32, error) {
	dims, err := of.Shape().ToSlice()
	if err != nil {
		return nil, nil, err
	}
	shape, size := make([]int, len(dims)), 1
	for i, d := range dims {
		switch {
		case d >= 0:
			shape[i] = int(d)
		case i == 0:
			shape[i] = 2
		default:
			shape[i] = side
		}
		size *= shape[i]
	}
	values := make([]float32, size)
	for i := range values {
		if values[i] = next(); of.DataType() == tf.Uint8 {
			values[i] = float32(int(255 * values[i]))
		}
	}
	tensor, err := inference.NewFloat32Tensor(shape, values)
	if err != nil || of.DataType() == tf.Float {
		return tensor, values, err
	}
	tensor, err = l.convert(tensor, of.DataType())
	return tensor, values, err
}

// convert makes a tensor of another type, including those that the Go binding cannot make.
func (l *loader) convert(tensor *tf.Tensor, kind tf.DataType) (*tf.Tensor, error) {
	name := fmt.Sprintf("fovea_convert_%d", kind)
	given, cast := l.loaded.Graph.Operation(name+"/Placeholder"), l.loaded.Graph.Operation(name+"/Cast")
	if cast == nil {
		scope := op.NewScopeWithGraph(l.loaded.Graph).SubScope(name)
		placeholder := op.Placeholder(scope, tf.Float)
		given, cast = placeholder.Op, op.Cast(scope, placeholder, kind).Op
		if err := scope.Err(); err != nil {
			return nil, err
		}
	}
	results, err := l.loaded.Session.Run(map[tf.Output]*tf.Tensor{given.Output(0): tensor}, []tf.Output{cast.Output(0)}, nil)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// asFloat32 is a tensor of the flat graph, cast where it is of another type.
func (l *loader) asFloat32(name string) (tf.Output, error) {
	output, err := l.flatOutput(name)
	if err != nil || output.DataType() == tf.Float {
		return output, err
	}
	scope := op.NewScopeWithGraph(l.loaded.Graph).SubScope("fovea_idle_" + strings.ReplaceAll(name, ":", "_"))
	cast := op.Cast(scope, output, tf.Float)
	return cast, scope.Err()
}
