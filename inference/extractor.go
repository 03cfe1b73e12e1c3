package inference

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/recipe"
)

// MaxBatch is the largest batch.
const MaxBatch = 256

// DefaultBatch is 8 pictures, or two a core where there are more cores: on CPUs speed is flat
// from there on, while memory grows with the batch.
func DefaultBatch() int { return min(max(8, 2*runtime.NumCPU()), 64) }

// ExtractorOptions choose what an Extractor gives.
type ExtractorOptions struct {
	// Layers are names or aliases of the model's layers; features come in this order.
	Layers []string
	// Pool is the spatial pooling of convolutional layers: recipe.PoolNone (also ""),
	// recipe.PoolAverage or recipe.PoolMax. Layers without height and width stay as
	// they are.
	Pool string
	// Batch is the number of pictures in a Run (default DefaultBatch()).
	Batch int
}

// Extractor turns batches of preprocessed pictures into features of certain layers. Its
// methods may be called from several goroutines; calls run one after another, because
// concurrent Runs gain nothing.
type Extractor struct {
	model   *Model
	layers  []recipe.Layer
	outputs []tf.Output
	batch   int
	picture int // input values of one picture, 0 if it may have any size
	least   int // the height and width of the smallest picture, where it may have any size

	mu         sync.Mutex
	input      *inputTensor
	unreleased int // bytes of output tensors that the garbage collector has yet to free
}

// NewExtractor prepares the model for the layers asked for. Only the part of the graph up
// to the last of them will run.
func NewExtractor(model *Model, options ExtractorOptions) (*Extractor, error) {
	if options.Batch == 0 {
		options.Batch = DefaultBatch()
	}
	if options.Batch < 1 || options.Batch > MaxBatch {
		return nil, fmt.Errorf("inference: a batch of %d pictures: use 1 to %d", options.Batch, MaxBatch)
	}
	if len(options.Layers) == 0 {
		return nil, errors.New("inference: no layer asked for")
	}
	e := &Extractor{model: model, batch: options.Batch, picture: model.InputHeight * model.InputWidth * 3}
	seen := map[string]bool{}
	for _, name := range options.Layers {
		if seen[name] {
			return nil, fmt.Errorf("inference: layer %s is asked for twice", name)
		}
		seen[name] = true
		if err := e.tap(name, options.Pool); err != nil {
			return nil, err
		}
	}
	if e.picture == 0 {
		return e, nil // ExtractSized makes a tensor of each size
	}
	input, err := newInputTensor(model.Input.DataType(), []int{options.Batch, model.InputHeight, model.InputWidth, 3})
	if err != nil {
		return nil, err
	}
	e.input = input
	return e, nil
}

// tap adds a layer to the outputs, pooled in the graph where that is asked for, so that
// big maps need not leave the device.
func (e *Extractor) tap(name, pool string) error {
	layer, err := e.model.Layer(name)
	if err != nil {
		return err
	}
	stored := recipe.Layer{Name: name, Shape: layer.Shape, Layout: recipe.LayoutC}
	output := layer.Output
	if layer.Spatial() {
		stored.Layout = recipe.LayoutHWC
		switch pool {
		case "", recipe.PoolNone:
		case recipe.PoolAverage, recipe.PoolMax:
			if output, err = e.pooled(layer, pool); err != nil {
				return err
			}
			stored.Shape, stored.Layout = layer.Shape[2:], recipe.LayoutC
		default:
			return fmt.Errorf("inference: unknown pooling %q: use none, avg or max", pool)
		}
	}
	e.least = max(e.least, layer.Least)
	e.layers = append(e.layers, stored)
	e.outputs = append(e.outputs, output)
	return nil
}

// pooled extends the graph by the pooling of a layer, unless an earlier Extractor of the
// model has done so.
func (e *Extractor) pooled(layer Layer, pool string) (tf.Output, error) {
	name := "fovea_" + pool + "_" + layer.Name
	scope := op.NewScopeWithGraph(e.model.Graph).SubScope(name)
	reduce := "Mean"
	if pool == recipe.PoolMax {
		reduce = "Max"
	}
	if operation := e.model.Graph.Operation(name + "/" + reduce); operation != nil {
		return operation.Output(0), nil
	}
	axes := op.Const(scope.SubScope("axes"), []int32{1, 2})
	var output tf.Output
	if pool == recipe.PoolMax {
		output = op.Max(scope, layer.Output, axes)
	} else {
		output = op.Mean(scope, layer.Output, axes)
	}
	if err := scope.Err(); err != nil {
		return tf.Output{}, fmt.Errorf("inference: pool layer %s: %w", layer.Name, err)
	}
	return output, nil
}

