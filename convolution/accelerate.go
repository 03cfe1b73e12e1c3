package convolution

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// ErrNotFaster says that a model stays as it is: it has no convolution of the kind, or does
// not run on a CPU and in a precision that this package is written for.
var ErrNotFaster = errors.New("convolution: nothing to make faster")

// Options say how a model is changed.
type Options struct {
	// Verify compares a few pictures' outputs before and after, and gives up where they differ:
	// for graphs that somebody else made. It costs about a second.
	Verify bool
	// Shares is the number of parts of a batch that are computed side by side (default: one or two
	// a core).
	Shares int
}

// Accelerate changes a model's layers, in place, to ones that compute the same faster. The
// graph only grows: tensors that the caller holds stay valid and as slow as they were. On
// any error the model is unchanged and can be used as it is; ErrNotFaster is the one that is
// to be expected.
func Accelerate(model *inference.Model, options Options) error {
	m, found := methods[model.Precision]
	if model.Device != inference.DeviceCPU || !found {
		return fmt.Errorf("%w: it runs in %s on %s", ErrNotFaster, model.Precision, model.Device)
	}
	if err := m.supported(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFaster, err)
	}
	if err := register(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFaster, err)
	}
	r, err := newRewriter(model, m)
	if err != nil {
		return err
	}
	if options.Shares == 0 {
		options.Shares = m.shares * runtime.NumCPU()
	}
	layers, err := r.rewrite(options.Shares)
	if err != nil {
		return err
	}
	if options.Verify {
		if err := verify(model, layers, m.tolerance); err != nil {
			return err
		}
	}
	model.Layers = layers
	model.Convolutions = inference.Convolutions{Count: len(r.transformed), Method: m.name}
	return nil
}

// prefix of the names of all that is added to a graph.
const prefix = "fovea_convolution"

// method is a way to compute convolutions, by operations of our own.
type method struct {
	name string
	// supported tells why this processor cannot, if so.
	supported func() error
	// kernel is the operation that transforms a kernel, to values of type stored, and convolution
	// the one that takes them.
	kernel, convolution string
	stored              tf.DataType
	// suits tells whether there is a way from so many channels to so many.
	suits func(in, out int64) bool
	// shares is the number of parts of a batch for each core. More than one make for fewer pictures
	// in work at a time, whose maps stay in the caches.
	shares int
	// planes says that convolutions take and give planes (tiles.h) instead of pictures in NHWC order.
	planes bool
	// tolerance is how far the results may be from TensorFlow's, relative to the largest value: far
	// above what rounding does, far below what a mistake does.
	tolerance float64
}

var methods = map[inference.Precision]method{
	inference.Float32: {
		name: "Winograd", supported: winogradSupported,
		kernel: "FoveaWinogradKernel", convolution: "FoveaWinogradConvolution", stored: tf.Float, shares: 1,
		suits:     func(_, out int64) bool { return out%16 == 0 },
		tolerance: 1e-3,
	},
	inference.BFloat16: {
		name: "AMX", supported: inference.AMX,
		kernel: "FoveaTilesKernel", convolution: "FoveaTilesConvolution", stored: tf.Bfloat16, shares: 2, planes: true,
		suits:     func(in, out int64) bool { return (in <= 4 || in%32 == 0) && out%32 == 0 },
		tolerance: 5e-2,
	},
}

// rewriter copies the part of a graph that depends on the input, with other convolutions.
type rewriter struct {
	model   *inference.Model
	method  method
	nodes   map[string]*nodepb.NodeDef
	order   []*nodepb.NodeDef // the nodes that layers need and that depend on the input, inputs first
	depends map[string]bool   // names of nodes that depend on the input, the input among them
	// fast are the nodes that are replaced, by name.
	fast map[string]convolution
	// early are the nodes up to the last replaced one, which run on shares of the batch.
	early map[string]bool
	// transformed are the kernels, by the tensor that they are made of.
	transformed map[string]tf.Output
	// zeros are biases for convolutions without one, by their length.
	zeros map[int64]tf.Output
}

// convolution is what a node is replaced by.
type convolution struct {
	pictures, kernel string // tensors of the original graph
	bias             string // empty: none
	out              int64
	rectify, pool    bool
}

func newRewriter(model *inference.Model, m method) (*rewriter, error) {
	graph, err := inference.GraphDef(model.Graph)
	if err != nil {
		return nil, fmt.Errorf("convolution: read the graph of %s: %w", model.Name, err)
	}
	r := &rewriter{
		model:   model,
		method:  m,
		nodes:   make(map[string]*nodepb.NodeDef, len(graph.GetNode())),
		depends: map[string]bool{model.Input.Op.Name(): true},
		fast:    map[string]convolution{}, early: map[string]bool{}, transformed: map[string]tf.Output{}, zeros: map[int64]tf.Output{},
	}
	for _, n := range graph.GetNode() {
		r.nodes[n.GetName()] = n
	}
	r.sort()
	for _, n := range r.order {
		if c, found := r.match(n); found {
			r.fast[n.GetName()] = c
		}
	}
	if len(r.fast) == 0 {
		return nil, fmt.Errorf("%w: %s has no convolution of 3x3 with stride 1", ErrNotFaster, model.Name)
	}
	r.dropUnneeded()
	r.findEarly()
	return r, nil
}

