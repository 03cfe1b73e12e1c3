package vgg

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fovea/vgg/weights"
)

// Adopt turns weights as a publisher names and orders them into those of the configuration:
// Keras's (block1_conv1/..., fc1/..., layers/conv2d_1/vars/0), PyTorch's of torchvision (features.0.weight, ...),
// Caffe's as NumPy arrays (conv1_1_W, ...), or our own. PyTorch's kernels are OIHW, and its
// first dense layer takes the channels first; both are turned round. Its networks were
// trained on another preprocessing, which is noted in the metadata. The result has been
// checked against the configuration.
func (c Configuration) Adopt(set weights.Set) (weights.Set, error) {
	adopted := weights.Set{Tensors: map[string]weights.Tensor{}, SHA256: set.SHA256, Metadata: maps.Clone(set.Metadata)}
	if adopted.Metadata == nil {
		adopted.Metadata = map[string]string{}
	}
	torch, numbered := c.torchNames(), c.numberedNames()
	fromTorch := false
	for _, name := range slices.Sorted(maps.Keys(set.Tensors)) {
		tensor := set.Tensors[name]
		own, isTorch := torch[name]
		if isTorch {
			fromTorch = true
			var err error
			if tensor, err = fromPyTorch(own, tensor); err != nil {
				return weights.Set{}, fmt.Errorf("vgg: tensor %s: %w", name, err)
			}
		} else {
			known := false
			if own, known = numbered[name]; !known {
				own, known = ownName(name)
			}
			if !known {
				return weights.Set{}, fmt.Errorf("vgg: the weights have a tensor %s, which no publisher's %s has: are they of another network?", name, c.Name)
			}
		}
		if _, twice := adopted.Tensors[own]; twice {
			return weights.Set{}, fmt.Errorf("vgg: the weights have two tensors for %s, the second is %s", own, name)
		}
		adopted.Tensors[own] = tensor
	}
	if fromTorch && adopted.Metadata[PreprocessingKey] == "" {
		adopted.Metadata[PreprocessingKey] = "torch"
	}
	return adopted, c.Check(adopted)
}

// torchNames maps torchvision's names to ours. Its features are numbered with their
// rectifiers and poolings, its classifier with rectifiers and dropouts. It has no
// configuration with local response normalization, which would be a module like the others.
func (c Configuration) torchNames() map[string]string {
	names := map[string]string{}
	add := func(module string, index int, layer string) {
		names[fmt.Sprintf("%s.%d.weight", module, index)] = layer + "/kernel"
		names[fmt.Sprintf("%s.%d.bias", module, index)] = layer + "/bias"
	}
	index := 0
	for _, l := range c.Layers(false) {
		switch l.Kind {
		case KindConvolution:
			add("features", index, l.Name)
			index += 2
		case KindMaxPool, KindLRN:
			index++
		}
	}
	for i, layer := range []string{"fc6", "fc7", "fc8"} {
		add("classifier", 3*i, layer)
	}
	return names
}

// numberedNames maps the names in Keras 3's weights files (.weights.h5, .keras) to ours.
// They know a layer by its class and its number among those of the class.
func (c Configuration) numberedNames() map[string]string {
	names, counts := map[string]string{}, map[string]int{}
	for _, l := range c.Layers(true) {
		class := map[Kind]string{KindConvolution: "conv2d", KindDense: "dense"}[l.Kind]
		if class == "" {
			continue
		}
		path := "layers/" + class
		if n := counts[class]; n > 0 {
			path += "_" + strconv.Itoa(n)
		}
		counts[class]++
		names[path+"/vars/0"], names[path+"/vars/1"] = l.Name+"/kernel", l.Name+"/bias"
	}
	return names
}

var caffeName = regexp.MustCompile(`^(?:conv(\d)_(\d)|(fc[678]))[_/](W|w|weights|b|biases)$`)