// Layers are the layers as stored, after pooling, in the order of Extract's results.
func (e *Extractor) Layers() []recipe.Layer { return e.layers }

// Outputs are the graph's tensors behind Layers, with the pictures as their first dimension.
func (e *Extractor) Outputs() []tf.Output { return e.outputs }

// Least is the height and width of the smallest picture of which all layers can be computed,
// for a model whose input may have any size.
func (e *Extractor) Least() int { return e.least }

// BatchSize is the largest number of pictures that Extract takes at a time.
func (e *Extractor) BatchSize() int { return e.batch }

// Model is the model behind the Extractor.
func (e *Extractor) Model() *Model { return e.model }

// WarmUp runs one empty batch. The first Run of a session optimizes the graph and lays out
// the weights, which takes about a second.
func (e *Extractor) WarmUp() error {
	if e.picture == 0 {
		_, err := e.ExtractSized(make([]float32, 3*e.least*e.least), 1, e.least, e.least)
		return err
	}
	_, err := e.Extract(make([]float32, e.picture), 1)
	return err
}

// Extract computes the features of n pictures, 1 to BatchSize, whose preprocessed values
// follow each other in pixels, NHWC. It returns one slice per layer with n times the
// layer's size values. A smaller batch is padded with zeros, so that the session sees one
// shape only; the results of the padding are dropped.
func (e *Extractor) Extract(pixels []float32, n int) ([][]float32, error) {
	if n < 1 || n > e.batch {
		return nil, fmt.Errorf("inference: a batch of %d pictures given to an extractor of %d", n, e.batch)
	}
	if len(pixels) != n*e.picture {
		return nil, fmt.Errorf("inference: %d input values for %d pictures of %d", len(pixels), n, e.picture)
	}
	if e.input == nil {
		return nil, fmt.Errorf("inference: model %s takes pictures of any size: say which", e.model.Name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.input.fill(pixels)
	features, err := e.run(e.input.tensor, e.batch)
	if err != nil {
		return nil, err
	}
	for i := range features {
		features[i] = features[i][:n*e.layers[i].Size()]
	}
	runtime.KeepAlive(e.input)
	return features, nil
}

// ExtractSized is Extract for a model whose input may have any size: n pictures, 1 to
// MaxBatch, of one height and width in pixels, each at least Least of all layers.
func (e *Extractor) ExtractSized(pixels []float32, n, height, width int) ([][]float32, error) {
	if e.picture != 0 {
		return nil, fmt.Errorf("inference: model %s takes pictures of %dx%d alone", e.model.Name, e.model.InputHeight, e.model.InputWidth)
	}
	if n < 1 || n > MaxBatch || height < e.least || width < e.least {
		return nil, fmt.Errorf("inference: %d pictures of %dx%d: model %s takes 1 to %d of %d pixels or more for these layers", n, height, width, e.model.Name, MaxBatch, e.least)
	}
	tensor, err := NewFloat32Tensor([]int{n, height, width, 3}, pixels)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unreleased += 4 * len(pixels)
	return e.run(tensor, n)
}

// run computes a batch and copies its features.
func (e *Extractor) run(input *tf.Tensor, batch int) ([][]float32, error) {
	tensors, err := e.model.Session.Run(map[tf.Output]*tf.Tensor{e.model.Input: input}, e.outputs, nil)
	if err != nil {
		return nil, fmt.Errorf("inference: run %s on %s: %w", e.model.Name, e.model.Device, err)
	}
	features := make([][]float32, len(tensors))
	for i, tensor := range tensors {
		features[i] = make([]float32, batch*e.layers[i].Size())
		if err := copyFloat32(features[i], tensor); err != nil {
			return nil, fmt.Errorf("layer %s: %w", e.layers[i].Name, err)
		}
		e.unreleased += 4 * len(features[i])
	}
	e.release()
	return features, nil
}

// releaseBytes is how much memory of dead output tensors is let pile up.
const releaseBytes = 64 << 20

// release has the garbage collector run the finalizers of dead output tensors, whose C
// memory it does not count and so would leave for long.
func (e *Extractor) release() {
	if e.unreleased < releaseBytes {
		return
	}
	e.unreleased = 0
	runtime.GC()
}
