package savedmodel

import (
	"slices"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	oppb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	versionspb "github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// Graphs for tests are written as nodes: "NAME = OP(INPUT, ...)" with attributes behind it.

type attributes map[string]*attrpb.AttrValue

// node parses a definition such as "sum = AddV2(x, y:1, ^init)".
func node(definition string, more ...attributes) *nodepb.NodeDef {
	name, call, _ := strings.Cut(definition, " = ")
	kind, inputs, _ := strings.Cut(strings.TrimSuffix(call, ")"), "(")
	n := &nodepb.NodeDef{Name: name, Op: kind, Attr: map[string]*attrpb.AttrValue{}}
	if inputs != "" {
		n.Input = strings.Split(inputs, ", ")
	}
	for _, some := range more {
		for key, value := range some {
			n.Attr[key] = value
		}
	}
	return n
}

func nodes(definitions ...string) []*nodepb.NodeDef {
	all := make([]*nodepb.NodeDef, len(definitions))
	for i, definition := range definitions {
		all[i] = node(definition)
	}
	return all
}

// definitions is the inverse of nodes.
func definitions(all []*nodepb.NodeDef) []string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = n.GetName() + " = " + n.GetOp() + "(" + strings.Join(n.GetInput(), ", ") + ")"
	}
	return texts
}

func typed(key string, kind tf.DataType) attributes { return attributes{key: typeAttribute(kind)} }

func text(key, value string) attributes {
	return attributes{key: {Value: &attrpb.AttrValue_S{S: []byte(value)}}}
}

func number(key string, n int64) attributes {
	return attributes{key: {Value: &attrpb.AttrValue_I{I: n}}}
}

func flag(key string, value bool) attributes {
	return attributes{key: {Value: &attrpb.AttrValue_B{B: value}}}
}

func integers(key string, values ...int64) attributes {
	return attributes{key: {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{I: values}}}}
}

func calls(function string) attributes {
	return attributes{"f": {Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: function}}}}
}

// call is a node that calls a function.
func call(definition, function string) *nodepb.NodeDef {
	name, inputs, _ := strings.Cut(definition, "(")
	return node(name+" = StatefulPartitionedCall("+inputs, calls(function))
}

// floats and ints are constants of so many dimensions as sizes has.
func floats(name string, sizes []int64, values ...float32) *nodepb.NodeDef {
	return constantNode(name, &tensorpb.TensorProto{Dtype: typespb.DataType_DT_FLOAT, TensorShape: tensorShape(sizes...), FloatVal: values})
}

func ints(name string, values ...int32) *nodepb.NodeDef {
	return constantNode(name, &tensorpb.TensorProto{Dtype: typespb.DataType_DT_INT32, TensorShape: tensorShape(int64(len(values))), IntVal: values})
}

func constantNode(name string, value *tensorpb.TensorProto) *nodepb.NodeDef {
	return node(name+" = Const()", attributes{
		"dtype": typeAttribute(tf.DataType(value.GetDtype())),
		"value": {Value: &attrpb.AttrValue_Tensor{Tensor: value}},
	})
}

func tensorShape(sizes ...int64) *shapepb.TensorShapeProto {
	return shapeAttribute(sizes...).GetShape()
}

// function builds "NAME(ARGUMENT, ...) OUTPUT=REFERENCE, ..." with a body.
func function(signature string, body ...*nodepb.NodeDef) *functionpb.FunctionDef {
	head, returns, _ := strings.Cut(signature, ") ")
	name, arguments, _ := strings.Cut(head, "(")
	f := &functionpb.FunctionDef{Signature: &oppb.OpDef{Name: name}, NodeDef: body, Ret: map[string]string{}}
	for argument := range strings.FieldsFuncSeq(arguments, func(r rune) bool { return r == ',' || r == ' ' }) {
		f.Signature.InputArg = append(f.Signature.InputArg, &oppb.OpDef_ArgDef{Name: argument})
	}
	for output := range strings.SplitSeq(returns, ", ") {
		key, reference, found := strings.Cut(output, "=")
		f.Signature.OutputArg = append(f.Signature.OutputArg, &oppb.OpDef_ArgDef{Name: key})
		if found {
			f.Ret[key] = reference
		}
	}
	return f
}

// metaOf is a model with nodes at the top and functions. Its list of operations has those whose outputs
// the tests call by name.
func metaOf(top []*nodepb.NodeDef, functions ...*functionpb.FunctionDef) *core.MetaGraphDef {
	output := func(kind, name string) *oppb.OpDef {
		return &oppb.OpDef{Name: kind, OutputArg: []*oppb.OpDef_ArgDef{{Name: name}}}
	}
	operators := []*oppb.OpDef{
		output("Relu", "activations"), output("AddV2", "z"), output("Identity", "output"), output("ReadVariableOp", "value"),
		{Name: "StatefulPartitionedCall", OutputArg: []*oppb.OpDef_ArgDef{{Name: "output", TypeListAttr: "Tout"}}},
		{Name: "Split", OutputArg: []*oppb.OpDef_ArgDef{{Name: "output", NumberAttr: "num_split"}}},
		{Name: "Mixed", OutputArg: []*oppb.OpDef_ArgDef{{Name: "one"}, {Name: "many", TypeListAttr: "Tout"}, {Name: "last"}}},
	}
	return &core.MetaGraphDef{
		MetaInfoDef: &core.MetaGraphDef_MetaInfoDef{Tags: []string{serveTag}, StrippedOpList: &oppb.OpList{Op: operators}},
		GraphDef:    &graphpb.GraphDef{Node: top, Library: &functionpb.FunctionDefLibrary{Function: functions}},
	}
}

// imported is a graph of TensorFlow's with these nodes, and its operations in the order of the nodes.
func imported(t *testing.T, all []*nodepb.NodeDef) (*tf.Graph, []*tf.Operation) {
	t.Helper()
	encoded, err := proto.Marshal(&graphpb.GraphDef{Node: all, Versions: &versionspb.VersionDef{Producer: 1882}})
	if err != nil {
		t.Fatal(err)
	}
	graph := tf.NewGraph()
	if err := graph.Import(encoded, ""); err != nil {
		t.Fatal(err)
	}
	operations := make([]*tf.Operation, len(all))
	for i, n := range all {
		operations[i] = graph.Operation(n.GetName())
	}
	return graph, operations
}

// containsText also says that nothing is wanted and there is nothing.
func containsText(got, want string) bool {
	return want != "" && strings.Contains(got, want) || got == want
}

func checkEqual[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// concreteFunctions records the captures of functions.
func concreteFunctions(captures map[string][]int32) *core.SavedObjectGraph {
	graph := &core.SavedObjectGraph{ConcreteFunctions: map[string]*core.SavedConcreteFunction{}}
	for name, objects := range captures {
		graph.ConcreteFunctions[name] = &core.SavedConcreteFunction{BoundInputs: objects}
	}
	return graph
}
