package convolution

import (
	"fmt"
	"strconv"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"
)

// choosePlanes lets products write planes where a filtered convolution reads them.
func (r *rewriter) choosePlanes() {
	wanted := map[string]bool{}
	for _, n := range r.order {
		if c, found := r.fast[n.GetName()]; found && c.kind == filtered {
			wanted[strings.TrimSuffix(c.pictures, ":0")] = true
		}
	}
	for name, c := range r.fast {
		c.planes = c.kind == filtered || (c.kind == multiplied && c.bottleneck == nil && c.out%planeChannels == 0 && wanted[name])
		r.fast[name] = c
	}
}

// planeChannels is the number of channels in a plane that products can write.
const planeChannels = 16

// replacements are a copy of a node, or its faster substitutes; the last one takes its name.
// Names of new nodes are added to inside, those of tensors from elsewhere to mapped.
func (r *rewriter) replacements(n *nodepb.NodeDef, inside map[string]bool, mapped map[string]tf.Output) ([]*nodepb.NodeDef, error) {
	c, found := r.fast[n.GetName()]
	if !found {
		node := proto.Clone(n).(*nodepb.NodeDef)
		node.Device = ""
		delete(node.Attr, "_class") // names nodes that are not copied
		return []*nodepb.NodeDef{node}, nil
	}
	if c.bottleneck != nil {
		node, err := r.bottleneckNode(n.GetName(), c, mapped)
		return []*nodepb.NodeDef{node}, err
	}
	kernel, bias, err := r.weightsOf(n.GetName(), c, mapped)
	if err != nil {
		return nil, err
	}
	faster := &nodepb.NodeDef{Name: n.GetName(), Input: []string{c.pictures, kernel, bias}}
	var nodes []*nodepb.NodeDef
	if c.kind == filtered {
		if nodes, err = r.fillFiltered(faster, c, inside, mapped); err != nil {
			return nil, err
		}
	} else {
		r.fillProduct(faster, c)
	}
	faster.Input = append(faster.Input, c.controls...)
	if !c.planes {
		return append(nodes, faster), nil
	}
	// Between two convolutions, maps stay in planes; all other consumers read a conversion back,
	// which is computed only if it is used.
	faster.Name = planesOf(n.GetName())
	inside[faster.Name] = true
	return append(nodes, faster, &nodepb.NodeDef{Name: n.GetName(), Op: r.method.pixels, Input: []string{faster.Name}}), nil
}

// fillFiltered makes a node the method's own operation, and returns the one that lays out the maps which it reads, unless
// something else does.
func (r *rewriter) fillFiltered(faster *nodepb.NodeDef, c convolution, inside map[string]bool, mapped map[string]tf.Output) ([]*nodepb.NodeDef, error) {
	faster.Op, faster.Attr = r.method.convolution, r.filteredAttributes(c)
	if first, found := r.pairedWith(c); found {
		if err := r.fillPair(faster, c.pictures, first, mapped); err != nil {
			return nil, err
		}
		c.pictures = first.pictures
	}
	faster.Input[0] = planesOf(c.pictures)
	if inside[faster.Input[0]] {
		return nil, nil
	}
	inside[faster.Input[0]] = true
	return []*nodepb.NodeDef{{Name: faster.Input[0], Op: r.method.planes, Input: []string{c.pictures}}}, nil
}

// filteredAttributes are those of the method's own operation.
func (r *rewriter) filteredAttributes(c convolution) attributes {
	with := attributes{"rectify": flag(c.activation == relu), "pool": flag(c.pool)}
	if e := r.method.engine; e != nil {
		with["whole"], with["instructions"] = flag(e.whole), whole(int64(e.instructions))
	} else {
		with["numbers"] = whole(int64(r.method.numbers))
	}
	return with
}

// pairedWith is the convolution of few channels whose map a filtered one reads, and nobody else: both are computed as one, so
// that the map need not be stored. A layer that is asked for, such as that map, is computed by itself.
func (r *rewriter) pairedWith(c convolution) (first convolution, found bool) {
	if r.method.engine == nil {
		return convolution{}, false
	}
	first, found = r.before(c.pictures)
	if !found || first.kind != filtered || first.pool {
		return convolution{}, false
	}
	kernel, err := r.output(first.kernel)
	if err != nil {
		return convolution{}, false
	}
	shape, err := kernel.Shape().ToSlice()
	return first, err == nil && len(shape) == 4 && shape[2] <= fewChannels
}

