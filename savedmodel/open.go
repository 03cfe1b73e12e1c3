package savedmodel

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
	"fovea/preprocessing"
)

// Options say what a SavedModel does not say itself.
type Options struct {
	// Session chooses device and precision.
	Session inference.SessionConfig
	// Preprocessing is how the model wants its input. Zero: what the model's own note says, if it has one (see Note).
	Preprocessing preprocessing.Spec
	// Signature is the name of the signature to compute (default: serving_default, or the
	// only one).
	Signature string
	// InputSize is the height and width of the input for a model that takes any
	// (default DefaultInputSize).
	InputSize int
}

// DefaultInputSize is the input size of models that leave it open.
const DefaultInputSize = 224

// flatPrefix begins the names of the nodes that are added to a loaded graph, and cutPrefix
// those of the nodes that are added once more where random layers were cut out of them.
const (
	flatPrefix = "flat"
	cutPrefix  = "flat_cut"
)

// Open loads the SavedModel in dir. The caller closes the model. A directory that is not a
// SavedModel, is damaged, or has not exactly one input of pictures is ErrFormat.
func Open(dir string, options Options) (*inference.Model, error) {
	meta, err := readMetaGraph(dir)
	if err != nil {
		return nil, err
	}
	name, signature, err := chooseSignature(meta, options.Signature)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	input, err := pictureInput(signature)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: signature %s: %w", dir, name, err)
	}
	if err := checkVariables(dir, meta); err != nil {
		return nil, err
	}
	// Before TensorFlow sees the graph: some damage that is found here would end the process
	// there.
	flat := newFlattener(meta)
	outputs, err := flat.flatten(outputTensors(signature))
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	note, err := readNote(dir)
	if err != nil {
		return nil, err
	}
	if options.Preprocessing, err = choosePreprocessing(dir, input, options.Preprocessing, note); err != nil {
		return nil, err
	}
	sum, err := hash(dir)
	if err != nil {
		return nil, err
	}
	if options.Session.Placement() != "" {
		// LoadSavedModel takes no placement, and TensorFlow would put all on the first GPU.
		return nil, fmt.Errorf("savedmodel: %s: a SavedModel runs on one GPU a process: start one for each GPU, with --device gpu:0 --shard 0/2 and --device gpu:1 --shard 1/2, and join their datasets by extract dataset merge", dir)
	}
	sessionOptions, err := options.Session.Options()
	if err != nil {
		return nil, err
	}
	loaded, err := tf.LoadSavedModel(dir, meta.GetMetaInfoDef().GetTags(), sessionOptions)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w: %w", dir, ErrFormat, err)
	}
	m := &loader{dir: dir, meta: meta, signature: name, def: signature, input: input, flat: flat, outputs: outputs, loaded: loaded, options: options, aliases: note.Aliases, prefix: flatPrefix}
	model, err := m.model()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("savedmodel: %s: %w", dir, err), loaded.Session.Close())
	}
	model.Name = filepath.Base(absolute(dir))
	if options.Signature != "" {
		model.Name += ":" + options.Signature
	}
	model.SHA256 = sum
	return model, nil
}

// choosePreprocessing is what was asked for, or what the model's note says. A model that
// takes bytes can only normalize by itself.
func choosePreprocessing(dir string, input picture, asked preprocessing.Spec, note Note) (preprocessing.Spec, error) {
	switch {
	case input.dtype == typespb.DataType_DT_UINT8 && !asked.IsZero() && asked != preprocessing.None:
		return preprocessing.Spec{}, fmt.Errorf("savedmodel: %s takes bytes (uint8) and normalizes them by itself, so preprocessing %s cannot be: use %s", dir, asked, preprocessing.None)
	case input.dtype == typespb.DataType_DT_UINT8:
		return preprocessing.None, nil
	case !asked.IsZero():
		return asked, nil
	}
	return note.Preprocessing, nil
}

func absolute(dir string) string {
	if path, err := filepath.Abs(dir); err == nil {
		return path
	}
	return dir
}

// picture describes the input of a signature.
type picture struct {
	key, tensor   string
	dtype         typespb.DataType
	height, width int // 0 where the model takes any
}

