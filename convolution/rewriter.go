package convolution

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	versionspb "github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"

	"fovea/inference"
)

// rewriter copies the part of a graph that depends on the input, with faster convolutions.
type rewriter struct {
	model    *inference.Model
	method   method
	library  *functionpb.FunctionDefLibrary
	versions *versionspb.VersionDef
	nodes    map[string]*nodepb.NodeDef
	order    []*nodepb.NodeDef // the nodes that layers need and that depend on the input, inputs first
	direct   []*nodepb.NodeDef // the same, including nodes that others replace in the rewritten graph
	depends  map[string]bool   // names of nodes that depend on the input, the input among them
	// fast are the nodes that are replaced, by name.
	fast map[string]convolution
	// essential are the nodes that the last layers need, which have no readers. The others are parts of what
	// replaces these, such as a sum that is rectified: they are computed by the same operations, with fewer steps.
	essential map[string]bool
	// early are the nodes up to the last replaced one, which run on shares of the batch.
	early map[string]bool
	// late are the other nodes, and those early ones that have no row per image and are needed by
	// late ones: shapes, for example, are computed again for the whole batch.
	late map[string]bool
	// traced says how nodes depend on the batch.
	traced map[string]traced
	// cleaned are nodes that do not depend on the input but wait, through control inputs, for nodes
	// that do. Their copies do not wait.
	cleaned map[string]bool
	clean   bool              // the copies are there
	waiting []*nodepb.NodeDef // the nodes, inputs first
	// prefix begins the names of what this rewriter adds. Each attempt on a graph has its own.
	prefix string
	// transformed are the values of the kernels' variables, by convolution.weights.
	transformed map[string]tf.Output
	// variables are those of kernels and biases.
	variables []variable
	// ready are kernels that were transformed elsewhere.
	ready map[string]*tf.Tensor
	// prepared are kernels that were transformed before there was a graph.
	prepared *Prepared
	// biases are those that were computed from others, by convolution.parameters.
	biases map[string]tf.Output
	// zeros are biases for convolutions without one, by their length.
	zeros map[int64]tf.Output
	// readers is the number of nodes that read a node's first output.
	readers map[string]int
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
		fast:    map[string]convolution{}, early: map[string]bool{}, late: map[string]bool{}, cleaned: map[string]bool{},
		transformed: map[string]tf.Output{}, biases: map[string]tf.Output{}, zeros: map[int64]tf.Output{}, readers: map[string]int{}, essential: map[string]bool{},
		ready: map[string]*tf.Tensor{}, library: graph.GetLibrary(), versions: graph.GetVersions(), prefix: prefix,
	}
	for i := 2; model.Graph.Operation(r.prefix+"/"+firstTransform) != nil; i++ {
		r.prefix = fmt.Sprintf("%s_%d", prefix, i)
	}
	for _, n := range graph.GetNode() {
		r.nodes[n.GetName()] = n
	}
	r.sort()
	r.findFast()
	if r.count() == 0 {
		return nil, fmt.Errorf("%w: %s has no %s", ErrNotFaster, model.Name, m.needs())
	}
	r.traceRows()
	r.direct = slices.Clone(r.order)
	r.dropUnneeded()
	r.findEssential()
	r.choosePlanes()
	r.findEarly()
	r.findLate()
	return r, nil
}

// findFast finds what has a faster computation.
func (r *rewriter) findFast() {
	r.skipIdentities()
	for _, n := range r.order {
		if c, found := r.match(n); found {
			r.fast[n.GetName()] = c
		}
	}
	r.leaveParts()
	r.joinBottlenecks()
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
		waits := false
		for _, from := range node.GetInput() {
			visit(inference.Producer(from))
			if strings.HasPrefix(from, "^") {
				waits = waits || r.dependent(from)
			} else {
				r.depends[name] = r.depends[name] || r.dependent(from)
			}
			waits = waits || r.cleaned[inference.Producer(from)]
		}
		switch {
		case r.dependent(name):
			r.order = append(r.order, node)
		case waits:
			r.cleaned[name] = true
			r.waiting = append(r.waiting, node)
		}
	}
	for _, layer := range r.model.Layers {
		visit(layer.Output.Op.Name())
	}
}

func (r *rewriter) dependent(tensor string) bool { return r.depends[inference.Producer(tensor)] }

// dropUnneeded forgets the nodes whose work the replaced nodes after them now do.
func (r *rewriter) dropUnneeded() {
	needed := map[string]bool{}
	for _, layer := range r.model.Layers {
		needed[inference.Producer(r.source(tensorName(layer.Output)))] = true
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

// findEssential collects what the layers that nobody reads need.
func (r *rewriter) findEssential() {
	for _, layer := range r.model.Layers {
		if tensor := r.source(tensorName(layer.Output)); r.readers[tensor] == 0 {
			r.essential[inference.Producer(tensor)] = true
		}
	}
	for _, n := range slices.Backward(r.order) {
		if r.essential[n.GetName()] {
			for _, from := range r.inputs(n) {
				r.essential[inference.Producer(from)] = true
			}
		}
	}
}

// findEarly collects the replaced nodes and everything they need.
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
		return append(c.maps(), c.controls...)
	}
	return slices.Concat(dataInputs(n), r.controls(n))
}

// findLate collects the nodes that are not early, and what they need from the early ones besides
// rows.
func (r *rewriter) findLate() {
	for _, n := range slices.Backward(r.order) {
		name := n.GetName()
		if !r.early[name] {
			r.late[name] = true
		}
		if !r.late[name] {
			continue
		}
		for _, from := range dataInputs(n) {
			if p := inference.Producer(from); r.early[p] && r.traced[p].batching != rows {
				r.late[p] = true
			}
		}
	}
}

// output finds a tensor of the original graph, or its copy that waits for nothing.
func (r *rewriter) output(tensor string) (tf.Output, error) {
	if r.clean && r.cleaned[inference.Producer(tensor)] {
		tensor = r.prefix + "/" + cleanPart + "/" + tensor
	}
	return output(r.model.Graph, tensor)
}

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

// tensorName is a tensor as nodes refer to it.
func tensorName(t tf.Output) string {
	if t.Index == 0 {
		return t.Op.Name()
	}
	return t.Op.Name() + ":" + strconv.Itoa(t.Index)
}
