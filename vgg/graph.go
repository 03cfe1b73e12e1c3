package vgg

import (
	"fmt"
	"runtime"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"github.com/galeone/tfgo"
	"golang.org/x/sync/errgroup"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/vgg/weights"
)

// Local response normalization as configuration A-LRN uses it: the constants of Krizhevsky
// et al. (2012), which the paper takes over: n = 5 neighbours, k = 2, alpha = 1e-4,
// beta = 0.75.
const (
	LRNRadius = 2
	LRNBias   = 2
	LRNAlpha  = 1e-4
	LRNBeta   = 0.75
)

// PreprocessingKey is the metadata key under which weights state the preprocessing that they were
// trained with, in the form that preprocessing.Parse reads.
//
// PreprocessingSourceKey says, for people, how it was determined.
const (
	PreprocessingKey       = "preprocessing"
	PreprocessingSourceKey = "preprocessing_source"
)

// graph builds the configuration's graph, with the top where the weights have it.
func (c Configuration) graph(set weights.Set, b *builder) ([]inference.Layer, error) {
	if err := c.Check(set); err != nil {
		return nil, err
	}
	d, err := dimensions(set)
	if err != nil {
		return nil, err
	}
	if err := inference.Load(); err != nil {
		return nil, err
	}
	b.root, b.dimensions = tfgo.NewRoot(), d
	if b.placement != "" {
		b.root = b.root.WithDevice(b.placement)
	}
	layers, err := b.build(c, c.layersOf(d, set), moduleStep(set))
	if err != nil {
		return nil, fmt.Errorf("vgg: build the graph of %s: %w", c.Name, err)
	}
	return layers, nil
}

// Preprocessing is the preprocessing that the weights state under PreprocessingKey. Sets without
// one are the embedded base and those imported by earlier versions, which assumed the VGG group's
// own for everything that did not come from PyTorch.
func Preprocessing(set weights.Set) (preprocessing.Spec, error) {
	noted := set.Metadata[PreprocessingKey]
	if noted == "" {
		return preprocessing.Caffe, nil
	}
	spec, err := preprocessing.Parse(noted)
	if err != nil {
		return spec, fmt.Errorf("vgg: the weights were imported by another version: %w", err)
	}
	return spec, nil
}

// variable is one of the graph's variables and the operation that fills it.
type variable struct {
	name   string
	handle tf.Output
	value  tf.Output // a placeholder
	assign *tf.Operation
}

// builder builds a graph. Its zero value builds that of a network for images of one size, on any
// device.
type builder struct {
	// anySize makes the graph accept images of any height and width, see Options.Dense.
	anySize bool
	// placement, unless empty, is the device of all operations.
	placement string
	// bfloat16 stores the kernels of dense layers in that precision. Otherwise each Run would round
	// all of their hundred million values again, which takes half as long as VGG16's convolutions.
	bfloat16   bool
	unassigned map[string]bool // Options.Unassigned
	dimensions Dimensions
	root       *op.Scope
	input      tf.Output
	variables  []variable
}

// linearSuffix marks the tap of a layer before its rectifier.
const linearSuffix = "_linear"

// build adds the layers one after another and returns their taps, for those with a rectifier both
// before and after it. modules is that of moduleStep.
func (b *builder) build(c Configuration, layers []Layer, modules int) ([]inference.Layer, error) {
	side := int64(b.dimensions.InputSize)
	if b.anySize {
		side = -1
	}
	b.input = op.Placeholder(b.root.SubScope("input"), tf.Float, op.PlaceholderShape(tf.MakeShape(-1, side, side, 3)))
	var taps []inference.Layer
	before, after := c.publishedAliases(modules)
	x := b.input
	for _, l := range layers {
		if b.anySize && l.Kind == KindFlatten {
			continue
		}
		scope := b.root.SubScope(l.Name)
		add := l.Add
		if b.anySize {
			add = l.addEverywhere
		}
		x = add(scope, x, func(part string, shape []int) tf.Output { return b.variable(scope, part, l.Name, shape) })
		if l.ReLU {
			taps = append(taps, b.tap(scope.SubScope("linear"), l, inference.Layer{Name: l.Name + linearSuffix, Aliases: before[l.Name], Output: x, Shape: l.Shape}))
			x = op.Relu(scope, x)
		}
		if err := b.root.Err(); err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Name, err)
		}
		aliases := append(slices.Clone(l.Aliases), after[l.Name]...)
		taps = append(taps, b.tap(scope, l, inference.Layer{Name: l.Name, Aliases: aliases, Output: x, Shape: l.Shape}))
	}
	return taps, nil
}

