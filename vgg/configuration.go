package vgg

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fovea/internal/typo"
)

// InputSize is the height and width in pixels of the images that the networks were trained on.
const InputSize = 224

// Sizes of the published networks' dense layers, the same in every configuration.
const (
	denseUnits      = 4096
	imagenetClasses = 1000
	flattened       = 7 * 7 * 512
)

// Convolution is one convolution of stride 1 that keeps height and width.
type Convolution struct {
	Kernel  int // 3, or 1 in configuration C
	Filters int
}

// Configuration is one column of the paper's table 1.
type Configuration struct {
	// Name is the configuration's name on the command line.
	Name string
	// Letter is the column's heading in the paper.
	Letter string
	// Aliases are other names in use.
	Aliases []string
	// Blocks are the convolutions between the max-poolings.
	Blocks [5][]Convolution
	// LocalResponseNormalization follows the first convolution (A-LRN only).
	LocalResponseNormalization bool
}

func conv3(filters ...int) []Convolution {
	block := make([]Convolution, len(filters))
	for i, f := range filters {
		block[i] = Convolution{Kernel: 3, Filters: f}
	}
	return block
}

// conv3and1 is a block of configuration C: two 3x3 convolutions and one of 1x1.
func conv3and1(filters int) []Convolution {
	return append(conv3(filters, filters), Convolution{Kernel: 1, Filters: filters})
}

var narrow = [5][]Convolution{conv3(64), conv3(128), conv3(256, 256), conv3(512, 512), conv3(512, 512)}

// Configurations are the six networks in the paper's order.
var Configurations = []Configuration{
	{Name: "vgg-a", Letter: "A", Aliases: []string{"vgg11"}, Blocks: narrow},
	{Name: "vgg-a-lrn", Letter: "A-LRN", Blocks: narrow, LocalResponseNormalization: true},
	{Name: "vgg-b", Letter: "B", Aliases: []string{"vgg13"}, Blocks: [5][]Convolution{
		conv3(64, 64), conv3(128, 128), conv3(256, 256), conv3(512, 512), conv3(512, 512)}},
	{Name: "vgg-c", Letter: "C", Blocks: [5][]Convolution{
		conv3(64, 64), conv3(128, 128), conv3and1(256), conv3and1(512), conv3and1(512)}},
	{Name: "vgg16", Letter: "D", Aliases: []string{"vgg-d"}, Blocks: [5][]Convolution{
		conv3(64, 64), conv3(128, 128), conv3(256, 256, 256), conv3(512, 512, 512), conv3(512, 512, 512)}},
	{Name: "vgg19", Letter: "E", Aliases: []string{"vgg-e"}, Blocks: [5][]Convolution{
		conv3(64, 64), conv3(128, 128), conv3(256, 256, 256, 256), conv3(512, 512, 512, 512), conv3(512, 512, 512, 512)}},
}

// ErrUnknown says that no configuration has the name that was given.
var ErrUnknown = errors.New("unknown configuration")

// ByName finds a configuration by its name or an alias, or returns ErrUnknown.
func ByName(name string) (Configuration, error) {
	var names, aliases []string
	for _, c := range Configurations {
		if c.Name == name || slices.Contains(c.Aliases, name) {
			return c, nil
		}
		names, aliases = append(names, c.Name), append(aliases, c.Aliases...)
	}
	hint := typo.Hint(name, slices.Concat(names, aliases))
	return Configuration{}, fmt.Errorf("vgg: %w %q%s: there are %s", ErrUnknown, name, hint, strings.Join(names, ", "))
}

// Kind is what a layer computes.
type Kind string

// The kinds of layers.
const (
	KindConvolution Kind = "convolution"
	KindMaxPool     Kind = "max pooling"
	// KindAverage averages each channel over height and width. No configuration has it, but heads
	// on averaged features do.
	KindAverage Kind = "average"
	KindLRN     Kind = "local response normalization"
	KindFlatten Kind = "flatten"
	KindDense   Kind = "dense"
	KindSoftmax Kind = "softmax"
)

