package savedmodel

import (
	"fmt"

	attributepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// hubPrefix begins the names of the nodes that restore a module's variables.
const hubPrefix = "fovea_restore_module"

// completeModule adds to a module of TensorFlow 1's Hub, which has no tags, the operations that
// restore its variables: TensorFlow Hub did that itself.
func completeModule(meta *core.MetaGraphDef) {
	if len(meta.GetMetaInfoDef().GetTags()) == 0 && meta.GetSaverDef() == nil {
		meta.SaverDef = addRestore(meta.GetGraphDef())
	}
}

// addRestore adds nodes to a graph that restore all its variables by name.
func addRestore(graph *graphpb.GraphDef) *core.SaverDef {
	prefix := stringNode("prefix", nil)
	var keys, assigned []string
	var types []typespb.DataType
	var assigns []*nodepb.NodeDef
	for _, v := range graph.GetNode() {
		kind, attribute := "", ""
		switch v.GetOp() {
		case "VarHandleOp":
			kind, attribute = "AssignVariableOp", "dtype"
		case "VariableV2", "Variable":
			kind, attribute = "Assign", "T"
		default:
			continue
		}
		key := string(v.GetAttr()["shared_name"].GetS())
		if key == "" || kind == "Assign" {
			key = v.GetName()
		}
		dtype := v.GetAttr()["dtype"].GetType()
		value := fmt.Sprintf("%s/values:%d", hubPrefix, len(keys))
		assign := &nodepb.NodeDef{
			Name: fmt.Sprintf("%s/assign_%d", hubPrefix, len(keys)), Op: kind, Input: []string{v.GetName(), value},
			Attr: map[string]*attributepb.AttrValue{attribute: {Value: &attributepb.AttrValue_Type{Type: dtype}}},
		}
		assigns, assigned = append(assigns, assign), append(assigned, "^"+assign.GetName())
		keys, types = append(keys, key), append(types, dtype)
	}
	if len(keys) == 0 {
		return nil
	}
	values := &nodepb.NodeDef{
		Name: hubPrefix + "/values", Op: "RestoreV2", Input: []string{prefix.GetName(), hubPrefix + "/keys", hubPrefix + "/slices"},
		Attr: map[string]*attributepb.AttrValue{"dtypes": {Value: &attributepb.AttrValue_List{List: &attributepb.AttrValue_ListValue{Type: types}}}},
	}
	all := &nodepb.NodeDef{Name: hubPrefix + "/all", Op: "NoOp", Input: assigned}
	graph.Node = append(graph.Node, prefix, stringNode("keys", keys), stringNode("slices", make([]string, len(keys))), values)
	graph.Node = append(append(graph.Node, assigns...), all)
	return &core.SaverDef{FilenameTensorName: prefix.GetName() + ":0", SaveTensorName: prefix.GetName() + ":0", RestoreOpName: all.GetName(), Version: core.SaverDef_V2}
}

// stringNode is a constant of strings: a vector, or a single empty one.
func stringNode(name string, values []string) *nodepb.NodeDef {
	tensor := &tensorpb.TensorProto{Dtype: typespb.DataType_DT_STRING, TensorShape: new(shapepb.TensorShapeProto), StringVal: [][]byte{nil}}
	if values != nil {
		tensor.TensorShape.Dim = []*shapepb.TensorShapeProto_Dim{{Size: int64(len(values))}}
		tensor.StringVal = nil
	}
	for _, v := range values {
		tensor.StringVal = append(tensor.StringVal, []byte(v))
	}
	return &nodepb.NodeDef{Name: hubPrefix + "/" + name, Op: "Const", Attr: map[string]*attributepb.AttrValue{
		"dtype": {Value: &attributepb.AttrValue_Type{Type: typespb.DataType_DT_STRING}},
		"value": {Value: &attributepb.AttrValue_Tensor{Tensor: tensor}},
	}}
}