// Add adds the layer, without its rectifier, to a graph. The parameter function supplies the values
// of its "kernel" and "bias" in the shapes that it is called with.
func (l Layer) Add(scope *op.Scope, x tf.Output, parameter func(part string, shape []int) tf.Output) tf.Output {
	switch l.Kind {
	case KindConvolution:
		x = op.Conv2D(scope, x, parameter("kernel", l.Kernel), []int64{1, 1, 1, 1}, "SAME")
	case KindDense:
		x = matMul(scope, x, parameter("kernel", l.Kernel))
	case KindMaxPool:
		return op.MaxPool(scope, x, []int64{1, 2, 2, 1}, []int64{1, 2, 2, 1}, "VALID")
	case KindAverage:
		return op.Mean(scope, x, op.Const(scope.SubScope("axes"), []int32{1, 2}))
	case KindLRN:
		return op.LRN(scope, x, op.LRNDepthRadius(LRNRadius), op.LRNBias(LRNBias), op.LRNAlpha(LRNAlpha), op.LRNBeta(LRNBeta))
	case KindFlatten:
		return op.Reshape(scope, x, op.Const(scope.SubScope("shape"), []int32{-1, int32(l.Shape[0])}))
	case KindSoftmax:
		return op.Softmax(scope, x)
	}
	return op.BiasAdd(scope, x, parameter("bias", l.Kernel[len(l.Kernel)-1:]))
}

// matMul computes in the precision of the kernel.
func matMul(scope *op.Scope, x, kernel tf.Output) tf.Output {
	if kernel.DataType() == tf.Float {
		return op.MatMul(scope, x, kernel)
	}
	product := op.MatMul(scope, op.Cast(scope.SubScope("rounded"), x, kernel.DataType()), kernel)
	return op.Cast(scope.SubScope("widened"), product, tf.Float)
}

// variable declares a layer's kernel or bias and returns its value. Variables, not constants: a
// graph with frozen weights needs many times the memory and start-up time.
func (b *builder) variable(layerScope *op.Scope, part, layer string, shape []int) tf.Output {
	name, scope := layer+"/"+part, layerScope.SubScope(part)
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	dtype := tf.Float
	if b.bfloat16 && len(shape) == 2 {
		dtype = tf.Bfloat16
	}
	handle := op.VarHandleOp(scope, dtype, tf.MakeShape(dims...), op.VarHandleOpSharedName(name))
	if b.unassigned[name] {
		return op.ReadVariableOp(scope, handle, dtype)
	}
	value := op.Placeholder(scope.SubScope("initial"), tf.Float, op.PlaceholderShape(tf.MakeShape(dims...)))
	kept := value
	if dtype != tf.Float {
		kept = op.Cast(scope.SubScope("rounded"), value, dtype)
	}
	b.variables = append(b.variables, variable{name, handle, value, op.AssignVariableOp(scope, handle, kept)})
	return op.ReadVariableOp(scope, handle, dtype)
}

// collectedBytes is how much is fed at least before the garbage collector, which does not count tensors, is called to
// free it.
const collectedBytes = 16 << 20

// assign fills the variables, decoding the weights straight into TensorFlow's memory on all cores.
func (b *builder) assign(session *tf.Session, set weights.Set) error {
	tensors := make([]*tf.Tensor, len(b.variables))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, v := range b.variables {
		group.Go(func() error {
			tensor := set.Tensors[v.name]
			var err error
			if tensors[i], err = inference.FillFloat32Tensor(tensor.Shape, tensor.Decode); err != nil {
				return fmt.Errorf("tensor %s: %w", v.name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	feeds := make(map[tf.Output]*tf.Tensor, len(tensors))
	targets := make([]*tf.Operation, len(tensors))
	fed := 0
	for i, v := range b.variables {
		feeds[v.value], targets[i] = tensors[i], v.assign
		fed += len(set.Tensors[v.name].Raw)
	}
	if _, err := session.Run(feeds, nil, targets); err != nil {
		return err
	}
	if fed >= collectedBytes {
		runtime.GC()
	}
	return nil
}
