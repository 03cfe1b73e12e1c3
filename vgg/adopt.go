package vgg

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"fovea/vgg/weights"
)

// Ignored is a tensor of a weights file that was not used, with the reason.
type Ignored struct{ Name, Reason string }

// Adopted are weights under our names and in our order.
type Adopted struct {
	Set weights.Set
	// Scheme is the publisher's naming scheme that was recognized; the metadata has it too.
	Scheme Scheme
	// Ignored are the tensors that were not used, in the order of their names.
	Ignored []Ignored
	// Absent are the layers of the published network that the weights lack.
	Absent []string
	// Normalizations is the number of batch normalizations folded into convolutions.
	Normalizations int
	// Notes are sentences that say what else was done to the weights.
	Notes []string
}

// Adopt converts weights from a publisher's names and order to those of the configuration. Naming
// schemes are recognized from the names (docs/weights.md lists them), the order of kernels from
// their shapes, once for the whole file. A batch normalization is folded into the convolution
// before it. Every tensor is either used or ignored for a reason that the result states; an unknown
// tensor that may be part of the convolutional network is an error. Dense layers are used as far as
// they are VGG's, with any number of classes.
//
// The result has been checked against the configuration. Finding the preprocessing that the weights
// expect is up to the caller.
func (c Configuration) Adopt(set weights.Set) (Adopted, error) {
	f, err := readFile(set)
	if err != nil {
		return Adopted{}, err
	}
	b, err := f.findBase()
	if err != nil {
		return Adopted{}, err
	}
	if !slices.Equal(c.shapes(), f.shapes(b)) {
		return Adopted{}, f.misfit(c, b)
	}
	a := &adoption{file: f, configuration: c, base: b, used: map[string]bool{}}
	if err := a.run(); err != nil {
		return Adopted{}, err
	}
	return a.result, c.Check(a.result.Set)
}

// adoption is the state of one call of Adopt.
type adoption struct {
	*file
	configuration Configuration
	base          base
	top           top
	// notTop says why the file's dense layers are not the network's.
	notTop string
	used   map[string]bool
	result Adopted
}

func (a *adoption) run() error {
	if err := a.findNormalizations(&a.base); err != nil {
		return err
	}
	if err := a.checkPlaces(a.configuration, a.base); err != nil {
		return err
	}
	own := a.isOwn()
	a.result.Set = weights.Set{Tensors: map[string]weights.Tensor{}, SHA256: a.set.SHA256, Metadata: a.notes(own)}
	d, err := dimensions(a.result.Set)
	if err != nil {
		return err
	}
	side := d.InputSize / 32
	shapes := a.shapes(a.base)
	if a.top, a.notTop, err = a.findTop(a.base, side*side*shapes[len(shapes)-1].outputs); err != nil {
		return err
	}
	a.result.Scheme = a.scheme(own)
	if err := a.checkTheano(); err != nil {
		return err
	}
	if err := a.takeConvolutions(); err != nil {
		return err
	}
	if err := a.takeDense(side); err != nil {
		return err
	}
	if err := a.ignoreRest(); err != nil {
		return err
	}
	a.note(d)
	return nil
}

// notes are those that the file has about its weights.
func (a *adoption) notes(own bool) map[string]string {
	notes := map[string]string{}
	maps.Copy(notes, a.set.Metadata)
	if !own { // what another program stores under these names means something else
		for _, key := range []string{inputSizeKey, unitsKey, classesKey, modulesKey, PreprocessingKey, PreprocessingSourceKey} {
			delete(notes, key)
		}
	}
	return notes
}

// isOwn reports whether the weights have our names and order already.
func (a *adoption) isOwn() bool {
	for name := range a.set.Tensors {
		layer, last := path.Split(name)
		layer = strings.TrimSuffix(layer, "/")
		known := strings.HasPrefix(layer, "block") || slices.Contains(denseLayers, layer)
		if !known || strings.Contains(layer, "/") || last != "kernel" && last != "bias" {
			return false
		}
	}
	return a.base.layout == hwio
}

// checkTheano refuses Keras weights in the order of the Theano backend: those kernels may or may
// not be rotated by 180 degrees, and nothing shows which.
func (a *adoption) checkTheano() error {
	keras := a.base.convolutions[0].kerasParts
	if keras && a.base.layout == oihw {
		return fmt.Errorf("vgg: the weights are in the order of Keras's Theano backend (%s has shape %v), whose kernels may be rotated: use the file with tf_dim_ordering_tf_kernels in its name", a.base.convolutions[0].name(), a.kernel(a.base.convolutions[0]).Shape)
	}
	return nil
}

