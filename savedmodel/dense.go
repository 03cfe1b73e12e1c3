package savedmodel

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// averageLayers replaces layers that are maps or tokens of any size by their averages over all
// positions, which are vectors of channels.
func (l *loader) averageLayers(model *inference.Model) error {
	model.Layers = slices.DeleteFunc(model.Layers, func(layer inference.Layer) bool {
		unknown := layer.Shape[len(layer.Shape)-1] == 0
		if unknown {
			for _, name := range append(layer.Aliases, layer.Name) {
				model.Hidden[name] = "its number of channels is not known before it is computed"
			}
		}
		return unknown
	})
	if len(model.Layers) == 0 {
		return fmt.Errorf("%w: no layer has a number of channels that is known", ErrNotDense)
	}
	scope := op.NewScopeWithGraph(l.loaded.Graph).SubScope("fovea_average")
	for i := range model.Layers {
		layer := &model.Layers[i]
		positions := len(layer.Shape) - 1
		if positions == 0 {
			continue
		}
		axes := op.Const(scope.SubScope("axes"), []int32{1, 2}[:positions])
		layer.Output, layer.Shape = op.Mean(scope.SubScope("layer"), layer.Output, axes), layer.Shape[positions:]
		if err := scope.Err(); err != nil {
			return fmt.Errorf("average layer %s: %w", layer.Name, err)
		}
	}
	return nil
}

// The sides in pixels that findLeast tries.
const leastSide, mostSide = 8, 512

// findLeast finds by trial the smallest power of two that is enough pixels a side for all layers:
// padding and strides decide it. An image that is not square must work as well, which tells fully
// convolutional models from those that end in a layer of fixed size.
func (l *loader) findLeast(model *inference.Model) (int, error) {
	var failure error
	for side := leastSide; side <= mostSide; side *= 2 {
		if failure = l.try(model, side, side); failure != nil {
			continue
		}
		if failure = l.try(model, side, side+side/2); failure != nil {
			break
		}
		for i := range model.Layers {
			model.Layers[i].Least = side
		}
		return side, nil
	}
	return 0, fmt.Errorf("%w: it is not fully convolutional, although its input is open: %w", ErrNotDense, failure)
}

// try computes the last layer of a black image of some size.
func (l *loader) try(model *inference.Model, height, width int) error {
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{model.Layers[len(model.Layers)-1].Name}, Batch: 1})
	if err != nil {
		return err
	}
	features, err := extractor.ExtractSized(make([]float32, height*width*model.Depth()), 1, height, width)
	if err != nil {
		return err
	}
	for _, v := range features[0] {
		if math.IsNaN(float64(v)) {
			return errors.New("there is no average over a map without positions")
		}
	}
	return nil
}
