package convolution

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// ways are sketches of layers, as they are and as they are to be.
type ways struct {
	layers         []int // places among the model's
	direct, faster []tf.Output
}

func (w *ways) add(layer int, direct, faster tf.Output) {
	w.layers, w.direct, w.faster = append(w.layers, layer), append(w.direct, direct), append(w.faster, faster)
}

func (t *trial) sketch(name string, layer tf.Output) (tf.Output, error) {
	if layer.DataType() != tf.Float {
		scope := op.NewScopeWithGraph(t.model.Graph).SubScope(name + "_cast")
		layer = op.Cast(scope, layer, tf.Float)
		if err := scope.Err(); err != nil {
			return tf.Output{}, err
		}
	}
	sketch, err := t.model.Graph.AddOperation(tf.OpSpec{Type: "FoveaSketch", Name: name, Input: []tf.Input{layer}})
	if err != nil {
		return tf.Output{}, err
	}
	return sketch.Output(0), nil
}

// compare computes layers both ways, on images that are the same for each call, and says how long it took.
func (t *trial) compare(session *tf.Session, w ways, pictures int) (pace, error) {
	input, err := t.noise(pictures)
	if err != nil {
		return pace{}, fmt.Errorf("convolution: compare with the direct way: %w", err)
	}
	feeds := map[tf.Output]*tf.Tensor{t.model.Input: input}
	begun := processorTime()
	direct, err := session.Run(feeds, w.direct, nil)
	if err != nil {
		return pace{}, fmt.Errorf("convolution: compare with the direct way: %w", err)
	}
	between := processorTime()
	faster, err := session.Run(feeds, w.faster, nil)
	if err != nil {
		return pace{}, fmt.Errorf("convolution: %s cannot be made faster: a batch of %d in shares fails: %w", t.model.Name, pictures, err)
	}
	took := pace{direct: between - begun, faster: processorTime() - between}
	for i := range direct {
		off, err := distance(direct[i], faster[i])
		if err != nil {
			return pace{}, fmt.Errorf("convolution: compare with the direct way: %w", err)
		}
		if !(off <= t.from.method.tolerance) {
			layer := t.from.model.Layers[w.layers[i]]
			return pace{}, fmt.Errorf("convolution: layer %s of %s (%s) would be off by %.1e of its largest value in a batch of %d: it is computed directly", layer.Name, t.model.Name, layer.Output.Op.Name(), off, pictures)
		}
	}
	return took, nil
}

// distance is the largest difference of two sketches, relative to the layer's largest value. NaN
// stays NaN.
func distance(direct, faster *tf.Tensor) (float64, error) {
	var sketches [2][]float32
	for i, tensor := range []*tf.Tensor{direct, faster} {
		value, err := inference.Value(tensor)
		if err != nil {
			return 0, err
		}
		var ok bool
		if sketches[i], ok = value.([]float32); !ok || len(sketches[i]) == 0 {
			return 0, fmt.Errorf("a sketch is a %T", value)
		}
	}
	want, got := sketches[0], sketches[1]
	if len(want) != len(got) {
		return math.Inf(1), nil // layers of different sizes
	}
	worst := 0.0
	for i, w := range want {
		worst = math.Max(worst, math.Abs(float64(w)-float64(got[i]))) // math.Max keeps NaN
	}
	if worst == 0 {
		return 0, nil
	}
	return worst / float64(want[0]), nil
}

// anySize is the height and width of images for models that take any: enough for five poolings.
const anySize = 64

// noise is images that differ from each other, the same for each call.
func (t *trial) noise(pictures int) (*tf.Tensor, error) {
	height, width := t.model.InputHeight, t.model.InputWidth
	for _, layer := range t.model.Layers {
		if t.model.InputHeight == 0 {
			height = max(height, anySize, layer.Least)
		}
		if t.model.InputWidth == 0 {
			width = max(width, anySize, layer.Least)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	depth := t.model.Depth()
	bytesOf := make([]byte, pictures*height*width*depth)
	for i := range bytesOf {
		bytesOf[i] = byte(random.IntN(256))
	}
	if t.model.Input.DataType() == tf.Uint8 {
		return tf.ReadTensor(tf.Uint8, []int64{int64(pictures), int64(height), int64(width), int64(depth)}, bytes.NewReader(bytesOf))
	}
	return inference.FillFloat32Tensor([]int{pictures, height, width, depth}, func(values []float32) error {
		for i, b := range bytesOf {
			values[i] = float32(b)
		}
		return nil
	})
}