// pictureInput checks that a signature takes one batch of pictures and nothing else.
func pictureInput(signature *core.SignatureDef) (picture, error) {
	if n := len(signature.GetInputs()); n != 1 {
		return picture{}, fmt.Errorf("%w: it takes %d inputs; only models of one picture can be used", ErrFormat, n)
	}
	for key, info := range signature.GetInputs() {
		dims := info.GetTensorShape().GetDim()
		sizes := make([]int64, len(dims))
		for i, d := range dims {
			sizes[i] = d.GetSize()
		}
		p := picture{key: key, tensor: info.GetName(), dtype: info.GetDtype()}
		switch {
		case p.dtype != typespb.DataType_DT_FLOAT && p.dtype != typespb.DataType_DT_UINT8:
			return picture{}, fmt.Errorf("%w: input %s is of type %s; only float32 and uint8 can be used", ErrFormat, key, p.dtype)
		case info.GetTensorShape().GetUnknownRank() || len(dims) != 4:
			return picture{}, fmt.Errorf("%w: input %s has shape %v; a batch of pictures is [batch, height, width, 3]", ErrFormat, key, sizes)
		case sizes[1] == 3 && sizes[3] != 3:
			return picture{}, fmt.Errorf("%w: input %s has its channels first (%v); export the model with channels last (NHWC)", ErrFormat, key, sizes)
		case sizes[3] != 3:
			return picture{}, fmt.Errorf("%w: input %s has %d channels, not 3", ErrFormat, key, sizes[3])
		case sizes[0] > 1:
			return picture{}, fmt.Errorf("%w: input %s is fixed to batches of %d; export the model with an open batch size", ErrFormat, key, sizes[0])
		case sizes[1] > maxSide || sizes[2] > maxSide:
			return picture{}, fmt.Errorf("%w: input %s of %dx%d pixels is larger than %d", ErrFormat, key, sizes[1], sizes[2], maxSide)
		}
		p.height, p.width = int(max(sizes[1], 0)), int(max(sizes[2], 0))
		return p, nil
	}
	panic("unreachable: there is one input")
}

// maxSide bounds the input, so that a hostile signature cannot ask for all memory.
const maxSide = 4096

// loader turns a loaded SavedModel into a Model.
type loader struct {
	dir       string
	meta      *core.MetaGraphDef
	signature string
	def       *core.SignatureDef
	input     picture
	flat      *flattener
	outputs   []tensor
	loaded    *tf.SavedModel
	options   Options
	aliases   map[string][]string // noted, by the names of layers
	prefix    string              // of the names of the flat nodes in the loaded graph
	acting    []string            // random operations that could not be cut out, in that graph
	notes     []string            // see inference.Model
}

func (l *loader) model() (*inference.Model, error) {
	device, err := l.options.Session.DeviceOf(l.loaded.Session)
	if err != nil {
		return nil, err
	}
	nodes, input, err := l.addFlat()
	if err != nil {
		return nil, err
	}
	if nodes, err = l.cutRandomLayers(nodes); err != nil {
		return nil, err
	}
	size := l.options.InputSize
	if size == 0 {
		size = DefaultInputSize
	}
	precision := l.options.Session.Precision
	if precision == "" {
		precision = inference.Float32
	}
	model := &inference.Model{
		Preprocessing: l.options.Preprocessing,
		Device:        device, Precision: precision,
		Graph: l.loaded.Graph, Session: l.loaded.Session, Input: input,
		InputHeight: l.input.height, InputWidth: l.input.width,
	}
	if model.InputHeight == 0 {
		model.InputHeight = size
	}
	if model.InputWidth == 0 {
		model.InputWidth = size
	}
	if err := l.layers(nodes, model); err != nil {
		return nil, err
	}
	model.Notes = l.notes
	return model, l.repair(model)
}

// outputTensors are the names of a signature's outputs, in the order of their keys.
func outputTensors(signature *core.SignatureDef) []string {
	var names []string
	for _, key := range sortedKeys(signature.GetOutputs()) {
		names = append(names, signature.GetOutputs()[key].GetName())
	}
	return names
}

// addFlat adds the flat copy of the signature's computation to the loaded graph and returns
// the operations of the whole way from the input on, in order of computation.
func (l *loader) addFlat() ([]*tf.Operation, tf.Output, error) {
	f := l.flat
	input, err := l.output(l.input.tensor)
	if err != nil {
		return nil, tf.Output{}, err
	}
	if len(f.nodes) == 0 { // nothing is hidden in functions
		operations, err := l.outerOperations(l.outputs)
		return operations, input, err
	}
	importOptions := tf.GraphImportOptions{Prefix: l.prefix}
	for t := range f.outer {
		destination, err := l.output(t.String())
		if err != nil {
			return nil, tf.Output{}, err
		}
		importOptions.AddInputMapping(t.node, t.index, destination)
	}
	encoded, err := proto.Marshal(f.graph(l.meta.GetGraphDef()))
	if err != nil {
		return nil, tf.Output{}, fmt.Errorf("encode the flat graph: %w", err)
	}
	if err := l.loaded.Graph.ImportWithOptions(encoded, importOptions); err != nil {
		return nil, tf.Output{}, fmt.Errorf("%w: add the flat graph: %w", ErrFormat, err)
	}
	operations := make([]*tf.Operation, 0, len(f.nodes))
	for _, n := range f.nodes {
		if operation := l.loaded.Graph.Operation(l.prefix + "/" + n.GetName()); operation != nil {
			operations = append(operations, operation)
		}
	}
	return operations, input, nil
}

// outerOperations are the operations of a graph without calls that lead to the outputs.
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
