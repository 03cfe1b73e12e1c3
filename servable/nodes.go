package servable

import (
	"strconv"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	oppb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// Element types by short names.
const (
	float32Type = typespb.DataType_DT_FLOAT
	float64Type = typespb.DataType_DT_DOUBLE
	int32Type   = typespb.DataType_DT_INT32
	int64Type   = typespb.DataType_DT_INT64
	uint8Type   = typespb.DataType_DT_UINT8
	uint16Type  = typespb.DataType_DT_UINT16
	boolType    = typespb.DataType_DT_BOOL
	stringType  = typespb.DataType_DT_STRING
	variantType = typespb.DataType_DT_VARIANT
	handleType  = typespb.DataType_DT_RESOURCE
)

// attributes of a node. Those with a default may be left out.
type attributes map[string]*attrpb.AttrValue

func typeOf(t typespb.DataType) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Type{Type: t}}
}

func integer(v int) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_I{I: int64(v)}}
}

func intsOf(values ...int64) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{I: values}}}
}

func boolean(v bool) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_B{B: v}}
}

func text(v string) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_S{S: []byte(v)}}
}

func callOf(function string) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: function}}}
}

func typesOf(types ...typespb.DataType) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Type: types}}}
}

// shape has -1 for dimensions of any size.
func shape(dims ...int) *shapepb.TensorShapeProto {
	s := new(shapepb.TensorShapeProto)
	for _, d := range dims {
		s.Dim = append(s.Dim, &shapepb.TensorShapeProto_Dim{Size: int64(d)})
	}
	return s
}

func shapeOf(dims ...int) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: shape(dims...)}}
}

func shapesOf(shapes ...*shapepb.TensorShapeProto) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Shape: shapes}}}
}

// nodes are those of a graph or of a function's body. In a function, references to outputs carry
// the outputs' names.
type nodes struct {
	list     []*nodepb.NodeDef
	function bool
	// device is where the nodes are pinned, "" for anywhere.
	device string
	taken  map[string]int
}

// outputNames are the names of the first outputs of the operations used in functions.
var outputNames = map[string]string{
	"AddV2": "z", "ArgMax": "output", "Cast": "y", "ClipByValue": "output", "Const": "output", "Cumsum": "out", "DecodeJpeg": "image", "DecodePng": "image", "DecodeRaw": "output",
	"Equal": "z", "ExpandDims": "output", "Floor": "y", "FloorDiv": "z", "GatherV2": "output", "Less": "z", "LogicalAnd": "z", "LogicalNot": "y", "Maximum": "z", "Minimum": "z",
	"Max": "output", "Min": "output", "Mul": "z", "Rint": "y", "Pack": "output", "Range": "output", "RealDiv": "z", "RightShift": "z", "Reshape": "output", "SelectV2": "output", "Reverse": "output", "ReverseV2": "output", "Round": "y",
	"ScaleAndTranslate": "resized_images", "Shape": "output", "Slice": "output", "Squeeze": "output", "StaticRegexFullMatch": "output", "StatelessIf": "output", "StringJoin": "output",
	"Sub": "z", "Substr": "output", "TensorListSetItem": "output_handle", "Transpose": "y",
}

// add appends a node and returns a reference to its first output. A name of "" means that of the
// operation.
func (n *nodes) add(operation, name string, inputs []string, with attributes) string {
	if name == "" {
		name = operation
	}
	if n.taken == nil {
		n.taken = map[string]int{}
	}
	n.taken[name]++
	if count := n.taken[name]; count > 1 {
		name += "_" + strconv.Itoa(count-1)
	}
	n.list = append(n.list, &nodepb.NodeDef{Name: name, Op: operation, Input: inputs, Attr: with, Device: n.device})
	if !n.function {
		return name
	}
	output, found := outputNames[operation]
	if !found {
		panic("servable: the output of " + operation + " has no name") // a mistake in this package
	}
	return name + ":" + output + ":0"
}

func (n *nodes) constant(t typespb.DataType, content *tensorpb.TensorProto) string {
	content.Dtype = t
	return n.add("Const", "", nil, attributes{"dtype": typeOf(t), "value": {Value: &attrpb.AttrValue_Tensor{Tensor: content}}})
}

