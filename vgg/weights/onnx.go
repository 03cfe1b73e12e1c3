package weights

import (
	"errors"
	"fmt"
	"path/filepath"

	"fovea/internal/budget"
)

// An ONNX model is a graph of operations with constants. Its tensors are named as the exporter
// pleased, so only the place where the graph uses them counts.

// onnxGraph is what matters of onnx.ModelProto.
type onnxGraph struct {
	nodes     []onnxNode
	constants map[string]*onnxTensor
	// inputs are those that are not constants.
	inputs []onnxInput
	// external are the files beside the model that hold constants.
	external *onnxFiles
}

const (
	// maxONNXNodes bounds the operations of a graph: a VGG has fifty.
	maxONNXNodes = 1 << 16
	// onnxPartBytes is about what an operation, an attribute or a constant takes besides what the file says of it,
	// onnxNameBytes a name.
	onnxPartBytes = 512
	onnxNameBytes = 64
)

type onnxInput struct {
	name  string
	dtype int
	shape []int // -1 for an open dimension
}

type onnxNode struct {
	name, op, domain string
	inputs, outputs  []string
	attributes       map[string]onnxAttribute
}

// String describes the node in errors.
func (n onnxNode) String() string {
	if n.domain != "" && n.domain != "ai.onnx" {
		return fmt.Sprintf("%s.%s %q", n.domain, n.op, n.name)
	}
	return fmt.Sprintf("%s %q", n.op, n.name)
}

type onnxAttribute struct {
	number  int
	real    float64
	text    string
	numbers []int
	tensor  *onnxTensor
	reals   []byte
}

// readONNX reads the weights of a sequential network in the order in which they are used, whatever
// their names:
//
//	sequence/convolution_N/weight, bias                               (OIHW)
//	sequence/batch_norm_N/weight, bias, running_mean, running_var     (after convolution N)
//	sequence/dense_N/weight, bias                                     (units x inputs)
//
// numbered from N = 0. The first dense layer takes the channels first, as in PyTorch, and a missing
// bias is zero. What the graph does to an image before the first convolution is recorded in the
// metadata (PreprocessingNote). A graph that is not a chain of convolutions, rectifiers, poolings
// and dense layers is refused.
func readONNX(name string, o Options) (Set, error) {
	data, memory, err := o.load(name, budget.Plain)
	if err != nil {
		return Set{}, err
	}
	g := &onnxGraph{constants: map[string]*onnxTensor{}, external: &onnxFiles{dir: filepath.Dir(name), memory: memory}}
	if err := g.parse(data); err != nil {
		return Set{}, err
	}
	walk := newONNXWalk(g)
	if err := walk.run(); err != nil {
		return Set{}, fmt.Errorf("follow the ONNX graph: %w", err)
	}
	if len(g.external.used) > 0 {
		walk.set.SHA256, err = g.external.sum(data)
	}
	return walk.set, err
}

func (g *onnxGraph) parse(model []byte) error {
	return eachField(model, func(f field) error {
		if f.number != 7 {
			return nil
		}
		var inputs []onnxInput
		err := eachField(f.bytes, func(f field) error {
			switch f.number {
			case 1:
				node, err := g.parseNode(f.bytes)
				if g.nodes = append(g.nodes, node); len(g.nodes) > maxONNXNodes {
					return fmt.Errorf("%w: its graph has more than %d operations", ErrFormat, maxONNXNodes)
				}
				return errors.Join(err, g.external.memory.Take(int64(2*len(f.bytes))+onnxPartBytes, "the list of operations"))
			case 5:
				tensor, err := g.parseTensor(f.bytes)
				if err == nil {
					g.constants[tensor.name] = tensor
				}
				return err
			case 11:
				input, err := parseONNXInput(f.bytes)
				inputs = append(inputs, input)
				return errors.Join(err, g.external.memory.Take(int64(8*len(f.bytes))+onnxPartBytes, "the list of inputs"))
			}
			return nil
		})
		for _, input := range inputs { // before version 4, constants were also listed as inputs
			if g.constants[input.name] == nil {
				g.inputs = append(g.inputs, input)
			}
		}
		return err
	})
}

// usedInputs are the inputs that the graph uses; exporters leave unused ones behind.
func (g *onnxGraph) usedInputs() (used []onnxInput) {
	uses := map[string]bool{}
	for _, n := range g.nodes {
		for _, input := range n.inputs {
			uses[input] = true
		}
	}
	for _, input := range g.inputs {
		if uses[input.name] {
			used = append(used, input)
		}
	}
	return used
}

func (g *onnxGraph) parseNode(message []byte) (onnxNode, error) {
	n := onnxNode{attributes: map[string]onnxAttribute{}}
	err := eachField(message, func(f field) error {
		switch f.number {
		case 1:
			n.inputs = append(n.inputs, string(f.bytes))
			return g.external.memory.Take(onnxNameBytes, "the inputs of operations")
		case 2:
			n.outputs = append(n.outputs, string(f.bytes))
			return g.external.memory.Take(onnxNameBytes, "the outputs of operations")
		case 3:
			n.name = string(f.bytes)
		case 4:
			n.op = string(f.bytes)
		case 5:
			return g.parseAttribute(f.bytes, n.attributes)
		case 7:
			n.domain = string(f.bytes)
		}
		return nil
	})
	return n, err
}

func (g *onnxGraph) parseAttribute(message []byte, to map[string]onnxAttribute) error {
	name, a := "", onnxAttribute{}
	err := eachField(message, func(f field) (err error) {
		switch f.number {
		case 1:
			name = string(f.bytes)
		case 2:
			a.real = f.float()
		case 3:
			a.number = int(f.value)
		case 4:
			a.text = string(f.bytes)
		case 5:
			a.tensor, err = g.parseTensor(f.bytes)
		case 7:
			a.reals = f.fixed(a.reals)
		case 8:
			a.numbers, err = f.integers(a.numbers)
		}
		return err
	})
	to[name] = a
	if err == nil {
		err = g.external.memory.Take(int64(16*len(a.numbers))+onnxPartBytes, "the attributes of operations")
	}
	return err
}

// parseONNXInput is onnx.ValueInfoProto.
func parseONNXInput(message []byte) (onnxInput, error) {
	in := onnxInput{}
	err := eachField(message, func(f field) error {
		switch f.number {
		case 1:
			in.name = string(f.bytes)
		case 2:
			return eachField(f.bytes, func(f field) error {
				if f.number == 1 && f.bytes != nil {
					return eachField(f.bytes, in.tensorType)
				}
				return nil
			})
		}
		return nil
	})
	return in, err
}

// tensorType takes a field of onnx.TypeProto.Tensor.
func (in *onnxInput) tensorType(f field) error {
	switch f.number {
	case 1:
		in.dtype = int(f.value)
	case 2:
		return eachField(f.bytes, in.dimension)
	}
	return nil
}

// dimension takes a field of onnx.TensorShapeProto; a dimension that only has a name is -1.
func (in *onnxInput) dimension(f field) error {
	if f.number != 1 {
		return nil
	}
	size := -1
	err := eachField(f.bytes, func(f field) error {
		if f.number == 1 {
			size = int(f.value)
		}
		return nil
	})
	in.shape = append(in.shape, size)
	return err
}
