package savedmodel

import (
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// inputWay is the part of the graph between the input and the outputs: the nodes as the model
// defines them, and their operations in the loaded graph.
type inputWay struct {
	// order names the nodes that depend on the input, each after the nodes it needs.
	order []string
	nodes map[string]*nodepb.NodeDef
	// outer are the nodes of the loaded graph outside of functions.
	outer map[string]*nodepb.NodeDef
	// input is the name of the model's own input.
	input   string
	depends map[string]bool
	// sizes are the nodes that depend only on the input's shape.
	sizes      map[string]bool
	operations map[string]*tf.Operation
}

// newInputWay follows the input through the nodes of the operations that lead to the outputs.
func (l *loader) newInputWay(operations []*tf.Operation) *inputWay {
	w := &inputWay{
		nodes: map[string]*nodepb.NodeDef{}, outer: l.flat.top.nodes,
		input: parseTensor(l.input.tensor).node, depends: map[string]bool{}, sizes: map[string]bool{}, operations: map[string]*tf.Operation{},
	}
	w.depends[w.input] = true
	for _, n := range l.flat.nodes {
		w.nodes[n.GetName()] = n
	}
	for _, operation := range operations {
		name := operation.Name()
		if len(l.flat.nodes) > 0 {
			name = strings.TrimPrefix(name, l.prefix+"/")
		}
		node := w.node(name)
		if node == nil || name == w.input {
			continue
		}
		ofSizes := true
		for _, input := range w.inputs(node) {
			if w.depends[input] {
				w.depends[name], ofSizes = true, ofSizes && w.sizes[input]
			}
		}
		if w.depends[name] {
			switch node.GetOp() {
			case "Shape", "ShapeN", "Size", "Rank":
				ofSizes = true
			}
			w.sizes[name] = ofSizes
			w.order, w.operations[name] = append(w.order, name), operation
		}
	}
	return w
}

func (w *inputWay) node(name string) *nodepb.NodeDef {
	if n := w.nodes[name]; n != nil {
		return n
	}
	return w.outer[name]
}

// inputs are the names of the nodes that a node's data comes from.
func (w *inputWay) inputs(n *nodepb.NodeDef) []string {
	var names []string
	for _, input := range n.GetInput() {
		if !strings.HasPrefix(input, "^") {
			names = append(names, inference.Producer(input))
		}
	}
	return names
}

// constant returns the values of the constant behind a node, looking through operations that pass
// it on.
func (w *inputWay) constant(name string) ([]float64, bool) {
	for range maxDepth {
		n := w.node(name)
		switch n.GetOp() {
		case "Const":
			return constant(n.GetAttr()["value"].GetTensor())
		case "Identity", "StopGradient", "Snapshot", "PreventGradient":
			if in := w.inputs(n); len(in) == 1 {
				name = in[0]
				continue
			}
		}
		return nil, false
	}
	return nil, false
}
