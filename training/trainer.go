package training

import (
	"bytes"
	"fmt"
	"runtime"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
	"fovea/vgg/weights"
)

// Trainer has a network's weights and changes them step by step. Only one goroutine may use it.
// Close it after use.
type Trainer struct {
	network Network
	options Options
	graph   *graph
	session *tf.Session
	device  string
	// step is the number of steps done.
	step int64
	// unreleased is the number of bytes of tensors that the garbage collector has yet to free. It
	// does not count their C memory itself.
	unreleased int
}

// New builds the network's graph and opens a session. Set the weights with Assign or Restore before
// anything else.
func New(network Network, options Options, config inference.SessionConfig) (*Trainer, error) {
	if err := network.validate(); err != nil {
		return nil, err
	}
	if err := options.Validate(); err != nil {
		return nil, err
	}
	if err := inference.Load(); err != nil {
		return nil, err
	}
	options = options.withDefaults()
	g, err := build(network, options)
	if err != nil {
		return nil, fmt.Errorf("training: build the graph of %s: %w", network.Name, err)
	}
	session, device, err := inference.NewSession(g.graph, config)
	if err != nil {
		return nil, fmt.Errorf("training: open %s: %w", network.Name, err)
	}
	return &Trainer{network: network, options: options, graph: g, session: session, device: device}, nil
}

// Device returns where the Trainer computes, "cpu" or "gpu:N".
func (t *Trainer) Device() string { return t.device }

// Network returns what is trained.
func (t *Trainer) Network() Network { return t.network }

// Options returns the options in use, with defaults filled in.
func (t *Trainer) Options() Options { return t.options }

// Close releases the weights.
func (t *Trainer) Close() error {
	if err := t.session.Close(); err != nil {
		return fmt.Errorf("training: close the session of %s: %w", t.network.Name, err)
	}
	return nil
}

// Assign sets the weights, which must include all of the network's, and resets the step and the
// optimizer's state.
func (t *Trainer) Assign(set weights.Set) error {
	for _, v := range t.graph.variables {
		tensor, found := set.Tensors[v.name]
		if !found {
			return fmt.Errorf("training: the weights have no tensor %s; %s needs it, with shape %v", v.name, t.network.Name, v.shape)
		}
		values, err := tensor.Float32()
		if err != nil {
			return fmt.Errorf("training: tensor %s: %w", v.name, err)
		}
		if len(values) != product(v.shape) {
			return fmt.Errorf("training: tensor %s has shape %v, but %s needs %v", v.name, tensor.Shape, t.network.Name, v.shape)
		}
		fed, err := inference.NewFloat32Tensor(v.shape, values)
		if err != nil {
			return fmt.Errorf("training: tensor %s: %w", v.name, err)
		}
		// One at a time, so that there is never a second copy of all weights.
		if _, err := t.session.Run(map[tf.Output]*tf.Tensor{v.initial: fed}, nil, []*tf.Operation{v.assign}); err != nil {
			return fmt.Errorf("training: set %s: %w", v.name, err)
		}
		t.release(4 * len(values))
	}
	t.step = 0
	if len(t.graph.clear) == 0 {
		return nil
	}
	if _, err := t.session.Run(nil, nil, t.graph.clear); err != nil {
		return fmt.Errorf("training: clear the optimizer's state: %w", err)
	}
	return nil
}

// Weights returns copies of the current weights.
func (t *Trainer) Weights() (weights.Set, error) {
	set := weights.Set{Tensors: map[string]weights.Tensor{}}
	for _, v := range t.graph.variables {
		tensors, err := t.session.Run(nil, []tf.Output{v.value}, nil)
		if err != nil {
			return weights.Set{}, fmt.Errorf("training: read %s: %w", v.name, err)
		}
		raw, err := contents(tensors[0])
		if err != nil {
			return weights.Set{}, fmt.Errorf("training: read %s: %w", v.name, err)
		}
		set.Tensors[v.name] = weights.Tensor{Shape: v.shape, DType: weights.F32, Raw: raw}
		t.release(len(raw))
	}
	return set, nil
}

func contents(t *tf.Tensor) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(4 * product(ints(t.Shape())))
	err := inference.WriteContents(&out, t)
	return out.Bytes(), err
}

func ints(shape []int64) []int {
	narrow := make([]int, len(shape))
	for i, d := range shape {
		narrow[i] = int(d)
	}
	return narrow
}

