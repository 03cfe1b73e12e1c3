package convolution

import (
	"fmt"
	"strings"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// Operations besides this package's that TensorFlow's rewriting of graphs neither fuses nor replaces where nothing else
// is around them: those that images go through, and those that kernels and biases are made with.
var (
	betweenOurs = map[string]bool{"Placeholder": true, "Const": true, "VarHandleOp": true, "ReadVariableOp": true, "Identity": true, "Pad": true, "MaxPool": true, "ConcatV2": true, "Mean": true}
	ofKernels   = map[string]bool{"Const": true, "Placeholder": true, "VarHandleOp": true, "ReadVariableOp": true, "AssignVariableOp": true, "Identity": true, "Reshape": true, "Squeeze": true, "Rsqrt": true, "AddV2": true, "Mul": true, "Sub": true, "Sqrt": true, "Maximum": true, "Reciprocal": true}
)

// Whole says whether an accelerated model computes these layers by this package's operations and so little else that
// TensorFlow would gain nothing by rewriting the graph, and would not change a bit (inference.SessionConfig.Unrewritten).
func Whole(model *inference.Model, layers []string) (bool, error) {
	if model.Convolutions.Count == 0 || model.Precision != inference.Float32 && model.Precision != inference.Int16 {
		return false, nil
	}
	graph, err := inference.GraphDef(model.Graph)
	if err != nil {
		return false, fmt.Errorf("convolution: %w", err)
	}
	w := upstream{nodes: map[string]*nodepb.NodeDef{}, seen: map[string]bool{}}
	var kernels []string
	for _, n := range graph.GetNode() {
		w.nodes[n.GetName()] = n
		if n.GetOp() == "AssignVariableOp" && strings.HasPrefix(n.GetName(), prefix) {
			kernels = append(kernels, n.GetName())
		}
	}
	var outputs []string
	for _, name := range layers {
		layer, err := model.Layer(name)
		if err != nil {
			return false, nil // whoever asks for it will say so
		}
		outputs = append(outputs, layer.Output.Op.Name())
	}
	return w.only(outputs, betweenOurs) && w.only(kernels, ofKernels), nil
}

type upstream struct {
	nodes map[string]*nodepb.NodeDef
	seen  map[string]bool
}

// only says whether nodes, and all that they need, are ours or among the others.
func (w upstream) only(names []string, others map[string]bool) bool {
	for len(names) > 0 {
		name := names[len(names)-1]
		names = names[:len(names)-1]
		if w.seen[name] {
			continue
		}
		w.seen[name] = true
		n := w.nodes[name]
		if !others[n.GetOp()] && !strings.HasPrefix(n.GetOp(), "Fovea") {
			return false
		}
		for _, from := range n.GetInput() {
			names = append(names, inference.Producer(from))
		}
	}
	return true
}
