package savedmodel

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"fovea/inference"
	"fovea/preprocessing"
)

// Options supply what a SavedModel does not say itself.
type Options struct {
	// Session selects device and precision.
	Session inference.SessionConfig
	// Preprocessing is what the model expects of its input. Zero means that of the model's note, if
	// it has one (see Note), or what its graph implies.
	Preprocessing preprocessing.Spec
	// Signature is the name of the signature to compute (default: serving_default, or the
	// only one).
	Signature string
	// InputHeight and InputWidth are the size of the images in pixels for a model that takes any
	// (default DefaultInputSize). A model of one fixed size refuses others.
	InputHeight, InputWidth int
	// Dense opens a fully convolutional model for images of any size, one after another: each layer
	// is averaged over all positions of the image. A model of fixed size is ErrNotDense.
	Dense bool
	// Trust, if set, lets a model do more than compute, and is told what it will run beforehand.
	// Without it, such a model is ErrUntrusted.
	Trust func([]Impure)
	// Memory, if set, saves the computing of images of noise where it has been done before.
	Memory Memory
}

// DefaultInputSize is the height and width in pixels for models that leave them open.
const DefaultInputSize = 224

// flatPrefix begins the names of the nodes that are added to a loaded graph; cutPrefix those of the
// nodes that are added again with random layers cut out.
const (
	flatPrefix = "flat"
	cutPrefix  = "flat_cut"
)

// Open loads the SavedModel in dir; the caller closes the model. A directory that is not a
// SavedModel, is damaged, or does not have exactly one input of images is ErrFormat. One that would do
// more than compute is ErrUntrusted, and nothing of it has run.
func Open(dir string, options Options) (*inference.Model, error) {
	l, err := newLoader(dir, options)
	if err != nil {
		return nil, err
	}
	defer l.digest.abandon()
	model, err := l.model()
	if err != nil && !options.Session.Unfused && failedFusing(err) {
		options.Session.Unfused = true
		return reopen(l, dir, options)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("savedmodel: %s: %w", dir, err), l.loaded.Session.Close())
	}
	model.Name = nameOf(dir, options.Signature)
	model.SHA256, err = l.digest.wait()
	if err != nil {
		return nil, errors.Join(err, l.loaded.Session.Close())
	}
	return model, nil
}

func nameOf(dir, signature string) string {
	if signature != "" {
		signature = ":" + signature
	}
	return filepath.Base(absolute(dir)) + signature
}

// Errors of TensorFlow where it should not have fused a convolution with what follows.
const (
	// groupedFailure is that of a grouped convolution, as in ConvNeXt.
	groupedFailure = "does not support grouped convolutions"
	// lostFailure is that of a layer that is no longer there, though it is asked for, such as the sum before a
	// LeakyRelu.
	lostFailure = "specified in either feed_devices or fetch_devices was not found in the Graph"
)

func failedFusing(err error) bool {
	return strings.Contains(err.Error(), groupedFailure) || strings.Contains(err.Error(), lostFailure)
}

// reopen opens a model again with other session options.
func reopen(l *loader, dir string, options Options) (*inference.Model, error) {
	if err := l.loaded.Session.Close(); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	if options.Trust != nil {
		options.Trust = func([]Impure) {} // it was told
	}
	return Open(dir, options)
}

func absolute(dir string) string {
	if path, err := filepath.Abs(dir); err == nil {
		return path
	}
	return dir
}

// loader turns a loaded SavedModel into a Model.
type loader struct {
	dir       string
	meta      *core.MetaGraphDef
	signature string
	def       *core.SignatureDef
	input     picture
	// height and width are the size of the images that are fed, 0 for any.
	height, width int
	flat          *flattener
	outputs       []tensor
	program       *program
	static        bool // nothing may be run
	uncomputed    bool // operands of normalizations that constants do not show, if static
	digest        *digest
	memorable     bool  // whether its content alone decides how it is opened
	known         bool  // whether images of noise have shown before what they would
	found         Found // that
	loaded        *tf.SavedModel
	device        string
	options       Options
	aliases       map[string][]string // from the note, by layer name
	in            adapter             // where images go in, and what the graph is given
	prefix        string              // of the names of the flat nodes in the loaded graph
	acting        []string            // random operations that could not be cut out, in that graph
	notes         []string            // see inference.Model
	// computed are the non-constant operands of normalizations, by tensor.
	computed map[string][]float64
}

func (l *loader) model() (*inference.Model, error) {
	nodes, input, err := l.addFlat()
	if err != nil {
		return nil, err
	}
	if nodes, err = l.cutRandomLayers(nodes); err != nil {
		return nil, err
	}
	precision := l.options.Session.Precision
	if precision == "" {
		precision = inference.Float32
	}
	model := &inference.Model{
		Preprocessing: l.options.Preprocessing,
		Device:        l.device, Precision: precision, Unfused: l.options.Session.Unfused, Unrewritten: l.options.Session.Unrewritten,
		Graph: l.loaded.Graph, Session: l.loaded.Session, Input: input,
		InputHeight: l.height, InputWidth: l.width, SizeChosen: l.input.anySize(),
	}
	model.Channels, model.Notes = l.input.channels, l.notes
	return model, l.finish(nodes, model)
}

// outputTensors are the names of a signature's outputs, in the order of their keys.
func outputTensors(signature *core.SignatureDef) []string {
	var names []string
	for _, key := range sortedKeys(signature.GetOutputs()) {
		names = append(names, signature.GetOutputs()[key].GetName())
	}
	return names
}

// outerOperations are the operations that lead to the outputs of a graph without calls.
func (l *loader) outerOperations(outputs []tensor) ([]*tf.Operation, error) {
	nodes := newScope(nil, l.meta.GetGraphDef().GetNode(), "", 0).nodes
	seen := map[string]bool{}
	var operations []*tf.Operation
	var visit func(name string) error
	visit = func(name string) error {
		node := nodes[name]
		if seen[name] || node == nil {
			return nil
		}
		seen[name] = true
		for _, input := range node.GetInput() {
			from := inference.Producer(input)
			if err := visit(from); err != nil {
				return err
			}
		}
		operation := l.loaded.Graph.Operation(name)
		if operation == nil {
			return fmt.Errorf("%w: node %s is not in the loaded graph", ErrFormat, name)
		}
		operations = append(operations, operation)
		return nil
	}
	for _, t := range outputs {
		if err := visit(t.node); err != nil {
			return nil, err
		}
	}
	return operations, nil
}

// output finds a tensor of the loaded graph by its name.
func (l *loader) output(name string) (tf.Output, error) {
	t := parseTensor(name)
	operation := l.loaded.Graph.Operation(t.node)
	if operation == nil || t.index >= operation.NumOutputs() {
		return tf.Output{}, fmt.Errorf("%w: there is no tensor %s", ErrFormat, name)
	}
	return operation.Output(t.index), nil
}

func parseTensor(name string) tensor {
	node, digits, found := strings.Cut(name, ":")
	if index, err := nonNegative(digits); found && err == nil {
		return tensor{node, index, true}
	}
	return tensor{node, 0, true}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
