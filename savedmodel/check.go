package savedmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// mostChecked bounds the layers that are compared at opening.
const mostChecked = 4

// probe runs the model on one picture, twice in a batch, and compares what its last layer and the
// signature's outputs give for the two. They agree to the bit, or to sameness of their largest
// value where the last bits depend on the place in the batch.
func (l *loader) probe(model *inference.Model) error {
	names := l.checked(model)
	picture := make([]float32, model.InputHeight*model.InputWidth*3)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range picture {
		picture[i] = float32(random.IntN(256))
	}
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names, Batch: 2})
	if err != nil {
		return err
	}
	features, err := extractor.Extract(slices.Concat(picture, picture), 2)
	if err != nil {
		return err
	}
	for i, name := range names {
		half := len(features[i]) / 2
		off := difference(features[i][:half], features[i][half:])
		if off > l.sameness(model, name) {
			return fmt.Errorf("%w: the same picture twice in a batch gives two different features, off by %.1e of the largest in layer %s: its graph is random: %s", ErrFormat, off, name, withoutRandomness)
		}
	}
	return nil
}

// checked are the names of the layers that are compared.
func (l *loader) checked(model *inference.Model) []string {
	names := []string{model.Layers[len(model.Layers)-1].Name}
	for _, key := range sortedKeys(l.def.GetOutputs()) {
		layer, err := model.Layer(key)
		if err == nil && !slices.Contains(names, layer.Name) && len(names) < mostChecked {
			names = append(names, layer.Name)
		}
	}
	return names
}

// sameness is how far features of the same picture may be from each other, relative to the
// largest value, for rounding that depends on the place in the batch.
func (l *loader) sameness(model *inference.Model, name string) float64 {
	layer, err := model.Layer(name)
	if err != nil || model.Precision != inference.Float32 || layer.Output.DataType() != tf.Float {
		return 2e-2
	}
	return 1e-4
}

// difference is the largest difference, relative to the largest value. Values that are both
// not numbers agree.
func difference(a, b []float32) float64 {
	worst, most := 0.0, 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		if x == y || math.IsNaN(x) && math.IsNaN(y) {
			most = math.Max(most, math.Abs(x))
			continue
		}
		if math.IsNaN(x - y) {
			return math.Inf(1)
		}
		worst, most = math.Max(worst, math.Abs(x-y)), math.Max(most, math.Abs(x))
	}
	if worst == 0 {
		return 0
	}
	return worst / most
}