// fewChannels are those of a plane that has as many (wide_few, tiles_few_channels).
const fewChannels = 4

// fillPair makes a node with a kernel and bias one that computes another convolution before, which has that name.
func (r *rewriter) fillPair(n *nodepb.NodeDef, tensor string, first convolution, mapped map[string]tf.Output) error {
	kernel, bias, err := r.weightsOf(strings.TrimSuffix(tensor, ":0"), first, mapped)
	if err != nil {
		return err
	}
	n.Op, n.Input = "FoveaWidePair", append([]string{"", kernel, bias}, n.Input[1:]...)
	n.Attr["rectify_first"] = flag(first.activation == relu)
	n.Input = append(n.Input, first.controls...)
	return nil
}

// fillProduct makes a node one of pointwise.h's operations.
func (r *rewriter) fillProduct(n *nodepb.NodeDef, c convolution) {
	wide := r.wide()
	if c.kind == normalized {
		n.Op, n.Attr = "FoveaNormalize", attributes{"epsilon": number32(c.epsilon), "wide": wide}
		return
	}
	if c.kind == scaled {
		n.Op, n.Attr = "FoveaScale", attributes{"wide": wide}
		return
	}
	n.Op = "FoveaProduct"
	if c.kind == depthwise {
		n.Op = "FoveaDepthwise"
	} else {
		n.Input[0] = r.form(c.pictures)
	}
	if c.residual != "" {
		n.Op, n.Input = "FoveaProductSum", append(n.Input, r.form(c.residual))
	}
	n.Attr = c.window()
	n.Attr["activation"], n.Attr["planes"], n.Attr["wide"] = whole(int64(c.activation)), whole(one(c.planes)), wide
}

// wide is the attribute that chooses AVX-512.
func (r *rewriter) wide() *attrpb.AttrValue {
	return whole(one(r.method.engine != nil && r.method.engine.instructions == avx512))
}

// window is how a convolution sees maps, as attributes.
func (c convolution) window() attributes {
	return attributes{
		"kernel_height": whole(c.height), "kernel_width": whole(c.width), "down": whole(c.down), "across": whole(c.across), "same": whole(one(c.same)),
		"top": whole(c.around.top), "left": whole(c.around.left), "bottom": whole(c.around.bottom), "right": whole(c.around.right),
	}
}

// form is a tensor as products read it: in planes, if it is made in planes.
func (r *rewriter) form(tensor string) string {
	if r.fast[strings.TrimSuffix(tensor, ":0")].planes {
		return planesOf(tensor)
	}
	return tensor
}

// weightsOf are the tensors that have a convolution's transformed kernel and its bias, for the node of that name.
func (r *rewriter) weightsOf(name string, c convolution, mapped map[string]tf.Output) (kernel, bias string, err error) {
	kernel = prefix + "_kernel_of_" + name
	mapped[kernel] = r.transformed[c.weights()]
	bias, err = r.biasOf(name, c, mapped)
	return kernel, bias, err
}

// biasOf is the tensor that has a convolution's bias.
func (r *rewriter) biasOf(name string, c convolution, mapped map[string]tf.Output) (string, error) {
	if plain, found := r.plainBias(c); found {
		return plain, nil
	}
	bias := prefix + "_bias_of_" + name
	if len(c.folds) > 0 {
		mapped[bias] = r.biases[c.parameters()]
		return bias, nil
	}
	if r.zeros[c.out].Op == nil {
		scope := op.NewScopeWithGraph(r.model.Graph).SubScope(r.prefix).SubScope("zeros_" + strconv.FormatInt(c.out, 10))
		r.zeros[c.out] = op.Const(scope, make([]float32, c.out))
		if err := scope.Err(); err != nil {
			return "", fmt.Errorf("convolution: add a bias of zero: %w", err)
		}
	}
	mapped[bias] = r.zeros[c.out]
	return bias, nil
}

func flag(value bool) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_B{B: value}}
}

func whole(value int64) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_I{I: value}}
}

func number32(value float32) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_F{F: value}}
}

func one(value bool) int64 {
	if value {
		return 1
	}
	return 0
}

// planesOf is the name of the node that gives the planes of a tensor's maps.
func planesOf(tensor string) string {
	return prefix + "_planes_of_" + strings.ReplaceAll(strings.TrimSuffix(tensor, ":0"), ":", "_")
}
