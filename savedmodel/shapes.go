package savedmodel

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// sizedBatch is the number of images for which the shapes of all tensors are inferred: one that no
// other dimension is likely to have, so that the batch dimension can be recognized.
const sizedBatch = 61

// sized is a second copy of the way from the input to the outputs, in a graph of its own that is
// never run, for images of known size and number. With an open number, TensorFlow cannot infer
// shapes behind operations that compute a shape, as Keras's layers do for tokens.
type sized struct {
	graph *tf.Graph
	batch int64
}

// inferShapes builds the copy for images of the model's size: for a batch, or for one image if the
// graph takes no more. It is nil if the size is open or the graph cannot take such images; some
// layers are then not available.
func (l *loader) inferShapes(operations []*tf.Operation, model *inference.Model) *sized {
	if model.InputHeight == 0 || model.InputWidth == 0 {
		return nil
	}
	picture := []int64{int64(model.InputHeight), int64(model.InputWidth), int64(model.Depth())}
	if l.input.channelsFirst {
		picture = []int64{picture[2], picture[0], picture[1]}
	}
	for _, batch := range []int64{sizedBatch, 1} {
		if batch > 1 && model.MaxBatch > 0 {
			continue
		}
		if s, err := l.newSized(operations, batch, picture); err == nil {
			return s
		}
	}
	return nil
}

// newSized fails for graphs that cannot take such a batch.
func (l *loader) newSized(operations []*tf.Operation, batch int64, picture []int64) (*sized, error) {
	nodes := l.nodesOf(operations)
	input := inference.Producer(l.input.tensor)
	s := &sized{graph: tf.NewGraph(), batch: batch}
	graph := &graphpb.GraphDef{Versions: l.meta.GetGraphDef().GetVersions(), Library: l.meta.GetGraphDef().GetLibrary()}
	for _, n := range append(l.before(nodes), nodes...) {
		if n.GetName() == input {
			n = &nodepb.NodeDef{Name: input, Op: "Placeholder", Attr: map[string]*attrpb.AttrValue{
				"dtype": {Value: &attrpb.AttrValue_Type{Type: l.input.dtype}}, "shape": shapeAttribute(append([]int64{batch}, picture...)...),
			}}
		}
		graph.Node = append(graph.Node, withoutWeights(n))
	}
	if !usesFunctions(graph.GetNode()) {
		graph.Library = nil
	}
	encoded, err := proto.Marshal(graph)
	if err != nil {
		return nil, fmt.Errorf("encode the graph for its shapes: %w", err)
	}
	if err := s.graph.Import(encoded, ""); err != nil {
		return nil, fmt.Errorf("infer the shapes of a batch of %d: %w", s.batch, err)
	}
	return s, nil
}

// before are the nodes of the loaded graph that others need, and are not among them.
func (l *loader) before(nodes []*nodepb.NodeDef) (needed []*nodepb.NodeDef) {
	seen := map[string]bool{}
	for _, n := range nodes {
		seen[n.GetName()] = true
	}
	var visit func(*nodepb.NodeDef)
	visit = func(n *nodepb.NodeDef) {
		for _, input := range dataInputs(n) {
			name := inference.Producer(input)
			from := l.flat.top.nodes[name]
			if from == nil || seen[name] {
				continue
			}
			seen[name] = true
			needed = append(needed, from)
			visit(from)
		}
	}
	for _, n := range nodes {
		visit(n)
	}
	return needed
}

func shapeAttribute(dims ...int64) *attrpb.AttrValue {
	shape := &shapepb.TensorShapeProto{}
	for _, d := range dims {
		shape.Dim = append(shape.Dim, &shapepb.TensorShapeProto_Dim{Size: d})
	}
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: shape}}
}

// mostConstant is the largest constant, in bytes, whose values may decide shapes.
const mostConstant = 4096

// withoutWeights strips from a node what has no influence on shapes: the values of large constants,
// devices, and control inputs.
func withoutWeights(n *nodepb.NodeDef) *nodepb.NodeDef {
	value := n.GetAttr()["value"].GetTensor()
	if n.GetOp() == "Const" && proto.Size(value) > mostConstant {
		return &nodepb.NodeDef{Name: n.GetName(), Op: "Placeholder", Attr: map[string]*attrpb.AttrValue{
			"dtype": n.GetAttr()["dtype"], "shape": {Value: &attrpb.AttrValue_Shape{Shape: value.GetTensorShape()}},
		}}
	}
	light := &nodepb.NodeDef{Name: n.GetName(), Op: n.GetOp(), Attr: map[string]*attrpb.AttrValue{}}
	light.Input = dataInputs(n)
	for key, attribute := range n.GetAttr() {
		if key != "_class" && key != "_output_shapes" {
			light.Attr[key] = attribute
		}
	}
	return light
}

func usesFunctions(nodes []*nodepb.NodeDef) bool {
	for _, n := range nodes {
		for _, attribute := range n.GetAttr() {
			if attribute.GetFunc() != nil || len(attribute.GetList().GetFunc()) > 0 {
				return true
			}
		}
	}
	return false
}

// shape is the shape of a tensor of the loaded graph for one image, as far as it is known, or why
// it cannot be a layer. Without a sized graph it is what the loaded graph says, with open
// dimensions if open allows them.
func (s *sized) shape(output tf.Output, p place, open bool) ([]int, string) {
	if s == nil {
		return featureShape(output, 0, open)
	}
	operation := s.graph.Operation(withoutPrefix(p.operation))
	if operation == nil || p.index >= operation.NumOutputs() {
		return featureShape(output, 0, open)
	}
	return featureShape(operation.Output(p.index), s.batch, open)
}
