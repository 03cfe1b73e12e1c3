package weights

import (
	"fmt"
	"slices"
	"strings"

	"fovea/internal/budget"
)

// A .caffemodel is a caffe.NetParameter: layers with their weights as blobs. Files from before 2014
// (field layers, V1LayerParameter) and newer ones (field layer, LayerParameter) differ in their
// field numbers, and old blobs always have four dimensions.

const (
	caffeV1Layers = 2
	caffeLayers   = 100
	// The types of V1LayerParameter that matter.
	caffeV1InnerProduct = 14
	caffeV1Convolution  = 4
)

// caffeLayer is what matters of a layer.
type caffeLayer struct {
	name         string
	dense        bool
	transposed   bool
	blobs        []Tensor
	groups       int
	kind         string
	v1           uint64
	convolutions bool
}

// readCaffe reads the layers' blobs as LAYER/weights and LAYER/biases: OIHW kernels, and
// units x inputs.
func readCaffe(name string, o Options) (Set, error) {
	data, memory, err := o.load(name, budget.Plain)
	if err != nil {
		return Set{}, err
	}
	set := Set{Tensors: map[string]Tensor{}}
	err = eachField(data, func(f field) error {
		if f.number != caffeV1Layers && f.number != caffeLayers || f.bytes == nil {
			return nil
		}
		layer, err := parseCaffeLayer(memory, f.bytes, f.number == caffeV1Layers)
		if err == nil {
			err = layer.addTo(memory, &set)
		}
		if err != nil {
			return fmt.Errorf("layer %s: %w", layer.name, err)
		}
		return nil
	})
	if err != nil {
		return Set{}, err
	}
	if len(set.Tensors) == 0 {
		return Set{}, fmt.Errorf("%w: it is a .caffemodel without weights: is it only a network's description?", ErrFormat)
	}
	return set, nil
}

func parseCaffeLayer(memory *budget.Budget, message []byte, v1 bool) (caffeLayer, error) {
	layer, blobs := caffeLayer{groups: 1}, [][]byte(nil)
	err := eachField(message, func(f field) (err error) {
		switch {
		case v1 && f.number == 4, !v1 && f.number == 1:
			layer.name = string(f.bytes)
		case v1 && f.number == 5:
			layer.v1 = f.value
		case !v1 && f.number == 2:
			layer.kind = string(f.bytes)
		case v1 && f.number == 6, !v1 && f.number == 7:
			blobs = append(blobs, f.bytes)
			err = memory.Take(2*tensorBytes, "the list of blobs")
		case v1 && f.number == 10, !v1 && f.number == 106: // ConvolutionParameter
			layer.groups, err = numberIn(f.bytes, 5, 1)
		case v1 && f.number == 17, !v1 && f.number == 117: // InnerProductParameter
			transposed := 0
			transposed, err = numberIn(f.bytes, 6, 0)
			layer.transposed = transposed != 0
		}
		return err
	})
	if err != nil {
		return layer, err
	}
	layer.dense = layer.kind == "InnerProduct" || layer.v1 == caffeV1InnerProduct
	layer.convolutions = layer.kind == "Convolution" || layer.v1 == caffeV1Convolution
	for i, blob := range blobs {
		tensor, err := caffeBlob(memory, blob)
		if err != nil {
			return layer, fmt.Errorf("blob %d: %w", i, err)
		}
		layer.blobs = append(layer.blobs, tensor)
	}
	return layer, nil
}

// numberIn is a field of a message.
func numberIn(message []byte, number int, value int) (int, error) {
	err := eachField(message, func(f field) error {
		if int(f.number) == number {
			value = int(f.value)
		}
		return nil
	})
	return value, err
}

// caffeBlob is caffe.BlobProto: floats or doubles, with a shape or the four legacy sizes.
func caffeBlob(memory *budget.Budget, message []byte) (Tensor, error) {
	var floats, doubles []byte
	var shape, legacy []int
	isLegacy := false
	err := eachField(message, func(f field) (err error) {
		switch f.number {
		case 1, 2, 3, 4:
			if !isLegacy {
				legacy, isLegacy = []int{0, 0, 0, 0}, true
			}
			legacy[f.number-1] = int(f.value)
		case 5:
			floats = f.fixed(floats)
		case 8:
			doubles = f.fixed(doubles)
		case 7:
			shape = []int{}
			err = eachField(f.bytes, func(f field) (err error) {
				if f.number == 1 {
					shape, err = f.integers(shape)
				}
				return err
			})
		}
		return err
	})
	if err != nil {
		return Tensor{}, err
	}
	if shape == nil {
		shape = legacy
	}
	if shape == nil {
		return Tensor{}, fmt.Errorf("%w: it has no shape", ErrFormat)
	}
	if len(doubles) > 0 {
		return tensorOf(memory, typeF64, shape, doubles)
	}
	return tensorOf(memory, F32, shape, floats)
}

// addTo names the blobs. Layers of kinds that VGG does not have get numbered names.
func (l caffeLayer) addTo(memory *budget.Budget, set *Set) error {
	for i, blob := range l.blobs {
		name := fmt.Sprintf("%s/blobs/%d", l.name, i)
		if (l.dense || l.convolutions || l.kind == "" && l.v1 == 0) && i < 2 {
			name = l.name + "/" + []string{"weights", "biases"}[i]
		}
		var err error
		if blob, err = l.shaped(memory, i, blob); err != nil {
			return err
		}
		if _, twice := set.Tensors[name]; twice {
			return fmt.Errorf("%w: the network has it twice", ErrFormat)
		}
		set.Tensors[name] = blob
	}
	return nil
}

// shaped strips the leading ones that fill old blobs up to four dimensions.
func (l caffeLayer) shaped(memory *budget.Budget, i int, blob Tensor) (Tensor, error) {
	rank := len(blob.Shape)
	switch {
	case l.convolutions && i == 0 && l.groups > 1:
		return blob, fmt.Errorf("a convolution in %d groups, which no VGG has", l.groups)
	case (l.dense || l.convolutions) && i == 1:
		rank = 1
	case l.dense && i == 0:
		rank = 2
	}
	for len(blob.Shape) > rank && blob.Shape[0] == 1 {
		blob.Shape = blob.Shape[1:]
	}
	if l.dense && i == 0 && l.transposed && len(blob.Shape) == 2 {
		var err error
		if blob, err = permute(memory, blob, []int{1, 0}); err != nil {
			return blob, err
		}
	}
	blob.Shape = slices.Clone(blob.Shape)
	if strings.TrimSpace(l.name) == "" {
		return blob, fmt.Errorf("%w: it has no name", ErrFormat)
	}
	return blob, nil
}