// kerasDense are Keras's names of the dense layers.
var kerasDense = map[string]string{"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}

// ownName is our name for a tensor of Keras's, Caffe's or our own making.
func ownName(name string) (string, bool) {
	if m := caffeName.FindStringSubmatch(name); m != nil {
		layer := m[3]
		if layer == "" {
			layer = "block" + m[1] + "_conv" + m[2]
		}
		if strings.EqualFold(m[4][:1], "w") {
			return layer + "/kernel", true
		}
		return layer + "/bias", true
	}
	parts := strings.Split(strings.TrimPrefix(name, "model_weights/"), "/")
	layer, last := parts[0], parts[len(parts)-1]
	if own := kerasDense[layer]; own != "" {
		layer = own
	}
	if !strings.HasPrefix(layer, "block") && !strings.HasPrefix(layer, "fc") || len(parts) < 2 {
		return "", false
	}
	last = strings.TrimSuffix(last, ":0")
	switch {
	case last == "kernel" || strings.Contains(last, "_W_"):
		return layer + "/kernel", true
	case last == "bias" || strings.Contains(last, "_b_"):
		return layer + "/bias", true
	}
	return "", false
}

// fromPyTorch turns a kernel round: OIHW to HWIO, units x inputs to inputs x units, and for
// the layer after the flattening, inputs of channel, row, column to row, column, channel.
func fromPyTorch(own string, t weights.Tensor) (weights.Tensor, error) {
	if strings.HasSuffix(own, "/bias") {
		return t, nil
	}
	switch {
	case len(t.Shape) == 4:
		return transpose(t, 2, 3, 1, 0), nil
	case own == "fc6/kernel" && len(t.Shape) == 2 && t.Shape[1] == flattened:
		units := t.Shape[0]
		t.Shape = []int{units, 512, 7, 7}
		t = transpose(t, 2, 3, 1, 0)
		t.Shape = []int{flattened, units}
		return t, nil
	case len(t.Shape) == 2:
		return transpose(t, 1, 0), nil
	}
	return t, fmt.Errorf("a kernel of shape %v", t.Shape)
}

// transpose puts the dimensions into another order: dimension i of the result is dimension
// order[i] of the tensor.
func transpose(t weights.Tensor, order ...int) weights.Tensor {
	element := 4
	if t.DType == weights.F16 {
		element = 2
	}
	strides, stride := make([]int, len(order)), element
	for i := len(t.Shape) - 1; i >= 0; i-- {
		strides[i] = stride
		stride *= t.Shape[i]
	}
	out := weights.Tensor{Shape: make([]int, len(order)), DType: t.DType, Raw: make([]byte, len(t.Raw))}
	steps := make([]int, len(order))
	for i, o := range order {
		out.Shape[i], steps[i] = t.Shape[o], strides[o]
	}
	// The last dimension of the result is an inner loop of its own, for speed.
	last := len(order) - 1
	index, from, length, step := make([]int, last), 0, out.Shape[last], steps[last]
	for to := 0; to < len(out.Raw); to += length * element {
		row := out.Raw[to : to+length*element]
		for i := range length {
			copy(row[i*element:(i+1)*element], t.Raw[from+i*step:])
		}
		for i := last - 1; i >= 0; i-- {
			index[i]++
			from += steps[i]
			if index[i] < out.Shape[i] {
				break
			}
			from -= steps[i] * out.Shape[i]
			index[i] = 0
		}
	}
	return out
}

// publishedAliases are the names under which Caffe's and torchvision's users know a layer:
// its output before the rectifier, and after it.
func (c Configuration) publishedAliases() (before, after map[string][]string) {
	before, after = map[string][]string{}, map[string][]string{}
	index := 0
	for _, l := range c.Layers(false) {
		number := strings.TrimPrefix(strings.Replace(l.Name, "_conv", "_", 1), "block")
		switch l.Kind {
		case KindConvolution:
			before[l.Name] = []string{"features." + strconv.Itoa(index)}
			after[l.Name] = []string{"conv" + number, "relu" + number, "features." + strconv.Itoa(index+1)}
			index += 2
		case KindMaxPool, KindLRN:
			after[l.Name] = []string{"features." + strconv.Itoa(index)}
			index++
		}
	}
	for i, layer := range []string{"fc6", "fc7", "fc8"} {
		if layer == "fc8" {
			after[layer] = []string{"classifier.6"}
			continue
		}
		before[layer] = []string{fmt.Sprintf("classifier.%d", 3*i)}
		after[layer] = []string{"relu" + layer[2:], fmt.Sprintf("classifier.%d", 3*i+1)}
	}
	after["softmax"] = []string{"prob"}
	return before, after
}
