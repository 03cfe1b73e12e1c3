package convolution

import (
	"fmt"
	"slices"
	"strings"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"fovea/inference"
)

// batching is how a tensor depends on the batch.
type batching int

const (
	// constant tensors are the same for every batch.
	constant batching = iota
	// rows have a row for each image that depends on that image only.
	rows
	// blocks have several rows for each image, as a dilated convolution's maps between
	// SpaceToBatchND and BatchToSpaceND. Shares of a batch compute them as well, but in another
	// order.
	blocks
	// flat tensors, too, have several rows for each image, but those of one image follow each other, as the
	// pixels of maps that a dense layer multiplies.
	flat
	// dimensions are a shape whose first dimension is the number of images; the others are constant.
	dimensions
	// number is the number of pictures.
	number
	// multiple is that times a constant; flatDimensions are a shape whose first dimension is such a multiple, as
	// flat tensors have; the others are constant.
	multiple
	flatDimensions
	// mixed tensors may depend on several images at once, or in an unknown way.
	mixed
)

// traced is what is known of a node's outputs.
type traced struct {
	batching
	culprit *nodepb.NodeDef // of mixed: the first node responsible
}

// traceRows follows the batch through the graph and fills r.traced for all nodes that depend on the
// input. Only operations that are known to keep images apart count as such.
func (r *rewriter) traceRows() {
	r.traced = map[string]traced{r.model.Input.Op.Name(): {batching: rows}}
	for _, n := range r.order {
		r.traced[n.GetName()] = r.trace(n)
	}
}

func (r *rewriter) trace(n *nodepb.NodeDef) traced {
	o := operation{r: r, node: n}
	for _, from := range n.GetInput() {
		if strings.HasPrefix(from, "^") {
			continue
		}
		t, found := r.traced[inference.Producer(from)] // the zero value is constant
		if !found && r.dependent(from) {
			return traced{mixed, n}
		}
		if t.batching == mixed {
			return t
		}
		if producer := o.r.nodes[inference.Producer(from)]; t.batching != constant && strings.HasPrefix(producer.GetOp(), "FusedBatchNorm") && producer != nil && strings.Contains(from, ":") && !strings.HasSuffix(from, ":0") {
			return traced{mixed, producer} // its other outputs are statistics
		}
		o.tensors = append(o.tensors, from)
		o.inputs = append(o.inputs, t.batching)
	}
	if rule, found := rules[n.GetOp()]; found {
		if !slices.ContainsFunc(o.inputs, func(b batching) bool { return b != constant }) {
			return traced{batching: constant} // all operations with a rule are functions of their inputs
		}
		if b := rule(o); b != mixed {
			return traced{batching: b}
		}
	}
	return traced{mixed, n}
}

// checkRows refuses graphs whose images cannot be computed in shares of the batch.
func (r *rewriter) checkRows() error {
	for _, n := range r.order {
		c, found := r.fast[n.GetName()]
		if !found {
			continue
		}
		for _, from := range c.maps() {
			t := r.traced[inference.Producer(from)]
			if t.batching != mixed {
				continue
			}
			return fmt.Errorf("%w: in %s, operation %s (%s), which convolutions depend on, is not known to compute each image of a batch by itself", ErrMixed, r.model.Name, t.culprit.GetName(), t.culprit.GetOp())
		}
	}
	return nil
}

// operation is a node together with how its inputs depend on the batch; none of them is mixed.
type operation struct {
	r       *rewriter
	node    *nodepb.NodeDef
	tensors []string
	inputs  []batching
}

// is says whether the inputs are as given; further ones may be absent.
func (o operation) is(inputs ...batching) bool { return slices.Equal(o.inputs, inputs) }

// firstOnly says whether no input but the first depends on the batch.
func (o operation) firstOnly() bool {
	return len(o.inputs) > 0 && !slices.ContainsFunc(o.inputs[1:], func(b batching) bool { return b != constant })
}

// shape is a tensor's static one, with -1 for what is open; false if not even the rank is known.
func (o operation) shape(tensor string) ([]int64, bool) {
	t, err := o.r.output(tensor)
	if err != nil {
		return nil, false
	}
	shape, err := t.Shape().ToSlice()
	return shape, err == nil
}

// rank is -1 where it is not known.
func (o operation) rank(input int) int {
	shape, known := o.shape(o.tensors[input])
	if !known {
		return -1
	}
	return len(shape)
}

// ints are the values of an input that is a constant of whole numbers.
func (o operation) ints(input int) ([]int64, bool) { return o.r.ints(o.tensors[input]) }

// ints are the values of a constant of whole numbers, or of such vectors that are joined.
func (r *rewriter) ints(tensor string) ([]int64, bool) {
	if value := r.constantOf(tensor); value != nil {
		return wholeNumbers(value)
	}
	joined := r.nodes[inference.Producer(tensor)]
	parts := dataInputs(joined)
	if joined.GetOp() != "ConcatV2" || len(parts) < 2 {
		return nil, false
	}
	var all []int64
	for _, part := range parts[:len(parts)-1] {
		value := r.constantOf(part)
		some, ok := wholeNumbers(value)
		if !ok || len(value.GetTensorShape().GetDim()) != 1 {
			return nil, false
		}
		all = append(all, some...)
	}
	return all, true
}

// constantOf is the value of a constant, nil for other tensors.
func (r *rewriter) constantOf(tensor string) *tensorpb.TensorProto {
	for {
		node := r.nodes[inference.Producer(tensor)]
		switch node.GetOp() {
		case "Identity":
			tensor = node.GetInput()[0]
		case "Const":
			return node.GetAttr()["value"].GetTensor()
		default:
			return nil
		}
	}
}

// axes are constant dimensions of a tensor of that rank, counted from 0.
func (o operation) axes(input, rank int) ([]int64, bool) {
	values, ok := o.ints(input)
	if !ok || rank < 0 {
		return nil, false
	}
	return fromZero(values, rank), true
}

func fromZero(axes []int64, rank int) []int64 {
	axes = slices.Clone(axes)
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += int64(rank)
		}
	}
	return axes
}

// along says whether constant axes leave the batch's alone.
func (o operation) along(input, rank int) bool {
	axes, ok := o.axes(input, rank)
	return ok && !slices.Contains(axes, 0)
}

func (o operation) integer(attribute string) int64 { return o.node.GetAttr()[attribute].GetI() }
func (o operation) flag(attribute string) bool     { return o.node.GetAttr()[attribute].GetB() }

// sure is rows if a condition holds.
func sure(condition bool) batching {
	if condition {
		return rows
	}
	return mixed
}
