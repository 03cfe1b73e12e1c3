package vgg

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
	"fovea/savedmodel"
	"fovea/vgg/weights"
)

// Export writes a network as a SavedModel to dir, which must not exist or must be empty. It has a
// signature for every layer, under the layer's name, and "serving_default" with the layers that are
// wanted most; each takes preprocessed images as "input". The weights are variables.
func Export(c Configuration, set weights.Set, dir string) error {
	b := &builder{}
	layers, err := c.graph(set, b)
	if err != nil {
		return err
	}
	saver := b.addSaver()
	graph, err := b.root.Finalize()
	if err != nil {
		return fmt.Errorf("vgg: build the graph of %s: %w", c.Name, err)
	}
	parts, err := b.parts(graph, saver, layers, c, set)
	if err != nil {
		return fmt.Errorf("vgg: export %s: %w", c.Name, err)
	}
	session, _, err := inference.NewSession(graph, inference.SessionConfig{Device: inference.DeviceCPU})
	if err != nil {
		return fmt.Errorf("vgg: export %s: %w", c.Name, err)
	}
	defer session.Close()
	if err := b.assign(session, set); err != nil {
		return fmt.Errorf("vgg: put the weights into %s: %w", c.Name, err)
	}
	if err := savedmodel.Write(dir, parts, func(file string) error {
		prefix, err := tf.NewTensor(file)
		if err != nil {
			return err
		}
		_, err = session.Run(map[tf.Output]*tf.Tensor{saver.prefix: prefix}, nil, []*tf.Operation{saver.save})
		return err
	}); err != nil {
		return fmt.Errorf("vgg: %s: %w", c.Name, err)
	}
	return nil
}

// saver are the operations that save and restore a SavedModel.
type saver struct {
	prefix        tf.Output
	save, restore *tf.Operation
}

func (b *builder) addSaver() saver {
	scope := b.root.SubScope("save")
	prefix := op.Placeholder(scope.SubScope("prefix"), tf.String, op.PlaceholderShape(tf.ScalarShape()))
	names, slices := make([]string, len(b.variables)), make([]string, len(b.variables))
	types := make([]tf.DataType, len(b.variables))
	values := make([]tf.Output, len(b.variables))
	for i, v := range b.variables {
		names[i], types[i] = v.name, tf.Float
		values[i] = op.ReadVariableOp(scope.SubScope("read"), v.handle, tf.Float)
	}
	keys, noSlices := op.Const(scope.SubScope("keys"), names), op.Const(scope.SubScope("slices"), slices)
	s := saver{prefix: prefix, save: op.SaveV2(scope, prefix, keys, noSlices, values)}
	var assigned []*tf.Operation
	for i, value := range op.RestoreV2(scope, prefix, keys, noSlices, types) {
		assigned = append(assigned, op.AssignVariableOp(scope.SubScope("assign"), b.variables[i].handle, value))
	}
	s.restore = op.NoOp(scope.SubScope("restore_all").WithControlDependencies(assigned...))
	return s
}

// parts are the graph with its signatures, and our note.
func (b *builder) parts(graph *tf.Graph, s saver, layers []inference.Layer, c Configuration, set weights.Set) (savedmodel.Parts, error) {
	definition, err := inference.GraphDef(graph)
	if err != nil {
		return savedmodel.Parts{}, err
	}
	nameVariables(definition)
	wanted, err := Preprocessing(set)
	if err != nil {
		return savedmodel.Parts{}, err
	}
	parts := savedmodel.Parts{
		Graph: definition,
		Saver: &core.SaverDef{
			FilenameTensorName: s.prefix.Op.Name() + ":0", SaveTensorName: s.save.Name(), RestoreOpName: s.restore.Name(),
			Version: core.SaverDef_V2,
		},
		Signatures: b.signatures(layers),
		Note:       savedmodel.Note{Model: c.Name, Preprocessing: wanted, Aliases: map[string][]string{}},
	}
	for _, l := range layers {
		parts.Note.Aliases[l.Name] = l.Aliases
	}
	return parts, nil
}

// nameVariables names the nodes of variables after these, as Python's TensorFlow does: TFLite's converter finds them by
// that name alone, and what Python loads has them under it.
func nameVariables(graph *graphpb.GraphDef) {
	names := map[string]string{}
	for _, n := range graph.GetNode() {
		if n.GetOp() == "VarHandleOp" {
			names[n.GetName()] = string(n.GetAttr()["shared_name"].GetS())
			n.Name = names[n.GetName()]
		}
	}
	for _, n := range graph.GetNode() {
		for i, input := range n.GetInput() {
			if name, is := names[input]; is {
				n.Input[i] = name
			}
		}
	}
}

func (b *builder) signatures(layers []inference.Layer) map[string]*core.SignatureDef {
	inputs := map[string]*core.TensorInfo{"input": tensorInfo(b.input, []int{b.dimensions.InputSize, b.dimensions.InputSize, 3})}
	all := map[string]*core.SignatureDef{}
	outputs := map[string]*core.TensorInfo{}
	for _, l := range layers {
		info := tensorInfo(l.Output, l.Shape)
		all[l.Name] = &core.SignatureDef{Inputs: inputs, Outputs: map[string]*core.TensorInfo{l.Name: info}, MethodName: savedmodel.PredictMethod}
		switch l.Name {
		case "pool5", "fc6", "fc7", "fc8", "softmax":
			outputs[l.Name] = info
		}
	}
	all["serving_default"] = &core.SignatureDef{Inputs: inputs, Outputs: outputs, MethodName: savedmodel.PredictMethod}
	return all
}

func tensorInfo(output tf.Output, shape []int) *core.TensorInfo {
	dims := []*shapepb.TensorShapeProto_Dim{{Size: -1}}
	for _, d := range shape {
		dims = append(dims, &shapepb.TensorShapeProto_Dim{Size: int64(d)})
	}
	return &core.TensorInfo{
		Encoding:    &core.TensorInfo_Name{Name: fmt.Sprintf("%s:%d", output.Op.Name(), output.Index)},
		Dtype:       typespb.DataType_DT_FLOAT,
		TensorShape: &shapepb.TensorShapeProto{Dim: dims},
	}
}
