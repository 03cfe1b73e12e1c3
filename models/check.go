package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"fovea/inference"
	"fovea/internal/samples"
	"fovea/internal/text"
	"fovea/picture"
	"fovea/preprocessing"
)

// CheckOptions say how to check a model.
type CheckOptions struct {
	// Preprocessing replaces the model's own.
	Preprocessing preprocessing.Spec
	// Reference, if set, is what the model's own framework computes for the built-in photographs: for each
	// layer's name the values of all photographs, one after another, in the order of samples.Photos. See
	// ReferenceScript.
	Reference map[string][]float32
}

// Check is what the built-in photographs show about a model.
type Check struct {
	Preprocessing preprocessing.Spec `json:"preprocessing"`
	Photos        []string           `json:"photographs"`
	Layers        []LayerStatistics  `json:"layers"`
	Candidates    []Candidate        `json:"candidates"`
	Comparisons   []Comparison       `json:"comparisons,omitempty"`
}

// LayerStatistics describe the values of a layer for all photographs.
type LayerStatistics struct {
	Name      string  `json:"name"`
	Shape     []int   `json:"shape"`
	Mean      float64 `json:"mean"`
	Std       float64 `json:"std"`
	Least     float64 `json:"min"`
	Largest   float64 `json:"max"`
	Zeros     float64 `json:"zeros"`             // share of the values
	Dead      int     `json:"dead_channels"`     // channels that are 0 in all photographs
	Constant  int     `json:"constant_channels"` // channels of one value, other than 0, in all photographs
	Channels  int     `json:"channels"`
	NotFinite int     `json:"not_finite"` // values that are NaN or infinite
}

// Candidate is a preprocessing to compare with the one that is used.
type Candidate struct {
	Spec preprocessing.Spec `json:"preprocessing"`
	// Cosine is the mean cosine between the features with this preprocessing and with the one that is used:
	// how much a wrong choice would cost.
	Cosine float64 `json:"cosine"`
	// Alike is the mean cosine between different photographs with this preprocessing. Near 1 the model hardly
	// tells them apart, which suggests that the scale of its input is too small.
	Alike float64 `json:"alike"`
	// Largest is the largest feature.
	Largest float64 `json:"max"`
}

// Comparison compares a layer with its reference.
type Comparison struct {
	Layer string `json:"layer"`
	// Cosine is that of the whole layer, Worst the largest difference as a share of the layer's largest
	// value.
	Cosine float64 `json:"cosine"`
	Worst  float64 `json:"worst"`
}

// leastReferenceCosine is what a layer must have in common with its reference. Rounding leaves 0.99999;
// another preprocessing, order of channels or kernel hardly ever more than 0.99.
const leastReferenceCosine = 0.999

// Verdict returns an error that names the first layer with values that are not finite and the first one that
// is unlike its reference, or nil.
func (c Check) Verdict() error {
	var errs []error
	if i := slices.IndexFunc(c.Layers, func(l LayerStatistics) bool { return l.NotFinite > 0 }); i >= 0 {
		errs = append(errs, fmt.Errorf("layer %s has %s not finite", c.Layers[i].Name, text.Count(c.Layers[i].NotFinite, "value that is", "values that are")))
	}
	if i := slices.IndexFunc(c.Comparisons, func(c Comparison) bool { return c.Cosine < leastReferenceCosine }); i >= 0 {
		errs = append(errs, fmt.Errorf("layer %s has a cosine of %.5f with the reference: if the layers before it agree, its weights are wrong; if none does, the preprocessing is", c.Comparisons[i].Layer, c.Comparisons[i].Cosine))
	}
	return errors.Join(errs...)
}

// Run computes every layer of a model for the built-in photographs.
func (o CheckOptions) Run(ctx context.Context, model *inference.Model) (Check, error) {
	if o.Preprocessing.IsZero() {
		o.Preprocessing = model.Preprocessing
	}
	if o.Preprocessing.IsZero() {
		if model.Unstated != "" {
			return Check{}, fmt.Errorf("models: %w: %s states none: %s", ErrPreprocessing, model.Name, model.Unstated)
		}
		return Check{}, unstated(model.Name)
	}
	photos, err := samples.Photos()
	if err != nil {
		return Check{}, err
	}
	c := checker{model: model, photos: photos}
	check := Check{Preprocessing: o.Preprocessing}
	for _, p := range photos {
		check.Photos = append(check.Photos, p.Name)
	}
	if err := c.layers(ctx, &check, o); err != nil {
		return Check{}, err
	}
	if check.Candidates, err = c.candidates(ctx, o.Preprocessing); err != nil {
		return Check{}, err
	}
	return check, nil
}

