package vgg

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// tap is a layer as it can be requested: for a dense model, its average over positions.
func (b *builder) tap(scope *op.Scope, l Layer, t inference.Layer) inference.Layer {
	if !b.anySize {
		return t
	}
	t.Least = b.dimensions.InputSize
	if len(l.Shape) == 3 {
		t.Least = b.dimensions.InputSize / l.Shape[0] // each pooling so far has halved it
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

// addEverywhere is Add for images of any size: dense layers are applied to every window of a map
// that has the size they were trained on.
func (l Layer) addEverywhere(scope *op.Scope, x tf.Output, parameter func(part string, shape []int) tf.Output) tf.Output {
	switch l.Kind {
	case KindDense:
		window := op.Const(scope.SubScope("window_shape"), []int32{int32(l.window), int32(l.window), -1, int32(l.Kernel[1])})
		kernel := op.Reshape(scope.SubScope("window"), parameter("kernel", l.Kernel), window)
		x = op.Conv2D(scope, x, kernel, []int64{1, 1, 1, 1}, "VALID")
		return op.BiasAdd(scope, x, parameter("bias", l.Kernel[1:]))
	case KindSoftmax:
		x = average(scope, x)
	}
	return l.Add(scope, x, parameter)
}

// inputSize is the height and width of images in pixels, 0 where they may have any.
func (b *builder) inputSize() int {
	if b.anySize {
		return 0
	}
	return b.dimensions.InputSize
}
