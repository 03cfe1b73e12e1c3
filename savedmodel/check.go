package savedmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// check runs a model on images of noise before anybody relies on it.
type check struct {
	*loader
	model *inference.Model
	// together says that images are known to be independent of one another, so that a batch of two
	// will do.
	together bool
	names    []string     // of the layers compared
	noise    [2][]float32 // two pictures, the first one darker
	// height and width are the size of the noise.
	height, width int
	alone         [][]float32 // the layers of the second picture
}

// probe runs the model twice on one image and compares the results. They must agree within
// sameness, because the last bits may depend on the position in the batch. For a model of any size,
// probe first finds the smallest.
func (c *check) probe() error {
	c.height, c.width = c.model.InputHeight, c.model.InputWidth
	if c.options.Dense {
		least, err := c.findLeast(c.model)
		if err != nil {
			return err
		}
		c.height, c.width = least, least
	}
	c.names = c.chooseLayers()
	c.makeNoise()
	first, again, err := c.twice(c.noise[1])
	if err != nil {
		return err
	}
	for i, name := range c.names {
		if off := difference(first[i], again[i]); off > c.sameness(name) {
			return fmt.Errorf("%w: the same image twice gives two different features, off by %.1e of the largest in layer %s: its graph is random: %s", ErrFormat, off, name, withoutRandomness)
		}
	}
	c.alone = first
	return nil
}

// twice computes an image two times, in one batch where possible.
func (c *check) twice(picture []float32) (first, again [][]float32, err error) {
	if c.together {
		both, err := c.compute(picture, picture)
		if err != nil {
			return nil, nil, err
		}
		return both[0], both[1], nil
	}
	one, err := c.compute(picture)
	if err != nil {
		return nil, nil, err
	}
	other, err := c.compute(picture)
	if err != nil {
		return nil, nil, err
	}
	return one[0], other[0], nil
}

// batchTolerance is far above what rounding does to a batch of another size, relative to the
// largest value, and far below what a mean over the batch does.
const batchTolerance = 1e-3

// limitBatch finds out by computing whether an image's layers depend on the other images in its
// batch, or whether several cannot be computed together at all, as where a conversion has fixed the
// batch of a Reshape to 1. Such a model gets one image at a time.
func (c *check) limitBatch() {
	c.model.MaxBatch = 1
	// A graph made for one image fails on two or gives one row; the probe has computed one.
	both, err := c.compute(c.noise[0], c.noise[1])
	if err != nil {
		return
	}
	for i, name := range c.names {
		if off := difference(c.alone[i], both[1][i]); off > max(batchTolerance, c.sameness(name)) {
			return
		}
	}
	c.model.MaxBatch = 0
}

// compute returns the layers of each image, computed in one batch.
func (c *check) compute(pictures ...[]float32) ([][][]float32, error) {
	unlimited := *c.model
	unlimited.MaxBatch = 0
	extractor, err := inference.NewExtractor(&unlimited, inference.ExtractorOptions{Layers: c.names, Batch: len(pictures)})
	if err != nil {
		return nil, err
	}
	var features [][]float32
	if pixels := slices.Concat(pictures...); c.options.Dense {
		features, err = extractor.ExtractSized(pixels, len(pictures), c.height, c.width)
	} else {
		features, err = extractor.Extract(pixels, len(pictures))
	}
	if err != nil {
		return nil, fmt.Errorf("compute a batch of %d images of noise: %w", len(pictures), err)
	}
	each := make([][][]float32, len(pictures))
	for _, values := range features {
		size := len(values) / len(pictures)
		for i := range each {
			each[i] = append(each[i], values[i*size:(i+1)*size])
		}
	}
	return each, nil
}

func (c *check) makeNoise() {
	random := rand.New(rand.NewPCG(1, 1))
	for i := range c.noise {
		c.noise[i] = make([]float32, c.height*c.width*c.model.Depth())
		for j := range c.noise[i] {
			c.noise[i][j] = float32(random.IntN(256) / (2 - i))
		}
	}
}

// mostChecked bounds the layers that are compared when a model is opened.
const mostChecked = 6

// chooseLayers names the layers to compare: the last ones, the last map, and the signature's
// outputs. Scores alone may all be 0 or 1. Every comparison uses the same layers, because
// TensorFlow prepares each new choice from scratch.
func (c *check) chooseLayers() []string {
	var names []string
	spatial := false
	for _, layer := range slices.Backward(c.model.Layers) {
		if first := layer.Spatial() && !spatial; first || len(names) < 3 {
			names = append(names, layer.Name)
		}
		if spatial = spatial || layer.Spatial(); spatial && len(names) >= 3 {
			break
		}
	}
	for _, key := range sortedKeys(c.def.GetOutputs()) {
		layer, err := c.model.Layer(key)
		if err == nil && !slices.Contains(names, layer.Name) && len(names) < mostChecked {
			names = append(names, layer.Name)
		}
	}
	return names
}

// sameness is how far two computations of one image may differ, relative to the largest value,
// because of rounding that depends on the position in the batch.
func (c *check) sameness(name string) float64 {
	layer, err := c.model.Layer(name)
	if err != nil || c.model.Precision != inference.Float32 || layer.Output.DataType() != tf.Float {
		return 2e-2
	}
	return 1e-4
}

// difference is the largest difference, relative to the largest value. Two NaNs agree.
func difference(a, b []float32) float64 {
	worst, most := 0.0, 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		if x == y || math.IsNaN(x) && math.IsNaN(y) {
			most = math.Max(most, math.Abs(x))
			continue
		}
		if math.IsNaN(x-y) || math.IsInf(x-y, 0) {
			return math.Inf(1)
		}
		worst, most = math.Max(worst, math.Abs(x-y)), math.Max(most, math.Abs(x))
	}
	if worst == 0 {
		return 0
	}
	return worst / most
}
