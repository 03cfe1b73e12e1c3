package vgg

import (
	"fmt"
	"math"

	"fovea/vgg/weights"
)

// epsilon is what PyTorch, MXNet, Paddle and ONNX add to the variance of a batch normalization by
// default; no published VGG overrides it.
const epsilon = 1e-5

// normalization are the numbers of a batch normalization, one for each channel.
type normalization struct {
	gamma, beta, mean, variance []float64
	epsilon                     float64
}

// readNormalization reads the numbers. A missing scale is 1, a missing shift 0.
func (f *file) readNormalization(m module, channels int) (normalization, error) {
	n := normalization{epsilon: epsilon}
	if name, found := m.tensors[partEpsilon]; found {
		values, err := f.set.Tensors[name].Float32()
		if err != nil || len(values) != 1 {
			return n, fmt.Errorf("vgg: tensor %s is not one number", name)
		}
		n.epsilon = float64(values[0])
	}
	for _, one := range []struct {
		part part
		to   *[]float64
	}{{partGamma, &n.gamma}, {partBeta, &n.beta}, {partMean, &n.mean}, {partVariance, &n.variance}} {
		p, to := one.part, one.to
		*to = make([]float64, channels)
		name, found := m.tensors[p]
		switch {
		case found:
			values, err := f.set.Tensors[name].Float32()
			if err != nil {
				return n, fmt.Errorf("vgg: tensor %s: %w", name, err)
			}
			if len(values) != channels {
				return n, fmt.Errorf("vgg: tensor %s has %d values for %d channels", name, len(values), channels)
			}
			for i, v := range values {
				(*to)[i] = float64(v)
			}
		case p == partMean || p == partVariance:
			return n, fmt.Errorf("vgg: the batch normalization of %s has no %s: were its running statistics left out?", m.name(), p)
		case p == partGamma:
			for i := range *to {
				(*to)[i] = 1
			}
		}
	}
	return n, nil
}

// fold folds a batch normalization into the convolution before it, whose kernel is HWIO. It
// computes in float64.
func (n normalization) fold(kernel weights.Tensor, bias []float32) (weights.Tensor, weights.Tensor, error) {
	channels := len(n.gamma)
	factors := make([]float64, channels)
	shifts := make([]float32, channels)
	for c := range factors {
		if n.variance[c]+n.epsilon <= 0 {
			return kernel, kernel, fmt.Errorf("channel %d has the variance %g", c, n.variance[c])
		}
		factors[c] = n.gamma[c] / math.Sqrt(n.variance[c]+n.epsilon)
		shifts[c] = float32(n.beta[c] + (float64(bias[c])-n.mean[c])*factors[c])
	}
	values, err := kernel.Float32()
	if err != nil {
		return kernel, kernel, err
	}
	for i := range values {
		values[i] = float32(float64(values[i]) * factors[i%channels])
	}
	return weights.Float32Tensor(kernel.Shape, values), weights.Float32Tensor([]int{channels}, shifts), nil
}
