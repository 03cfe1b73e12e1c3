package savedmodel

import (
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// cutter takes random layers out of a flat graph.
type cutter struct {
	*view
	loader *loader
	random []*nodepb.NodeDef
	scopes []string // of the layers to cut out
	// instead is what to read in place of the layers' outputs.
	instead map[string]string
	casts   map[string]*nodepb.NodeDef // to the outputs' types, by the nodes they replace
	needed  map[string]bool            // the nodes that remain
}

// layer is a scope that turns one tensor into another of the same shape.
type layer struct {
	scope, input, output string
	// drawn are the tensors of random numbers in it.
	drawn []string
}

// cut finds the layer around a random node and, if the layer does nothing when its random numbers
// do nothing (an image rotated by no angle, or shifted by no pixel), records that its input is to
// be read instead of its output. The layer is the innermost scope in which the random numbers are
// drawn, with their seed, and used up.
func (c *cutter) cut(n *nodepb.NodeDef) error {
	if slices.ContainsFunc(c.scopes, func(scope string) bool { return within(n.GetName(), scope) }) {
		return nil
	}
	sources := c.sources(n)
	for scope := n.GetName(); ; {
		i := strings.LastIndexByte(scope, '/')
		if i < 0 {
			return nil
		}
		scope = scope[:i]
		if slices.ContainsFunc(sources, func(name string) bool { return !within(name, scope) }) {
			continue
		}
		if c.readsWeights(scope) || strings.Contains(scope[strings.LastIndexByte(scope, '/')+1:], "PartitionedCall") {
			return nil
		}
		l, found := c.layer(scope)
		if !found || !c.loader.idle(l) {
			continue
		}
		return c.replace(l)
	}
}

// sources returns a random node and the nodes that prepare its seed.
func (c *cutter) sources(n *nodepb.NodeDef) []string {
	names := []string{n.GetName()}
	for i := 0; i < len(names); i++ {
		for _, from := range dataInputs(c.nodes[names[i]]) {
			producer := inference.Producer(from)
			if c.nodes[producer] != nil && !c.depends[producer] && !c.constant(from) && !slices.Contains(names, producer) {
				names = append(names, producer)
			}
		}
	}
	return names
}

// readsWeights says whether a scope has variables besides seeds, which are whole numbers.
func (c *cutter) readsWeights(scope string) bool {
	return slices.ContainsFunc(c.order, func(n *nodepb.NodeDef) bool {
		if !within(n.GetName(), scope) || n.GetOp() != "ReadVariableOp" {
			return false
		}
		switch n.GetAttr()["dtype"].GetType() {
		case typespb.DataType_DT_INT32, typespb.DataType_DT_INT64, typespb.DataType_DT_UINT32, typespb.DataType_DT_UINT64:
			return false
		}
		return true
	})
}

// layer describes the scope as a layer, if the values of exactly one tensor enter it and exactly
// one, of the same shape, leaves it.
func (c *cutter) layer(scope string) (layer, bool) {
	var inputs, outputs []string
	add := func(to *[]string, tensor string) {
		if c.values[inference.Producer(tensor)] && !slices.Contains(*to, tensor) {
			*to = append(*to, tensor)
		}
	}
	for _, n := range c.order {
		inside := within(n.GetName(), scope)
		for _, from := range dataInputs(n) {
			switch {
			case inside && !within(inference.Producer(from), scope):
				add(&inputs, from)
			case !inside && within(inference.Producer(from), scope) && !measurers[n.GetOp()]:
				add(&outputs, from)
			}
		}
	}
	for _, t := range c.loader.outputs {
		if !t.outer && within(t.node, scope) {
			add(&outputs, t.String())
		}
	}
	if len(inputs) != 1 || len(outputs) != 1 {
		return layer{}, false
	}
	l := layer{scope: scope, input: inputs[0], output: outputs[0]}
	for _, n := range c.random {
		if within(n.GetName(), scope) {
			l.drawn = append(l.drawn, c.drawn(n, scope))
		}
	}
	return l, c.loader.mayRepeat(l.input, l.output) && !slices.Contains(l.drawn, "")
}

// drawn is the tensor of the random numbers that a node draws, scaled to their range: Keras's
// drawing function names the scaling operation after its scope. It is empty for nodes whose result
// depends on the image.
func (c *cutter) drawn(n *nodepb.NodeDef, layer string) string {
	if c.values[n.GetName()] {
		return ""
	}
	if i := strings.LastIndexByte(n.GetName(), '/'); i > len(layer) {
		if scaled := n.GetName()[:i]; c.nodes[scaled] != nil && !c.values[scaled] {
			return scaled
		}
	}
	return n.GetName()
}

// replace records that a layer's input is to be read instead of its output.
func (c *cutter) replace(l layer) error {
	before, err := c.loader.flatOutput(l.input)
	if err != nil {
		return err
	}
	after, err := c.loader.flatOutput(l.output)
	if err != nil {
		return err
	}
	c.scopes = append(c.scopes, l.scope)
	c.instead[l.output] = l.input
	if before.DataType() != after.DataType() {
		cast := l.scope + "/fovea_cast"
		c.casts[inference.Producer(l.output)] = &nodepb.NodeDef{Name: cast, Op: "Cast", Input: []string{l.input}, Attr: map[string]*attrpb.AttrValue{
			"SrcT": typeAttribute(before.DataType()), "DstT": typeAttribute(after.DataType()),
		}}
		c.instead[l.output] = cast
	}
	return nil
}

func typeAttribute(kind tf.DataType) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Type{Type: typespb.DataType(kind)}}
}

// remaining returns the nodes that the outputs need once the layers are cut out, and the outputs
// themselves.
func (c *cutter) remaining(outputs []tensor) ([]*nodepb.NodeDef, []tensor) {
	c.rewire()
	outputs = slices.Clone(outputs)
	c.needed = map[string]bool{}
	for i, t := range outputs {
		read := parseTensor(c.read(t.String()))
		read.outer = c.nodes[read.node] == nil
		outputs[i] = read
		c.needed[read.node] = true
	}
	var nodes []*nodepb.NodeDef
	for _, n := range slices.Backward(c.order) {
		if !c.needed[n.GetName()] {
			continue
		}
		nodes = append(nodes, n)
		for _, input := range n.GetInput() {
			c.needed[inference.Producer(input)] = true
		}
	}
	slices.Reverse(nodes)
	return nodes, outputs
}

// rewire makes all nodes read the replacements.
func (c *cutter) rewire() {
	order := make([]*nodepb.NodeDef, 0, len(c.order))
	for _, n := range c.order {
		n = proto.Clone(n).(*nodepb.NodeDef)
		order = append(order, n)
		if cast := c.casts[n.GetName()]; cast != nil {
			order = append(order, cast)
			c.nodes[cast.GetName()] = cast
		}
	}
	for _, n := range order {
		n.Input = slices.DeleteFunc(n.Input, func(input string) bool {
			control, found := strings.CutPrefix(input, "^")
			return found && slices.ContainsFunc(c.scopes, func(scope string) bool { return within(control, scope) })
		})
		for i, input := range n.Input {
			n.Input[i] = c.read(input)
		}
	}
	c.order = order
}

// read follows the replacements of a tensor; one may be another layer's output.
func (c *cutter) read(tensor string) string {
	for {
		instead, found := c.instead[strings.TrimSuffix(tensor, ":0")]
		if !found {
			return tensor
		}
		tensor = instead
	}
}
