package servable

import (
	"errors"
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	versionspb "github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/head"
	"fovea/inference"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/projection"
	"fovea/savedmodel"
)

// Names of the signature and its tensors. TensorFlow Serving takes base64 for inputs whose names end
// in _bytes.
const (
	Signature     = "serving_default"
	Input         = "image_bytes"
	Probabilities = "probabilities"
	ClassNames    = "classes"
	Label         = "label"
	Novelty       = "novelty"
)

// graphVersion is the version of TensorFlow 2.18's graphs. minConsumer is that of TensorFlow 1.13,
// the first with all operations used here.
const (
	graphVersion = 1882
	minConsumer  = 12
)

// Options say what is exported where.
type Options struct {
	// Dir must be new or empty.
	Dir string
	// Unknown, if not empty, is the label of images whose novelty is above 1. The head must have a novelty model.
	Unknown string
	// Projection is that of the head's features, nil for none.
	Projection *projection.Projection
}

// Export writes a SavedModel. Its signature takes image_bytes, the contents of n files as strings of shape [n], and
// gives probabilities, float32 of shape [n, classes], classes, the classes' names in a shape of [n, classes], label,
// the name of the most probable class of each file, of shape [n], and novelty, float32 of shape [n], if the head
// has a novelty model. The extractor computes the head's layers, in the
// head's order, with the head's model; config says how an image becomes that model's input.
//
// Images are decoded and scaled as package picture does, within TensorFlow's limits:
//   - JPEG and PNG files are right, over a background, too, and without one so are GIFs of one frame
//     that fills the canvas. Other formats are errors.
//   - An error in one image is an error of its whole batch.
//   - The orientation in a JPEG's EXIF is applied, that in XMP or in a PNG is not.
//   - A few pixels are rounded differently from Pillow's, by 1 of 255.
func Export(h *head.Head, extractor *inference.Extractor, config pipeline.Config, o Options) error {
	if o.Unknown != "" && h.Novelty == nil {
		return errors.New("servable: the head cannot tell what it does not know: train it again, with a novelty model")
	}
	model := extractor.Model()
	if model.MaxBatch > 0 || model.Depth() != 3 {
		return fmt.Errorf("servable: model %s takes %d channels and batches of %d images: only models of RGB images and batches of any size can be exported", model.Name, model.Depth(), model.MaxBatch)
	}
	n := &nodes{}
	files := n.add("Placeholder", Input, nil, attributes{"dtype": typeOf(stringType), "shape": shapeOf(-1)})
	pixels, functions, err := n.pixels(files, config.Picture)
	if err != nil {
		return err
	}
	if model.Input.DataType() == tf.Float {
		if pixels, err = n.preprocess(pixels, config.Preprocessing); err != nil {
			return err
		}
	}
	features, variables, more, err := n.copyModel(model, extractor.Outputs(), pixels)
	if err != nil {
		return fmt.Errorf("servable: %w", err)
	}
	c := &classifier{nodes: n}
	if features, err = c.project(o.Projection, extractor.Computed(), features); err != nil {
		return fmt.Errorf("servable: %w", err)
	}
	features = c.overViews(h, features, config.Picture.Views.Count())
	probabilities, novelty := c.probabilities(h, features), ""
	if h.Novelty != nil {
		novelty = c.novelty(h, features)
	}
	classes, label := c.names(h.Classes, probabilities, novelty, o.Unknown)
	if c.err != nil {
		return fmt.Errorf("servable: the head: %w", c.err)
	}
	variables = append(variables, c.variables...)
	saver := n.saver(variables)
	info := func(tensor string, kind typespb.DataType, dims ...int) *core.TensorInfo {
		return &core.TensorInfo{Encoding: &core.TensorInfo_Name{Name: tensor + ":0"}, Dtype: kind, TensorShape: shape(dims...)}
	}
	outputs := map[string]*core.TensorInfo{
		Probabilities: info(probabilities, float32Type, -1, len(h.Classes)),
		ClassNames:    info(classes, stringType, -1, len(h.Classes)),
		Label:         info(label, stringType, -1),
	}
	if novelty != "" {
		outputs[Novelty] = info(novelty, float32Type, -1)
	}
	parts := savedmodel.Parts{
		Graph: &graphpb.GraphDef{
			Node: n.list, Library: &functionpb.FunctionDefLibrary{Function: append(functions, more...)},
			Versions: &versionspb.VersionDef{Producer: graphVersion, MinConsumer: minConsumer},
		},
		Saver: saver,
		Signatures: map[string]*core.SignatureDef{Signature: {
			Inputs:  map[string]*core.TensorInfo{Input: info(files, stringType, -1)},
			Outputs: outputs, MethodName: savedmodel.PredictMethod,
		}},
		Note: savedmodel.Note{Model: h.Recipe.Model, Preprocessing: preprocessing.None},
	}
	return savedmodel.Write(o.Dir, parts, func(prefix string) error { return saveValues(model, variables, prefix) })
}

