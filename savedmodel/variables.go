package savedmodel

import (
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	variablepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// variablesCollection is where Python's TensorFlow looks for a graph's variables.
const variablesCollection = "variables"

// collections names the variables that the saver restores. Without it a SavedModel computes the same, but what Python
// loads has no variables: converters (tf2onnx, TFLite) and all else that freezes or saves it again write a model without
// its weights.
func collections(graph *graphpb.GraphDef, saver *core.SaverDef) (map[string]*core.CollectionDef, error) {
	restored, reads := map[string]bool{}, map[string]string{}
	for _, n := range graph.GetNode() {
		if n.GetOp() == "ReadVariableOp" {
			reads[inference.Producer(n.GetInput()[0])] = n.GetName()
		}
		if n.GetName() == saver.GetRestoreOpName() {
			for _, input := range n.GetInput() {
				restored[inference.Producer(input)] = true
			}
		}
	}
	list := &core.CollectionDef_BytesList{}
	for _, n := range graph.GetNode() {
		if n.GetOp() != "AssignVariableOp" || !restored[n.GetName()] {
			continue
		}
		handle := inference.Producer(n.GetInput()[0])
		variable, err := proto.MarshalOptions{Deterministic: true}.Marshal(&variablepb.VariableDef{
			VariableName: handle + ":0", InitializerName: n.GetName(), SnapshotName: reads[handle] + ":0", IsResource: true,
		})
		if err != nil {
			return nil, err
		}
		list.Value = append(list.Value, variable)
	}
	return map[string]*core.CollectionDef{variablesCollection: {Kind: &core.CollectionDef_BytesList_{BytesList: list}}}, nil
}
