package convolution

import (
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// bottleneck is what comes before the product that ends an inverted bottleneck, or any other product of what a depthwise
// convolution gives, and is computed with it (inverted.h).
type bottleneck struct {
	expand *convolution // nil: the pictures are what the depthwise convolution sees
	depth  convolution
	// gates multiply what the depthwise convolution gives. They are computed from the means of its channels by two products.
	gates *gates
}

type gates struct{ squeeze, excite convolution }

// all are a convolution and those that are computed with it, in the order of the operation's inputs.
func (c convolution) all() []convolution {
	b := c.bottleneck
	if b == nil {
		return []convolution{c}
	}
	var parts []convolution
	if b.expand != nil {
		parts = append(parts, *b.expand)
	}
	parts = append(parts, b.depth)
	if b.gates != nil {
		parts = append(parts, b.gates.squeeze, b.gates.excite)
	}
	return append(parts, c)
}

// joinBottlenecks finds the products that end bottlenecks.
func (r *rewriter) joinBottlenecks() {
	joined := map[string]convolution{}
	for name, c := range r.fast {
		if whole, found := r.endOfBottleneck(c); found {
			joined[name] = whole
		}
	}
	for name, c := range joined {
		r.fast[name] = c
	}
}

func (r *rewriter) endOfBottleneck(c convolution) (convolution, bool) {
	if !c.pointwise() {
		return convolution{}, false
	}
	maps, b := first(c.pictures), &bottleneck{}
	controls := slices.Clone(c.controls)
	if of, g, waits, found := r.gated(maps); found && r.once(maps) {
		maps, b.gates = of, g
		controls = slices.Concat(controls, waits, g.squeeze.controls, g.excite.controls)
	} else if !r.once(maps) {
		return convolution{}, false
	}
	var found bool
	if b.depth, found = r.fast[maps]; !found || b.depth.kind != depthwise {
		return convolution{}, false
	}
	c.pictures, controls = b.depth.pictures, slices.Concat(controls, b.depth.controls)
	if e, found := r.before(c.pictures); found && e.pointwise() && e.residual == "" {
		b.expand = &e
		c.pictures, controls = e.pictures, slices.Concat(controls, e.controls)
	}
	c.bottleneck, c.controls = b, controls
	return c, true
}

// pointwise says whether a convolution is a product of each pixel.
func (c convolution) pointwise() bool {
	return c.kind == multiplied && c.height == 1 && c.width == 1 && c.down == 1 && c.across == 1 && c.around == zeros{}
}

// gated recognizes the product of maps and gates that are computed from their means: squeeze and excitation.
func (r *rewriter) gated(product string) (maps string, found *gates, controls []string, ok bool) {
	for _, factors := range r.pairs(product, "Mul") {
		maps := factors[0]
		excite, found := r.before(factors[1])
		if !found || !excite.pointwise() || excite.residual != "" || r.readers[maps] != 2 {
			continue
		}
		squeeze, found := r.before(excite.pictures)
		if !found || !squeeze.pointwise() || squeeze.residual != "" || excite.out != r.channels(maps) {
			continue
		}
		if of, controls := r.meanOfPixels(squeeze.pictures, excite.out); of == maps && r.once(squeeze.pictures) {
			return maps, &gates{squeeze, excite}, slices.Concat(controls, r.controls(r.nodes[inference.Producer(product)])), true
		}
	}
	return "", nil, nil, false
}

// meanOfPixels is what a map of one pixel is the mean of, with what it waits for; "" if it is none.
func (r *rewriter) meanOfPixels(tensor string, channels int64) (of string, controls []string) {
	if !slices.Equal(r.size(tensor), []int64{1, 1, channels}) {
		return "", nil
	}
	n := r.nodes[inference.Producer(tensor)]
	controls = r.controls(n)
	if n.GetOp() == "Reshape" { // of vectors: there are as many of them as pictures
		mean := n.GetInput()[0]
		n = r.nodes[inference.Producer(mean)]
		if n.GetAttr()["keep_dims"].GetB() || r.lengthOfVectors(mean) != channels {
			return "", nil
		}
		controls = slices.Concat(controls, r.controls(n))
	} else if !n.GetAttr()["keep_dims"].GetB() {
		return "", nil
	}
	if n.GetOp() != "Mean" || !r.isInts(n.GetInput()[1], 1, 2) {
		return "", nil
	}
	return first(n.GetInput()[0]), controls
}

// lengthOfVectors is the second of two dimensions, 0 if it is not known or there are others.
func (r *rewriter) lengthOfVectors(tensor string) int64 {
	t, err := r.output(tensor)
	if err != nil || t.DataType() != tf.Float {
		return 0
	}
	shape, err := t.Shape().ToSlice()
	if err != nil || len(shape) != 2 {
		return 0
	}
	return max(shape[1], 0)
}

// matchHard recognizes relu6(x+3)/6, and x times that.
func (r *rewriter) matchHard(n *nodepb.NodeDef) (convolution, bool) {
	if x, found := r.hardSigmoid(n.GetName()); found && r.readers[x] == 1 {
		return r.activated(x, hardSigmoid)
	}
	for _, factors := range r.pairs(n.GetName(), "Mul") {
		x, found := r.hardSigmoid(factors[1])
		if found && x == factors[0] && r.once(factors[1]) && r.readers[x] == 2 {
			return r.activated(x, hardSwish)
		}
	}
	return convolution{}, false
}

// activated is a convolution whose sums are not used otherwise, with what follows them.
func (r *rewriter) activated(x string, by activation) (convolution, bool) {
	c, found := r.fast[x]
	if !found || !c.activates() || c.begun() {
		return convolution{}, false
	}
	c.activation = by
	return c, true
}

// hardSigmoid is what relu6(x+3)/6 is computed from.
func (r *rewriter) hardSigmoid(tensor string) (x string, found bool) {
	clipped, found := r.beside(tensor, "RealDiv", 6)
	if !found {
		clipped, found = r.beside(tensor, "Mul", 1/6.)
	}
	n := r.nodes[inference.Producer(clipped)]
	if !found || n.GetOp() != "Relu6" || !r.once(clipped) {
		return "", false
	}
	added := first(n.GetInput()[0])
	x, found = r.beside(added, "AddV2", 3)
	return x, found && r.once(added)
}

// bottleneckNode is the operation that replaces a bottleneck.
func (r *rewriter) bottleneckNode(name string, c convolution, mapped map[string]tf.Output) (*nodepb.NodeDef, error) {
	b := c.bottleneck
	node := &nodepb.NodeDef{Name: name, Op: "FoveaInverted", Input: []string{c.pictures}, Attr: b.depth.window()}
	if b.expand != nil {
		node.Input[0] = r.form(c.pictures)
	}
	for i, part := range c.all() {
		kernel, bias, err := r.weightsOf(name+"_"+string(rune('a'+i)), part, mapped)
		if err != nil {
			return nil, err
		}
		node.Input = append(node.Input, kernel, bias)
	}
	if c.residual != "" {
		node.Input = append(node.Input, r.form(c.residual))
	}
	node.Attr["count"] = whole(int64(len(node.Input)) - 1)
	expand, squeeze, excite := linear, linear, linear
	if b.expand != nil {
		expand = b.expand.activation
	}
	if b.gates != nil {
		squeeze, excite = b.gates.squeeze.activation, b.gates.excite.activation
	}
	for attribute, is := range map[string]bool{"expands": b.expand != nil, "gated": b.gates != nil, "sum": c.residual != ""} {
		node.Attr[attribute] = whole(one(is))
	}
	for attribute, by := range map[string]activation{"expand": expand, "depth": b.depth.activation, "squeeze": squeeze, "excite": excite, "project": c.activation} {
		node.Attr[attribute] = whole(int64(by))
	}
	node.Attr["wide"] = r.wide()
	node.Input = append(node.Input, c.controls...)
	return node, nil
}
