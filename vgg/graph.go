package vgg

import (
	"errors"
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

// PreprocessingKey is where a set of weights states the preprocessing that it was trained
// on, in the form that preprocessing.Parse reads.
//
// PreprocessingSourceKey says, for people, how it was found.
const (
	PreprocessingKey       = "preprocessing"
	PreprocessingSourceKey = "preprocessing_source"
)

// Open builds the graph of a configuration and puts the weights into it. The top layers
// are there when the weights hold them. Weights that miss a tensor, have one too many or
// one of another shape are refused with its name.
func Open(c Configuration, set weights.Set, config inference.SessionConfig) (*inference.Model, error) {
	return open(c, set, config, &builder{placement: config.Placement(), bfloat16: config.Precision == inference.BFloat16})
}

func open(c Configuration, set weights.Set, config inference.SessionConfig, b *builder) (*inference.Model, error) {
	wanted, err := Preprocessing(set)
	if err != nil {
		return nil, err
	}
	layers, err := c.graph(set, b)
	if err != nil {
		return nil, err
	}
	graph, err := b.root.Finalize()
	if err != nil {
		return nil, fmt.Errorf("vgg: build the graph of %s: %w", c.Name, err)
	}
	session, device, err := inference.NewSession(graph, config)
	if err != nil {
		return nil, fmt.Errorf("vgg: open %s: %w", c.Name, err)
	}
	if err := b.assign(session, set); err != nil {
		return nil, errors.Join(fmt.Errorf("vgg: put the weights into %s: %w", c.Name, err), session.Close())
	}
	precision := config.Precision
	if precision == "" {
		precision = inference.Float32
	}
	return &inference.Model{
		Name:          c.Name,
		SHA256:        set.SHA256,
		Preprocessing: wanted,
		Device:        device,
		Precision:     precision,
		Placement:     config.Placement(),
		Graph:         graph,
		Session:       session,
		Input:         b.input,
		InputHeight:   b.inputSize(),
		InputWidth:    b.inputSize(),
		Layers:        layers,
	}, nil
}

// graph builds the configuration's graph, with the top where the weights have it.
func (c Configuration) graph(set weights.Set, b *builder) ([]inference.Layer, error) {
	if err := c.Check(set); err != nil {
		return nil, err
	}
	d, err := dimensions(set)
	if err != nil {
		return nil, err
	}
	b.root, b.dimensions = tfgo.NewRoot(), d
	if b.placement != "" {
		b.root = b.root.WithDevice(b.placement)
	}
	layers, err := b.build(c, hasTop(set))
	if err != nil {
		return nil, fmt.Errorf("vgg: build the graph of %s: %w", c.Name, err)
	}
	return layers, nil
}

// Preprocessing is what the weights state under PreprocessingKey. Sets without it are the
// embedded base and imports of earlier versions, which took the VGG group's own for all that
// did not come from PyTorch.
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

func hasTop(set weights.Set) bool {
	_, found := set.Tensors["fc6/kernel"]
	return found
}

// Check compares weights with what the configuration needs, in the dimensions that they
// note: the convolutions, and, when there is one of the dense layers, all of them.
func (c Configuration) Check(set weights.Set) error {
	d, err := dimensions(set)
	if err != nil {
		return err
	}
	top := hasTop(set)
	needed := map[string][]int{}
	for _, l := range c.LayersFor(d, top) {
		if l.Kernel != nil {
			needed[l.Name+"/kernel"] = l.Kernel
			needed[l.Name+"/bias"] = l.Kernel[len(l.Kernel)-1:]
		}
	}
	for name, shape := range needed {
		tensor, found := set.Tensors[name]
		if !found {
			return fmt.Errorf("vgg: the weights have no tensor %s, which %s needs with shape %v", name, c.Name, shape)
		}
		if !slices.Equal(tensor.Shape, shape) {
			return fmt.Errorf("vgg: tensor %s has shape %v, but %s needs %v", name, tensor.Shape, c.Name, shape)
		}
	}
	for name := range set.Tensors {
		if needed[name] == nil {
			return fmt.Errorf("vgg: the weights have a tensor %s, which %s does not know: are they of another network?", name, c.Name)
		}
	}
	return nil
}

// variable is one of the graph's variables with the operation that fills it.
type variable struct {
	name   string
	handle tf.Output
	value  tf.Output // a placeholder
	assign *tf.Operation
}

// builder builds a graph. Its useful zero value builds that of the network for pictures of
// one size, on any device.
type builder struct {
	// anySize makes the graph for pictures of any height and width, see OpenDense.
	anySize bool
	// placement is the device of all operations, unless that is empty.
	placement string
	// bfloat16 keeps the kernels of dense layers in that precision. Otherwise all of their hundred
	// million values are rounded anew in each Run, which takes half as long as VGG16's convolutions.
	bfloat16   bool
	dimensions Dimensions
	root       *op.Scope
	input      tf.Output
	variables  []variable
}

// linearSuffix marks the tap of a layer before its rectifier.
const linearSuffix = "_linear"

// build adds the layers one after another and returns them as taps, those with a rectifier
// before and after it.
func (b *builder) build(c Configuration, top bool) ([]inference.Layer, error) {
	side := int64(b.dimensions.InputSize)
	if b.anySize {
		side = -1
	}
	b.input = op.Placeholder(b.root.SubScope("input"), tf.Float, op.PlaceholderShape(tf.MakeShape(-1, side, side, 3)))
	var taps []inference.Layer
	before, after := c.publishedAliases()
	x := b.input
	for _, l := range c.LayersFor(b.dimensions, top) {
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

// Add adds the layer to a graph, without its rectifier. The parameter function gives the
// values of its "kernel" and "bias", of the shapes that it is called with.
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

// matMul computes in the kernel's precision.
func matMul(scope *op.Scope, x, kernel tf.Output) tf.Output {
	if kernel.DataType() == tf.Float {
		return op.MatMul(scope, x, kernel)
	}
	product := op.MatMul(scope, op.Cast(scope.SubScope("rounded"), x, kernel.DataType()), kernel)
	return op.Cast(scope.SubScope("widened"), product, tf.Float)
}

// variable declares a layer's kernel or bias and returns its value. Variables rather than constants: a
// graph with its weights frozen into it takes many times the memory and start-up.
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
	value := op.Placeholder(scope.SubScope("initial"), tf.Float, op.PlaceholderShape(tf.MakeShape(dims...)))
	kept := value
	if dtype != tf.Float {
		kept = op.Cast(scope.SubScope("rounded"), value, dtype)
	}
	b.variables = append(b.variables, variable{name, handle, value, op.AssignVariableOp(scope, handle, kept)})
	return op.ReadVariableOp(scope, handle, dtype)
}

// assign fills the variables. The weights are decoded right into TensorFlow's memory, on all
// cores.
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
	for i, v := range b.variables {
		feeds[v.value], targets[i] = tensors[i], v.assign
	}
	if _, err := session.Run(feeds, nil, targets); err != nil {
		return err
	}
	runtime.GC() // frees the tensors just fed, which Go does not count
	return nil
}
