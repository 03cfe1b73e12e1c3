package savedmodel

import (
	"fmt"
	"strconv"
	"strings"

	framework "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	oppb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// tensor is an output of a node, by the node's name in the flat graph.
type tensor struct {
	node  string
	index int
	// outer tensors are not copied: they are in the loaded graph already.
	outer bool
}

func (t tensor) String() string {
	if t.index == 0 {
		return t.node
	}
	return t.node + ":" + strconv.Itoa(t.index)
}

// flattener copies what a signature computes out of functions, on demand. It starts at the outputs
// and visits what each node needs, so that nodes come out in the order of computation and unused
// ones do not come out at all.
type flattener struct {
	functions map[string]*framework.FunctionDef
	operators map[string]*oppb.OpDef
	nodes     []*nodepb.NodeDef
	// unfolded is the number of nodes in the bodies of all calls so far, names the bytes of the flat nodes'
	// names, and chain how many references are being followed.
	unfolded, names, chain int
	// outer are the tensors of the loaded graph that the copied nodes read.
	outer map[tensor]bool
	top   *scope
	calls map[string]bool // outer nodes that depend on a function call
	// replaced, if set, is the outer node of the input, which another node will replace: everything
	// that depends on it is copied too.
	replaced string
}

// scope is the body of one call, or the graph itself at the top.
type scope struct {
	prefix    string // of the names of its nodes in the flat graph
	depth     int
	function  *framework.FunctionDef // nil at the top
	nodes     map[string]*nodepb.NodeDef
	arguments map[string]tensor
	bodies    map[string]*scope
	state     map[string]visitState
}

type visitState int

const (
	unvisited visitState = iota
	visiting
	visited
)

func newFlattener(meta *core.MetaGraphDef) *flattener {
	f := &flattener{
		functions: map[string]*framework.FunctionDef{},
		operators: map[string]*oppb.OpDef{},
		outer:     map[tensor]bool{},
		calls:     map[string]bool{},
	}
	for _, function := range meta.GetGraphDef().GetLibrary().GetFunction() {
		f.functions[function.GetSignature().GetName()] = function
	}
	for _, operator := range meta.GetMetaInfoDef().GetStrippedOpList().GetOp() {
		f.operators[operator.GetName()] = operator
	}
	f.top = newScope(nil, meta.GetGraphDef().GetNode(), "", 0)
	return f
}

func newScope(function *framework.FunctionDef, nodes []*nodepb.NodeDef, prefix string, depth int) *scope {
	s := &scope{
		prefix: prefix, depth: depth, function: function,
		nodes:     make(map[string]*nodepb.NodeDef, len(nodes)),
		arguments: map[string]tensor{}, bodies: map[string]*scope{}, state: map[string]visitState{},
	}
	for _, n := range nodes {
		s.nodes[n.GetName()] = n
	}
	return s
}

// flatten copies everything that the referenced tensors need and returns their names in the flat
// graph.
func (f *flattener) flatten(references []string) ([]tensor, error) {
	if err := f.checkCalls(); err != nil {
		return nil, err
	}
	tensors := make([]tensor, len(references))
	for i, reference := range references {
		t, err := f.resolve(f.top, reference)
		if err != nil {
			return nil, err
		}
		tensors[i] = t
	}
	return tensors, nil
}

// graph is the flat graph, ready to be imported into the loaded one.
func (f *flattener) graph(versions *graphpb.GraphDef) *graphpb.GraphDef {
	return &graphpb.GraphDef{Node: f.nodes, Versions: versions.GetVersions()}
}

// resolve finds the tensor that a reference stands for in a scope, copying what it needs.
// References are "node" or "node:index" at the top, and "argument", "node:output:index" or
// "node:output" in a function.
func (f *flattener) resolve(s *scope, reference string) (tensor, error) {
	if err := f.deeper(); err != nil {
		return tensor{}, err
	}
	defer f.higher()
	name, rest, _ := strings.Cut(reference, ":")
	if argument, found := s.arguments[name]; found {
		return argument, nil
	}
	node := s.nodes[name]
	if node == nil {
		return tensor{}, fmt.Errorf("%w: %q refers to a node that does not exist", ErrFormat, reference)
	}
	index, err := f.outputIndex(s, node, rest)
	if err != nil {
		return tensor{}, fmt.Errorf("%w: %q: %w", ErrFormat, reference, err)
	}
	if f.callee(node) != nil {
		return f.result(s, node, index)
	}
	if s.function == nil && !f.dependsOnCall(name, 0) {
		t := tensor{name, index, true}
		f.outer[t] = true
		return t, nil
	}
	if err := f.visit(s, node); err != nil {
		return tensor{}, err
	}
	return tensor{s.prefix + name, index, false}, nil
}

// guard stops a chain of references that leads back to itself.
func (f *flattener) guard(s *scope, key string, resolve func() (tensor, error)) (tensor, error) {
	if s.state[key] == visiting {
		return tensor{}, fmt.Errorf("%w: the graph has a cycle through %s", ErrFormat, s.prefix)
	}
	s.state[key] = visiting
	defer func() { s.state[key] = unvisited }()
	return resolve()
}

// visit copies a node after everything that it needs.
func (f *flattener) visit(s *scope, node *nodepb.NodeDef) error {
	name := node.GetName()
	switch s.state[name] {
	case visited:
		return nil
	case visiting:
		return fmt.Errorf("%w: the graph has a cycle through %s%s", ErrFormat, s.prefix, name)
	}
	s.state[name] = visiting
	if err := f.deeper(); err != nil {
		return err
	}
	defer f.higher()
	if f.names += len(s.prefix) + len(name); f.names > maxNames {
		return fmt.Errorf("%w: names of nodes within calls of more than %d MB", ErrFormat, maxNames>>20)
	}
	flat, err := f.copyNode(s, node)
	if err != nil {
		return err
	}
	s.state[name] = visited
	f.nodes = append(f.nodes, flat)
	if len(f.nodes) > maxNodes {
		return fmt.Errorf("%w: more than %d nodes", ErrFormat, maxNodes)
	}
	return nil
}

// copyNode is a node of the flat graph, whose inputs it visits.
func (f *flattener) copyNode(s *scope, node *nodepb.NodeDef) (*nodepb.NodeDef, error) {
	flat := proto.Clone(node).(*nodepb.NodeDef)
	flat.Name = s.prefix + node.GetName()
	flat.Input = nil
	for _, input := range node.GetInput() {
		reference, err := f.input(s, input)
		if err != nil {
			return nil, err
		}
		if reference != "" {
			flat.Input = append(flat.Input, reference)
		}
	}
	for key, attribute := range flat.GetAttr() {
		if attribute.GetPlaceholder() != "" {
			return nil, fmt.Errorf("%w: attribute %s of %s is left to the caller of its function", ErrFormat, key, flat.Name)
		}
	}
	delete(flat.Attr, "_class")         // colocation: the nodes named there may not be copied
	delete(flat.Attr, "_output_shapes") // inferred anew
	return flat, nil
}

// input returns a node's input in the flat graph. A control input (with a leading ^) is kept
// between nodes of one body; on calls and on the loaded graph it is dropped, because reading
// variables needs no order.
func (f *flattener) input(s *scope, reference string) (string, error) {
	if control, found := strings.CutPrefix(reference, "^"); found {
		node := s.nodes[control]
		if node == nil || f.callee(node) != nil || (s.function == nil && !f.dependsOnCall(control, 0)) {
			return "", nil
		}
		return "^" + s.prefix + control, f.visit(s, node)
	}
	t, err := f.resolve(s, reference)
	return t.String(), err
}
