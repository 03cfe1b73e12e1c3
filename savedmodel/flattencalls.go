package savedmodel

import (
	"fmt"
	"strings"

	framework "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// callee is the function that a node calls, or nil.
func (f *flattener) callee(n *nodepb.NodeDef) *framework.FunctionDef {
	switch n.GetOp() {
	case "PartitionedCall", "StatefulPartitionedCall":
		return f.functions[n.GetAttr()["f"].GetFunc().GetName()]
	}
	return f.functions[n.GetOp()]
}

// result is an output of a call: what the function's body returns there.
func (f *flattener) result(s *scope, call *nodepb.NodeDef, index int) (tensor, error) {
	body, err := f.body(s, call)
	if err != nil {
		return tensor{}, err
	}
	outputs := body.function.GetSignature().GetOutputArg()
	if index < 0 || index >= len(outputs) {
		return tensor{}, fmt.Errorf("%w: output %d of the call %s, which has %d", ErrFormat, index, call.GetName(), len(outputs))
	}
	reference, found := body.function.GetRet()[outputs[index].GetName()]
	if !found {
		return tensor{}, fmt.Errorf("%w: function %s does not return %s", ErrFormat, body.function.GetSignature().GetName(), outputs[index].GetName())
	}
	return f.guard(body, "return "+reference, func() (tensor, error) { return f.resolve(body, reference) })
}

// body is the scope of a call, made on first use.
func (f *flattener) body(s *scope, call *nodepb.NodeDef) (*scope, error) {
	if body := s.bodies[call.GetName()]; body != nil {
		return body, nil
	}
	function := f.callee(call)
	if s.depth == maxDepth {
		return nil, fmt.Errorf("%w: calls are nested deeper than %d: does function %s call itself?", ErrFormat, maxDepth, function.GetSignature().GetName())
	}
	if f.unfolded += 1 + len(function.GetNodeDef()); f.unfolded > maxNodes {
		return nil, fmt.Errorf("%w: calls of functions unfold to more than %d nodes", ErrFormat, maxNodes)
	}
	body := newScope(function, function.GetNodeDef(), s.prefix+call.GetName()+"/", s.depth+1)
	var inputs []string
	for _, input := range call.GetInput() {
		if !strings.HasPrefix(input, "^") {
			inputs = append(inputs, input)
		}
	}
	arguments := function.GetSignature().GetInputArg()
	if len(inputs) != len(arguments) {
		return nil, fmt.Errorf("%w: the call %s gives %d arguments to function %s of %d", ErrFormat, call.GetName(), len(inputs), function.GetSignature().GetName(), len(arguments))
	}
	for i, argument := range arguments {
		t, err := f.guard(s, "call "+call.GetName(), func() (tensor, error) { return f.resolve(s, inputs[i]) })
		if err != nil {
			return nil, err
		}
		body.arguments[argument.GetName()] = t
	}
	s.bodies[call.GetName()] = body
	return body, nil
}

// dependsOnCall says whether a node at the top needs the result of a call or a replaced input, and
// so has to be copied too.
func (f *flattener) dependsOnCall(name string, depth int) bool {
	if known, found := f.calls[name]; found {
		return known
	}
	node := f.top.nodes[name]
	if node == nil {
		return false
	}
	f.calls[name] = false // ends cycles; visit reports them
	depends := f.callee(node) != nil
	for _, input := range node.GetInput() {
		if depends || depth > maxNodes {
			break
		}
		from := inference.Producer(input)
		depends = from == f.replaced || f.dependsOnCall(from, depth+1)
	}
	f.calls[name] = depends
	return depends
}
