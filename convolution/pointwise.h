// Convolutions as products of matrices, for kernels of 1x1 and any others that Winograd's filtering
// does not cover: the pixels that a kernel sees are a row, the kernel's output channels are columns.
// doc.go tells how.

#ifndef FOVEA_CONVOLUTION_POINTWISE_H_
#define FOVEA_CONVOLUTION_POINTWISE_H_

#include <stddef.h>
#include <stdint.h>

enum { pointwise_lanes = 16 }; // channels of a line of pixels, and of a panel of a kernel

// What follows the sums.
enum pointwise_activation {
	pointwise_linear,
	pointwise_relu,
	pointwise_relu6,
	pointwise_swish, // x / (1 + exp(-x))
	pointwise_gelu,  // x/2 * (1 + erf(x/√2))
	pointwise_sigmoid,      // 1 / (1 + exp(-x))
	pointwise_hard_swish,   // x * relu6(x + 3) / 6
	pointwise_hard_sigmoid, // relu6(x + 3) / 6
	pointwise_activations,
};

// The instructions to use. Both give the same bits.
enum pointwise_instructions {
	pointwise_avx2,
	pointwise_avx512,
};

// Where the channels of a map's pixels are: its first one, and the distances, in floats, of pictures,
// rows, pixels, and lines of 16 channels. Of pixels in NHWC order, lines are 16 apart.
struct pointwise_map {
	float *first;
	int64_t picture, row, pixel, line;
};

// A convolution of maps of height x width with kernels of any size, with zeros beyond the border.
struct pointwise_convolution {
	int64_t pictures, height, width, in, out; // in: a multiple of 16 unless lines are 16 apart
	int64_t kernel_height, kernel_width, down, across; // the kernel's size, and its strides
	int64_t top, left, out_height, out_width;          // zeros above and to the left; the size of what comes out
	enum pointwise_activation activation;
	const float *gates; // what the channels of each picture are multiplied with first; NULL: nothing. For kernels of 1x1 alone.
};

// pointwise_supported tells whether this processor has the instructions.
int pointwise_supported(enum pointwise_instructions instructions);

// pointwise_lines is the number of lines of 16 products for one pixel, pointwise_kernel_floats the size of a
// kernel as pointwise_pack_kernel writes it from HWIO: panels of 16 output channels of as many lines
// of 16x16. What is missing to 16 is zeros.
int64_t pointwise_lines(int64_t kernel_height, int64_t kernel_width, int64_t in);
size_t pointwise_kernel_floats(int64_t kernel_height, int64_t kernel_width, int64_t in, int64_t out);
void pointwise_pack_kernel(int64_t kernel_height, int64_t kernel_width, int64_t in, int64_t out, const float *hwio, float *packed);

// pointwise_work_floats is the size of the memory that pointwise_convolve works in.
size_t pointwise_work_floats(enum pointwise_instructions instructions, const struct pointwise_convolution *c);

// pointwise_convolve computes on one thread: activation(sums + bias + residual). The residual has the
// output's shape; its first may be NULL. The work memory may hold anything.
void pointwise_convolve(enum pointwise_instructions instructions, const struct pointwise_convolution *c, struct pointwise_map x, const float *packed,
                        const float *bias, struct pointwise_map residual, struct pointwise_map y, float *work);

// pointwise_parts is the number of parts of a convolution, of which pointwise_convolve_part computes one, the same as
// pointwise_convolve.
int64_t pointwise_parts(enum pointwise_instructions instructions, const struct pointwise_convolution *c);
void pointwise_convolve_part(enum pointwise_instructions instructions, const struct pointwise_convolution *c, int64_t part, struct pointwise_map x, const float *packed,
                             const float *bias, struct pointwise_map residual, struct pointwise_map y, float *work);

// A depthwise convolution, in NHWC order: out equals in, and the kernel is of height x width x channels. It computes rows of
// the output, counted through all pictures, from a first one up to a last one. The sums are those of each row's channels, next
// to each other; NULL if they are not needed.
void depthwise_convolve(enum pointwise_instructions instructions, const struct pointwise_convolution *c, int64_t first, int64_t last, const float *x,
                        const float *kernel, const float *bias, float *y, float *sums);

// vector_convolve is a convolution of a map of one pixel, whose channels are x, with a packed kernel of 1x1. It writes whole
// lines: what is beyond the output channels is of no use.
void vector_convolve(enum pointwise_instructions instructions, enum pointwise_activation activation, int64_t in, int64_t out, const float *x,
                     const float *packed, const float *bias, float *y);

// mean_of_rows is the mean of so many pixels' channels, given the sums of rows. It writes the channels alone.
void mean_of_rows(enum pointwise_instructions instructions, int64_t rows, int64_t pixels, int64_t channels, const float *sums, float *mean);

// layer_normalize normalizes each pixel's channels to a mean of 0 and a variance of 1, multiplies them with numbers of
// their own, and adds others. The epsilon is added to the variance.
void layer_normalize(enum pointwise_instructions instructions, int64_t pixels, int64_t channels, const float *x, const float *scale, const float *shift,
                     float epsilon, float *y);

// scale_channels multiplies each pixel's channels, scaled_channels at most, with numbers of their own and adds others.
enum { scaled_channels = 16 };
void scale_channels(enum pointwise_instructions instructions, int64_t pixels, int64_t channels, const float *x, const float *scale, const float *shift, float *y);

#endif
