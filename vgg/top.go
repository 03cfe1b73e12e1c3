package vgg

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"fovea/vgg/weights"
)

// top are the dense layers of a VGG in a weights file: fc6, fc7 and fc8, or the first of them.
type top struct {
	layers []module
	order  matrixOrder
	units  int
	// classes is the number of units of fc8, 0 where it is missing.
	classes int
}

// denseLayers are Caffe's names of the dense layers, which we use too.
var denseLayers = []string{"fc6", "fc7", "fc8"}

// findTop finds the dense layers of the network. Dense layers that are not VGG's, because somebody
// put another classifier on the convolutions, are left out; why says so.
func (f *file) findTop(b base, flat int) (t top, why string, err error) {
	layers, err := f.denseCandidates(b)
	if err != nil || len(layers) == 0 {
		return t, "", err
	}
	if f.withoutValues(layers) {
		return t, "it holds no numbers: only the convolutions have weights", nil
	}
	var fitting []top
	furthest := -1
	for _, order := range []matrixOrder{inputsFirst, unitsFirst} {
		found, reason := f.fitTop(b, layers, order, flat)
		if reason == "" {
			fitting = append(fitting, found)
		} else if n := len(found.layers); n > furthest { // the order that it is more likely in
			why, furthest = reason, n
		}
	}
	switch {
	case len(fitting) == 0:
		return t, why, nil
	case len(fitting) == 2 && f.hasMatrix(fitting[0].layers):
		return t, "", fmt.Errorf("vgg: the shapes of the dense kernels fit two orders, %s and %s (%s has shape %v): save them together with their biases or with fc6", inputsFirst, unitsFirst, layers[0].name(), f.kernel(layers[0]).Shape)
	}
	return fitting[0], "", nil
}

// withoutValues recognizes dense layers filled with NaN, as in torchvision's IMAGENET1K_FEATURES.
func (f *file) withoutValues(layers []module) bool {
	return !slices.ContainsFunc(layers, func(m module) bool {
		bias := f.set.Tensors[m.tensors[partBias]]
		if bias.DType != weights.F32 || len(bias.Raw) == 0 {
			return true
		}
		for at := 0; at < len(bias.Raw); at += 4 {
			if v := math.Float32frombits(binary.LittleEndian.Uint32(bias.Raw[at:])); v == v {
				return true
			}
		}
		return false
	})
}

// hasMatrix reports whether a kernel's order matters.
func (f *file) hasMatrix(layers []module) bool {
	return slices.ContainsFunc(layers, func(m module) bool { return m.rank(f.set) == 2 })
}

// denseCandidates are the layers that may be fc6, fc7 and fc8, as far as they follow one another.
func (f *file) denseCandidates(b base) ([]module, error) {
	roles, err := f.roles()
	if err != nil {
		return nil, err
	}
	sequence := f.sequenceOfThree(b)
	switch {
	case len(roles) == 0 && sequence != nil:
		return sequence, nil
	case roles[6] == nil && roles[7] == nil && roles[8] != nil && len(b.tail) == 2: // MXNet's
		return append(slices.Clone(b.tail), *roles[8]), nil
	}
	var layers []module
	for number := 6; number <= 8 && roles[number] != nil; number++ {
		layers = append(layers, *roles[number])
	}
	return layers, nil
}

// roles are the layers named like the dense layers of a VGG.
func (f *file) roles() (map[int]*module, error) {
	roles := map[int]*module{}
	for key, modules := range f.families {
		if key.numbering != byRole {
			continue
		}
		for _, m := range modules {
			if other := roles[m.number]; other != nil {
				names := []string{other.name(), m.name()}
				slices.Sort(names)
				return nil, fmt.Errorf("vgg: the weights have two layers %s, %s and %s: save only the network you want", denseLayers[m.number-6], names[0], names[1])
			}
			roles[m.number] = &m
		}
	}
	return roles, nil
}

// sequenceOfThree are three dense layers in a row where layers have only numbers: fewer or more are
// not VGG's.
func (f *file) sequenceOfThree(b base) []module {
	if len(b.tail) == 3 {
		return b.tail
	}
	for key, modules := range f.families {
		if key == b.family || key.scheme != b.scheme && b.scheme != SchemeKeras || key.numbering != byOrdinal {
			continue
		}
		if sequence := slices.Concat(of(modules, ofConvolution), of(modules, ofDense)); len(sequence) == 3 && len(b.tail) == 0 {
			return sequence
		}
	}
	return nil
}

// fitTop reads the layers with one order of their kernels, and says what does not fit.
func (f *file) fitTop(b base, layers []module, order matrixOrder, flat int) (t top, why string) {
	t = top{order: order}
	inputs := flat
	for i, m := range layers {
		shape := f.kernel(m).Shape
		in, units, ok := order.of(shape, b.layout)
		if !ok {
			return t, fmt.Sprintf("%s has shape %v, which no dense layer has", m.name(), shape)
		}
		if in != inputs {
			return t, fmt.Sprintf("%s has shape %v, but a VGG's %s takes %d inputs: it is a custom top", m.name(), shape, denseLayers[i], inputs)
		}
		if bias, found := m.tensors[partBias]; found && elements(squeezed(f.set.Tensors[bias]).Shape) != units {
			return t, fmt.Sprintf("%s has shape %v, its bias %v", m.name(), shape, f.set.Tensors[bias].Shape)
		}
		switch i {
		case 0:
			t.units = units
		case 1:
			if units != t.units {
				return t, fmt.Sprintf("%s has %d units, but a VGG's fc7 has as many as fc6, %d: it is a custom top", m.name(), units, t.units)
			}
		default:
			t.classes = units
		}
		t.layers = append(t.layers, m)
		inputs = units
	}
	if t.classes == 1 {
		return t, fmt.Sprintf("%s has one unit, too few for a softmax", layers[2].name())
	}
	return t, ""
}

func elements(shape []int) int {
	count := 1
	for _, d := range shape {
		count *= d
	}
	return count
}

// takeDense adopts the top.
func (a *adoption) takeDense(side int) error {
	biases := 0
	for _, m := range a.top.layers {
		if m.tensors[partBias] != "" {
			biases++
		}
	}
	for i, m := range a.top.layers {
		layer := denseLayers[i]
		if err := a.complete(m, layer, biases == 0); err != nil {
			return err
		}
		width := 1
		if i == 0 {
			width = side
		}
		kernel := a.top.order.denseKernel(a.kernel(m), a.base.layout, width, a.channelsFirst())
		if i > 0 && a.result.Scheme == SchemePaddleClas {
			var err error
			if kernel, err = halved(kernel); err != nil {
				return fmt.Errorf("vgg: tensor %s: %w", m.name(), err)
			}
		}
		a.put(layer, kernel, a.bias(m, kernel.Shape[1]))
		a.use(m)
	}
	if a.result.Scheme == SchemePaddleClas && len(a.top.layers) > 1 {
		a.result.Notes = append(a.result.Notes, "The kernels of fc7 and fc8 were halved: PaddleClas halves the outputs of its dropouts.")
	}
	return nil
}

// halved is a kernel for inputs that the source halves before multiplying them. PaddleClas's
// dropouts are of the kind that scales in inference instead of training (downscale_in_infer), while
// its rectified layers are taken without that.
func halved(t weights.Tensor) (weights.Tensor, error) {
	values, err := t.Float32()
	if err != nil {
		return t, err
	}
	for i := range values {
		values[i] /= 2
	}
	return weights.Float32Tensor(t.Shape, values), nil
}