// unstated is the error for a model that does not state its preprocessing.
func unstated(model string) error {
	return fmt.Errorf("models: %w: %s states none; %s", ErrPreprocessing, model,
		candidates(preprocessing.Caffe, preprocessing.Torch, preprocessing.TF, preprocessing.ZeroOne, preprocessing.RGBMeans, preprocessing.None))
}

// checker runs a model on photographs, one at a time.
type checker struct {
	model  *inference.Model
	photos []samples.Photo
}

// features are those of one photograph.
func (c *checker) features(extractor *inference.Extractor, photo samples.Photo, spec preprocessing.Spec) ([][]float32, error) {
	width, height := c.model.InputWidth, c.model.InputHeight
	anySize := width == 0
	if anySize {
		width, height = samples.Side, samples.Side
	}
	p, err := picture.Decode(photo.Data, picture.Options{Width: width, Height: height})
	if err != nil {
		return nil, fmt.Errorf("models: photograph %s: %w", photo.Name, err)
	}
	numbers := make([]float32, width*height*spec.Depth())
	spec.Apply(numbers, p.Pix)
	if anySize {
		return extractor.ExtractSized(numbers, 1, width, height)
	}
	return extractor.Extract(numbers, 1)
}

func (c *checker) extractor(names []string) (*inference.Extractor, error) {
	return inference.NewExtractor(c.model, inference.ExtractorOptions{Layers: names, Batch: 1})
}

// layers computes the statistics and comparisons of all layers.
func (c *checker) layers(ctx context.Context, check *Check, o CheckOptions) error {
	names := make([]string, len(c.model.Layers))
	for i, l := range c.model.Layers {
		names[i] = l.Name
	}
	extractor, err := c.extractor(names)
	if err != nil {
		return err
	}
	shapes := extractor.Layers()
	moments := make([]moments, len(names))
	compared := newComparer(c.model, o.Reference, len(c.photos))
	for i, photo := range c.photos {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		features, err := c.features(extractor, photo, o.Preprocessing)
		if err != nil {
			return err
		}
		for layer, values := range features {
			shape := shapes[layer].Shape
			moments[layer].add(values, shape[len(shape)-1])
			if err := compared.add(c.model.Layers[layer], i, values); err != nil {
				return err
			}
		}
	}
	for i := range moments {
		check.Layers = append(check.Layers, moments[i].statistics(names[i], shapes[i].Shape))
	}
	check.Comparisons, err = compared.results()
	return err
}

// candidates computes the last layer with each preset for as many channels as the model takes.
func (c *checker) candidates(ctx context.Context, used preprocessing.Spec) ([]Candidate, error) {
	extractor, err := c.extractor([]string{c.model.Layers[len(c.model.Layers)-1].Name})
	if err != nil {
		return nil, err
	}
	all := func(spec preprocessing.Spec) ([][]float32, error) {
		vectors := make([][]float32, len(c.photos))
		for i, photo := range c.photos {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			features, err := c.features(extractor, photo, spec)
			if err != nil {
				return nil, err
			}
			vectors[i] = features[0]
		}
		return vectors, nil
	}
	base, err := all(used)
	if err != nil {
		return nil, err
	}
	specs := []preprocessing.Spec{used}
	for _, name := range preprocessing.Names() {
		if spec, _ := preprocessing.Preset(name); spec != used && spec.Depth() == used.Depth() {
			specs = append(specs, spec)
		}
	}
	var result []Candidate
	for _, spec := range specs {
		vectors, err := all(spec)
		if err != nil {
			return nil, err
		}
		result = append(result, candidate(spec, vectors, base))
	}
	return result, nil
}

func candidate(spec preprocessing.Spec, vectors, base [][]float32) Candidate {
	c := Candidate{Spec: spec}
	pairs := 0
	for i, v := range vectors {
		c.Cosine += cosine(v, base[i]) / float64(len(vectors))
		for _, other := range vectors[:i] {
			c.Alike += cosine(v, other)
			pairs++
		}
		for _, x := range v {
			c.Largest = max(c.Largest, float64(x))
		}
	}
	if pairs > 0 {
		c.Alike /= float64(pairs)
	}
	return c
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
