// The kernels of Winograd's minimal filtering F(4x4, 3x3); doc.go tells how.

#ifndef FOVEA_CONVOLUTION_WINOGRAD_H_
#define FOVEA_CONVOLUTION_WINOGRAD_H_

#include <stdint.h>

enum {
	winograd_points = 36, // a transformed tile is 6x6
	winograd_panel = 16,  // output channels that are computed together
	// Of up to so many input channels, nothing is transformed: the direct products are fewer.
	winograd_few_channels = 4,
};

// The numbers at which the polynomials behind the filtering are evaluated, besides infinity.
enum winograd_numbers {
	winograd_standard, // 0, 1, -1, 2, -2: transformations have whole numbers
	winograd_balanced, // 0, 2/3, -2/3, 3/2, -3/2: less than half the error when transformed numbers are rounded
};

// winograd_supported tells whether this processor has the instructions.
int winograd_supported(void);

// winograd_transform_kernel turns a kernel, HWIO, into 36 matrices of in x out, each stored as
// out/16 panels of in rows of 16. Of few input channels, the 9 matrices remain, as out/16 panels of
// 9 in rows.
void winograd_transform_kernel(int64_t in, int64_t out, const float *hwio, float *transformed);

// winograd_transform_panel transforms the kernel of 16 output channels, the first of which is given,
// to 36 matrices of in rows of 16.
void winograd_transform_panel(enum winograd_numbers numbers, int64_t in, int64_t out, const float *hwio, int64_t first, float *transformed);

#endif
