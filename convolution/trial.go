package convolution

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// trialBuilder makes a trial's graph: the nodes that depend on the input, with constants, and with
// variables in place of everything else that they read.
type trialBuilder struct {
	r      *rewriter
	graph  graphpb.GraphDef
	names  map[string]string // of tensors in the copy, by those in the model
	copied map[string]bool   // constants
	values []tf.Output       // of the model, for the variables
	// tensors are those values.
	tensors []*tf.Tensor
}

func (b *trialBuilder) build() error {
	b.graph.Versions = b.r.versions
	if b.callsFunctions() {
		b.graph.Library = b.r.library
	}
	input := b.r.model.Input
	shape, err := input.Shape().ToSlice()
	if err != nil || len(shape) != 4 {
		return fmt.Errorf("the input %s is of unknown shape", input.Op.Name())
	}
	b.add(input.Op.Name(), "Placeholder", nil, attributes{"dtype": typeOf(input.DataType()), "shape": shapeOf(shape)})
	for _, n := range b.r.direct {
		node := proto.Clone(n).(*nodepb.NodeDef)
		node.Device = ""
		delete(node.Attr, "_class") // names nodes that may not be copied
		node.Input = nil
		for _, from := range dataInputs(n) {
			name, err := b.tensor(from)
			if err != nil {
				return err
			}
			node.Input = append(node.Input, name)
		}
		node.Input = append(node.Input, b.r.controls(n)...)
		b.graph.Node = append(b.graph.Node, node)
	}
	return b.addVariables()
}

// callsFunctions says whether nodes need the graph's functions: a SavedModel has many, which
// contain the model several times, and none is needed once they have been unfolded.
func (b *trialBuilder) callsFunctions() bool {
	functions := map[string]bool{}
	for _, function := range b.r.library.GetFunction() {
		functions[function.GetSignature().GetName()] = true
	}
	return slices.ContainsFunc(b.r.direct, func(n *nodepb.NodeDef) bool {
		for _, attribute := range n.GetAttr() {
			if attribute.GetFunc() != nil || len(attribute.GetList().GetFunc()) > 0 {
				return true
			}
		}
		return functions[n.GetOp()]
	})
}

func (b *trialBuilder) add(name, operation string, inputs []string, with attributes) {
	b.graph.Node = append(b.graph.Node, &nodepb.NodeDef{Name: name, Op: operation, Input: inputs, Attr: with})
}

// tensor is the name of a tensor in the copy, where it is made if it does not depend on the input.
func (b *trialBuilder) tensor(from string) (string, error) {
	if b.r.dependent(from) {
		return from, nil
	}
	if name, found := b.names[from]; found {
		return name, nil
	}
	if b.constant(inference.Producer(from)) {
		b.names[from] = from
		return from, nil
	}
	value, err := b.r.output(from)
	if err != nil {
		return "", err
	}
	if kind := typespb.DataType(value.DataType()); kind == typespb.DataType_DT_RESOURCE || kind == typespb.DataType_DT_VARIANT {
		return "", fmt.Errorf("%s is no tensor of values, and cannot be copied", from)
	}
	name := valueName(len(b.values))
	b.names[from], b.values = name, append(b.values, value)
	return name, nil
}

// constant copies a constant and the nodes that merely repeat or join some.
func (b *trialBuilder) constant(name string) bool {
	node := b.r.nodes[name]
	switch {
	case b.copied[name]:
		return true
	case node.GetOp() == "Identity" && len(node.GetInput()) == 1, node.GetOp() == "ConcatV2": // the order of a transposition is joined
		if slices.ContainsFunc(dataInputs(node), func(part string) bool { return !b.constant(inference.Producer(part)) }) {
			return false
		}
	case node.GetOp() != "Const":
		return false
	}
	b.copied[name] = true
	with := maps.Clone(node.GetAttr())
	delete(with, "_class")
	b.add(name, node.GetOp(), dataInputs(node), with)
	return true
}

// addVariables computes the model's values and adds variables of their shapes, which the copy reads
// under their names.
func (b *trialBuilder) addVariables() error {
	if len(b.values) == 0 {
		return nil
	}
	var err error
	if b.tensors, err = b.r.model.Session.Run(nil, b.values, nil); err != nil {
		return err
	}
	for i, tensor := range b.tensors {
		name, kind, shape := valueName(i), typeOf(tensor.DataType()), shapeOf(tensor.Shape())
		b.add(name+handleSuffix, "VarHandleOp", nil, attributes{"dtype": kind, "shape": shape, "shared_name": text(name), "container": text("")})
		b.add(name+fedSuffix, "Placeholder", nil, attributes{"dtype": kind, "shape": shape})
		b.add(name+assignSuffix, "AssignVariableOp", []string{name + handleSuffix, name + fedSuffix}, attributes{"dtype": kind})
		b.add(name, "ReadVariableOp", []string{name + handleSuffix}, attributes{"dtype": kind})
	}
	return nil
}

// assignments are what gives the variables the values, whose memory they share.
func (b *trialBuilder) assignments(graph *tf.Graph) (assigning, error) {
	a := assigning{feeds: map[tf.Output]*tf.Tensor{}}
	for i, tensor := range b.tensors {
		fed, err := output(graph, valueName(i)+fedSuffix)
		if err != nil {
			return assigning{}, err
		}
		a.feeds[fed] = tensor
		a.operations = append(a.operations, graph.Operation(valueName(i)+assignSuffix))
	}
	return a, nil
}

// assigning gives variables values.
type assigning struct {
	feeds      map[tf.Output]*tf.Tensor
	operations []*tf.Operation
}

func (a assigning) run(session *tf.Session) error {
	if len(a.operations) == 0 {
		return nil
	}
	_, err := session.Run(a.feeds, nil, a.operations)
	return err
}

// Names of what belongs to the variable of a value.
const (
	handleSuffix = "_handle"
	fedSuffix    = "_fed"
	assignSuffix = "_assign"
)

func valueName(i int) string { return prefix + "_value_" + strconv.Itoa(i) }

type attributes = map[string]*attrpb.AttrValue

func typeOf(t tf.DataType) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Type{Type: typespb.DataType(t)}}
}

func text(v string) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_S{S: []byte(v)}}
}

func shapeOf(dims []int64) *attrpb.AttrValue {
	shape := new(shapepb.TensorShapeProto)
	for _, d := range dims {
		shape.Dim = append(shape.Dim, &shapepb.TensorShapeProto_Dim{Size: d})
	}
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: shape}}
}
