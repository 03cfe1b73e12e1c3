package vgg

import (
	"fmt"
	"slices"

	"fovea/vgg/weights"
)

// layout is the order of a convolution's kernel.
type layout string

const (
	hwio layout = "HWIO" // height, width, inputs, outputs: TensorFlow, MatConvNet
	oihw layout = "OIHW" // outputs, inputs, height, width: Caffe, PyTorch, MXNet, Paddle, ONNX
)

// kernelShape is a convolution's kernel without its order.
type kernelShape struct{ size, inputs, outputs int }

// of interprets a kernel's shape, which is square in all known networks.
func (l layout) of(shape []int) (kernelShape, bool) {
	if len(shape) != 4 {
		return kernelShape{}, false
	}
	h, w, i, o := shape[0], shape[1], shape[2], shape[3]
	if l == oihw {
		o, i, h, w = h, w, i, o
	}
	return kernelShape{h, i, o}, h == w
}

// layoutOf finds the order of the kernels: the one in which each kernel takes what the one before
// it gives. It is the same for the whole file.
func (f *file) layoutOf(convolutions []module) (layout, error) {
	var fitting []layout
	var misfit string
	for _, l := range []layout{hwio, oihw} {
		channels, fits := 3, true
		for _, m := range convolutions {
			shape := f.kernel(m).Shape
			k, square := l.of(shape)
			if !square || k.inputs != channels {
				if fits && channels != 3 { // the first kernel is of the other order
					misfit = fmt.Sprintf("%s has shape %v, but its input has %d channels", m.name(), shape, channels)
				}
				fits = false
				break
			}
			channels = k.outputs
		}
		if fits {
			fitting = append(fitting, l)
		}
	}
	switch {
	case len(fitting) == 1:
		return fitting[0], nil
	case len(fitting) > 1:
		return "", fmt.Errorf("vgg: the kernels' shapes fit both HWIO and OIHW (%s has shape %v): save them in an unambiguous order", convolutions[0].name(), f.kernel(convolutions[0]).Shape)
	}
	return "", fmt.Errorf("vgg: the convolutions fit together in neither order of kernels, HWIO or OIHW: %s", misfit)
}

// shapes are the kernels of the base in the order of computation.
func (f *file) shapes(b base) []kernelShape {
	var all []kernelShape
	for _, m := range b.convolutions {
		k, _ := b.layout.of(f.kernel(m).Shape)
		all = append(all, k)
	}
	return all
}

// squeezed strips leading and trailing dimensions of 1 from a bias.
func squeezed(t weights.Tensor) weights.Tensor {
	shape := slices.DeleteFunc(slices.Clone(t.Shape), func(d int) bool { return d == 1 })
	if len(shape) == 1 {
		t.Shape = shape
	}
	return t
}

// convolutionKernel converts a kernel to HWIO.
func (l layout) convolutionKernel(t weights.Tensor) weights.Tensor {
	if l == oihw {
		return transpose(t, 2, 3, 1, 0)
	}
	return t
}

// matrixOrder is the order of a dense layer's kernel.
type matrixOrder string

const (
	inputsFirst matrixOrder = "inputs x units" // TensorFlow, Paddle
	unitsFirst  matrixOrder = "units x inputs" // Caffe, PyTorch, MXNet, ONNX
)

// of interprets a shape as inputs and units. A kernel of four dimensions has the convolutions'
// order, except for the 1 x 1 x units x inputs of old Caffe models.
func (o matrixOrder) of(shape []int, l layout) (inputs, units int, ok bool) {
	if legacyMatrix(shape, l) {
		shape = shape[2:]
	}
	switch {
	case len(shape) == 4:
		k, square := l.of(shape)
		return k.size * k.size * k.inputs, k.outputs, square
	case len(shape) != 2:
		return 0, 0, false
	case o == inputsFirst:
		return shape[0], shape[1], true
	}
	return shape[1], shape[0], true
}

func legacyMatrix(shape []int, l layout) bool {
	return len(shape) == 4 && l == oihw && shape[0] == 1 && shape[1] == 1 && (shape[2] > 1 || shape[3] > 1)
}

// denseKernel converts a dense layer's kernel to inputs x units. The first layer's inputs are a map
// of side x side, flattened in the order of the convolutions' kernels: row, column, channel for
// HWIO, otherwise channel, row, column. side is 1 for a vector.
func (o matrixOrder) denseKernel(t weights.Tensor, l layout, side int, channelsFirst bool) weights.Tensor {
	if legacyMatrix(t.Shape, l) {
		t.Shape = t.Shape[2:]
	}
	if len(t.Shape) == 4 {
		t = l.convolutionKernel(t)
		t.Shape = []int{t.Shape[0] * t.Shape[1] * t.Shape[2], t.Shape[3]}
		return t
	}
	if side == 1 || !channelsFirst {
		if o == unitsFirst {
			t = transpose(t, 1, 0)
		}
		return t
	}
	inputs, units, _ := o.of(t.Shape, l)
	channels := inputs / (side * side)
	if o == unitsFirst {
		t.Shape = []int{units, channels, side, side}
		t = transpose(t, 2, 3, 1, 0)
	} else {
		t.Shape = []int{channels, side, side, units}
		t = transpose(t, 1, 2, 0, 3)
	}
	t.Shape = []int{inputs, units}
	return t
}
