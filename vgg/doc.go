// Package vgg knows the networks of K. Simonyan and A. Zisserman, "Very Deep Convolutional
// Networks for Large-Scale Image Recognition" (arXiv:1409.1556): their six configurations
// as one table of data, the TensorFlow graph of each, and the weights' names and shapes.
//
// A network is opened with a set of weights (package weights reads them from files, package
// imagenet holds the one that ships) and becomes an inference.Model, whose layers are named
//
//	block1_conv1, block1_conv2, block1_pool, ... block5_conv3, pool5,
//	flatten, fc6, fc7, fc8, softmax
//
// with the dense layers only where the weights have them. Convolutional and dense layers are taken
// after their ReLU, fc8 before the softmax. Weights are held in variables with kernels in HWIO
// order, and images go in as NHWC.
//
// The package knows nothing of image files or of Arrow.
package vgg
