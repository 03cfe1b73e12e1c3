package convolution

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
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
	t, err := r.newTrial(measured)
	if err != nil {
		return fmt.Errorf("convolution: try out a faster %s: %w", r.model.Name, err)
	}
	defer func() {
		if err = errors.Join(err, t.close()); err != nil {
			clear(r.ready)
		}
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
		if _, err := t.compare(t.model.Session, t.all, pictures); err != nil {
			return err
		}
	}
	values, err := t.keepKernels()
	if err != nil || !measured {
		return err
	}
	return t.race(values, shares)
}

// keepKernels stores the transformed kernels, so that the model need not transform them again. It returns the values
// of all variables that the copy got with them.
func (t *trial) keepKernels() ([]*tf.Tensor, error) {
	made := t.rewriter.variables
	values := make([]tf.Output, len(made))
	for i, v := range made {
		values[i] = v.value
	}
	tensors, err := t.model.Session.Run(nil, values, nil)
	if err != nil {
		return nil, fmt.Errorf("convolution: read the transformed kernels of %s: %w", t.model.Name, err)
	}
	names := map[string]string{} // of the model's tensors, by those of the copy
	for _, c := range t.from.fast {
		for _, part := range c.all() {
			names[part.renamed(t.names).weights()] = part.weights()
		}
	}
	for kernel, value := range t.rewriter.transformed {
		t.from.ready[names[kernel]] = tensors[slices.Index(values, value)]
	}
	return tensors, nil
}

// trial is a copy of the part of a model that depends on the input. Everything else that it reads
// is in variables, which share memory with the model's.
type trial struct {
	from  *rewriter
	model *inference.Model
	names map[string]string // of tensors that do not depend on the input, by those in the model
	// assign gives a session's variables the model's values.
	assign assigning
	// config is that of a session that computes as the model's does. The trial's has it, too, or else is plain: it
	// leaves the graph as it is, which compares it sooner than TensorFlow would have rewritten it.
	config   inference.SessionConfig
	plain    bool
	measured *tf.Session // of config; nil if it was not needed
	// compared are layers by their place among the model's.
	compared []int
	// all are those that change, last the ones among them that no other reads.
	all, last ways
	rewriter  *rewriter
}

func (t *trial) close() error {
	err := t.model.Close()
	if t.measured != nil {
		err = errors.Join(err, t.measured.Close())
	}
	return err
}

func (r *rewriter) newTrial(measured bool) (*trial, error) {
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
	if t.assign, err = b.assignments(t.model.Graph); err != nil {
		return nil, err
	}
	if err := t.findLayers(); err != nil {
		return nil, err
	}
	t.config = inference.SessionConfig{Device: inference.DeviceCPU, Precision: r.model.Precision, Unfused: r.model.Unfused, ChannelsLast: r.channelsFirst()}
	t.plain = measured && !t.config.ChannelsLast
	plain := t.config
	plain.Unrewritten = t.plain
	if t.model.Session, _, err = inference.NewSession(t.model.Graph, plain); err != nil {
		return nil, err
	}
	if err := t.assign.run(t.model.Session); err != nil {
		return nil, errors.Join(err, t.model.Close())
	}
	return t, nil
}

// findLayers finds the layers that change in the trial's own graph.
func (t *trial) findLayers() (err error) {
	r := t.from
	for i, layer := range r.model.Layers {
		name := layer.Output.Op.Name()
		if !r.depends[name] || name == r.model.Input.Op.Name() || !r.essential[inference.Producer(r.source(tensorName(layer.Output)))] {
			continue
		}
		if layer.Output, err = output(t.model.Graph, name+":"+strconv.Itoa(layer.Output.Index)); err != nil {
			return err
		}
		t.model.Layers, t.compared = append(t.model.Layers, layer), append(t.compared, i)
	}
	return nil
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
		t.all.add(t.compared[i], direct, faster)
		if r.readers[r.source(tensorName(want))] == 0 {
			t.last.add(t.compared[i], direct, faster)
		}
	}
	if t.rewriter = r; len(t.last.layers) == 0 { // they stay as they are
		t.last = t.all
	}
	return nil
}
