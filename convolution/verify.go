package convolution

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// mostTried is the largest number of shares that are tried out. All are copies of one graph, so that
// more of them would show nothing new, and take more memory.
const mostTried = 4

// verify rewrites a copy of the model, in a session that is closed again, and compares every layer
// with the one that it is to replace, on noise: of one picture, which leaves all shares but one
// empty (some of TensorFlow's operations get the shape of nothing wrong: oneDNN's convolutions do),
// of three, and of one more than there are shares, which makes them unequal.
func (r *rewriter) verify(shares int) (err error) {
	shares = min(shares, mostTried)
	t, err := r.newTrial()
	if err != nil {
		return fmt.Errorf("convolution: try out a faster %s: %w", r.model.Name, err)
	}
	defer func() {
		err = errors.Join(err, t.model.Close())
		t = nil
		runtime.GC() // frees the graph, whose memory the garbage collector does not count
	}()
	if err := t.rewrite(shares); err != nil {
		return fmt.Errorf("convolution: try out a faster %s: %w", r.model.Name, err)
	}
	batches := []int{1, 3, shares + 1}
	slices.Sort(batches)
	for _, pictures := range slices.Compact(batches) {
		if err := t.compare(pictures, r.method.tolerance); err != nil {
			return err
		}
	}
	return nil
}

// trial is a copy of the part of a model that depends on the input. What it reads besides is in
// variables, which share the memory of the model's.
type trial struct {
	from  *rewriter
	model *inference.Model
	// compared are layers by their place among the model's; distances are how far each is from the
	// one that is to be replaced.
	compared  []int
	distances []tf.Output
}

func (r *rewriter) newTrial() (*trial, error) {
	b := &trialBuilder{r: r, names: map[string]string{}, copied: map[string]bool{}}
	if err := b.build(); err != nil {
		return nil, err
	}
	encoded, err := proto.Marshal(&b.graph)
	if err != nil {
		return nil, err
	}
	t := &trial{from: r, model: &inference.Model{
		Name: r.model.Name, Device: r.model.Device, Precision: r.model.Precision, Graph: tf.NewGraph(),
		InputHeight: r.model.InputHeight, InputWidth: r.model.InputWidth,
	}}
	if err := t.model.Graph.Import(encoded, ""); err != nil {
		return nil, err
	}
	if t.model.Input, err = output(t.model.Graph, r.model.Input.Op.Name()); err != nil {
		return nil, err
	}
	for i, layer := range r.model.Layers {
		if name := layer.Output.Op.Name(); r.depends[name] && name != r.model.Input.Op.Name() {
			if layer.Output, err = output(t.model.Graph, name+":"+strconv.Itoa(layer.Output.Index)); err != nil {
				return nil, err
			}
			t.model.Layers, t.compared = append(t.model.Layers, layer), append(t.compared, i)
		}
	}
	config := inference.SessionConfig{Device: inference.DeviceCPU, Precision: r.model.Precision}
	if t.model.Session, _, err = inference.NewSession(t.model.Graph, config); err != nil {
		return nil, err
	}
	if err := b.assign(t.model); err != nil {
		return nil, errors.Join(err, t.model.Close())
	}
	return t, nil
}

// rewrite makes the copy's layers faster, and measures how far they are from the old ones.
func (t *trial) rewrite(shares int) error {
	r, err := newRewriter(t.model, t.from.method)
	if err != nil {
		return err
	}
	if len(r.fast) != len(t.from.fast) {
		return fmt.Errorf("%d convolutions of the copy can be made faster, %d of the model", len(r.fast), len(t.from.fast))
	}
	layers, err := r.rewrite(shares)
	if err != nil {
		return err
	}
	var compared []int
	for i, layer := range layers {
		want := t.model.Layers[i].Output
		if layer.Output == want {
			continue
		}
		if want.DataType() != tf.Float {
			scope := op.NewScopeWithGraph(t.model.Graph).SubScope(prefix + "_cast_" + strconv.Itoa(i))
			want, layer.Output = op.Cast(scope, want, tf.Float), op.Cast(scope, layer.Output, tf.Float)
			if err := scope.Err(); err != nil {
				return err
			}
		}
		distance, err := t.model.Graph.AddOperation(tf.OpSpec{
			Type: "FoveaDistance", Name: prefix + "_distance_" + strconv.Itoa(i), Input: []tf.Input{want, layer.Output},
		})
		if err != nil {
			return err
		}
		compared, t.distances = append(compared, t.compared[i]), append(t.distances, distance.Output(0))
	}
	t.compared = compared
	return nil
}

// compare computes all layers in both ways, of pictures that are the same for each call.
func (t *trial) compare(pictures int, tolerance float64) error {
	input, err := t.noise(pictures)
	if err != nil {
		return fmt.Errorf("convolution: compare with the direct way: %w", err)
	}
	tensors, err := t.model.Session.Run(map[tf.Output]*tf.Tensor{t.model.Input: input}, t.distances, nil)
	if err != nil {
		return fmt.Errorf("convolution: %s cannot be made faster: a batch of %d in shares fails: %w", t.model.Name, pictures, err)
	}
	for i, tensor := range tensors {
		value, err := inference.Value(tensor)
		if err != nil {
			return fmt.Errorf("convolution: compare with the direct way: %w", err)
		}
		found, ok := value.([]float32)
		if !ok || len(found) != 2 {
			return fmt.Errorf("convolution: compare with the direct way: a distance is %v", value)
		}
		if off := relative(float64(found[0]), float64(found[1])); !(off <= tolerance) {
			layer := t.from.model.Layers[t.compared[i]]
			return fmt.Errorf("convolution: layer %s of %s (%s) would be off by %.1e of its largest value in a batch of %d: it is computed directly", layer.Name, t.model.Name, layer.Output.Op.Name(), off, pictures)
		}
	}
	return nil
}

// relative is a difference relative to the largest value. What is not a number stays so.
func relative(worst, most float64) float64 {
	if worst == 0 && !math.IsNaN(most) {
		return 0
	}
	return worst / most
}

// anySize is the height and width of pictures for models that take any: enough for five poolings.
const anySize = 64

// noise is pictures that differ from each other, the same for each call.
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
	bytesOf := make([]byte, pictures*height*width*3)
	for i := range bytesOf {
		bytesOf[i] = byte(random.IntN(256))
	}
	if t.model.Input.DataType() == tf.Uint8 {
		return tf.ReadTensor(tf.Uint8, []int64{int64(pictures), int64(height), int64(width), 3}, bytes.NewReader(bytesOf))
	}
	return inference.FillFloat32Tensor([]int{pictures, height, width, 3}, func(values []float32) error {
		for i, b := range bytesOf {
			values[i] = float32(b)
		}
		return nil
	})
}
