package savedmodel

import (
	"strings"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// view is what the definitions of a graph's nodes reveal. Tensors go by the names that nodes use
// for their inputs, "NODE" or "NODE:INDEX".
type view struct {
	order     []*nodepb.NodeDef // inputs before those that need them
	nodes     map[string]*nodepb.NodeDef
	outside   map[string]*nodepb.NodeDef // of the graph around it
	input     string                     // the tensor of images
	consumers map[string][]string        // of tensors
	// depends are the nodes that depend on the input; values those that depend on its values, not
	// only on its shape.
	depends, values map[string]bool
	constants       map[string]bool
}

func newView(order []*nodepb.NodeDef, input string, outside map[string]*nodepb.NodeDef) *view {
	v := &view{
		order: order, outside: outside, input: input,
		nodes: map[string]*nodepb.NodeDef{}, consumers: map[string][]string{},
		depends: map[string]bool{inference.Producer(input): true}, values: map[string]bool{inference.Producer(input): true},
		constants: map[string]bool{},
	}
	for _, n := range order {
		name, constant := n.GetName(), true
		v.nodes[name] = n
		inputs := dataInputs(n)
		for _, from := range inputs {
			producer := inference.Producer(from)
			v.consumers[from] = append(v.consumers[from], name)
			v.depends[name] = v.depends[name] || v.depends[producer]
			v.values[name] = v.values[name] || v.values[producer] && !measurers[n.GetOp()]
			constant = constant && v.constant(from)
		}
		v.constants[name] = n.GetOp() == "Const" || constant && len(inputs) > 0 && !isRandom(n.GetOp())
	}
	return v
}

// constant says whether a tensor is the same for every input and every run.
func (v *view) constant(tensor string) bool {
	producer := inference.Producer(tensor)
	if v.nodes[producer] == nil {
		return v.outside[producer].GetOp() == "Const"
	}
	return v.constants[producer]
}

// dataInputs are the tensors that a node reads.
func dataInputs(n *nodepb.NodeDef) []string {
	var inputs []string
	for _, input := range n.GetInput() {
		if !strings.HasPrefix(input, "^") {
			inputs = append(inputs, strings.TrimSuffix(input, ":0"))
		}
	}
	return inputs
}
