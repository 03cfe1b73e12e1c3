package training

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/vgg"
)

// graph is a network's graph, with its inputs and outputs.
type graph struct {
	graph *tf.Graph
	input tf.Output
	// labels are the numbers of the examples' classes, step is the step's number.
	labels, step tf.Output
	rates        rates
	variables    []variable
	// training is with dropout, evaluation without.
	training, evaluation measured
	// outputs are those of the layers, without dropout.
	outputs map[string]tf.Output
	updates []*tf.Operation
	// clear sets the optimizer's state to zero.
	clear []*tf.Operation
	saver saver
}

// measured are the mean loss and the number of correct examples of a batch.
type measured struct{ loss, correct tf.Output }

type variable struct {
	parameter
	handle, value tf.Output
	initial       tf.Output // a placeholder
	assign        *tf.Operation
	finite        tf.Output // whether all values are finite numbers
	slots         []slot
}

// slot is one of the optimizer's variables.
type slot struct {
	name   string
	handle tf.Output
}

func build(n Network, o Options) (*graph, error) {
	g := &graph{graph: tf.NewGraph(), outputs: map[string]tf.Output{}}
	root := op.NewScopeWithGraph(g.graph)
	shape := tf.MakeShape(append([]int64{-1}, int64s(n.Input)...)...)
	g.input = op.Placeholder(root.SubScope("input"), tf.Float, op.PlaceholderShape(shape))
	g.labels = op.Placeholder(root.SubScope("labels"), tf.Int32, op.PlaceholderShape(tf.MakeShape(-1)))
	g.step = op.Placeholder(root.SubScope("step"), tf.Int64, op.PlaceholderShape(tf.ScalarShape()))
	g.rates = newRates(root)
	for _, p := range n.parameters() {
		g.variables = append(g.variables, newVariable(root.SubScope(p.name), p))
	}
	oneHot := op.OneHot(root.SubScope("one_hot"), g.labels, op.Const(root.SubScope("classes"), int32(n.Classes())),
		op.Const(root.SubScope("on"), float32(1)), op.Const(root.SubScope("off"), float32(0)))
	g.training = g.measure(root.SubScope("training"), n, o, oneHot, true)
	g.evaluation = g.measure(root.SubScope("evaluation"), n, o, oneHot, false)
	if err := root.Err(); err != nil {
		return nil, err
	}
	if err := g.descend(root, o); err != nil {
		return nil, err
	}
	g.addSaver(root.SubScope("save"))
	return g, root.Err()
}

func newVariable(scope *op.Scope, p parameter) variable {
	shape := tf.MakeShape(int64s(p.shape)...)
	v := variable{parameter: p}
	v.handle = op.VarHandleOp(scope, tf.Float, shape, op.VarHandleOpSharedName(p.name))
	v.value = op.ReadVariableOp(scope, v.handle, tf.Float)
	v.initial = op.Placeholder(scope.SubScope("initial"), tf.Float, op.PlaceholderShape(shape))
	v.assign = op.AssignVariableOp(scope, v.handle, v.initial)
	all := scope.SubScope("finite")
	axes := make([]int32, len(p.shape))
	for i := range axes {
		axes[i] = int32(i)
	}
	v.finite = op.All(all, op.IsFinite(all, v.value), op.Const(all.SubScope("axes"), axes))
	return v
}

// measure adds the layers, and the loss and accuracy of their logits.
func (g *graph) measure(scope *op.Scope, n Network, o Options, oneHot tf.Output, training bool) measured {
	values := map[string]tf.Output{}
	for _, v := range g.variables {
		values[v.name] = v.value
	}
	x := g.input
	for i, l := range n.Layers {
		layer := scope.SubScope(l.Name)
		if training && l.Kind == vgg.KindLRN {
			x = normalize(layer, x, l.Shape[len(l.Shape)-1])
			continue
		}
		x = l.Add(layer, x, func(part string, _ []int) tf.Output { return values[l.Name+"/"+part] })
		if l.ReLU {
			x = op.Relu(layer, x)
			if training && o.Dropout > 0 && len(l.Shape) == 1 {
				x = g.drop(layer.SubScope("dropout"), x, o, i, l.Shape[0])
			}
		}
		if !training {
			g.outputs[l.Name] = x
		}
		if scope.Err() != nil {
			return measured{}
		}
	}
	loss, _ := op.SoftmaxCrossEntropyWithLogits(scope.SubScope("loss"), x, oneHot)
	taken := op.ArgMax(scope.SubScope("taken"), x, op.Const(scope.SubScope("axis"), int32(1)), op.ArgMaxOutputType(tf.Int32))
	right := op.Cast(scope.SubScope("right"), op.Equal(scope, taken, g.labels), tf.Float)
	first := op.Const(scope.SubScope("first"), []int32{0})
	return measured{op.Mean(scope.SubScope("mean"), loss, first), op.Sum(scope.SubScope("sum"), right, first)}
}

// normalize is local response normalization, x (k + alpha sum x^2)^-beta with the sum over
// the neighbouring channels. It is built from other operations, because the C++ gradient of
// TensorFlow's own (2.18) ignores the attributes and so uses other constants.
func normalize(scope *op.Scope, x tf.Output, channels int) tf.Output {
	neighbours := make([]float32, channels*channels)
	for i := range channels {
		for k := max(0, i-vgg.LRNRadius); k <= min(channels-1, i+vgg.LRNRadius); k++ {
			neighbours[i*channels+k] = vgg.LRNAlpha
		}
	}
	kernel := op.Reshape(scope.SubScope("kernel"), op.Const(scope.SubScope("neighbours"), neighbours),
		op.Const(scope.SubScope("shape"), []int32{1, 1, int32(channels), int32(channels)}))
	sum := op.Conv2D(scope, op.Square(scope, x), kernel, []int64{1, 1, 1, 1}, "SAME")
	logarithm := op.Log(scope, op.AddV2(scope, sum, op.Const(scope.SubScope("bias"), float32(vgg.LRNBias))))
	scale := op.Exp(scope, op.Mul(scope.SubScope("power"), logarithm, op.Const(scope.SubScope("beta"), float32(-vgg.LRNBeta))))
	return op.Mul(scope, x, scale)
}

// drop leaves out some of a layer's outputs, different ones at each step, and scales up the rest.
func (g *graph) drop(scope *op.Scope, x tf.Output, o Options, layer, units int) tf.Output {
	shape := op.ConcatV2(scope.SubScope("both"), []tf.Output{
		op.Shape(scope.SubScope("batch"), g.labels), op.Const(scope.SubScope("units"), []int32{int32(units)}),
	}, op.Const(scope.SubScope("axis"), int32(0)))
	// Each layer and each step has its own seed.
	seed := op.Pack(scope.SubScope("seed"), []tf.Output{
		op.Const(scope.SubScope("layer"), int64(o.Seed<<8)+int64(layer)), g.step,
	})
	drawn := op.StatelessRandomUniform(scope, shape, seed)
	kept := op.Cast(scope.SubScope("kept"), op.GreaterEqual(scope, drawn, op.Const(scope.SubScope("rate"), float32(o.Dropout))), tf.Float)
	mask := op.Mul(scope.SubScope("mask"), kept, op.Const(scope.SubScope("scale"), float32(1/(1-o.Dropout))))
	return op.Mul(scope, x, mask)
}
