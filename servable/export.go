package servable

import (
	"errors"
	"fmt"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	versionspb "github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

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
}

// Part is one of the models that compute a head's features.
type Part struct {
	// Extractor computes layers of the model, Config says how an image becomes its input.
	Extractor *inference.Extractor
	Config    pipeline.Config
	// Projection is that of the layers, nil for none.
	Projection *projection.Projection
}

// Model is how the features of a head are computed.
type Model struct {
	Parts []Part
	// Columns say for each of the head's layers which layer of which part it is. Without any, the layers are those of the
	// first part.
	Columns []pipeline.Column
}

// Export writes a SavedModel. Its signature takes image_bytes, the contents of n files as strings of shape [n], and
// gives probabilities, float32 of shape [n, classes], classes, the classes' names in a shape of [n, classes], label,
// the name of the most probable class of each file, of shape [n], and novelty, float32 of shape [n], if the head
// has a novelty model. Of several models, each has its own way from the bytes to its layers.
//
// Images are decoded and scaled as package picture does, within TensorFlow's limits:
//   - JPEG and PNG files are right, over a background, too, and without one so are GIFs of one frame
//     that fills the canvas. Other formats are errors.
//   - An error in one image is an error of its whole batch.
//   - The orientation in a JPEG's EXIF is applied, that in XMP or in a PNG is not.
//   - A few pixels are rounded differently from Pillow's, by 1 of 255.
func Export(h *head.Head, m Model, o Options) error {
	if o.Unknown != "" && h.Novelty == nil {
		return errors.New("servable: the head cannot tell what it does not know: train it again, with a novelty model")
	}
	if err := m.validate(h); err != nil {
		return err
	}
	n := &nodes{}
	files := n.add("Placeholder", Input, nil, attributes{"dtype": typeOf(stringType), "shape": shapeOf(-1)})
	features, variables, functions, err := n.features(files, h, m)
	if err != nil {
		return err
	}
	c := &classifier{nodes: n}
	outputs := c.outputs(h, features, o.Unknown)
	if c.err != nil {
		return fmt.Errorf("servable: the head: %w", c.err)
	}
	variables = append(variables, c.variables...)
	saver := n.saver(variables)
	parts := savedmodel.Parts{
		Graph: n.graph(functions),
		Saver: saver,
		Signatures: map[string]*core.SignatureDef{Signature: {
			Inputs:  map[string]*core.TensorInfo{Input: info(files, stringType, -1)},
			Outputs: outputs, MethodName: savedmodel.PredictMethod,
		}},
		Note: savedmodel.Note{Model: h.Recipe.Models(), Preprocessing: preprocessing.None},
	}
	return savedmodel.Write(o.Dir, parts, func(prefix string) error {
		return saveValues(m.Parts[0].Extractor.Model(), variables, prefix)
	})
}

// outputs adds the head and describes what the signature returns.
func (c *classifier) outputs(h *head.Head, features []string, unknown string) map[string]*core.TensorInfo {
	probabilities, novelty := c.probabilities(h, features), ""
	if h.Novelty != nil {
		novelty = c.novelty(h, features)
	}
	classes, label := c.names(h.Classes, probabilities, novelty, unknown)
	outputs := map[string]*core.TensorInfo{
		Probabilities: info(probabilities, float32Type, -1, len(h.Classes)),
		ClassNames:    info(classes, stringType, -1, len(h.Classes)),
		Label:         info(label, stringType, -1),
	}
	if novelty != "" {
		outputs[Novelty] = info(novelty, float32Type, -1)
	}
	return outputs
}

// graph is the graph of all nodes so far.
func (n *nodes) graph(functions []*functionpb.FunctionDef) *graphpb.GraphDef {
	return &graphpb.GraphDef{
		Node: n.list, Library: &functionpb.FunctionDefLibrary{Function: functions},
		Versions: &versionspb.VersionDef{Producer: graphVersion, MinConsumer: minConsumer},
	}
}

// info describes a tensor of a signature.
func info(tensor string, kind typespb.DataType, dims ...int) *core.TensorInfo {
	return &core.TensorInfo{Encoding: &core.TensorInfo_Name{Name: tensor + ":0"}, Dtype: kind, TensorShape: shape(dims...)}
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
