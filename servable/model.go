package servable

import (
	"fmt"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// modelPrefix begins the names of the nodes and variables of the first model; those of the second begin with model_2/.
const modelPrefix = "model"

// modelCopy copies the part of a model's graph that leads from its input to some outputs.
type modelCopy struct {
	model    *inference.Model
	outputs  []tf.Output
	prefix   string // of the names of nodes and variables
	suffix   string // of the names of functions
	graph    *tf.Graph
	nodes    map[string]*nodepb.NodeDef
	library  map[string]*functionpb.FunctionDef
	input    string // reference of the placeholder
	pixels   string // replaces the placeholder
	into     *nodes
	done     map[string]bool
	used     map[string]bool // functions of the library that are called
	restored []variable
}

// variable is a variable of the new graph, with the source of its value.
type variable struct {
	name   string // of the node with its handle, and in the checkpoint
	kind   typespb.DataType
	source tf.Output  // in the model's graph, where value is nil
	value  *tf.Tensor // the value itself
}

// copyModel adds to n a model's way from pixels to its outputs, and returns references to those
// outputs, the variables, and the functions that are called.
func (n *nodes) copyModel(c *modelCopy) ([]string, []variable, []*functionpb.FunctionDef, error) {
	graph, err := inference.GraphDef(c.model.Graph)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("model %s: %w", c.model.Name, err)
	}
	c.graph, c.nodes, c.library = c.model.Graph, map[string]*nodepb.NodeDef{}, map[string]*functionpb.FunctionDef{}
	c.input, c.into, c.done, c.used = reference(c.model.Input), n, map[string]bool{}, map[string]bool{}
	for _, node := range graph.GetNode() {
		c.nodes[node.GetName()] = node
	}
	for _, function := range graph.GetLibrary().GetFunction() {
		c.library[function.GetSignature().GetName()] = function
	}
	references := make([]string, len(c.outputs))
	for i, o := range c.outputs {
		if references[i], err = c.resolve(reference(o)); err != nil {
			return nil, nil, nil, fmt.Errorf("model %s: %w", c.model.Name, err)
		}
	}
	var functions []*functionpb.FunctionDef
	for _, function := range graph.GetLibrary().GetFunction() {
		if c.used[function.GetSignature().GetName()] {
			functions = append(functions, c.renamed(function))
		}
	}
	return references, c.restored, functions, nil
}

// renamed is a function under its new name, which calls others by theirs: two models may have different functions of one
// name.
func (c *modelCopy) renamed(f *functionpb.FunctionDef) *functionpb.FunctionDef {
	if c.suffix == "" {
		return f
	}
	f = proto.Clone(f).(*functionpb.FunctionDef)
	f.Signature.Name += c.suffix
	for _, node := range f.GetNodeDef() {
		c.rename(node)
	}
	return f
}

// rename makes a node call functions by their new names.
func (c *modelCopy) rename(node *nodepb.NodeDef) {
	name := func(old string) string {
		if c.library[old] != nil {
			return old + c.suffix
		}
		return old
	}
	node.Op = name(node.Op)
	for _, attribute := range node.GetAttr() {
		if f := attribute.GetFunc(); f != nil {
			f.Name = name(f.Name)
		}
		for _, f := range attribute.GetList().GetFunc() {
			f.Name = name(f.Name)
		}
	}
}

func reference(o tf.Output) string {
	if o.Index == 0 {
		return o.Op.Name()
	}
	return fmt.Sprintf("%s:%d", o.Op.Name(), o.Index)
}

// resolve copies what a tensor depends on, and returns the tensor's new name.
func (c *modelCopy) resolve(old string) (string, error) {
	if old == c.input || old == c.input+":0" {
		return c.pixels, nil
	}
	control, name := "", old
	if after, found := strings.CutPrefix(old, "^"); found {
		control, name = "^", after
	}
	if err := c.visit(inference.Producer(name)); err != nil {
		return "", err
	}
	return control + c.prefix + name, nil
}

// visit copies a node after those that it depends on.
func (c *modelCopy) visit(name string) error {
	if c.done[name] {
		return nil
	}
	c.done[name] = true
	node := c.nodes[name]
	if node == nil {
		return fmt.Errorf("its graph has no node %s", name)
	}
	if what := unservable(node.GetOp()); what != "" {
		return fmt.Errorf("node %s: %s cannot be exported", name, what)
	}
	switch node.GetOp() {
	case "VarHandleOp", "VariableV2", "Variable":
		return c.variable(node)
	}
	for _, attribute := range node.GetAttr() {
		c.calls(attribute.GetFunc().GetName())
		for _, one := range attribute.GetList().GetFunc() {
			c.calls(one.GetName())
		}
	}
	c.calls(node.GetOp())
	inputs := make([]string, len(node.GetInput()))
	for i, input := range node.GetInput() {
		var err error
		if inputs[i], err = c.resolve(input); err != nil {
			return err
		}
	}
	clone := proto.Clone(node).(*nodepb.NodeDef)
	clone.Name, clone.Input, clone.Device = c.prefix+name, inputs, ""
	c.rename(clone)
	delete(clone.Attr, "_class") // colocation: names of the old graph
	c.into.list = append(c.into.list, clone)
	return nil
}

// unservable says why an operation cannot be served: its state is not in a checkpoint of variables,
// or other programs do not have it. It is "" for all others.
func unservable(operation string) string {
	switch {
	case operation == "Placeholder":
		return "a second input"
	case strings.Contains(operation, "HashTable") || strings.HasPrefix(operation, "LookupTable"):
		return "a table"
	case strings.Contains(operation, "Iterator"):
		return "a data set"
	case strings.HasPrefix(operation, "Fovea"):
		return "an operation of package convolution, which no other program knows,"
	}
	return ""
}

// calls marks a function and those that it calls.
func (c *modelCopy) calls(name string) {
	function := c.library[name]
	if function == nil || c.used[name] {
		return
	}
	c.used[name] = true
	for _, node := range function.GetNodeDef() {
		c.calls(node.GetOp())
		for _, attribute := range node.GetAttr() {
			c.calls(attribute.GetFunc().GetName())
			for _, one := range attribute.GetList().GetFunc() {
				c.calls(one.GetName())
			}
		}
	}
}

// variable declares a variable. In TensorFlow 1 a variable's node is the value itself; it becomes a
// handle and a node that reads it.
func (c *modelCopy) variable(node *nodepb.NodeDef) error {
	operation := c.graph.Operation(node.GetName())
	if operation == nil {
		return fmt.Errorf("its graph has no operation %s", node.GetName())
	}
	kind, name := node.GetAttr()["dtype"].GetType(), c.prefix+node.GetName()
	if node.GetOp() != "VarHandleOp" {
		handle := name + "/handle"
		c.into.declare(handle, kind, node.GetAttr()["shape"])
		c.into.list = append(c.into.list, &nodepb.NodeDef{Name: name, Op: "ReadVariableOp", Input: []string{handle}, Attr: attributes{"dtype": typeOf(kind)}})
		name = handle
	} else {
		c.into.declare(name, kind, node.GetAttr()["shape"])
	}
	c.restored = append(c.restored, variable{name: name, kind: kind, source: operation.Output(0)})
	return nil
}
