package savedmodel

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	framework "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"fovea/inference"
)

// mark says what a tensor of file names is known to be.
type mark byte

const (
	unmarked mark = '-'
	// ofCheckpoint is the prefix of the model's own checkpoint, ofAsset a file among its assets: the
	// loader feeds both.
	ofCheckpoint mark = 'c'
	ofAsset      mark = 'a'
	// ofLink is a file among the assets that leads elsewhere.
	ofLink mark = 'l'
)

// guard follows what running a graph would run, through control flow and into functions. It reads
// the graph as data. Functions count whole: TensorFlow also runs what is in them for its effect
// only.
type guard struct {
	top       map[string]*nodepb.NodeDef
	functions map[string]*framework.FunctionDef
	found     []Impure
	known     map[Impure]bool
	seen      map[*nodepb.NodeDef]bool // but for calls of functions by their names
	when      string
	called    map[string]int  // functions, alone and with the marks of their arguments, for this when
	variables map[string]mark // contents, for this when; nil until something reads a variable
}

// part judges what computing nodes of the graph runs. marks are tensors that are fed meanwhile. It
// returns the names of the nodes that it needs.
func (g *guard) part(when string, roots []string, marks map[string]mark) map[string]bool {
	g.when, g.called, g.variables = when, map[string]int{}, nil
	needed := closure(g.top, roots)
	for _, name := range sortedKeys(needed) {
		g.judge(g.top[name], body{nodes: g.top, marks: marks})
	}
	return needed
}

// closure are the nodes that others need, by names that exist.
func closure(nodes map[string]*nodepb.NodeDef, roots []string) map[string]bool {
	needed, pending := map[string]bool{}, slices.Clone(roots)
	for len(pending) > 0 {
		name := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if needed[name] || nodes[name] == nil {
			continue
		}
		needed[name] = true
		for _, input := range nodes[name].GetInput() {
			pending = append(pending, inference.Producer(input))
		}
	}
	return needed
}

// body is a graph or the body of a function, with what is known of its arguments.
type body struct {
	function string
	nodes    map[string]*nodepb.NodeDef
	marks    map[string]mark
}

// origin is the mark of what a tensor repeats, and the node that computes it if it has none.
func (b body) origin(reference string) (mark, *nodepb.NodeDef) {
	for range maxDepth {
		name := inference.Producer(reference)
		if known, found := b.marks[name]; found {
			return known, nil
		}
		n := b.nodes[name]
		if n.GetOp() != "Identity" || len(n.GetInput()) == 0 {
			return unmarked, n
		}
		reference = n.GetInput()[0]
	}
	return unmarked, nil
}

// origin also looks into variables: Keras and tf.function keep the names of assets there.
func (g *guard) origin(reference string, in body) mark {
	is, n := in.origin(reference)
	if is != unmarked || in.function != "" || n.GetOp() != "ReadVariableOp" || len(n.GetInput()) == 0 {
		return is
	}
	if g.variables == nil {
		g.variables = g.contents(in)
	}
	return cmp.Or(g.variables[inference.Producer(n.GetInput()[0])], unmarked)
}

// judge judges a node and the functions that it runs.
func (g *guard) judge(n *nodepb.NodeDef, in body) {
	if function := g.functions[n.GetOp()]; function != nil {
		g.call(function, n, in)
	} else {
		g.seen[n] = true
		g.add(n.GetOp(), g.why(n, in), n, in)
	}
	for _, name := range functionsIn(n.GetAttr()) {
		switch function := g.functions[name]; {
		case function != nil && strings.HasSuffix(n.GetOp(), "PartitionedCall"):
			g.call(function, n, in)
		case function != nil:
			g.call(function, nil, in)
		default:
			g.add(name, reachOf(name), n, in)
		}
	}
}

func (g *guard) add(operation string, why reach, n *nodepb.NodeDef, in body) {
	if one := (Impure{operation, n.GetName(), in.function, g.when, string(why)}); why != pure && !g.known[one] {
		g.known[one] = true
		g.found = append(g.found, one)
	}
}

// functionsIn are the names of the functions in a node's attributes, and in theirs.
func functionsIn(attributes map[string]*attrpb.AttrValue) []string {
	var names []string
	for _, key := range sortedKeys(attributes) {
		attribute := attributes[key]
		all := attribute.GetList().GetFunc()
		if one := attribute.GetFunc(); one != nil {
			all = []*attrpb.NameAttrList{one}
		}
		for _, one := range all {
			names = append(append(names, one.GetName()), functionsIn(one.GetAttr())...)
		}
	}
	return names
}

// mostMarked bounds how often a function is judged for arguments that are known in different ways. A
// hostile model could have many.
const mostMarked = 16

// call judges the body of a function. The node gives its arguments; without one, nothing is known
// of them.
func (g *guard) call(function *framework.FunctionDef, node *nodepb.NodeDef, in body) {
	inner := body{function: function.GetSignature().GetName(), nodes: map[string]*nodepb.NodeDef{}, marks: map[string]mark{}}
	given, key := dataInputs(node), inner.function+"/"
	for i, argument := range function.GetSignature().GetInputArg() {
		is := unmarked
		if i < len(given) && g.called[inner.function] < mostMarked {
			is = g.origin(given[i], in)
		}
		inner.marks[argument.GetName()], key = is, key+string(is)
	}
	if g.called[key] > 0 {
		return
	}
	g.called[key]++
	g.called[inner.function]++
	for _, n := range function.GetNodeDef() {
		inner.nodes[n.GetName()] = n
	}
	for _, n := range function.GetNodeDef() {
		g.judge(n, inner)
	}
}

// why says what is wrong with an operation where it stands.
func (g *guard) why(n *nodepb.NodeDef, in body) reach {
	fileAt := func(input int, is mark) bool {
		given := dataInputs(n)
		return input < len(given) && g.origin(given[input], in) == is
	}
	switch kind := n.GetOp(); kind {
	case "RestoreV2":
		if fileAt(0, ofCheckpoint) {
			return pure
		}
		return "reads a file other than the model's own checkpoint"
	case "InitializeTableFromTextFile", "InitializeTableFromTextFileV2":
		switch {
		case fileAt(1, ofAsset):
			return pure
		case fileAt(1, ofLink):
			return "reads an asset that is not a file in the model's directory"
		}
		return "reads a file that is not among the model's assets"
	case "Const":
		if n.GetAttr()["dtype"].GetType() == typespb.DataType_DT_RESOURCE {
			return "names memory of the session" // not through a handle, where it would be seen
		}
		return pure
	case "PrintV2":
		return reachOfStream(string(n.GetAttr()["output_stream"].GetS()))
	case "XlaCallModule":
		if module := n.GetAttr()["module"].GetS(); bytes.Contains(module, []byte("_callback")) {
			return reachPython
		}
		return pure
	default:
		return reachOf(kind)
	}
}

// reachOfStream judges where an operation prints to. Standard output is for results.
func reachOfStream(stream string) reach {
	switch stream {
	case "", "stderr", "log(info)", "log(warning)", "log(error)":
		return pure
	case "stdout":
		return "prints to standard output"
	}
	return "prints to a file"
}