// saver adds the operations that save and restore variables in TensorFlow.
func (n *nodes) saver(variables []variable) *core.SaverDef {
	var names, reads []string
	var types []typespb.DataType
	for _, v := range variables {
		names, types = append(names, v.name), append(types, v.kind)
		reads = append(reads, n.add("ReadVariableOp", "save/read", []string{v.name}, attributes{"dtype": typeOf(v.kind)}))
	}
	prefix := n.add("Placeholder", "save/prefix", nil, attributes{"dtype": typeOf(stringType), "shape": shapeOf()})
	keys, slices := n.strings(names...), n.strings(make([]string, len(names))...)
	saved := n.add("SaveV2", "save/save", append([]string{prefix, keys, slices}, reads...), attributes{"dtypes": typesOf(types...)})
	values := n.add("RestoreV2", "save/restore", []string{prefix, keys, slices}, attributes{"dtypes": typesOf(types...)})
	var assigned []string
	for i, v := range variables {
		value := values
		if i > 0 {
			value = fmt.Sprintf("%s:%d", values, i)
		}
		assigned = append(assigned, "^"+n.add("AssignVariableOp", "save/assign", []string{v.name, value}, attributes{"dtype": typeOf(v.kind)}))
	}
	restored := n.add("NoOp", "save/restore_all", assigned, nil)
	return &core.SaverDef{FilenameTensorName: prefix + ":0", SaveTensorName: saved, RestoreOpName: restored, Version: core.SaverDef_V2}
}

// saveValues writes the model's variables and the head's as a checkpoint. The model's session does
// it, because that holds the variables.
func saveValues(model *inference.Model, variables []variable, prefix string) error {
	// Operations cannot be removed from a graph, so that each export needs new names.
	name := "fovea_export"
	for i := 1; model.Graph.Operation(name+"/SaveV2") != nil; i++ {
		name = fmt.Sprintf("fovea_export_%d", i)
	}
	scope := op.NewScopeWithGraph(model.Graph).SubScope(name)
	file, err := tf.NewTensor(prefix)
	if err != nil {
		return err
	}
	target := op.Placeholder(scope.SubScope("prefix"), tf.String, op.PlaceholderShape(tf.ScalarShape()))
	feeds := map[tf.Output]*tf.Tensor{target: file}
	var names []string
	var values []tf.Output
	for _, v := range variables {
		names = append(names, v.name)
		switch {
		case v.value != nil:
			value := op.Placeholder(scope.SubScope("value"), tf.DataType(v.kind), op.PlaceholderShape(tf.MakeShape(v.value.Shape()...)))
			feeds[value], values = v.value, append(values, value)
		case v.source.DataType() == tf.DataType(handleType):
			values = append(values, op.ReadVariableOp(scope.SubScope("read"), v.source, tf.DataType(v.kind)))
		default:
			values = append(values, v.source)
		}
	}
	keys, slices := op.Const(scope.SubScope("keys"), names), op.Const(scope.SubScope("slices"), make([]string, len(names)))
	saved := op.SaveV2(scope, target, keys, slices, values)
	if err := scope.Err(); err != nil {
		return err
	}
	_, err = model.Session.Run(feeds, nil, []*tf.Operation{saved})
	return err
}
