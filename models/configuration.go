package models

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"fovea/convolution"
	"fovea/inference"
	"fovea/internal/mapped"
	"fovea/recipe"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// openConfiguration opens a configuration of VGG. The kernels of its convolutions are transformed while TensorFlow's
// library is being loaded.
func openConfiguration(name string, options Options) (*inference.Model, error) {
	configuration, err := configuration(name)
	if err != nil {
		return nil, err
	}
	if err := options.checkSize(configuration); err != nil {
		return nil, err
	}
	loaded := make(chan error, 1)
	go func() { loaded <- inference.Load() }()
	set, err := Weights(configuration, options.Dir)
	if err != nil {
		return nil, err
	}
	kernels := options.prepare(set)
	defer kernels.Close()
	if err := <-loaded; err != nil {
		return nil, err
	}
	if options.Session.OnGPU() {
		kernels.Close()
	}
	model, err := options.openWith(configuration, set, kernels)
	if err == nil && !options.Preprocessing.IsZero() {
		model.Preprocessing = options.Preprocessing
	}
	return model, err
}

// prepare starts to transform the kernels of a configuration if it will run on the CPU, as far as can be told before
// TensorFlow is there.
func (o Options) prepare(set weights.Set) *convolution.Prepared {
	if o.Convolutions == Direct || o.Session.Device != "" && o.Session.Device != inference.DeviceAuto && o.Session.Device != inference.DeviceCPU {
		return nil
	}
	var kernels []convolution.Kernel
	for _, name := range slices.Sorted(maps.Keys(set.Tensors)) {
		tensor := set.Tensors[name]
		kernels = append(kernels, convolution.Kernel{Variable: name, Shape: tensor.Shape, Decode: tensor.Decode, Sum: tensor.Sum})
	}
	return convolution.Prepare(o.Session.Precision, kernels, o.kept())
}

// kept is where transformed kernels are kept.
func (o Options) kept() convolution.Kept {
	dir := o.remembering()
	if dir == "" {
		return convolution.Kept{}
	}
	return convolution.Kept{Dir: mapped.Dir{Path: filepath.Join(dir, "kernels")}, Program: buildID()}
}

// openWith opens a configuration, with kernels that are prepared if it can remain so.
func (o Options) openWith(c vgg.Configuration, set weights.Set, kernels *convolution.Prepared) (*inference.Model, error) {
	if model, err := o.openPrepared(c, set, kernels); model != nil || err != nil {
		return model, err
	}
	model, err := vgg.OpenWith(c, set, vgg.Options{Session: o.Session, Dense: o.Dense})
	if err != nil {
		return nil, err
	}
	return o.accelerated(c.Name, model, func() error { return convolution.Accelerate(model, convolution.Options{}) })
}

// openPrepared opens a configuration with prepared kernels, whose variables need no values then. It gives none if there
// are none, if the model needs their values after all, or if TensorFlow has to rewrite it after all.
func (o Options) openPrepared(c vgg.Configuration, set weights.Set, kernels *convolution.Prepared) (*inference.Model, error) {
	variables := kernels.Variables()
	if len(variables) == 0 {
		return nil, nil
	}
	model, err := vgg.OpenWith(c, set, vgg.Options{Session: o.Session, Dense: o.Dense, Unassigned: variables, Unrewritten: o.maps})
	if err != nil {
		return nil, err
	}
	if convolution.Accelerate(model, convolution.Options{Prepared: kernels}) == nil && kernels.Taken() && unrewritten(model, o.Layers) {
		return model, nil
	}
	return nil, model.Close()
}

// maps says whether all layers that will be computed are maps, pooled if at all so that TensorFlow may have nothing to
// rewrite for them.
func (o Options) maps(layers []inference.Layer) bool {
	model := inference.Model{Layers: layers}
	for _, name := range o.Layers {
		if layer, err := model.Layer(name); err != nil || !layer.Spatial() {
			return false
		}
	}
	return len(o.Layers) > 0 && plainPool(o.pool)
}

// unrewritten says whether a model for these layers can remain as it was opened, if that is without TensorFlow's rewriting.
func unrewritten(model *inference.Model, layers []string) bool {
	if !model.Unrewritten {
		return true
	}
	whole, err := convolution.Whole(model, layers)
	return whole && err == nil
}

// plainPool says whether layers are pooled, if at all, by an operation of TensorFlow's that it does not rewrite.
func plainPool(pool string) bool {
	how, err := recipe.ParsePool(pool)
	return err == nil && (how.Kind == recipe.PoolNone || how.Kind == recipe.PoolAverage || how.Kind == recipe.PoolMax)
}

// checkSize refuses sizes that a configuration was not trained on.
func (o Options) checkSize(c vgg.Configuration) error {
	for _, side := range []int{o.InputHeight, o.InputWidth} {
		if side != 0 && side != vgg.InputSize {
			return fmt.Errorf("models: %s: %w: %dx%d pixels were requested, it takes %dx%[5]d; dense views see whole images of any size", c.Name, ErrSize, o.InputWidth, o.InputHeight, vgg.InputSize)
		}
	}
	return nil
}
