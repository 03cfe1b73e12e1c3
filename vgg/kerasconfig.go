package vgg

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fovea/preprocessing"
	"fovea/vgg/weights"
)

// ErrOpaque says that a model's own architecture transforms its input in a way that cannot be
// expressed as a preprocessing.
var ErrOpaque = errors.New("the model transforms its input in an unknown way")

// KerasPreprocessing is what the layers before a Keras model's first convolution do to RGB pixels:
// Rescaling and Normalization layers, as described by the architecture in the weights file
// (weights.Set.KerasConfig). It returns false where there are none, or no architecture; a layer
// that transforms its input in another way is ErrOpaque.
//
// The tensors of Normalization layers, which hold what adapt() has learned, are removed from the
// set: they are not part of the network.
func KerasPreprocessing(set weights.Set) (preprocessing.Spec, bool, error) {
	if len(set.KerasConfig) == 0 {
		return preprocessing.Spec{}, false, nil
	}
	var model kerasLayer
	if err := json.Unmarshal(set.KerasConfig, &model); err != nil {
		return preprocessing.Spec{}, false, fmt.Errorf("vgg: the architecture in the file: %w", err)
	}
	c := kerasChain{set: set, scale: []float64{1, 1, 1}, offset: []float64{0, 0, 0}}
	if _, err := c.walk(model); err != nil {
		return preprocessing.Spec{}, false, err
	}
	if !c.found {
		return preprocessing.Spec{}, false, nil
	}
	spec, err := preprocessing.Affine(preprocessing.RGB, c.scale, c.offset)
	return spec, true, err
}

// kerasLayer is a layer, or a model of layers, as Keras 2 and Keras 3 describe it.
type kerasLayer struct {
	Class  string `json:"class_name"`
	Name   string `json:"name"`
	Config struct {
		Name     string          `json:"name"`
		Layers   []kerasLayer    `json:"layers"`
		Scale    json.RawMessage `json:"scale"`
		Offset   json.RawMessage `json:"offset"`
		Mean     json.RawMessage `json:"mean"`
		Variance json.RawMessage `json:"variance"`
		Invert   bool            `json:"invert"`
	} `json:"config"`
}

func (l kerasLayer) name() string {
	if l.Config.Name != "" {
		return l.Config.Name
	}
	return l.Name
}

