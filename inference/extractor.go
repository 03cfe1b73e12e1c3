package inference

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/recipe"
)

// ExtractorOptions select what an Extractor computes.
type ExtractorOptions struct {
	// Layers are names or aliases of the model's layers; features come in this order.
	Layers []string
	// Pool is the pooling over the positions of convolutional layers or the tokens of a
	// transformer's, as recipe.ParsePool reads it. Plain vectors stay as they are.
	Pool string
	// Project, if set, projects layers after pooling; see Extractor.Project.
	Project Project
	// Batch is the number of images in a Run (default: that of the model's device; at most the
	// model's MaxBatch).
	Batch int
	// Halved, if set, is called with the new batch size after the device's memory was too small for
	// a batch. It may be called from several goroutines.
	Halved func(batch int)
}

// Extractor turns batches of preprocessed images into features of certain layers. Its methods may
// be called from several goroutines; Parallel is the number of calls that are computed at a time.
type Extractor struct {
	model  *Model
	layers []recipe.Layer // as stored
	// computed are the layers before the projection, and projectors what computes those that it changes.
	computed   []recipe.Layer
	projectors []func(out, x []float32)
	outputs    []tf.Output
	batch      int
	picture    int // input values of one image, 0 if it may have any size
	least      int // the height and width of the smallest image, where it may have any size
	halved     func(batch int)

	// run computes the outputs of an input tensor; tests replace it.
	run func(input *tf.Tensor) ([]*tf.Tensor, error)
	// inputs are those that no call of Extract is using.
	inputs     chan *input
	unreleased atomic.Int64 // bytes of output tensors that the garbage collector has yet to free
}

// input is the memory of a Run of so many images: a batch, or fewer where the device's memory did
// not suffice.
type input struct {
	*inputTensor
	size int
}

// NewExtractor prepares the model for the requested layers. Only the part of the graph up to the
// last of them will run.
func NewExtractor(model *Model, options ExtractorOptions) (*Extractor, error) {
	if options.Batch == 0 {
		options.Batch = DefaultBatchOn(model.Device)
	}
	if options.Batch < 1 || options.Batch > MaxBatch {
		return nil, fmt.Errorf("inference: a batch of %d images: use 1 to %d", options.Batch, MaxBatch)
	}
	if model.MaxBatch > 0 {
		options.Batch = min(options.Batch, model.MaxBatch)
	}
	if len(options.Layers) == 0 {
		return nil, errors.New("inference: no layers were requested")
	}
	e := &Extractor{model: model, batch: options.Batch, picture: model.InputHeight * model.InputWidth * model.Depth(), halved: options.Halved}
	e.run = e.runSession
	for i, name := range options.Layers {
		if slices.Contains(options.Layers[:i], name) {
			return nil, fmt.Errorf("inference: layer %s is requested twice", name)
		}
		if err := e.tap(name, options.Pool); err != nil {
			return nil, err
		}
	}
	e.computed = e.layers
	if err := e.Project(options.Project); err != nil {
		return nil, err
	}
	if e.picture == 0 {
		return e, nil // ExtractSized makes a tensor of each size
	}
	e.inputs = make(chan *input, e.Parallel())
	for range cap(e.inputs) {
		in := &input{}
		if err := e.resize(in, e.together()); err != nil {
			return nil, err
		}
		e.inputs <- in
	}
	return e, nil
}

// resize makes the input's tensor for Runs of that many images.
func (e *Extractor) resize(in *input, size int) error {
	tensor, err := newInputTensor(e.model.Input.DataType(), []int{size, e.model.InputHeight, e.model.InputWidth, e.model.Depth()})
	if err != nil {
		return err
	}
	in.inputTensor, in.size = tensor, size
	return nil
}

// Layers are the layers as stored, after pooling and projection, in the order of Extract's results.
func (e *Extractor) Layers() []recipe.Layer { return e.layers }

// Computed are the layers before the projection.
func (e *Extractor) Computed() []recipe.Layer { return e.computed }

// Outputs are the graph's tensors behind Computed, with the images as their first dimension.
func (e *Extractor) Outputs() []tf.Output { return e.outputs }

// Least is the height and width of the smallest image that all layers can be computed of, for a
// model whose input may have any size.
func (e *Extractor) Least() int { return e.least }

// BatchSize is the largest number of images that Extract takes at a time.
func (e *Extractor) BatchSize() int { return e.batch }

// mostSized bounds the concurrent calls of ExtractSized. Each may take half a gigabyte, as
// two images of 683x512 pixels do in a VGG.
const mostSized = 4

// Parallel is the number of concurrent calls that keep the device busy. Calls of ExtractSized have
// few images, and the cores of a CPU take one each. Of Extract it is two where the cores take
// shares of a batch (package convolution, and oneDNN in bfloat16): cores that are done with one
// batch continue with the other instead of waiting for the last share.
func (e *Extractor) Parallel() int {
	switch {
	case e.model.Device != DeviceCPU:
		return 1
	case e.picture == 0:
		return min(max(1, runtime.NumCPU()/2), mostSized)
	case (e.model.Convolutions.Count > 0 || e.model.Precision == BFloat16) && runtime.NumCPU() > 1:
		return 2
	}
	return 1
}

// Model is the model behind the Extractor.
func (e *Extractor) Model() *Model { return e.model }

