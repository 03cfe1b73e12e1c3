// Package winograd makes the convolutions of a model several times faster on a CPU, without
// changing what they compute.
//
// A convolution with kernels of 3x3 and stride 1, the only one that VGG knows, takes 9
// multiplications a pixel and pair of channels. Winograd's minimal filtering F(4x4, 3x3)
// (Lavin and Gray, arXiv:1509.09308) takes 2.25: tiles of 6x6 pixels are transformed, each of
// their 36 points is multiplied with a transformed kernel, as 36 matrix products over all
// channels, and transformed back to 4x4 pixels. Results differ from the direct way by
// rounding alone: at most some 1e-6 of a layer's largest value.
//
// TensorFlow has no such operation for CPUs. This package gives it one, through the C API for
// kernels, and rewrites a model's graph to use it: the kernels are transformed once, bias,
// rectifier and the pooling of 2x2 are done on the way, and the batch is split between the
// cores, each of which takes its pictures through all layers without waiting for the others.
//
// The package knows TensorFlow's graphs and processors. It must not know VGG or pictures: it
// recognizes convolutions by their nodes, in any model.
package convolution
