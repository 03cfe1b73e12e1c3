package savedmodel

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"fovea/inference"
)

// layers finds the tensors that can be requested and their names: every tensor of floating-point
// numbers on the way that depends on the input and has a vector, tokens or a map for each image.
func (l *loader) layers(operations []*tf.Operation, model *inference.Model) error {
	w := newWay(operations, model.Input, l.returned())
	n := &naming{
		way: w, shown: shownNames(w), leaving: w.leaving(), numbered: numbersCopies(l.flat.nodes),
		index: map[place]int{}, why: map[place]string{}, noted: l.aliases,
	}
	tainted := l.tainted(operations)
	inferred := l.inferShapes(operations, model)
	for _, operation := range w.operations {
		if repeaters[operation.Type()] {
			continue
		}
		for i := range operation.NumOutputs() {
			p, output := place{operation.Name(), i}, operation.Output(i)
			shape, why := inferred.shape(output, p, l.options.Dense)
			if random := tainted[operation.Name()]; random != "" {
				why = fmt.Sprintf("the random operation %s acts on it, so the same image would get different features each time: %s", random, withoutRandomness)
			}
			if why != "" {
				n.why[p] = why
				continue
			}
			n.index[p] = len(n.layers)
			n.places = append(n.places, p)
			n.layers = append(n.layers, inference.Layer{Output: output, Shape: shape})
		}
	}
	if len(n.layers) == 0 && len(l.acting) > 0 {
		return fmt.Errorf("%w: everything it computes depends on the random operation %s: %s", ErrFormat, withoutCalls(l.acting[0]), withoutRandomness)
	}
	if len(n.layers) == 0 {
		return fmt.Errorf("%w: no tensor that depends on the input can serve as a layer", ErrFormat)
	}
	n.name(sortedKeys(l.def.GetOutputs()))
	model.Layers, model.Ambiguous, model.Hidden = n.layers, n.ambiguous, n.hidden
	return nil
}

// returned are the signature's outputs in the loaded graph.
func (l *loader) returned() []place {
	places := make([]place, len(l.outputs))
	for i, t := range l.outputs {
		places[i] = place{t.node, t.index}
		if len(l.flat.nodes) > 0 && !t.outer {
			places[i].operation = l.prefix + "/" + t.node
		}
	}
	return places
}

// withoutCalls strips the beginning of a name that only says through which calls the operation was
// reached, such as "flat/StatefulPartitionedCall/StatefulPartitionedCall/".
func withoutCalls(name string) string {
	rest := withoutPrefix(name)
	for {
		first, after, found := strings.Cut(rest, "/")
		if !found || !strings.Contains(first, "PartitionedCall") {
			return rest
		}
		rest = after
	}
}

func withoutPrefix(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, flatPrefix+"/"), cutPrefix+"/")
}

// featureTypes are the types of values that can be features, as float32.
var featureTypes = []tf.DataType{tf.Float, tf.Half, tf.Bfloat16, tf.Double}

// featureShape is the shape of one image's values: a number, a vector, tokens and channels, or
// height, width, channels. For a tensor without such a shape it says why. A batch of 0 means an
// open number of images. If open is set, the dimensions of tokens and maps may be open, given as 0.
func featureShape(output tf.Output, batch int64, open bool) (shape []int, why string) {
	if !slices.Contains(featureTypes, output.DataType()) {
		kind := strings.ToLower(strings.TrimPrefix(typespb.DataType(output.DataType()).String(), "DT_"))
		return nil, fmt.Sprintf("its values are of type %s, and features are floating-point numbers", kind)
	}
	dims, err := output.Shape().ToSlice()
	switch {
	case err != nil:
		return nil, "how many dimensions it has is not known before it is computed"
	case len(dims) == 0:
		return nil, "it is one number for a whole batch"
	case batch == 0 && (dims[0] > 1 || len(dims) == 1 && dims[0] > 0), batch > 0 && dims[0] != batch && dims[0] >= 0:
		return nil, fmt.Sprintf("its shape %v does not begin with the images of a batch", dims)
	case len(dims) > 4:
		return nil, fmt.Sprintf("its shape %v is not a vector, tokens or a map for each image", dims)
	case len(dims) == 1:
		return []int{1}, ""
	}
	for _, d := range dims[1:] {
		if d < 0 && open && len(dims) > 2 {
			d = 0
		} else if d <= 0 {
			return nil, fmt.Sprintf("its shape %v is not known before it is computed", dims)
		}
		shape = append(shape, int(d))
	}
	return shape, ""
}
