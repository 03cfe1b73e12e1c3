package convolution

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// fold is a node after a convolution whose work its kernel or bias can do: the addition of a number for
// each channel, the multiplication with one, or a normalization by numbers that do not depend on the images.
type fold struct {
	operation string   // the node's
	tensors   []string // its inputs besides the images
	epsilon   float32  // of a normalization
}

// scales says whether the kernel changes.
func (f fold) scales() bool {
	return f.operation == "Mul" || f.operation == "RealDiv" || strings.HasPrefix(f.operation, "FusedBatchNorm")
}

func (f fold) String() string { return fmt.Sprint(f.operation, f.tensors, f.epsilon) }

// scaled says whether any fold changes the kernel.
func (c convolution) scaled() bool { return slices.ContainsFunc(c.folds, fold.scales) }

// plainBias is the bias of a convolution that has one as it is.
func (r *rewriter) plainBias(c convolution) (string, bool) {
	if len(c.folds) != 1 || c.folds[0].operation != "BiasAdd" {
		return "", false
	}
	bias := c.folds[0].tensors[0]
	switch r.nodes[inference.Producer(bias)].GetOp() {
	case "Const", "ReadVariableOp", "Identity", "Placeholder", "VariableV2":
		return bias, true
	}
	return "", false // it would be computed anew each time
}

// weights names the kernel, with all that scales it.
func (c convolution) weights() string {
	name := fmt.Sprint(c.kind, " ", c.kernel)
	for _, f := range c.folds {
		if f.scales() {
			name += " " + f.String()
		}
	}
	return name
}

// parameters names the bias, with all that it is made of.
func (c convolution) parameters() string { return fmt.Sprint(c.kernel, c.folds) }

// renamed is a convolution with other names for the tensors that its kernel is made of.
func (c convolution) renamed(names map[string]string) convolution {
	c.kernel = names[c.kernel]
	c.folds = slices.Clone(c.folds)
	for i, f := range c.folds {
		tensors := make([]string, len(f.tensors))
		for j, t := range f.tensors {
			tensors[j] = names[t]
		}
		c.folds[i].tensors = tensors
	}
	return c
}

// matchFold recognizes a node that can be folded into the convolution before it.
func (r *rewriter) matchFold(n *nodepb.NodeDef) (convolution, bool) {
	inputs := dataInputs(n)
	at := 0
	if n.GetOp() != "BiasAdd" && n.GetOp() != "Sub" && n.GetOp() != "RealDiv" && len(inputs) == 2 && r.dependent(inputs[1]) {
		at = 1
	}
	c, found := r.before(inputs[at])
	if !found || c.begun() || !layout(n) {
		return convolution{}, false
	}
	f := fold{operation: n.GetOp(), tensors: slices.Delete(slices.Clone(inputs), at, at+1)}
	for _, t := range f.tensors {
		if r.dependent(t) || !r.perChannel(t, c.out) && (c.kind != scaled || !r.isNumber(t)) {
			return convolution{}, false
		}
	}
	if strings.HasPrefix(f.operation, "FusedBatchNorm") {
		training := n.GetAttr()["is_training"]
		if training == nil || training.GetB() || len(f.tensors) != 4 {
			return convolution{}, false
		}
		f.epsilon = n.GetAttr()["epsilon"].GetF()
	}
	c.folds = append(slices.Clone(c.folds), f)
	return c, true
}

// perChannel says whether a tensor has one number for each channel.
func (r *rewriter) perChannel(tensor string, channels int64) bool {
	t, err := r.output(tensor)
	if err != nil || t.DataType() != tf.Float {
		return false
	}
	shape, err := t.Shape().ToSlice()
	if err != nil || len(shape) < 1 || len(shape) > 4 || shape[len(shape)-1] != channels {
		return false
	}
	return !slices.ContainsFunc(shape[:len(shape)-1], func(d int64) bool { return d != 1 })
}

// folder adds the nodes that compute kernels and biases.
type folder struct {
	r     *rewriter
	scope *op.Scope
	names int
}

func (f *folder) next() *op.Scope {
	f.names++
	return f.scope.SubScope("fold_" + strconv.Itoa(f.names))
}

// vector is a tensor with a number for each channel, as a vector.
func (f *folder) vector(tensor string) (tf.Output, error) {
	t, err := f.r.output(tensor)
	if err != nil {
		return tf.Output{}, err
	}
	return op.Reshape(f.next(), t, op.Const(f.next(), []int32{-1})), nil
}

// vectors are what a fold multiplies and adds to: all of its tensors.
func (f *folder) vectors(of fold) ([]tf.Output, error) {
	vectors := make([]tf.Output, len(of.tensors))
	for i, t := range of.tensors {
		var err error
		if vectors[i], err = f.vector(t); err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

// scale is what a fold multiplies with, given its vectors.
func (f *folder) scale(of fold, v []tf.Output) tf.Output {
	switch of.operation {
	case "Mul":
		return v[0]
	case "RealDiv":
		return op.Reciprocal(f.next(), v[0])
	}
	return op.Mul(f.next(), v[0], op.Rsqrt(f.next(), op.AddV2(f.next(), v[3], op.Const(f.next(), of.epsilon))))
}

// unscaled is a convolution's kernel before that; where there is none, ones.
func (f *folder) unscaled(c convolution) (tf.Output, error) {
	if c.kind != scaled {
		return f.r.output(c.kernel)
	}
	ones := make([]float32, c.out)
	for i := range ones {
		ones[i] = 1
	}
	return op.Const(f.next(), ones), nil
}

// kernel is a convolution's, scaled.
func (f *folder) kernel(c convolution) (tf.Output, error) {
	kernel, err := f.unscaled(c)
	if err != nil {
		return tf.Output{}, err
	}
	if c.form != nil {
		kernel = op.Reshape(f.next(), kernel, op.Const(f.next(), c.form))
	}
	for _, of := range c.folds {
		if !of.scales() {
			continue
		}
		v, err := f.vectors(of)
		if err != nil {
			return tf.Output{}, err
		}
		scale := f.scale(of, v)
		if c.kind == depthwise { // the last dimension is 1
			scale = op.Reshape(f.next(), scale, op.Const(f.next(), []int32{int32(c.out), 1}))
		}
		kernel = op.Mul(f.next(), kernel, scale)
	}
	return kernel, nil
}

// bias is a convolution's, with all that is added, scaled as what follows it says.
func (f *folder) bias(c convolution) (tf.Output, error) {
	bias := op.Const(f.next(), make([]float32, c.out))
	for _, of := range c.folds {
		v, err := f.vectors(of)
		if err != nil {
			return tf.Output{}, err
		}
		switch {
		case of.operation == "Mul", of.operation == "RealDiv":
			bias = op.Mul(f.next(), bias, f.scale(of, v))
		case of.scales():
			bias = op.AddV2(f.next(), op.Mul(f.next(), op.Sub(f.next(), bias, v[2]), f.scale(of, v)), v[1])
		case of.operation == "Sub":
			bias = op.Sub(f.next(), bias, v[0])
		default:
			bias = op.AddV2(f.next(), bias, v[0])
		}
	}
	return bias, nil
}
