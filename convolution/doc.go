// Package convolution makes the convolutions of a model faster on a CPU without changing what they
// compute: those with 3x3 kernels and stride 1, the only kind in a VGG, several times, and in
// float32 all others that are not dilated or grouped. It has one method for each precision.
//
// In float32, it uses Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, arXiv:1509.09308),
// which needs 2.25 multiplications per pixel and pair of channels instead of 9: tiles of 6x6 pixels
// are transformed, each of their 36 points is multiplied with a transformed kernel, as 36 matrix
// products over all channels (AVX2 or AVX-512, with the same results), and the products are
// transformed back to 4x4 pixels. Results differ from direct convolution only by rounding: by at
// most about 1e-6 of a layer's largest value. Of up to four input channels, the direct products are
// fewer than those of padded registers.
//
// A layer of so few channels and the one that reads it, a VGG's first two, are one operation: the map between them, its
// largest, is that of one image at a time, whose rows are computed when the next tiles need them. Where the map is asked
// for itself, it is computed again.
//
// Other convolutions in float32, such as ResNet's of 1x1, are products of matrices (pointwise.h):
// the pixels that a kernel sees are the rows. Blocks of rows are gathered, from planes or NHWC, so
// that they stay in the caches while all columns are multiplied with them. Dense layers of maps are
// convolutions of 1x1. Depthwise convolutions have a loop of their own. AVX2 and AVX-512 add in the
// same order, so that they, too, have the same results. Normalizations are folded into kernels and
// biases, zeros that an operation puts around maps into the convolution; the sum with another map
// and the activations (ReLU, ReLU6, swish, GELU, sigmoid, the hard ones) are applied to the sums in
// registers. Layer normalizations of pixels between convolutions, such as ConvNeXt's, are one
// operation, and so is what scales the channels of the input.
//
// Inverted bottlenecks, as of MobileNet and EfficientNet, are one operation (inverted.h): a product
// that gives pixels more channels, a depthwise convolution, and a product that gives them fewer. The
// maps between them are the largest of such models. They never leave the caches: images are computed
// one after the other, or a few small ones at a time, and what the depthwise convolution sees exists
// in bands of rows, each of which takes from the one before the rows that both see. While rows are
// written, their sums are kept, from which the means for squeeze and excitation are added in the
// order of the rows, so that they do not depend on how the rows were divided. The gates multiply
// channels while the last product gathers its rows: maps that are multiplied are never written.
//
// In int16, the products between the transformations are of whole numbers of 12 to 15 bits, of which
// a processor computes twice as many as in float32 (by one instruction of VNNI, with AVX-512 or
// AVX-VNNI) or nearly (by two of AVX2). Their sums are exact, and all else has one order, so that all
// instructions give the same results. Each tile has its own
// scale at each of its 36 points, and so has each output channel of a kernel, small enough that no
// sum of 32 bits can overflow. The polynomials behind the filtering are evaluated at 0, 2/3, -2/3,
// 3/2 and -3/2 instead of 0, 1, -1, 2 and -2: that halves the error of rounding transformed numbers.
// All else is float32, and so is the first layer.
//
// Both work on blocks of tiles, of equal size, most of which stay in the second cache (wide_block). They ask
// for the next kernels while they multiply and, while they transform a tile, for what a later one reads
// and writes. What depends on the width of registers is compiled twice, for AVX-512 and AVX2
// (wide_vectors.h). scripts/bench-kernels.sh measures each layer beside what the processor's instructions
// allow, scripts/bench-instructions.sh the whole command.
//
// In bfloat16, AMX tiles multiply 16 pixels with 16 output channels, 32 products each, in one
// instruction. Maps are stored so that neighbouring pixels form a tile in memory, with a border of
// zeros, and nothing needs to be copied or rearranged between layers. Sums are float32, rounded
// once per layer. Winograd's filtering would gain nothing here: its transforms, for which AMX has
// no instruction, would take longer than the products.
//
// In int8, the same tiles multiply bytes, 64 products each, where there are multiples of 64 input channels; maps
// between layers stay bfloat16. Each image's map has its own scale, from its largest value, so that nothing
// is calibrated or cut off; with negative values, zero is in the middle of the bytes, and what that adds to the sums
// is subtracted by output channel. Kernels have a scale for each output channel. Sums are exact whole numbers. An
// image with a value in a layer that is not finite has no finite features.
//
// TensorFlow has no such operations for CPUs, or only slower ones. This package adds them through
// the C API for kernels, and rewrites a model's graph to use them: kernels are transformed once, or
// before there is a graph (Prepare); bias, rectifier and 2x2 pooling are fused in; and the batch is
// split between the cores, each of which takes its images through all layers without waiting for
// the others. Cores that have no image help with the parts of another (crew.h).
//
// A foreign graph may contain anything. Its batch is split only if every operation on the way to a
// convolution is known to treat images independently; a mean over the batch, for example, is
// refused. And before the model changes, a copy is rewritten in a session of its own, which shares
// the memory of the weights, and its layers are compared at several batch sizes: all but those that
// others contain, such as a sum that is rectified. The copy is measured, too, as TensorFlow
// rewrites it: one that is slower than TensorFlow's own operations is not used (ErrSlower). The
// memory that this takes is released, and a refused model is left as it was.
//
// The package knows TensorFlow's graphs and processors. It must not know VGG or images: it
// recognizes convolutions by their nodes, in any model.
package convolution