// whole is an int32 scalar.
func (n *nodes) whole(v int) string {
	return n.constant(int32Type, &tensorpb.TensorProto{TensorShape: shape(), IntVal: []int32{int32(v)}})
}

// wholes is an int32 vector.
func (n *nodes) wholes(values ...int) string {
	t := &tensorpb.TensorProto{TensorShape: shape(len(values))}
	for _, v := range values {
		t.IntVal = append(t.IntVal, int32(v))
	}
	return n.constant(int32Type, t)
}

// real is a float32 scalar.
func (n *nodes) real(v float32) string {
	return n.constant(float32Type, &tensorpb.TensorProto{TensorShape: shape(), FloatVal: []float32{v}})
}

// doubles is a float64 vector.
func (n *nodes) doubles(values ...float64) string {
	return n.constant(float64Type, &tensorpb.TensorProto{TensorShape: shape(len(values)), DoubleVal: values})
}

// bytes is a string scalar.
func (n *nodes) bytes(v string) string {
	return n.constant(stringType, &tensorpb.TensorProto{TensorShape: shape(), StringVal: [][]byte{[]byte(v)}})
}

// double is a float64 scalar.
func (n *nodes) double(v float64) string {
	return n.constant(float64Type, &tensorpb.TensorProto{TensorShape: shape(), DoubleVal: []float64{v}})
}

// strings is a vector.
func (n *nodes) strings(values ...string) string {
	t := &tensorpb.TensorProto{TensorShape: shape(len(values))}
	for _, v := range values {
		t.StringVal = append(t.StringVal, []byte(v))
	}
	return n.constant(stringType, t)
}

// binary is an operation on two tensors of one type.
func (n *nodes) binary(operation string, t typespb.DataType, a, b string) string {
	return n.add(operation, "", []string{a, b}, attributes{"T": typeOf(t)})
}

func (n *nodes) cast(from, to typespb.DataType, x string) string {
	return n.add("Cast", "", []string{x}, attributes{"SrcT": typeOf(from), "DstT": typeOf(to)})
}

// pack stacks tensors of one shape along a new first dimension.
func (n *nodes) pack(t typespb.DataType, values ...string) string {
	return n.add("Pack", "", values, attributes{"N": integer(len(values)), "T": typeOf(t), "axis": integer(0)})
}

// element is x[index], along the first dimension.
func (n *nodes) element(t typespb.DataType, x, index string) string {
	return n.gather(t, x, index, 0)
}

func (n *nodes) gather(t typespb.DataType, x, indices string, axis int) string {
	return n.add("GatherV2", "", []string{x, indices, n.whole(axis)}, attributes{"Tparams": typeOf(t), "Tindices": typeOf(int32Type), "Taxis": typeOf(int32Type)})
}

// size is the shape of x, an int32 vector.
func (n *nodes) size(t typespb.DataType, x string) string {
	return n.add("Shape", "", []string{x}, attributes{"T": typeOf(t), "out_type": typeOf(int32Type)})
}

func (n *nodes) reshape(t typespb.DataType, x string, dims ...int) string {
	return n.add("Reshape", "", []string{x, n.wholes(dims...)}, attributes{"T": typeOf(t), "Tshape": typeOf(int32Type)})
}

func (n *nodes) reverse(t typespb.DataType, x string, axis int) string {
	return n.add("ReverseV2", "", []string{x, n.wholes(axis)}, attributes{"T": typeOf(t), "Tidx": typeOf(int32Type)})
}

// argument is an input or output of a function.
type argument struct {
	name string
	kind typespb.DataType
}

// define makes a function of nodes; results maps the names of outputs to references.
func (n *nodes) define(name string, inputs, outputs []argument, results map[string]string) *functionpb.FunctionDef {
	list := func(arguments []argument) []*oppb.OpDef_ArgDef {
		var all []*oppb.OpDef_ArgDef
		for _, a := range arguments {
			all = append(all, &oppb.OpDef_ArgDef{Name: a.name, Type: a.kind})
		}
		return all
	}
	return &functionpb.FunctionDef{
		Signature: &oppb.OpDef{Name: name, InputArg: list(inputs), OutputArg: list(outputs)},
		NodeDef:   n.list, Ret: results,
	}
}
