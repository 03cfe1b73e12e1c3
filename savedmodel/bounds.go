package savedmodel

import "fmt"

// maxDepth bounds calls within calls, maxNodes the flat graph and the bodies that it is made of, maxNames
// the bytes of its nodes' names, which have those of all calls around them, and maxChain how many
// references are followed one within the other, on the stack: a hostile model could otherwise unfold
// without end.
const (
	maxDepth = 64
	maxNodes = 1_000_000
	maxNames = 256 << 20
	maxChain = 200_000
)

// checkCalls refuses functions that call themselves, directly or not. No tracer writes them, and
// TensorFlow would run out of stack while loading them.
func (f *flattener) checkCalls() error {
	state := map[string]visitState{}
	var visit func(name string, depth int) error
	visit = func(name string, depth int) error {
		function := f.functions[name]
		if function == nil || state[name] == visited {
			return nil
		}
		if state[name] == visiting || depth > maxDepth {
			return fmt.Errorf("%w: function %s calls itself, or calls are nested deeper than %d", ErrFormat, name, maxDepth)
		}
		state[name] = visiting
		for _, node := range function.GetNodeDef() {
			for _, callee := range append(functionsIn(node.GetAttr()), node.GetOp()) {
				if err := visit(callee, depth+1); err != nil {
					return err
				}
			}
		}
		state[name] = visited
		return nil
	}
	for name := range f.functions {
		if err := visit(name, 0); err != nil {
			return err
		}
	}
	return nil
}

// deeper and higher count how many references are followed, one within the other.
func (f *flattener) deeper() error {
	if f.chain++; f.chain > maxChain {
		return fmt.Errorf("%w: more than %d references follow from one another", ErrFormat, maxChain)
	}
	return nil
}

func (f *flattener) higher() { f.chain-- }
