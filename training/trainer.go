package training

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
	"fovea/vgg"
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

// Measure is the loss and the accuracy of one batch or many.
type Measure struct {
	Examples int `json:"examples"`
	// Loss is the sum of the examples' cross-entropies, in nats.
	Loss float64 `json:"loss_sum"`
	// Correct is the number of examples whose class has the highest logit.
	Correct int `json:"correct"`
}

// Add adds another measure.
func (m *Measure) Add(other Measure) {
	m.Examples += other.Examples
	m.Loss += other.Loss
	m.Correct += other.Correct
}

// MeanLoss is the mean cross-entropy of the examples, NaN without any.
func (m Measure) MeanLoss() float64 { return m.Loss / float64(m.Examples) }

// Accuracy is the share of the examples that are correct, 0 to 1; NaN without any.
func (m Measure) Accuracy() float64 { return float64(m.Correct) / float64(m.Examples) }

// Finite says whether the loss is finite.
func (m Measure) Finite() bool { return !math.IsNaN(m.Loss) && !math.IsInf(m.Loss, 0) }

// ErrDiverged means that a loss or weights are no longer finite.
var ErrDiverged = errors.New("the training has diverged")

// New builds the network's graph and opens a session. Set the weights with Assign or Restore before
// anything else.
func New(network Network, options Options, config inference.SessionConfig) (*Trainer, error) {
	if err := network.validate(); err != nil {
		return nil, err
	}
	if err := options.Validate(); err != nil {
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

// graph is a network's graph, with its inputs and outputs.
type graph struct {
	graph *tf.Graph
	input tf.Output
	// labels are the numbers of the examples' classes, step is the step's number.
	labels, step tf.Output
	rates        rates
	variables    []variable
	// training is with dropout, evaluation without.
	training, evaluation measured
	// outputs are those of the layers, without dropout.
	outputs map[string]tf.Output
	updates []*tf.Operation
	// clear sets the optimizer's state to zero.
	clear []*tf.Operation
	saver saver
}

// measured are the mean loss and the number of correct examples of a batch.
type measured struct{ loss, correct tf.Output }

type variable struct {
	parameter
	handle, value tf.Output
	initial       tf.Output // a placeholder
	assign        *tf.Operation
	finite        tf.Output // whether all values are finite numbers
	slots         []slot
}

// slot is one of the optimizer's variables.
type slot struct {
	name   string
	handle tf.Output
}

func build(n Network, o Options) (*graph, error) {
	g := &graph{graph: tf.NewGraph(), outputs: map[string]tf.Output{}}
	root := op.NewScopeWithGraph(g.graph)
	shape := tf.MakeShape(append([]int64{-1}, int64s(n.Input)...)...)
	g.input = op.Placeholder(root.SubScope("input"), tf.Float, op.PlaceholderShape(shape))
	g.labels = op.Placeholder(root.SubScope("labels"), tf.Int32, op.PlaceholderShape(tf.MakeShape(-1)))
	g.step = op.Placeholder(root.SubScope("step"), tf.Int64, op.PlaceholderShape(tf.ScalarShape()))
	g.rates = newRates(root)
	for _, p := range n.parameters() {
		g.variables = append(g.variables, newVariable(root.SubScope(p.name), p))
	}
	oneHot := op.OneHot(root.SubScope("one_hot"), g.labels, op.Const(root.SubScope("classes"), int32(n.Classes())),
		op.Const(root.SubScope("on"), float32(1)), op.Const(root.SubScope("off"), float32(0)))
	g.training = g.measure(root.SubScope("training"), n, o, oneHot, true)
	g.evaluation = g.measure(root.SubScope("evaluation"), n, o, oneHot, false)
	if err := root.Err(); err != nil {
		return nil, err
	}
	if err := g.descend(root, o); err != nil {
		return nil, err
	}
	g.addSaver(root.SubScope("save"))
	return g, root.Err()
}

func newVariable(scope *op.Scope, p parameter) variable {
	shape := tf.MakeShape(int64s(p.shape)...)
	v := variable{parameter: p}
	v.handle = op.VarHandleOp(scope, tf.Float, shape, op.VarHandleOpSharedName(p.name))
	v.value = op.ReadVariableOp(scope, v.handle, tf.Float)
	v.initial = op.Placeholder(scope.SubScope("initial"), tf.Float, op.PlaceholderShape(shape))
	v.assign = op.AssignVariableOp(scope, v.handle, v.initial)
	all := scope.SubScope("finite")
	axes := make([]int32, len(p.shape))
	for i := range axes {
		axes[i] = int32(i)
	}
	v.finite = op.All(all, op.IsFinite(all, v.value), op.Const(all.SubScope("axes"), axes))
	return v
}

// measure adds the layers, and the loss and accuracy of their logits.
func (g *graph) measure(scope *op.Scope, n Network, o Options, oneHot tf.Output, training bool) measured {
	values := map[string]tf.Output{}
	for _, v := range g.variables {
		values[v.name] = v.value
	}
	x := g.input
	for i, l := range n.Layers {
		layer := scope.SubScope(l.Name)
		if training && l.Kind == vgg.KindLRN {
			x = normalize(layer, x, l.Shape[len(l.Shape)-1])
			continue
		}
		x = l.Add(layer, x, func(part string, _ []int) tf.Output { return values[l.Name+"/"+part] })
		if l.ReLU {
			x = op.Relu(layer, x)
			if training && o.Dropout > 0 && len(l.Shape) == 1 {
				x = g.drop(layer.SubScope("dropout"), x, o, i, l.Shape[0])
			}
		}
		if !training {
			g.outputs[l.Name] = x
		}
		if scope.Err() != nil {
			return measured{}
		}
	}
	loss, _ := op.SoftmaxCrossEntropyWithLogits(scope.SubScope("loss"), x, oneHot)
	taken := op.ArgMax(scope.SubScope("taken"), x, op.Const(scope.SubScope("axis"), int32(1)), op.ArgMaxOutputType(tf.Int32))
	right := op.Cast(scope.SubScope("right"), op.Equal(scope, taken, g.labels), tf.Float)
	first := op.Const(scope.SubScope("first"), []int32{0})
	return measured{op.Mean(scope.SubScope("mean"), loss, first), op.Sum(scope.SubScope("sum"), right, first)}
}

// normalize is local response normalization, x (k + alpha sum x^2)^-beta with the sum over
// the neighbouring channels. It is built from other operations, because the C++ gradient of
// TensorFlow's own (2.18) ignores the attributes and so uses other constants.
func normalize(scope *op.Scope, x tf.Output, channels int) tf.Output {
	neighbours := make([]float32, channels*channels)
	for i := range channels {
		for k := max(0, i-vgg.LRNRadius); k <= min(channels-1, i+vgg.LRNRadius); k++ {
			neighbours[i*channels+k] = vgg.LRNAlpha
		}
	}
	kernel := op.Reshape(scope.SubScope("kernel"), op.Const(scope.SubScope("neighbours"), neighbours),
		op.Const(scope.SubScope("shape"), []int32{1, 1, int32(channels), int32(channels)}))
	sum := op.Conv2D(scope, op.Square(scope, x), kernel, []int64{1, 1, 1, 1}, "SAME")
	logarithm := op.Log(scope, op.AddV2(scope, sum, op.Const(scope.SubScope("bias"), float32(vgg.LRNBias))))
	scale := op.Exp(scope, op.Mul(scope.SubScope("power"), logarithm, op.Const(scope.SubScope("beta"), float32(-vgg.LRNBeta))))
	return op.Mul(scope, x, scale)
}

// drop leaves out some of a layer's outputs, different ones at each step, and scales up the rest.
func (g *graph) drop(scope *op.Scope, x tf.Output, o Options, layer, units int) tf.Output {
	shape := op.ConcatV2(scope.SubScope("both"), []tf.Output{
		op.Shape(scope.SubScope("batch"), g.labels), op.Const(scope.SubScope("units"), []int32{int32(units)}),
	}, op.Const(scope.SubScope("axis"), int32(0)))
	// Each layer and each step has its own seed.
	seed := op.Pack(scope.SubScope("seed"), []tf.Output{
		op.Const(scope.SubScope("layer"), int64(o.Seed<<8)+int64(layer)), g.step,
	})
	drawn := op.StatelessRandomUniform(scope, shape, seed)
	kept := op.Cast(scope.SubScope("kept"), op.GreaterEqual(scope, drawn, op.Const(scope.SubScope("rate"), float32(o.Dropout))), tf.Float)
	mask := op.Mul(scope.SubScope("mask"), kept, op.Const(scope.SubScope("scale"), float32(1/(1-o.Dropout))))
	return op.Mul(scope, x, mask)
}
