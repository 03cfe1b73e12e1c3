package savedmodel

import (
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
)

// place is an output of an operation of the loaded graph.
type place struct {
	operation string
	index     int
}

// way is the part of the loaded graph between the input and the signature's outputs.
type way struct {
	// operations are those that depend on the input, in the order of computation.
	operations []*tf.Operation
	// consumers are the operations on the way that need the values of a tensor.
	consumers map[place][]string
	// repeats is what an Identity and its like repeat.
	repeats map[string]place
	// scopes are the prefixes of operations' names before each slash.
	scopes map[string]bool
	// returned are the signature's outputs, in the order of their keys.
	returned []place
}

// repeaters are types of operations whose output is their first input.
var repeaters = map[string]bool{"Identity": true, "StopGradient": true, "PreventGradient": true, "Snapshot": true}

// measurers are types of operations that only need a tensor's shape.
var measurers = map[string]bool{"Shape": true, "ShapeN": true, "Size": true, "Rank": true}

func newWay(operations []*tf.Operation, input tf.Output, returned []place) *way {
	w := &way{consumers: map[place][]string{}, repeats: map[string]place{}, scopes: map[string]bool{}, returned: returned}
	computed, on := dependents(input), map[string]bool{}
	for _, operation := range operations {
		if name := operation.Name(); computed[name] {
			w.operations = append(w.operations, operation)
			on[name] = true
			for i := range name {
				if name[i] == '/' {
					w.scopes[name[:i]] = true
				}
			}
		}
	}
	for _, operation := range w.operations {
		for i := range operation.NumOutputs() {
			from := place{operation.Name(), i}
			for _, consumer := range operation.Output(i).Consumers() {
				name, kind := consumer.Op.Name(), consumer.Op.Type()
				if !on[name] || measurers[kind] {
					continue
				}
				w.consumers[from] = append(w.consumers[from], name)
				if repeaters[kind] && consumer.Index == 0 {
					w.repeats[name] = from
				}
			}
		}
	}
	return w
}

// root is the tensor that a tensor ultimately repeats.
func (w *way) root(p place) place {
	for {
		before, found := w.repeats[p.operation]
		if !found || p.index != 0 {
			return p
		}
		p = before
	}
}

// leaving says for each scope which tensors are computed in it and needed outside: these are the
// outputs of the layer of that name, whatever else is computed within.
func (w *way) leaving() map[string][]place {
	all := map[string][]place{}
	for _, operation := range w.operations {
		scopes := w.scopesOf(operation.Name())
		for i := range operation.NumOutputs() {
			from := place{operation.Name(), i}
			leave := func(consumer string) {
				for _, scope := range slices.Backward(scopes) {
					if within(consumer, scope) {
						return
					}
					if root := w.root(from); !slices.Contains(all[scope], root) {
						all[scope] = append(all[scope], root)
					}
				}
			}
			for _, consumer := range w.consumers[from] {
				leave(consumer)
			}
			if slices.Contains(w.returned, from) {
				leave("")
			}
		}
	}
	return all
}

// within says whether an operation belongs to a scope. The operation may have the scope's own name,
// which TensorFlow's functions give to the last of several operations.
func within(operation, scope string) bool {
	return strings.HasPrefix(operation, scope) && (len(operation) == len(scope) || operation[len(scope)] == '/')
}

// scopesOf are the scopes that an operation belongs to, outermost first, without those that only
// say through which calls it is reached.
func (w *way) scopesOf(name string) []string {
	var scopes []string
	last := 0
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		part, scope := name[last:i], name[:i]
		last = i + 1
		if w.scopes[scope] && !strings.Contains(part, "PartitionedCall") && scope != flatPrefix && scope != cutPrefix {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// dependents are the names of the operations that need the input, found by following its consumers:
// an operation knows what it feeds, not what feeds it.
func dependents(input tf.Output) map[string]bool {
	return downstream([]tf.Output{input}, func(*tf.Operation) bool { return true })
}

// downstream are the names of the operations that need one of the tensors, directly or through
// operations that follow accepts.
func downstream(pending []tf.Output, follow func(*tf.Operation) bool) map[string]bool {
	depends := map[string]bool{}
	for len(pending) > 0 {
		output := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, consumer := range output.Consumers() {
			operation := consumer.Op
			if depends[operation.Name()] || !follow(operation) {
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
