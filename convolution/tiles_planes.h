// What tiles.h's parts share: planes, and the sizes of tiles.

#ifndef FOVEA_CONVOLUTION_TILES_PLANES_H_
#define FOVEA_CONVOLUTION_TILES_PLANES_H_

#include <string.h>

#include "tiles.h"

#define INLINE static inline __attribute__((always_inline))

enum {
	rows = 16,             // of a tile: pixels, or output channels
	block = 2 * rows,      // pixels that the innermost product takes together, for as many output channels
	taps = 9,              // of a kernel
	line = 64,             // bytes of a tile's row, and of a pixel in a plane of more than few channels
	tile = rows * line,    // bytes
	bytes_channels = line, // of a plane of bytes
	most_bytes = 4096,     // channels whose sums of products of bytes fit 32 bits
};

INLINE bfloat16 rounded(float value) {
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	if ((bits & 0x7fffffff) > 0x7f800000) return (bfloat16)(bits >> 16 | 0x40); // NaN stays NaN
	return (bfloat16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

INLINE float widened(bfloat16 value) {
	const uint32_t bits = (uint32_t)value << 16;
	float wide;
	memcpy(&wide, &bits, sizeof wide);
	return wide;
}

// few tells that the three pixels that a row of the kernel needs are one row of a tile.
INLINE int few(int64_t in) { return in <= tiles_few_channels; }

// in_bytes tells that a convolution multiplies bytes.
INLINE int in_bytes(enum tiles_numbers numbers, int64_t in) { return numbers == tiles_bytes && in % bytes_channels == 0 && in <= most_bytes; }

// plane_values is the number of values of a plane.
INLINE int64_t plane_values(int64_t height, int64_t width, int64_t channels) {
	return (height + tiles_border) * (width + tiles_border) * tiles_plane(channels);
}

// tiles_clear_border sets the border of some planes to zero.
void tiles_clear_border(int64_t planes, int64_t height, int64_t width, int64_t channels, bfloat16 *at);

// Of a packed kernel in bytes, what follows its tiles: for each output channel the size of a step in float32,
// and what to subtract from its sums if the numbers of a map are above 0 by bytes_middle.
struct bytes_scales {
	const float *steps;
	const int32_t *excess;
};

enum { bytes_middle = 128 };

INLINE struct bytes_scales bytes_scales(int64_t in, int64_t out, const bfloat16 *packed) {
	const char *behind = (const char *)packed + taps * in * out;
	return (struct bytes_scales){(const float *)behind, (const int32_t *)(behind + (size_t)out * sizeof(float))};
}

#endif