// WarmUp runs one empty batch. The first Run of a session optimizes the graph and lays out
// the weights, which takes about a second.
func (e *Extractor) WarmUp() error {
	if e.picture == 0 {
		_, err := e.ExtractSized(make([]float32, e.model.Depth()*e.least*e.least), 1, e.least, e.least)
		return err
	}
	_, err := e.Extract(make([]float32, e.picture), 1)
	return err
}

// Extract computes the features of n images, 1 to BatchSize, whose preprocessed values follow one
// another in pixels, NHWC. It returns one slice per layer, with n times the layer's size values. A
// smaller batch is padded with zeros, so that the session sees only one shape; the padding's
// results are dropped.
//
// If the device's memory does not suffice, this batch and the following ones are computed in
// halves. ErrMemory is returned only if a single image does not fit.
func (e *Extractor) Extract(pixels []float32, n int) ([][]float32, error) {
	if n < 1 || n > e.batch {
		return nil, fmt.Errorf("inference: a batch of %d images given to an extractor of %d", n, e.batch)
	}
	if len(pixels) != n*e.picture {
		return nil, fmt.Errorf("inference: %d input values for %d images of %d", len(pixels), n, e.picture)
	}
	if e.inputs == nil {
		return nil, fmt.Errorf("inference: model %s takes images of any size: use ExtractSized", e.model.Name)
	}
	in := <-e.inputs
	defer func() { e.inputs <- in }()
	features := make([][]float32, len(e.layers))
	for done := 0; done < n; {
		count := min(in.size, n-done)
		in.fill(pixels[done*e.picture : (done+count)*e.picture])
		tensors, err := e.run(in.tensor)
		runtime.KeepAlive(in.inputTensor)
		if errors.Is(err, ErrMemory) && in.size > 1 {
			if err := e.halve(in); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := e.keep(features, tensors, in.size, count); err != nil {
			return nil, err
		}
		tensors, done = nil, done+count
		e.release()
	}
	return features, nil
}

// ExtractSized is Extract for a model whose input may have any size: n images, 1 to MaxBatch, of
// one height and width in pixels, each at least the Least of all layers.
func (e *Extractor) ExtractSized(pixels []float32, n, height, width int) ([][]float32, error) {
	if e.picture != 0 {
		return nil, fmt.Errorf("inference: model %s takes only images of %dx%d", e.model.Name, e.model.InputHeight, e.model.InputWidth)
	}
	if n < 1 || n > MaxBatch || height < e.least || width < e.least {
		return nil, fmt.Errorf("inference: %d images of %dx%d: model %s takes 1 to %d of %d pixels or more for these layers", n, height, width, e.model.Name, MaxBatch, e.least)
	}
	features := make([][]float32, len(e.layers))
	size := n
	if e.model.MaxBatch > 0 {
		size = min(n, e.model.MaxBatch)
	}
	depth := e.model.Depth()
	picture := height * width * depth
	if len(pixels) != n*picture {
		return nil, fmt.Errorf("inference: %d input values for %d images of %d", len(pixels), n, picture)
	}
	for done := 0; done < n; done += size {
		count := min(size, n-done)
		in, err := newInputTensor(e.model.Input.DataType(), []int{count, height, width, depth})
		if err != nil {
			return nil, err
		}
		in.fill(pixels[done*picture : (done+count)*picture])
		tensors, err := e.run(in.tensor)
		runtime.KeepAlive(in)
		if err != nil {
			return nil, err
		}
		if err := e.keep(features, tensors, count, count); err != nil {
			return nil, err
		}
	}
	e.unreleased.Add(int64(4 * len(pixels)))
	e.release()
	return features, nil
}

// runSession computes the outputs of an input tensor.
func (e *Extractor) runSession(input *tf.Tensor) ([]*tf.Tensor, error) {
	tensors, err := e.model.Session.Run(map[tf.Output]*tf.Tensor{e.model.Input: input}, e.outputs, nil)
	if err != nil && outOfMemory(err) {
		err = fmt.Errorf("%w: %w", ErrMemory, err)
	}
	if err != nil {
		return nil, fmt.Errorf("inference: run %s on %s: %w", e.model.Name, e.model.Device, err)
	}
	return tensors, nil
}

// keep appends the outputs of the first count of size images.
func (e *Extractor) keep(features [][]float32, tensors []*tf.Tensor, size, count int) error {
	for i, tensor := range tensors {
		if shape := tensor.Shape(); len(shape) == 0 || shape[0] != int64(size) {
			return fmt.Errorf("inference: layer %s gives a tensor of shape %v for %d images, whose first dimension is not their number: choose another layer", e.layers[i].Name, shape, size)
		}
		if i < len(e.projectors) && e.projectors[i] != nil {
			if err := e.keepProjected(features, i, tensor, size, count); err != nil {
				return err
			}
			continue
		}
		width := e.layers[i].Size()
		values := make([]float32, size*width)
		if err := CopyFloat32(values, tensor); err != nil {
			return fmt.Errorf("layer %s: %w", e.layers[i].Name, err)
		}
		e.unreleased.Add(int64(4 * len(values)))
		if features[i] == nil { // the only part, as a rule
			features[i] = values[:count*width]
			continue
		}
		features[i] = append(features[i], values[:count*width]...)
	}
	return nil
}