// passing are layers that keep an image's numbers as they are, or act only in training. Layers
// whose name begins with Random are handled separately.
var passing = []string{"InputLayer", "Resizing", "CenterCrop", "ZeroPadding2D", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Activation", "Identity"}

// kerasChain composes what the layers do to each channel.
type kerasChain struct {
	set           weights.Set
	scale, offset []float64
	found         bool
}

// walk follows the layers in the order of the architecture, which is that of computation, up to the
// first convolution, and reports whether it reached one.
func (c *kerasChain) walk(model kerasLayer) (bool, error) {
	for _, layer := range model.Config.Layers {
		switch {
		case layer.Class == "Conv2D":
			return true, nil
		case len(layer.Config.Layers) > 0:
			if done, err := c.walk(layer); done || err != nil {
				return done, err
			}
		case layer.Class == "Rescaling":
			if err := c.rescale(layer); err != nil {
				return false, err
			}
		case layer.Class == "Normalization":
			if err := c.normalize(layer); err != nil {
				return false, err
			}
		case slices.Contains(passing, layer.Class) || strings.HasPrefix(layer.Class, "Random"):
		default:
			return false, fmt.Errorf("vgg: layer %s of class %s stands before the first convolution: %w", layer.name(), layer.Class, ErrOpaque)
		}
	}
	return false, nil
}

func (c *kerasChain) rescale(layer kerasLayer) error {
	scale, err := kerasNumbers(layer.Config.Scale, 0)
	if err == nil {
		var offset []float64
		if offset, err = kerasNumbers(layer.Config.Offset, 0); err == nil {
			err = c.then(scale, offset)
		}
	}
	if err != nil {
		return fmt.Errorf("vgg: layer %s: %w", layer.name(), err)
	}
	return nil
}

// kerasEpsilon is the smallest standard deviation that Keras divides by.
const kerasEpsilon = 1e-7

func (c *kerasChain) normalize(layer kerasLayer) error {
	if layer.Config.Invert {
		return fmt.Errorf("vgg: layer %s inverts a normalization: %w", layer.name(), ErrOpaque)
	}
	mean, variance, err := c.moments(layer)
	if err != nil {
		return fmt.Errorf("vgg: layer %s: %w", layer.name(), err)
	}
	scale, offset := make([]float64, len(mean)), make([]float64, len(mean))
	for i := range mean {
		std := max(math.Sqrt(variance[i]), kerasEpsilon)
		scale[i], offset[i] = 1/std, -mean[i]/std
	}
	return c.then(scale, offset)
}

// moments are those in the layer's configuration, or the learned ones among the weights.
func (c *kerasChain) moments(layer kerasLayer) (mean, variance []float64, err error) {
	if given := string(layer.Config.Mean); given != "" && given != "null" {
		if mean, err = kerasNumbers(layer.Config.Mean, 0); err == nil {
			variance, err = kerasNumbers(layer.Config.Variance, 0)
		}
	} else if mean, err = c.take(layer.name(), "mean", "vars/0"); err == nil {
		if variance, err = c.take(layer.name(), "variance", "vars/1"); err == nil {
			_, _ = c.take(layer.name(), "count", "vars/2") // of what it has seen; not there in all versions
		}
	}
	if err == nil && len(mean) != len(variance) {
		err = fmt.Errorf("%d means and %d variances", len(mean), len(variance))
	}
	return mean, variance, err
}

// take removes a layer's tensor from the set and returns its values. Files name it by the layer and
// the variable's name, or by the layer's class and the variable's number.
func (c *kerasChain) take(layer, variable, number string) ([]float64, error) {
	var matches []string
	for _, name := range slices.Sorted(maps.Keys(c.set.Tensors)) {
		path := strings.TrimSuffix(name, ":0")
		inLayer := slices.Contains(strings.Split(path, "/"), layer) && strings.HasSuffix(path, "/"+variable)
		inClass := strings.Contains(path, "/normalization") && strings.HasSuffix(path, "/"+number)
		if inLayer || inClass {
			matches = append(matches, name)
		}
	}
	if len(matches) != 1 {
		return nil, fmt.Errorf("the file has %d tensors that may be its %s: %w", len(matches), variable, ErrOpaque)
	}
	values, err := c.set.Tensors[matches[0]].Float32()
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", matches[0], err)
	}
	delete(c.set.Tensors, matches[0])
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide, nil
}

// then composes the transformation found so far with another scale and offset.
func (c *kerasChain) then(scale, offset []float64) error {
	c.found = true
	for _, list := range [][]float64{scale, offset} {
		if len(list) != 1 && len(list) != len(c.scale) {
			return fmt.Errorf("%d numbers for %d channels: %w", len(list), len(c.scale), ErrOpaque)
		}
	}
	for i := range c.scale {
		s, o := scale[min(i, len(scale)-1)], offset[min(i, len(offset)-1)]
		c.scale[i], c.offset[i] = c.scale[i]*s, c.offset[i]*s+o
	}
	return nil
}

// mostNested bounds lists of numbers within lists; images have four dimensions, and channels lie along one of them.
const mostNested = 8

// kerasNumbers reads a number, nested lists of numbers, or an array as Keras 3 writes it; nothing
// stands for 0, the default of an offset. Each list is parsed once for each that it lies in.
func kerasNumbers(raw json.RawMessage, depth int) ([]float64, error) {
	if depth > mostNested {
		return nil, fmt.Errorf("lists of numbers lie too deeply in one another: %w", ErrOpaque)
	}
	if len(raw) == 0 || string(raw) == "null" {
		return []float64{0}, nil
	}
	var number float64
	if json.Unmarshal(raw, &number) == nil {
		return []float64{number}, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		var numbers []float64
		for _, element := range list {
			more, err := kerasNumbers(element, depth+1)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, more...)
		}
		return numbers, nil
	}
	var array struct {
		Config struct {
			Value json.RawMessage `json:"value"`
		} `json:"config"`
	}
	if json.Unmarshal(raw, &array) == nil && len(array.Config.Value) > 0 {
		return kerasNumbers(array.Config.Value, depth+1)
	}
	return nil, fmt.Errorf("%s is not a list of numbers: %w", shortened(raw), ErrOpaque)
}

func shortened(raw json.RawMessage) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return string(raw[:most]) + "..."
}