// Step trains on a batch: values has the examples one after another, labels the number of each one's
// class. It returns the measure from before the step. A loss that is not finite is ErrDiverged.
func (t *Trainer) Step(values []float32, labels []int32) (Measure, error) {
	feeds, err := t.feeds(values, labels)
	if err != nil {
		return Measure{}, err
	}
	more, err := t.graph.rates.feed(t.options, t.step+1)
	if err != nil {
		return Measure{}, err
	}
	for to, tensor := range more {
		feeds[to] = tensor
	}
	if feeds[t.graph.step], err = tf.NewTensor(t.step); err != nil {
		return Measure{}, err
	}
	m, err := t.run(feeds, t.graph.training, t.graph.updates, len(labels))
	if err != nil {
		return m, err
	}
	t.step++
	if !m.Finite() {
		return m, fmt.Errorf("training: %w: the loss is %v at step %d: use a learning rate below %g", ErrDiverged, m.MeanLoss(), t.step, t.options.LearningRate)
	}
	return m, nil
}

// Check returns ErrDiverged if a weight is not finite. The losses so far do not show that, because
// each was measured before its step.
func (t *Trainer) Check() error {
	finite := make([]tf.Output, len(t.graph.variables))
	for i, v := range t.graph.variables {
		finite[i] = v.finite
	}
	tensors, err := t.session.Run(nil, finite, nil)
	if err != nil {
		return fmt.Errorf("training: check the weights of %s: %w", t.network.Name, err)
	}
	for i, tensor := range tensors {
		value, err := inference.Value(tensor)
		if err != nil {
			return fmt.Errorf("training: %w", err)
		}
		if value != true {
			return fmt.Errorf("training: %w: not all weights %s are finite after step %d: use a learning rate below %g", ErrDiverged, t.graph.variables[i].name, t.step, t.options.LearningRate)
		}
	}
	return nil
}

// Evaluate measures a batch without dropout, and changes nothing.
func (t *Trainer) Evaluate(values []float32, labels []int32) (Measure, error) {
	feeds, err := t.feeds(values, labels)
	if err != nil {
		return Measure{}, err
	}
	return t.run(feeds, t.graph.evaluation, nil, len(labels))
}

// Output computes a layer's output for n examples, after its rectifier and without dropout.
func (t *Trainer) Output(layer string, values []float32, n int) ([]float32, error) {
	output, found := t.graph.outputs[layer]
	if !found {
		return nil, fmt.Errorf("training: network %s has no layer %q", t.network.Name, layer)
	}
	feeds, err := t.feeds(values, make([]int32, n))
	if err != nil {
		return nil, err
	}
	tensors, err := t.session.Run(feeds, []tf.Output{output}, nil)
	if err != nil {
		return nil, fmt.Errorf("training: compute %s: %w", layer, err)
	}
	raw, err := contents(tensors[0])
	if err != nil {
		return nil, err
	}
	t.release(len(raw))
	return weights.Tensor{DType: weights.F32, Raw: raw}.Float32()
}

// feeds checks a batch, which the C library does not do, and makes its tensors.
func (t *Trainer) feeds(values []float32, labels []int32) (map[tf.Output]*tf.Tensor, error) {
	n, classes := len(labels), t.network.Classes()
	if n == 0 || len(values) != n*t.network.InputSize() {
		return nil, fmt.Errorf("training: %d values do not make %d examples of %d", len(values), n, t.network.InputSize())
	}
	for _, l := range labels {
		if l < 0 || int(l) >= classes {
			return nil, fmt.Errorf("training: there is no class %d among %d", l, classes)
		}
	}
	input, err := inference.NewFloat32Tensor(append([]int{n}, t.network.Input...), values)
	if err != nil {
		return nil, err
	}
	truth, err := tf.NewTensor(labels)
	if err != nil {
		return nil, err
	}
	t.release(4 * len(values))
	return map[tf.Output]*tf.Tensor{t.graph.input: input, t.graph.labels: truth}, nil
}

func (t *Trainer) run(feeds map[tf.Output]*tf.Tensor, of measured, targets []*tf.Operation, n int) (Measure, error) {
	tensors, err := t.session.Run(feeds, []tf.Output{of.loss, of.correct}, targets)
	if err != nil {
		return Measure{}, fmt.Errorf("training: run %s on %s: %w", t.network.Name, t.device, err)
	}
	var figures [2]float32
	for i, tensor := range tensors {
		value, err := inference.Value(tensor)
		if err != nil {
			return Measure{}, fmt.Errorf("training: %w", err)
		}
		figure, ok := value.(float32)
		if !ok {
			return Measure{}, fmt.Errorf("training: a measure of %s is a %T, not a float32", t.network.Name, value)
		}
		figures[i] = figure
	}
	return Measure{Examples: n, Loss: float64(figures[0]) * float64(n), Correct: int(figures[1])}, nil
}

// releaseBytes is how much memory unused tensors may hold.
const releaseBytes = 64 << 20

// release runs the garbage collector when unused tensors hold much memory.
func (t *Trainer) release(bytes int) {
	if t.unreleased += bytes; t.unreleased >= releaseBytes {
		t.unreleased = 0
		runtime.GC()
	}
}
