package vgg

import (
	"fmt"
	"slices"
	"strings"

	"fovea/vgg/weights"
)

// base are the convolutions of a VGG in a weights file.
type base struct {
	family
	convolutions []module
	// normalizations follow a convolution, by its index.
	normalizations map[int]module
	// tail are the dense layers, or convolutions in their place, that follow in the same sequence.
	tail   []module
	layout layout
}

// minimum is the shortest run of convolutions that counts as a network.
const minimum = 2

// findBase finds the convolutions of the network in the file.
func (f *file) findBase() (base, error) {
	var found []base
	for key, modules := range f.families {
		if key.numbering == byRole {
			continue
		}
		b := f.baseOf(key, modules)
		if len(b.convolutions) >= minimum && slices.Contains(f.inputs(b.convolutions[0]), 3) {
			found = append(found, b)
		}
	}
	switch len(found) {
	case 0:
		return base{}, fmt.Errorf("vgg: the weights are not those of a known VGG: no tensors are named like any publisher's convolutions on images of three channels (found: %s)", some(f.allNames()))
	case 1:
	default:
		where := []string{found[0].describe(), found[1].describe()}
		slices.Sort(where)
		return base{}, fmt.Errorf("vgg: the weights hold more than one network, %s and %s: save only the one you want", where[0], where[1])
	}
	b := found[0]
	var err error
	b.layout, err = f.layoutOf(b.convolutions)
	return b, err
}

// baseOf takes the convolutions up to the first dense layer, even if that is written as a
// convolution of 7x7.
func (f *file) baseOf(key family, modules []module) base {
	b := base{family: key, normalizations: map[int]module{}}
	convolutions := slices.DeleteFunc(of(modules, ofConvolution), func(m module) bool { return m.rank(f.set) != 4 })
	end := slices.IndexFunc(convolutions, func(m module) bool { return f.isWholeMap(m) })
	if end < 0 {
		end = len(convolutions)
	}
	b.convolutions = convolutions[:end]
	b.tail = slices.Concat(convolutions[end:], of(modules, ofDense))
	return b
}

// isWholeMap recognizes a dense layer that is written as a convolution of 7x7.
func (f *file) isWholeMap(m module) bool {
	shape := f.set.Tensors[m.tensors[partKernel]].Shape
	return len(shape) == 4 && (shape[0] == 7 && shape[1] == 7 || shape[2] == 7 && shape[3] == 7)
}

// inputs are the possible numbers of a kernel's input channels, by its order.
func (f *file) inputs(m module) []int {
	shape := f.set.Tensors[m.tensors[partKernel]].Shape
	if len(shape) != 4 {
		return nil
	}
	return []int{shape[1], shape[2]}
}

// step is the number of modules per convolution in a sequence that counts them: 2 with a rectifier,
// 3 with a normalization as well, 1 where one module has both.
func (b base) step() int {
	switch {
	case b.scheme == SchemeMMPretrain:
		return 1
	case len(b.normalizations) > 0:
		return 3
	}
	return 2
}

// countsModules recognizes a PyTorch sequence, whose numbers also count the modules without weights
// and so tell where these are.
func (k family) countsModules() bool { return k.numbering == byModule && k.scheme != SchemeKeras }

// findNormalizations assigns the base's normalizations to the convolutions before them.
func (f *file) findNormalizations(b *base) error {
	if b.scheme == SchemeKeras {
		return nil // they stay among the rest, which see
	}
	for _, n := range of(f.families[b.family], ofNormalization) {
		number := n.number
		if b.scheme == SchemeTorchvision {
			number--
		}
		at := slices.IndexFunc(b.convolutions, func(m module) bool { return m.number == number })
		if at < 0 {
			return fmt.Errorf("vgg: the normalization %s does not directly follow a convolution, so it cannot be folded into one: export the model as a SavedModel", n.name())
		}
		b.normalizations[at] = n
	}
	if n := len(b.normalizations); n > 0 && n < len(b.convolutions) {
		return fmt.Errorf("vgg: %d of %d convolutions have a batch normalization: in the published networks all or none have one", n, len(b.convolutions))
	}
	return nil
}

// holds reports whether a tensor's name lies where the base's layers are, not in another part of
// the network.
func (b base) holds(name string) bool {
	scope := trimWrapper(b.prefix)
	switch b.scheme {
	case SchemePytorchcv:
		scope += "features."
	case SchemePaddleClas:
		scope += "conv_block"
	}
	rest, inside := strings.CutPrefix(trimWrapper(name), scope)
	if b.countsModules() {
		return inside && rest != "" && rest[0] >= '0' && rest[0] <= '9'
	}
	return inside
}

// trimWrapper strips what precedes all names of a Keras or MXNet file.
func trimWrapper(name string) string {
	for _, wrapper := range []string{"arg:", "aux:", "model_weights/"} {
		name = strings.TrimPrefix(name, wrapper)
	}
	return name
}

func (f *file) allNames() []string {
	var all []string
	for name := range f.set.Tensors {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// some lists the first few names.
func some(names []string) string {
	const few = 4
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d more", len(names)-few)
}

// kernel is a module's kernel.
func (f *file) kernel(m module) weights.Tensor { return f.set.Tensors[m.tensors[partKernel]] }
