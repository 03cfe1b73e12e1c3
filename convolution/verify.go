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
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// mostTried is the largest number of shares to try. All are copies of one graph, so more would show
// nothing new and take more memory.
const mostTried = 4

// verify rewrites a copy of the model, in a session that is closed again, and compares every layer
// with its replacement on noise: on one image, which leaves all but one share empty (some of
// TensorFlow's operations get the shape of an empty batch wrong; see fillsShares), on three, and on
// one more than there are shares, which makes them unequal; or on as many as the model takes, if
// that is fewer. If it is to be measured, a copy that is slower than the model is ErrSlower.
func (r *rewriter) verify(shares int, measured bool) (err error) {
	shares = min(shares, mostTried)
	t, err := r.newTrial()
	if err != nil {
		return fmt.Errorf("convolution: try out a faster %s: %w", r.model.Name, err)
	}
	defer func() {
		err = errors.Join(err, t.model.Close())
		t = nil
		runtime.GC() // frees the graph, whose memory the garbage collector does not count
		trim()
	}()
	if err := t.rewrite(shares); err != nil {
		return fmt.Errorf("convolution: try out a faster %s: %w", r.model.Name, err)
	}
	batches := []int{1, 3, shares + 1}
	if most := r.model.MaxBatch; most > 0 {
		batches = []int{1, min(3, most), min(shares+1, most)}
	}
	slices.Sort(batches)
	batches = slices.Compact(batches)
	for _, pictures := range batches {
		if err := t.compare(pictures, t.from.method.tolerance); err != nil {
			return err
		}
	}
	if measured {
		most := batches[len(batches)-1]
		if _, err := t.run(most); err != nil { // during the first, TensorFlow prepares the graph
			return err
		}
		if err := t.measure(most, pace{direct: unmeasured, faster: unmeasured}); err != nil {
			return err
		}
	}
	return t.keepKernels()
}

// keepKernels stores the transformed kernels, so that the model need not transform them again.
func (t *trial) keepKernels() error {
	var kernels []string
	var values []tf.Output
	for kernel, value := range t.rewriter.transformed {
		kernels, values = append(kernels, kernel), append(values, value)
	}
	tensors, err := t.model.Session.Run(nil, values, nil)
	if err != nil {
		return fmt.Errorf("convolution: read the transformed kernels of %s: %w", t.model.Name, err)
	}
	names := map[string]string{} // of the model's tensors, by those of the copy
	for _, c := range t.from.fast {
		names[c.renamed(t.names).weights()] = c.weights()
	}
	for i, kernel := range kernels {
		t.from.ready[names[kernel]] = tensors[i]
	}
	return nil
}

// trial is a copy of the part of a model that depends on the input. Everything else that it reads
// is in variables, which share memory with the model's.
type trial struct {
	from  *rewriter
	model *inference.Model
	names map[string]string // of tensors that do not depend on the input, by those in the model
	// compared are layers by their place among the model's; direct and faster are sketches of each, as
	// it is and as it is to be.
	compared       []int
	direct, faster []tf.Output
	// last are those of the layers that no other reads, both ways.
	last     [2][]tf.Output
	rewriter *rewriter
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
	t := &trial{from: r, names: b.names, model: &inference.Model{
		Name: r.model.Name, Device: r.model.Device, Precision: r.model.Precision, Graph: tf.NewGraph(),
		InputHeight: r.model.InputHeight, InputWidth: r.model.InputWidth, Channels: r.model.Channels,
	}}
	if err := t.model.Graph.Import(encoded, ""); err != nil {
		return nil, err
	}
	if t.model.Input, err = output(t.model.Graph, r.model.Input.Op.Name()); err != nil {
		return nil, err
	}
	for i, layer := range r.model.Layers {
		if name := layer.Output.Op.Name(); r.depends[name] && name != r.model.Input.Op.Name() && r.essential[inference.Producer(r.source(tensorName(layer.Output)))] {
			if layer.Output, err = output(t.model.Graph, name+":"+strconv.Itoa(layer.Output.Index)); err != nil {
				return nil, err
			}
			t.model.Layers, t.compared = append(t.model.Layers, layer), append(t.compared, i)
		}
	}
	config := inference.SessionConfig{Device: inference.DeviceCPU, Precision: r.model.Precision, Unfused: r.model.Unfused, ChannelsLast: r.channelsFirst()}
	if t.model.Session, _, err = inference.NewSession(t.model.Graph, config); err != nil {
		return nil, err
	}
	if err := b.assign(t.model); err != nil {
		return nil, errors.Join(err, t.model.Close())
	}
	return t, nil
}

// channelsFirst says whether any operation is in NCHW order; operations other than convolutions may
// be.
func (r *rewriter) channelsFirst() bool {
	return slices.ContainsFunc(r.direct, func(n *nodepb.NodeDef) bool { return !layout(n) })
}

// rewrite makes the copy's layers faster and adds sketches of what changes: the layers themselves
// would take more memory than the model.
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
		name := prefix + "_sketch_" + strconv.Itoa(i)
		direct, err := t.sketch(name+"_direct", want)
		if err != nil {
			return err
		}
		faster, err := t.sketch(name, layer.Output)
		if err != nil {
			return err
		}
		compared, t.direct, t.faster = append(compared, t.compared[i]), append(t.direct, direct), append(t.faster, faster)
		if r.readers[r.source(tensorName(want))] == 0 {
			t.last[0], t.last[1] = append(t.last[0], direct), append(t.last[1], faster)
		}
	}
	if t.compared, t.rewriter = compared, r; len(t.last[0]) == 0 { // they stay as they are
		t.last = [2][]tf.Output{t.direct, t.faster}
	}
	return nil
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

// compare computes all layers both ways, on images that are the same for each call.
func (t *trial) compare(pictures int, tolerance float64) error {
	input, err := t.noise(pictures)
	if err != nil {
		return fmt.Errorf("convolution: compare with the direct way: %w", err)
	}
	feeds := map[tf.Output]*tf.Tensor{t.model.Input: input}
	direct, err := t.model.Session.Run(feeds, t.direct, nil)
	if err != nil {
		return fmt.Errorf("convolution: compare with the direct way: %w", err)
	}
	faster, err := t.model.Session.Run(feeds, t.faster, nil)
	if err != nil {
		return fmt.Errorf("convolution: %s cannot be made faster: a batch of %d in shares fails: %w", t.model.Name, pictures, err)
	}
	for i := range direct {
		off, err := distance(direct[i], faster[i])
		if err != nil {
			return fmt.Errorf("convolution: compare with the direct way: %w", err)
		}
		if !(off <= tolerance) {
			layer := t.from.model.Layers[t.compared[i]]
			return fmt.Errorf("convolution: layer %s of %s (%s) would be off by %.1e of its largest value in a batch of %d: it is computed directly", layer.Name, t.model.Name, layer.Output.Op.Name(), off, pictures)
		}
	}
	return nil
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
