package savedmodel

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	framework "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// withoutRandomness is the remedy for a model that is random.
const withoutRandomness = "export the model without its augmentation, " +
	"or, in Keras, export what predict computes: ExportArchive.add_endpoint with lambda x: model(x, training=False)"

// randomPrefixes begin the types of operations that give different numbers each time.
var randomPrefixes = []string{
	"Random", "TruncatedNormal", "ParameterizedTruncatedNormal", "Multinomial", "SampleDistortedBoundingBox",
	"StatefulUniform", "StatefulStandardNormal", "StatefulTruncatedNormal", "StatefulRandom", "RngReadAndSkip",
	"NonDeterministicInts", "XlaRng", "FractionalMaxPool", "FractionalAvgPool",
	"StatelessRandom", "StatelessMultinomial", "StatelessTruncatedNormal", "StatelessParameterizedTruncatedNormal",
	"StatelessSampleDistortedBoundingBox", "StatelessShuffle",
}

// isRandom says whether an operation of that type gives random numbers; stateless ones give the
// same for the same seed. StatelessRandomGetKeyCounter and its like prepare seeds.
func isRandom(kind string) bool {
	if strings.HasPrefix(kind, "StatelessRandomGet") {
		return false
	}
	return slices.ContainsFunc(randomPrefixes, func(prefix string) bool { return strings.HasPrefix(kind, prefix) })
}

// randomness finds the random operations of a flat graph.
type randomness struct {
	*view
	functions map[string]*framework.FunctionDef
	bodies    map[string]bool // whether a function is random, by name
}

// node says whether a node is random, by itself or through a function that it runs, such as a
// branch of an If.
func (r *randomness) node(n *nodepb.NodeDef) bool {
	if isRandom(n.GetOp()) {
		return !strings.HasPrefix(n.GetOp(), "Stateless") || r.seeded(n)
	}
	for _, attribute := range n.GetAttr() {
		if r.function(attribute.GetFunc().GetName()) {
			return true
		}
		for _, one := range attribute.GetList().GetFunc() {
			if r.function(one.GetName()) {
				return true
			}
		}
	}
	return false
}

// seeded says whether a stateless operation gives different numbers each time or for each image,
// which it does unless its seed and shape are constant.
func (r *randomness) seeded(n *nodepb.NodeDef) bool {
	return slices.ContainsFunc(dataInputs(n), func(input string) bool { return !r.constant(input) })
}

func (r *randomness) function(name string) bool {
	body := r.functions[name]
	if body == nil {
		return false
	}
	if known, found := r.bodies[name]; found {
		return known
	}
	r.bodies[name] = false // ends recursion
	random := slices.ContainsFunc(body.GetNodeDef(), func(n *nodepb.NodeDef) bool {
		return isRandom(n.GetOp()) || r.function(n.GetOp()) || r.node(n)
	})
	r.bodies[name] = random
	return random
}

// randomNodes returns the random nodes of a graph in the order of computation.
func randomNodes(v *view, functions map[string]*framework.FunctionDef) []*nodepb.NodeDef {
	r := &randomness{view: v, functions: functions, bodies: map[string]bool{}}
	var random []*nodepb.NodeDef
	for _, n := range v.order {
		if r.node(n) {
			random = append(random, n)
		}
	}
	return random
}

// tainted maps the operations that a random one acts on to the name of that one.
func (l *loader) tainted(operations []*tf.Operation) map[string]string {
	all := map[string]string{}
	for _, operation := range operations {
		name := operation.Name()
		if !slices.Contains(l.acting, withoutPrefix(name)) {
			continue
		}
		outputs := make([]tf.Output, operation.NumOutputs())
		for i := range outputs {
			outputs[i] = operation.Output(i)
		}
		all[name] = withoutCalls(name)
		for one := range downstream(outputs, func(o *tf.Operation) bool { return !measurers[o.Type()] }) {
			if all[one] == "" {
				all[one] = withoutCalls(name)
			}
		}
	}
	return all
}

// cutRandomLayers removes layers such as RandomFlip: Keras's model.export leaves them active,
// model.predict does not. It takes and returns the operations on the way, in the order of
// computation. Random operations that cannot be cut out remain in l.acting.
func (l *loader) cutRandomLayers(operations []*tf.Operation) ([]*tf.Operation, error) {
	v := newView(l.nodesOf(operations), parseTensor(l.input.tensor).String(), l.flat.top.nodes)
	random := randomNodes(v, l.flat.functions)
	if len(random) == 0 {
		return operations, nil
	}
	if l.static {
		l.acting = namesOf(random)
		l.noteRandom()
		return operations, nil
	}
	c := &cutter{loader: l, view: v, random: random, instead: map[string]string{}, casts: map[string]*nodepb.NodeDef{}}
	if len(l.flat.nodes) > 0 {
		for _, n := range random {
			if err := c.cut(n); err != nil {
				return nil, err
			}
		}
	}
	if len(c.scopes) == 0 {
		l.acting = namesOf(random)
		return operations, nil
	}
	for _, scope := range c.scopes {
		l.notes = append(l.notes, fmt.Sprintf("the random layer %s is active in the exported model: it is left out, as in Keras's predict", withoutCalls(scope)))
	}
	l.flat.nodes, l.outputs = c.remaining(l.outputs)
	l.flat.outer = outerTensors(l.flat.nodes)
	l.acting = slices.DeleteFunc(namesOf(random), func(name string) bool { return !c.needed[name] })
	l.prefix = cutPrefix
	return l.importFlat()
}

func namesOf(nodes []*nodepb.NodeDef) []string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.GetName()
	}
	return names
}

// nodesOf are the definitions of operations on the way.
func (l *loader) nodesOf(operations []*tf.Operation) []*nodepb.NodeDef {
	if len(l.flat.nodes) > 0 {
		return l.flat.nodes
	}
	var nodes []*nodepb.NodeDef
	for _, operation := range operations {
		if n := l.flat.top.nodes[operation.Name()]; n != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// outerTensors are the tensors that the nodes read and none of them computes.
func outerTensors(nodes []*nodepb.NodeDef) map[tensor]bool {
	own, outer := map[string]bool{}, map[tensor]bool{}
	for _, n := range nodes {
		own[n.GetName()] = true
	}
	for _, n := range nodes {
		for _, input := range dataInputs(n) {
			if !own[inference.Producer(input)] {
				outer[parseTensor(input)] = true
			}
		}
	}
	return outer
}