// channelsFirst reports whether fc6 takes its inputs channel by channel: as the order of the
// convolutions' kernels suggests, unless a Keras model says that it computes channels first.
func (a *adoption) channelsFirst() bool {
	if a.base.layout == oihw {
		return true
	}
	for _, value := range a.set.Metadata {
		if strings.Contains(value, `"data_format": "channels_first"`) || strings.Contains(value, `"data_format":"channels_first"`) {
			return true
		}
	}
	return false
}

// takeConvolutions adopts the base.
func (a *adoption) takeConvolutions() error {
	biases := 0
	for _, m := range a.base.convolutions {
		if m.tensors[partBias] != "" {
			biases++
		}
	}
	for i, l := range a.configuration.convolutions() {
		m := a.base.convolutions[i]
		norm, normalized := a.base.normalizations[i]
		if err := a.complete(m, l.Name, biases == 0 || normalized); err != nil {
			return err
		}
		kernel := a.base.layout.convolutionKernel(a.kernel(m))
		bias := a.bias(m, l.Kernel[3])
		if normalized {
			var err error
			if kernel, bias, err = a.folded(norm, kernel, bias, l.Kernel[3]); err != nil {
				return err
			}
		}
		a.put(l.Name, kernel, bias)
		a.use(m)
	}
	if biases == 0 && len(a.base.normalizations) == 0 {
		a.result.Notes = append(a.result.Notes, "The convolutions have no biases: they are 0.")
	}
	if n := len(a.base.normalizations); n > 0 {
		a.result.Normalizations = n
		a.result.Notes = append(a.result.Notes, fmt.Sprintf("%d batch normalizations were folded into the convolutions before them.", n))
	}
	return nil
}

// complete detects layers with only a bias or only a kernel. Exporters to ONNX leave out biases
// that are all zero; anywhere else, a single missing bias was lost.
func (a *adoption) complete(m module, layer string, withoutBias bool) error {
	if m.tensors[partKernel] == "" {
		return fmt.Errorf("vgg: the weights have no kernel for %s, but %s", layer, m.name())
	}
	if m.tensors[partBias] == "" && !withoutBias && m.scheme != SchemeONNX {
		return fmt.Errorf("vgg: the weights have no bias for %s, whose kernel is %s, though other layers have one", layer, m.name())
	}
	return nil
}

// bias is a layer's bias, zeros where it has none.
func (a *adoption) bias(m module, units int) weights.Tensor {
	if name, found := m.tensors[partBias]; found {
		return squeezed(a.set.Tensors[name])
	}
	return weights.Float32Tensor([]int{units}, make([]float32, units))
}

func (a *adoption) folded(norm module, kernel, bias weights.Tensor, channels int) (weights.Tensor, weights.Tensor, error) {
	n, err := a.readNormalization(norm, channels)
	if err != nil {
		return kernel, bias, err
	}
	shifts, err := bias.Float32()
	if err != nil {
		return kernel, bias, fmt.Errorf("vgg: the bias before %s: %w", norm.name(), err)
	}
	if len(shifts) != channels {
		return kernel, bias, fmt.Errorf("vgg: the bias before %s has %d values for %d channels", norm.name(), len(shifts), channels)
	}
	if kernel, bias, err = n.fold(kernel, shifts); err != nil {
		return kernel, bias, fmt.Errorf("vgg: fold the batch normalization %s into its convolution: %w", norm.name(), err)
	}
	a.use(norm)
	return kernel, bias, nil
}

func (a *adoption) put(layer string, kernel, bias weights.Tensor) {
	a.result.Set.Tensors[layer+"/kernel"], a.result.Set.Tensors[layer+"/bias"] = kernel, bias
}

func (a *adoption) use(m module) {
	for _, name := range m.tensors {
		a.used[name] = true
	}
}

// note records what was recognized and what differs from the published networks.
func (a *adoption) note(d Dimensions) {
	notes := a.result.Set.Metadata
	if a.result.Scheme != SchemeOwn || notes[SchemeKey] == "" {
		notes[SchemeKey] = string(a.result.Scheme)
	}
	if units := a.top.units; units != 0 && units != d.Units {
		notes[unitsKey] = strconv.Itoa(units)
	}
	if classes := a.top.classes; classes != 0 && classes != d.Classes {
		notes[classesKey] = strconv.Itoa(classes)
	}
	if step := a.base.step(); a.base.countsModules() && step != torchStep {
		notes[modulesKey] = strconv.Itoa(step)
	}
	a.result.Absent = slices.Clone(denseLayers[len(a.top.layers):])
	if len(a.result.Absent) > 0 {
		a.result.Absent = append(a.result.Absent, "softmax")
	}
	a.result.Ignored = a.ignored
	slices.SortFunc(a.result.Ignored, func(x, y Ignored) int { return strings.Compare(x.Name, y.Name) })
}