// Layer is one layer of a configuration, in the order of computation.
type Layer struct {
	Name    string
	Aliases []string
	Kind    Kind
	// Shape is the shape of one image's output: height, width, channels, or units.
	Shape []int
	// Kernel is the shape of the layer's kernel, nil where it has none: height, width, input
	// channels, output channels (HWIO), or inputs and units. The bias has the size of the kernel's
	// last dimension.
	Kernel []int
	// ReLU says whether a rectifier is part of the layer.
	ReLU bool
	// window is the height and width of a dense layer's input in the map below it, 1 where the
	// input is a vector.
	window int
}

// Parameters is the number of the layer's weights and biases.
func (l Layer) Parameters() int {
	if l.Kernel == nil {
		return 0
	}
	count := 1
	for _, d := range l.Kernel {
		count *= d
	}
	return count + l.Kernel[len(l.Kernel)-1]
}

// Layers lists the layers of the published network, either the convolutional ones only (the base)
// or the dense ones as well (the top).
func (c Configuration) Layers(top bool) []Layer { return c.LayersFor(Dimensions{}, top) }

// LayersFor is Layers for other dimensions than those of the published network.
func (c Configuration) LayersFor(d Dimensions, top bool) []Layer {
	d = d.orPublished()
	layers := c.baseLayers(d.InputSize)
	if !top {
		return layers
	}
	return append(layers, topLayers(d, layers[len(layers)-1].Shape)...)
}

func (c Configuration) baseLayers(side int) []Layer {
	var layers []Layer
	channels := 3
	for b, block := range c.Blocks {
		for i, convolution := range block {
			layers = append(layers, Layer{
				Name:   fmt.Sprintf("block%d_conv%d", b+1, i+1),
				Kind:   KindConvolution,
				Shape:  []int{side, side, convolution.Filters},
				Kernel: []int{convolution.Kernel, convolution.Kernel, channels, convolution.Filters},
				ReLU:   true,
			})
			channels = convolution.Filters
			if b == 0 && i == 0 && c.LocalResponseNormalization {
				layers = append(layers, Layer{Name: "block1_lrn1", Kind: KindLRN, Shape: []int{side, side, channels}})
			}
		}
		side /= 2
		pool := Layer{Name: fmt.Sprintf("block%d_pool", b+1), Aliases: []string{fmt.Sprintf("pool%d", b+1)},
			Kind: KindMaxPool, Shape: []int{side, side, channels}}
		if b == len(c.Blocks)-1 { // the usual name
			pool.Name, pool.Aliases = pool.Aliases[0], []string{pool.Name}
		}
		layers = append(layers, pool)
	}
	return layers
}

// topLayers are the dense layers over a map of the shape [side, side, channels].
func topLayers(d Dimensions, below []int) []Layer {
	dense := func(name, keras string, inputs, units, window int, relu bool) Layer {
		return Layer{Name: name, Aliases: []string{keras}, Kind: KindDense, Shape: []int{units},
			Kernel: []int{inputs, units}, ReLU: relu, window: window}
	}
	side, flat := below[0], below[0]*below[1]*below[2]
	return []Layer{
		{Name: "flatten", Kind: KindFlatten, Shape: []int{flat}},
		dense("fc6", "fc1", flat, d.Units, side, true),
		dense("fc7", "fc2", d.Units, d.Units, 1, true),
		dense("fc8", "logits", d.Units, d.Classes, 1, false),
		{Name: "softmax", Aliases: []string{"predictions"}, Kind: KindSoftmax, Shape: []int{d.Classes}},
	}
}

// Parameters is the number of weights and biases of the configuration.
func (c Configuration) Parameters(top bool) int {
	total := 0
	for _, l := range c.Layers(top) {
		total += l.Parameters()
	}
	return total
}
