package savedmodel

import (
	"errors"
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"fovea/preprocessing"
)

// adapter stands in front of a model that does not take batches of images in NHWC order, of a size
// known to its graph. Images go in at fed; given is what the model sees in place of its own input.
// A placeholder of known size also lets TensorFlow infer the shapes of all layers.
type adapter struct {
	fed, given tf.Output
}

// inputPrefix begins the names of an adapter's nodes.
const inputPrefix = "fovea_input"

// adapt adds an adapter to the loaded graph for images of the given height and width, 0 for any.
// Each attempt has its own names.
func (l *loader) adapt(p picture, height, width, attempt int) (adapter, error) {
	dtype := tf.DataType(p.dtype)
	scope := op.NewScopeWithGraph(l.loaded.Graph).SubScope(fmt.Sprintf("%s_%d", inputPrefix, attempt))
	open := func(n int) int64 {
		if n == 0 {
			return -1
		}
		return int64(n)
	}
	fed := op.Placeholder(scope.SubScope("pictures"), dtype, op.PlaceholderShape(tf.MakeShape(-1, open(height), open(width), int64(p.channels))))
	given := fed
	if p.channelsFirst {
		given = op.Transpose(scope, given, op.Const(scope.SubScope("channels_first"), []int32{0, 3, 1, 2}))
	}
	if err := scope.Err(); err != nil {
		return adapter{}, fmt.Errorf("prepare its input: %w", err)
	}
	return adapter{fed, given}, nil
}

// addFlat adds the flat copy of the signature's computation to the loaded graph. It returns all
// operations from the input on, in order of computation, and the input: the model's own where
// images can be fed to it as they are.
func (l *loader) addFlat() ([]*tf.Operation, tf.Output, error) {
	own, err := l.output(l.input.tensor)
	if err != nil {
		return nil, tf.Output{}, err
	}
	if l.input.plain() {
		l.in = adapter{own, own}
		operations, err := l.importFlat()
		return operations, own, err
	}
	candidates := l.candidates()
	var refusals []error
	for i, p := range candidates {
		if l.in, err = l.adapt(p, l.height, l.width, i); err != nil {
			return nil, tf.Output{}, err
		}
		operations, err := l.importFlat()
		if err == nil {
			l.input = p
			return operations, l.in.fed, nil
		}
		refusals = append(refusals, err)
	}
	return nil, tf.Output{}, errors.Join(refusals...)
}

// candidates are the possible layouts of the input, the likelier one first. Where the signature
// leaves the channels open, the user's word decides, or else the first operation whose data format
// is fixed; the graph must then accept such images.
func (l *loader) candidates() []picture {
	if l.input.channels != 0 {
		return []picture{l.input}
	}
	last, first := l.input, l.input
	last.channels, first.channels, first.channelsFirst = 3, 3, true
	format := l.firstLayout()
	switch l.options.Preprocessing.Layout {
	case preprocessing.NHWC:
		format = channelsLast
	case preprocessing.NCHW:
		format = channelsFirst
	}
	switch format {
	case channelsLast:
		return []picture{last}
	case channelsFirst:
		return []picture{first}
	}
	return []picture{last, first}
}

// importFlat adds the flat copy, reading the adapter's output in place of the model's input.
func (l *loader) importFlat() ([]*tf.Operation, error) {
	f := l.flat
	if len(f.nodes) == 0 { // nothing is hidden in functions
		return l.outerOperations(l.outputs)
	}
	importOptions := tf.GraphImportOptions{Prefix: l.prefix}
	own := parseTensor(l.input.tensor)
	for t := range f.outer {
		destination := l.in.given
		if t != own {
			var err error
			if destination, err = l.output(t.String()); err != nil {
				return nil, err
			}
		}
		importOptions.AddInputMapping(t.node, t.index, destination)
	}
	encoded, err := proto.Marshal(f.graph(l.meta.GetGraphDef()))
	if err != nil {
		return nil, fmt.Errorf("encode the flat graph: %w", err)
	}
	if err := l.loaded.Graph.ImportWithOptions(encoded, importOptions); err != nil {
		return nil, fmt.Errorf("%w: add the flat graph: %w", ErrFormat, err)
	}
	operations := make([]*tf.Operation, 0, len(f.nodes))
	for _, n := range f.nodes {
		if operation := l.loaded.Graph.Operation(l.prefix + "/" + n.GetName()); operation != nil {
			operations = append(operations, operation)
		}
	}
	return operations, nil
}
