package vgg

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
	"fovea/vgg/weights"
)

// anySide stands for an input of any height and width.
const anySide = -1

// windowSide is the height and width of what the first dense layer sees of pool5.
const windowSide = 7

// OpenDense is Open for pictures of any size, as the paper evaluates its networks (Simonyan
// and Zisserman 2015, section 3.2): the dense layers become convolutions, of 7x7 for the first
// and 1x1 for the others, which are applied to the whole picture. What a layer gives is averaged
// over all positions of the picture, so that it is a vector of the layer's channels or units
// however large that is; softmax is that of the averaged class scores. The model's InputHeight and
// InputWidth are 0. There is no flatten.
func OpenDense(c Configuration, set weights.Set, config inference.SessionConfig) (*inference.Model, error) {
	return open(c, set, config, &builder{side: anySide, placement: config.Placement()})
}

// tap is a layer as it can be asked for: of a dense model, its average over positions.
func (b *builder) tap(scope *op.Scope, l Layer, t inference.Layer) inference.Layer {
	if b.side != anySide {
		return t
	}
	t.Least = InputSize
	if len(l.Shape) == 3 {
		t.Least = InputSize / l.Shape[0] // each pooling so far has halved it
	}
	t.Shape = l.Shape[len(l.Shape)-1:]
	if l.Kind != KindSoftmax {
		t.Output = average(scope, t.Output)
	}
	return t
}

// average is the mean over height and width.
func average(scope *op.Scope, x tf.Output) tf.Output {
	scope = scope.SubScope("average")
	return op.Mean(scope, x, op.Const(scope.SubScope("axes"), []int32{1, 2}))
}

// everywhere applies a dense layer to every window of a map.
func (b *builder) everywhere(scope *op.Scope, l Layer, x, kernel tf.Output) tf.Output {
	side, units := int32(1), int32(l.Kernel[1])
	if l.Kernel[0] == flattened {
		side = windowSide
	}
	shape := []int32{side, side, int32(l.Kernel[0]) / (side * side), units}
	kernel = op.Reshape(scope.SubScope("window"), kernel, op.Const(scope.SubScope("window_shape"), shape))
	return op.Conv2D(scope, x, kernel, []int64{1, 1, 1, 1}, "VALID")
}
