// Convolutions by AMX, whose tiles multiply 16x32 by 32x16 numbers in bfloat16 at a time, or 16x64 by 64x16 bytes;
// doc.go tells how.
//
// Maps are stored in planes of 32 channels, each of (height + 2) x (width + 2) x 32 with zeros at
// its border: then 16 neighbouring pixels, wherever they begin, are the rows of a tile. A map of
// up to 4 channels has one plane of 4.

#ifndef FOVEA_CONVOLUTION_TILES_H_
#define FOVEA_CONVOLUTION_TILES_H_

#include <stddef.h>
#include <stdint.h>

typedef uint16_t bfloat16; // the upper half of a float

enum {
	tiles_channels = 32,    // of a plane
	tiles_few_channels = 4, // of the only plane of a map that has no more
	tiles_border = 2,       // what a plane has more of rows and of columns
};

// The numbers that are multiplied. tiles_bytes are used where there are multiples of 64 input channels, up
// to 4096, and tiles_halves elsewhere.
enum tiles_numbers { tiles_halves, tiles_bytes };

// A convolution with kernels of 3x3, stride 1, and a border of zeros that keeps the size.
struct tiles_convolution {
	enum tiles_numbers numbers;
	int64_t pictures, height, width;
	int64_t in, out; // channels: up to 4 or a multiple of 32; a multiple of 32
	int rectify;     // max(0, x) at the end
	int pool;        // then the maximum of every 2x2, an odd last row or column left out; needs rectify
};

// tiles_plane is the number of channels in a plane of a map of so many, and tiles_planes how many planes it has.
int64_t tiles_plane(int64_t channels);
int64_t tiles_planes(int64_t channels);

// tiles_kernel_size is the size of a kernel, in values of 16 bits, as tiles_pack_kernel writes it from HWIO.
size_t tiles_kernel_size(enum tiles_numbers numbers, int64_t in, int64_t out);
void tiles_pack_kernel(enum tiles_numbers numbers, int64_t in, int64_t out, const float *hwio, bfloat16 *packed);

// tiles_from_pixels rounds maps in NHWC to planes, tiles_to_pixels is the way back.
void tiles_from_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *nhwc, bfloat16 *planes);
void tiles_to_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const bfloat16 *planes, float *nhwc);

// tiles_work_floats is the size of the memory that tiles_convolve works in.
size_t tiles_work_floats(const struct tiles_convolution *c);

// tiles_convolve computes on one thread, from planes to planes, where inference.AMX is nil. Sums are
// float32, or whole numbers of 32 bits; they are rounded once, after bias and rectifier.
void tiles_convolve(const struct tiles_convolution *c, const bfloat16 *x, const bfloat16 *packed, const float *bias, bfloat16 *y,
                    float *work);

#endif
