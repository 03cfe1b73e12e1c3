package vgg

import (
	"fmt"
	"maps"
	"slices"

	"fovea/vgg/weights"
)

// LayersOf lists the layers of a network with these weights: all convolutional ones, and the dense
// ones that have weights. The softmax comes with fc8.
func (c Configuration) LayersOf(set weights.Set) ([]Layer, error) {
	d, err := dimensions(set)
	if err != nil {
		return nil, err
	}
	return c.layersOf(d, set), nil
}

// LayersWith lists all layers of the configuration in the dimensions of the weights, including
// those that the weights have no tensors for.
func (c Configuration) LayersWith(set weights.Set) ([]Layer, error) {
	d, err := dimensions(set)
	if err != nil {
		return nil, err
	}
	return c.LayersFor(d, true), nil
}

func (c Configuration) layersOf(d Dimensions, set weights.Set) []Layer {
	layers := c.LayersFor(d, true)
	for i, l := range layers {
		_, found := set.Tensors[l.Name+"/kernel"]
		if l.Kind != KindDense || found {
			continue
		}
		if l.Name == denseLayers[0] {
			i-- // flattening is not needed either
		}
		return layers[:i]
	}
	return layers
}

// Check compares weights, in the dimensions that they state, with what the configuration needs: all
// convolutions, and the first dense layers as far as they are present.
func (c Configuration) Check(set weights.Set) error {
	layers, err := c.LayersOf(set)
	if err != nil {
		return err
	}
	needed := map[string][]int{}
	for _, l := range layers {
		if l.Kernel != nil {
			needed[l.Name+"/kernel"] = l.Kernel
			needed[l.Name+"/bias"] = l.Kernel[len(l.Kernel)-1:]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		shape := needed[name]
		tensor, found := set.Tensors[name]
		if !found {
			return fmt.Errorf("vgg: the weights have no tensor %s, which %s needs with shape %v", name, c.Name, shape)
		}
		if !slices.Equal(tensor.Shape, shape) {
			return fmt.Errorf("vgg: tensor %s has shape %v, but %s needs %v", name, tensor.Shape, c.Name, shape)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set.Tensors)) {
		if needed[name] == nil {
			return fmt.Errorf("vgg: the weights have a tensor %s, which %s does not know: are they of another network?", name, c.Name)
		}
	}
	return nil
}
