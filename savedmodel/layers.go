package savedmodel

import (
	"fmt"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// layers finds what can be tapped among the operations on the way: every float32 tensor
// that depends on the input, with one vector or one map of values per picture. The last of
// a scope is the layer of the scope's name; each operation's own name is an alias of a
// layer of its own, so that activations can be had before and after a rectifier.
func (l *loader) layers(operations []*tf.Operation, model *inference.Model) ([]inference.Layer, error) {
	computed := dependents(model.Input)
	var layers []inference.Layer
	lastOf, seen := map[string]int{}, map[string]bool{}
	for _, operation := range operations {
		// An Identity has the values of what it repeats.
		if !computed[operation.Name()] || operation.NumOutputs() == 0 || operation.Type() == "Identity" {
			continue
		}
		output := operation.Output(0)
		shape, ok := pictureShape(output, l.options.Dense)
		if !ok {
			continue
		}
		name := withoutCalls(operation.Name())
		if seen[name] { // the same body, called twice
			name = strings.TrimPrefix(operation.Name(), flatPrefix+"/")
		}
		seen[name] = true
		layers = append(layers, inference.Layer{Name: name, Output: output, Shape: shape})
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			lastOf[name[:i]] = len(layers) - 1
		}
	}
	if len(layers) == 0 {
		return nil, fmt.Errorf("%w: nothing that depends on the input can be tapped", ErrFormat)
	}
	for scope, i := range lastOf {
		layers[i].Aliases = append(layers[i].Aliases, layers[i].Name)
		layers[i].Name = scope
	}
	for i := range layers {
		layers[i].Aliases = append(layers[i].Aliases, l.aliases[layers[i].Name]...)
	}
	addEndings(layers)
	return layers, nil
}

// dependents are the names of the operations that need the input, found by following its
// consumers. The operations themselves say what they feed, not what they are fed by.
func dependents(input tf.Output) map[string]bool {
	depends := map[string]bool{}
	pending := []tf.Output{input}
	for len(pending) > 0 {
		output := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, consumer := range output.Consumers() {
			operation := consumer.Op
			if depends[operation.Name()] {
				continue
			}
			depends[operation.Name()] = true
			for i := range operation.NumOutputs() {
				pending = append(pending, operation.Output(i))
			}
		}
	}
	return depends
}

// withoutCalls takes off the beginning of a name that says only through which calls the
// operation was reached, such as "flat/StatefulPartitionedCall/StatefulPartitionedCall/".
func withoutCalls(name string) string {
	rest := strings.TrimPrefix(name, flatPrefix+"/")
	for {
		first, after, found := strings.Cut(rest, "/")
		if !found || !strings.Contains(first, "PartitionedCall") {
			return rest
		}
		rest = after
	}
}

// pictureShape is the shape of one picture's values: a vector, or height, width, channels. The
// dimensions of a map may be open, as 0, where that is asked for.
func pictureShape(output tf.Output, open bool) ([]int, bool) {
	if output.DataType() != tf.Float {
		return nil, false
	}
	dims, err := output.Shape().ToSlice()
	if err != nil || (len(dims) != 2 && len(dims) != 4) || dims[0] > 1 {
		return nil, false
	}
	shape := make([]int, len(dims)-1)
	for i, d := range dims[1:] {
		if d < 0 && open && len(dims) == 4 {
			continue
		}
		if d <= 0 {
			return nil, false
		}
		shape[i] = int(d)
	}
	return shape, true
}

// addEndings lets a layer be asked for by the last part of its name, or by the last part
// without the number that Keras adds to tell copies apart, where that is unique.
func addEndings(layers []inference.Layer) {
	taken, uses := map[string]bool{}, map[string]int{}
	for _, l := range layers {
		for _, name := range append([]string{l.Name}, l.Aliases...) {
			taken[name] = true
			for _, ending := range endings(name) {
				uses[ending]++
			}
		}
	}
	for i, l := range layers {
		for _, name := range append([]string{l.Name}, l.Aliases...) {
			for _, ending := range endings(name) {
				if uses[ending] == 1 && !taken[ending] {
					layers[i].Aliases = append(layers[i].Aliases, ending)
				}
			}
		}
	}
}

// endings are the shorter names that a layer may go by.
func endings(name string) []string {
	var all []string
	for rest := name; ; {
		if plain, found := cutNumber(rest); found {
			all = append(all, plain)
		}
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			return all
		}
		rest = rest[i+1:]
		all = append(all, rest)
	}
}

// cutNumber takes "_1" off "block1_conv1_1".
func cutNumber(name string) (string, bool) {
	i := strings.LastIndexByte(name, '_')
	if i <= 0 {
		return name, false
	}
	if _, err := nonNegative(name[i+1:]); err != nil {
		return name, false
	}
	return name[:i], true
}
