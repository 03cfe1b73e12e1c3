// Inverted bottlenecks, such as MobileNet's and EfficientNet's: pixels get more channels by a product, which a depthwise
// convolution sees, and fewer by another product. Between the two, channels may be multiplied with gates, which are computed
// from their means (squeeze and excitation). doc.go tells how.

#ifndef FOVEA_CONVOLUTION_INVERTED_H_
#define FOVEA_CONVOLUTION_INVERTED_H_

#include "pointwise.h"

struct inverted {
	struct pointwise_convolution expand; // of 1x1, with stride 1; it has no output channels if there is no expansion
	struct pointwise_convolution depth;
	struct pointwise_convolution project; // of 1x1, with stride 1
	int64_t squeezed;                     // channels that gates are computed from; 0: there are no gates
	enum pointwise_activation squeeze, excite;
};

// Kernels are packed, but for that of the depthwise convolution. NULL: not there.
struct inverted_kernels {
	const float *expand, *expand_bias, *depth, *depth_bias, *squeeze, *squeeze_bias, *excite, *excite_bias, *project, *project_bias;
};

// inverted_shared_floats is the size of the memory that inverted_convolve works in, and inverted_part_floats that of each
// thread that helps with one picture.
size_t inverted_shared_floats(const struct inverted *b);
size_t inverted_part_floats(enum pointwise_instructions instructions, const struct inverted *b);

// inverted_convolve computes all pictures one after the other, or a few small ones at a time, so that the many channels
// between the products stay in the caches. Without expansion, x must be in NHWC order. The residual's first may be NULL. The
// memory may hold anything. One picture alone is divided among the crew.
void inverted_convolve(enum pointwise_instructions instructions, const struct inverted *b, const struct inverted_kernels *k, struct pointwise_map x,
                       struct pointwise_map residual, struct pointwise_map y, float *shared, float *part);

#endif
