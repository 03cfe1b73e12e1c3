package savedmodel

import (
	"fmt"
	"math"
	"math/rand/v2"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// finish puts the layers in order and finds out what the model computes, and of how many
// pictures at a time.
func (l *loader) finish(operations []*tf.Operation, model *inference.Model) error {
	w := l.newWay(operations)
	if err := l.putChannelsLast(w, model.Layers); err != nil {
		return err
	}
	if l.options.Dense {
		if err := l.averageLayers(model); err != nil {
			return err
		}
	}
	if err := l.repair(model); err != nil {
		return err
	}
	if err := l.takePreprocessing(w, model); err != nil {
		return err
	}
	return l.limitBatch(w, model)
}

// takePreprocessing takes what the graph tells, unless the user or a note has stated it.
func (l *loader) takePreprocessing(w *way, model *inference.Model) error {
	how, found, unknown, err := l.settle(w)
	if err != nil {
		return err
	}
	model.Normalizes = found
	if model.Preprocessing.IsZero() {
		model.Preprocessing, model.Unstated = how, unknown
	}
	return nil
}

// limitBatch finds out whether a picture's layers depend on the others that are computed
// together with it, or several cannot be computed together at all, as where a conversion has
// fixed the batch of a Reshape to 1. Such a model gets one picture at a time. Where every
// operation is known to treat pictures apart nothing needs to be computed.
func (l *loader) limitBatch(w *way, model *inference.Model) error {
	fixed, apart := w.rows()
	if fixed {
		model.MaxBatch = 1
	}
	if fixed || apart || l.options.Dense {
		return nil
	}
	model.MaxBatch = 1
	alone, err := l.second(model, 1)
	if err != nil {
		return err
	}
	// Two fail or give one row where the graph is made for one; the probe has computed one.
	together, err := l.second(model, 2)
	if err == nil && distance(alone, together) <= batchTolerance {
		model.MaxBatch = 0
	}
	return nil
}

// batchTolerance is far above what rounding does to a batch of another size, relative to the
// largest value, and far below what a mean over the batch does.
const batchTolerance = 1e-3

// second computes the last layers of the second of two pictures of noise, with the first in
// one batch or without it.
func (l *loader) second(model *inference.Model, batch int) ([][]float32, error) {
	unlimited := *model
	unlimited.MaxBatch = 0
	extractor, err := inference.NewExtractor(&unlimited, inference.ExtractorOptions{Layers: lastLayers(model.Layers), Batch: batch})
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 1))
	size := model.InputHeight * model.InputWidth * model.Depth()
	pixels := make([]float32, 2*size)
	for i := range pixels {
		pixels[i] = float32(random.IntN(256) / (2 - i/size)) // the first one is darker
	}
	features, err := extractor.Extract(pixels[(2-batch)*size:], batch)
	if err != nil {
		return nil, fmt.Errorf("compute %d pictures of noise: %w", batch, err)
	}
	for i, values := range features {
		features[i] = values[len(values)-len(values)/batch:]
	}
	return features, nil
}

// lastLayers are a few that show what happened before them: scores alone may all be 0 or 1.
func lastLayers(layers []inference.Layer) []string {
	var names []string
	spatial := false
	for i := len(layers) - 1; i >= 0; i-- {
		if first := layers[i].Spatial() && !spatial; first || len(names) < 3 {
			names = append(names, layers[i].Name)
		}
		if spatial = spatial || layers[i].Spatial(); spatial && len(names) >= 3 {
			break
		}
	}
	return names
}

// distance is the largest difference of a layer, relative to its largest value.
func distance(want, got [][]float32) float64 {
	all := 0.0
	for i := range want {
		var worst, most float64
		for j, v := range want[i] {
			most = math.Max(most, math.Abs(float64(v)))
			worst = math.Max(worst, math.Abs(float64(got[i][j])-float64(v))) // math.Max keeps NaN
		}
		if worst != 0 {
			all = math.Max(all, worst/most)
		}
	}
	return all
}
