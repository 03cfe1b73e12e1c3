package vgg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ignoreRest lists the tensors that were not used, each with the reason. Those that may be part of
// the convolutional network are an error: without them the features would be different.
func (a *adoption) ignoreRest() error {
	groups := map[string][]string{}
	for name := range a.set.Tensors {
		if !a.used[name] && !slices.ContainsFunc(a.ignored, func(i Ignored) bool { return i.Name == name }) {
			parent := parentOf(name)
			groups[parent] = append(groups[parent], name)
		}
	}
	roles, err := a.roles()
	if err != nil {
		return err
	}
	reasons := map[string]string{}
	for number, m := range roles {
		for _, name := range m.tensors {
			if !a.used[name] {
				reasons[name] = a.whyNotDense(number)
			}
		}
	}
	for _, parent := range slices.Sorted(maps.Keys(groups)) {
		names := slices.Sorted(slices.Values(groups[parent]))
		reason := reasons[names[0]]
		if reason == "" {
			if reason, err = a.whyIgnored(names); err != nil {
				return err
			}
		}
		for _, name := range names {
			a.ignored = append(a.ignored, Ignored{name, reason})
		}
	}
	return nil
}

// whyNotDense says why a layer named like a dense layer of VGG was not used.
func (a *adoption) whyNotDense(number int) string {
	if a.notTop != "" || number == 6 {
		return a.notTop
	}
	return fmt.Sprintf("it follows %s, which is missing", denseLayers[number-7])
}

// whyIgnored says why the tensors of a layer may be left out.
func (a *adoption) whyIgnored(names []string) (string, error) {
	rank, size := 0, 0
	for _, name := range names {
		shape := a.set.Tensors[name].Shape
		if len(shape) >= rank {
			rank, size = len(shape), elements(shape)
		}
	}
	switch {
	case !a.base.holds(names[0]):
		return "not part of the convolutional network", nil
	case a.isConvolution(names[0]):
	case rank == 2:
		if a.notTop != "" {
			return a.notTop, nil
		}
		return "part of a custom top, not VGG's", nil
	case rank <= 1 && size == 1:
		return "a single number", nil
	case rank <= 1 && !a.isWidth(size):
		return fmt.Sprintf("no convolution has %d channels", size), nil
	}
	if slices.ContainsFunc(names, isStatistic) {
		return "", fmt.Errorf("vgg: the weights have a batch normalization, %s, whose place and epsilon the file does not give: export the model as a SavedModel (model.export)", some(names))
	}
	return "", fmt.Errorf("vgg: the weights have a tensor %s of shape %v, which no published %s has: if it is part of the convolutional network, the features would be wrong without it. Save only the VGG, or export the whole model as a SavedModel",
		names[0], a.set.Tensors[names[0]].Shape, a.configuration.Name)
}

// isStatistic recognizes what only a normalization has.
func isStatistic(name string) bool {
	last := strings.TrimSuffix(name[strings.LastIndexAny(name, "/.")+1:], ":0")
	return parts[last] == partMean || parts[last] == partVariance || parts[last] == partGamma
}

// isConvolution recognizes a tensor named like one of the base's convolutions.
func (a *adoption) isConvolution(name string) bool {
	l, known := readName(name)
	return known && l.class == ofConvolution && family{l.scheme, l.prefix, l.numbering} == a.base.family
}

// isWidth recognizes the numbers of channels that enter or leave a convolution.
func (a *adoption) isWidth(size int) bool {
	return slices.ContainsFunc(a.configuration.shapes(), func(k kernelShape) bool { return k.inputs == size || k.outputs == size })
}

// parentOf is a tensor's name without its last word.
func parentOf(name string) string {
	name = strings.TrimSuffix(name, objectSuffix)
	if parent, found := strings.CutSuffix(name[:max(0, len(name)-1)], "/vars/"); found {
		return parent
	}
	if i := strings.LastIndexAny(name, "/."); i >= 0 {
		return name[:i]
	}
	if i := strings.LastIndexByte(name, '_'); i >= 0 {
		return name[:i]
	}
	return name
}

// scheme determines whose names the tensors have.
func (a *adoption) scheme(own bool) Scheme {
	fully := func(scheme Scheme) bool {
		return slices.ContainsFunc(a.top.layers, func(m module) bool { return m.scheme == scheme })
	}
	switch first := a.base.convolutions[0]; {
	case own:
		return SchemeOwn
	case first.scheme == SchemeCaffe && first.kerasParts:
		return SchemeVGGFace
	case first.scheme == SchemeCaffe && strings.HasSuffix(first.name(), ".weight"):
		return SchemeVGGFace
	case first.scheme == SchemeCaffe && a.base.layout == hwio && hasMean(a.set.Metadata):
		return SchemeMatConvNet
	case first.scheme == SchemeCaffe && a.base.layout == hwio:
		return SchemeNumPy
	case first.scheme == SchemeKeras && a.isKerasHub():
		return SchemeKerasHub
	case first.scheme == SchemeTorchvision && fully(SchemeTimm):
		return SchemeTimm
	case first.scheme == SchemeTorchvision && fully(SchemeMXNet), first.scheme == SchemeTorchvision && len(a.base.tail) == 2 && a.base.tail[0].prefix == a.base.prefix:
		return SchemeMXNet
	case first.scheme == SchemeTorchvision && a.isPaddle():
		return SchemePaddle
	}
	return a.base.scheme
}

// hasMean reports whether the file has the images' mean, as MatConvNet's do.
func hasMean(notes map[string]string) bool {
	return notes["mean_rgb"] != "" || notes["mean_image"] != ""
}

// isKerasHub recognizes KerasHub's networks by the backbone's name or by dense layers that are
// convolutions.
func (a *adoption) isKerasHub() bool {
	if strings.Contains(a.base.prefix, "vgg_backbone") {
		return true
	}
	return len(a.top.layers) > 0 && a.top.layers[0].rank(a.set) == 4
}

// isPaddle distinguishes Paddle's networks from PyTorch's, whose names they use: their dense
// kernels are inputs x units, and their statistics begin with an underscore.
func (a *adoption) isPaddle() bool {
	if len(a.top.layers) > 0 {
		return a.top.order == inputsFirst && a.hasMatrix(a.top.layers)
	}
	n, normalized := a.base.normalizations[0]
	return normalized && strings.HasSuffix(n.tensors[partMean], "._mean")
}