// sort finds the nodes between the input and the layers, inputs first.
func (r *rewriter) sort() {
	seen := map[string]bool{r.model.Input.Op.Name(): true}
	var visit func(name string)
	visit = func(name string) {
		node := r.nodes[name]
		if seen[name] || node == nil {
			return
		}
		seen[name] = true
		for _, from := range node.GetInput() {
			visit(inference.Producer(from))
			r.depends[name] = r.depends[name] || r.dependent(from)
		}
		if r.dependent(name) {
			r.order = append(r.order, node)
		}
	}
	for _, layer := range r.model.Layers {
		visit(layer.Output.Op.Name())
	}
}

func (r *rewriter) dependent(tensor string) bool { return r.depends[inference.Producer(tensor)] }

// match recognizes a convolution, one with its bias, one rectified, and one pooled.
func (r *rewriter) match(n *nodepb.NodeDef) (convolution, bool) {
	before := func() (convolution, bool) {
		c, found := r.fast[n.GetInput()[0]]
		return c, found && layout(n)
	}
	switch n.GetOp() {
	case "Conv2D":
		return r.matchConvolution(n)
	case "BiasAdd":
		c, found := before()
		if !found || c.bias != "" || c.rectify || r.dependent(n.GetInput()[1]) {
			return convolution{}, false
		}
		c.bias = n.GetInput()[1]
		return c, true
	case "Relu":
		c, found := before()
		if !found || c.rectify {
			return convolution{}, false
		}
		c.rectify = true
		return c, true
	case "MaxPool":
		c, found := before()
		window := []int64{1, 2, 2, 1}
		if !found || !c.rectify || c.pool || string(n.GetAttr()["padding"].GetS()) != "VALID" ||
			!slices.Equal(n.GetAttr()["ksize"].GetList().GetI(), window) || !slices.Equal(n.GetAttr()["strides"].GetList().GetI(), window) {
			return convolution{}, false
		}
		c.pool = true
		return c, true
	}
	return convolution{}, false
}

// layout says whether a node takes pictures in NHWC order, if it cares.
func layout(n *nodepb.NodeDef) bool {
	format := string(n.GetAttr()["data_format"].GetS())
	return format == "" || format == "NHWC"
}

func (r *rewriter) matchConvolution(n *nodepb.NodeDef) (convolution, bool) {
	one := func(name string) bool {
		list := n.GetAttr()[name].GetList().GetI()
		return len(list) == 0 || slices.Equal(list, []int64{1, 1, 1, 1})
	}
	if !layout(n) || !one("strides") || !one("dilations") || string(n.GetAttr()["padding"].GetS()) != "SAME" || r.dependent(n.GetInput()[1]) {
		return convolution{}, false
	}
	kernel, err := r.output(n.GetInput()[1])
	if err != nil || kernel.DataType() != tf.Float {
		return convolution{}, false
	}
	shape, err := kernel.Shape().ToSlice()
	if err != nil || len(shape) != 4 || shape[0] != 3 || shape[1] != 3 || shape[2] < 1 || shape[3] < 1 || !r.method.suits(shape[2], shape[3]) {
		return convolution{}, false
	}
	return convolution{pictures: n.GetInput()[0], kernel: n.GetInput()[1], out: shape[3]}, true
}

// dropUnneeded forgets the nodes whose work is now done by those after them.
func (r *rewriter) dropUnneeded() {
	needed := map[string]bool{}
	for _, layer := range r.model.Layers {
		needed[layer.Output.Op.Name()] = true
	}
	for _, n := range slices.Backward(r.order) {
		if needed[n.GetName()] {
			for _, from := range r.inputs(n) {
				needed[inference.Producer(from)] = true
			}
		}
	}
	r.order = slices.DeleteFunc(r.order, func(n *nodepb.NodeDef) bool { return !needed[n.GetName()] })
}

// findEarly collects all that a replaced node needs, and the replaced nodes.
func (r *rewriter) findEarly() {
	for _, n := range slices.Backward(r.order) {
		name := n.GetName()
		if _, found := r.fast[name]; found {
			r.early[name] = true
		}
		if !r.early[name] {
			continue
		}
		for _, from := range r.inputs(n) {
			if r.dependent(from) && inference.Producer(from) != r.model.Input.Op.Name() {
				r.early[inference.Producer(from)] = true
			}
		}
	}
}

// inputs are the tensors that a node, or what replaces it, reads.
func (r *rewriter) inputs(n *nodepb.NodeDef) []string {
	if c, found := r.fast[n.GetName()]; found {
		return []string{c.pictures}
	}
	return n.GetInput()
}

// output finds a tensor of the original graph.
func (r *rewriter) output(tensor string) (tf.Output, error) { return output(r.model.Graph, tensor) }

func output(graph *tf.Graph, tensor string) (tf.Output, error) {
	name, index, err := inference.ParseTensor(tensor)
	if err != nil {
		return tf.Output{}, fmt.Errorf("convolution: %w", err)
	}
	operation := graph.Operation(name)
	if operation == nil || index >= operation.NumOutputs() {
		return tf.Output{}, fmt.Errorf("convolution: the graph has no tensor %q", tensor)
	}
	return operation.Output(index), nil
}
