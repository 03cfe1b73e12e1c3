// Package convolution makes the convolutions of a model several times faster on a CPU, without
// changing what they compute: those with kernels of 3x3 and stride 1, the only ones that VGG
// knows. There is one way for each precision.
//
// In float32, Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, arXiv:1509.09308) takes
// 2.25 multiplications a pixel and pair of channels instead of 9: tiles of 6x6 pixels are
// transformed, each of their 36 points is multiplied with a transformed kernel, as 36 matrix
// products over all channels (AVX2 or AVX-512, with the same results), and transformed back to
// 4x4 pixels. Results differ from the direct way by rounding alone: at most some 1e-6 of a layer's
// largest value.
//
// In bfloat16, the tiles of AMX multiply 16 pixels with 16 output channels, 32 products each, by
// one instruction. Maps are kept in an order in which neighbouring pixels are a tile as they lie
// in memory, with a border of zeros, so that nothing is copied or rearranged between layers. Sums are
// float32 and rounded once a layer. The filtering would gain nothing here: its transforms, which
// have no such instruction, would take longer than the products.
//
// TensorFlow has no such operations for CPUs, or slower ones. This package gives it some, through
// the C API for kernels, and rewrites a model's graph to use them: the kernels are transformed once,
// bias, rectifier and the pooling of 2x2 are done on the way, and the batch is split between the
// cores, each of which takes its pictures through all layers without waiting for the others.
//
// A graph that somebody else made may hold anything. Its batch is split only if every operation on the
// way to a convolution is known to compute each picture by itself: a mean over the batch, for example,
// is refused. And before the model changes, a copy is rewritten in a session of its own, which shares
// the weights' memory, and every layer compared at several sizes of the batch. What that takes is given
// back, and a model that was refused is as it was.
//
// The package knows TensorFlow's graphs and processors. It must not know VGG or pictures: it
// recognizes convolutions by their nodes, in any model.
package convolution
