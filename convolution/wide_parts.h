// What the files of the engine of wide.h share: wide_amd64.c has the loop over blocks of tiles, and
// wide_planes_amd64.c maps. wide_transform.h has the transformations in float32, wide_round.h whole
// numbers, wide_products.h products, and wide_direct.h layers of few input channels, for registers as
// wide_vectors.h defines them: they are compiled twice.

#ifndef FOVEA_CONVOLUTION_WIDE_PARTS_H_
#define FOVEA_CONVOLUTION_WIDE_PARTS_H_

#include "wide.h"
#include "winograd.h"

#define INLINE static inline __attribute__((always_inline))

enum {
	side = 6, // of a tile that goes in
	step = 4, // of a tile that comes out
	points = winograd_points,
	lanes = wide_channels, // floats of a cache line
	line = 64,             // its bytes
	taps = 9,
	most_tiles = 96,   // in work at a time
	tiles_ahead = 2,   // is the tile whose pixels, transformed numbers and results are fetched
	depth = 2 * lanes, // input channels of a line of pixels, as 16-bit numbers
	scales_of_tile = 3 * lanes, // floats, of which the first 36 are used
};

// block is what is in work at a time: tiles and output channels.
struct block {
	int64_t tiles, out;
};

// place is where a tile is: its picture, and its first pixel.
struct place {
	int64_t picture, top, left;
};

// factors are what is multiplied at one point: n rows of pixels with some panels.
struct factors {
	const char *v, *u;
	char *m;
	const float *tiles, *columns; // scales of whole numbers; those of tiles are scales_of_tile apart
	int64_t n, panels;
	const char *next, *next_v; // what is multiplied at the next point
};

struct block wide_block(const struct wide_convolution *c);

static inline int wide_few(int64_t channels) { return channels <= winograd_few_channels; }

// planes_of is wide_planes, for where it is called often.
static inline int64_t planes_of(int64_t channels) { return wide_few(channels) ? 1 : (channels + lanes - 1) / lanes; }

static inline int64_t wide_deep(int64_t in) { return (in + depth - 1) / depth; }

// wide_panel_floats is the size of a panel of a kernel at one point.
static inline int64_t wide_panel_floats(enum wide_arithmetic arithmetic, int64_t in) {
	return arithmetic == wide_int16 ? wide_deep(in) * lanes * lanes : in * lanes;
}

// Transformed pixels are 36 matrices, of lines of 16 (in int16 32) channels: all tiles in work have
// their lines next to each other, then come the next channels. So have the products, of 16 output
// channels. The odd line between matrices keeps them from falling onto the same places of the cache.

static inline int64_t wide_lines(const struct wide_convolution *c) { return c->arithmetic == wide_int16 ? wide_deep(c->in) : planes_of(c->in); }

static inline size_t wide_in_matrix(const struct wide_convolution *c) { return (size_t)(wide_lines(c) * wide_block(c).tiles + 1) * line; } // bytes

static inline size_t wide_out_matrix(const struct wide_convolution *c) { return (size_t)(wide_block(c).out / lanes * wide_block(c).tiles + 1) * line; }

// wide_floats_bytes is the size of a tile before it becomes whole numbers.
static inline size_t wide_floats_bytes(const struct wide_convolution *c) { return (size_t)(2 * wide_deep(c->in) * points) * line; }

// wide_clear_border sets the border of some planes to zero.
void wide_clear_border(int64_t planes, int64_t height, int64_t width, int64_t channels, float *at);

// engine is what is compiled for each width of registers.
struct engine {
	// pack_whole makes a kernel of whole numbers. It returns 0 when there is not enough memory.
	int (*pack_whole)(int64_t in, int64_t out, const float *hwio, float *packed);
	// transform and transform_whole transform n tiles, the latter to whole numbers and their scales, in the memory of one tile.
	// Here and in finish, as many places as tiles_ahead follow the n.
	void (*transform)(const struct wide_convolution *c, const float *x, const struct place *places, int64_t n, char *v);
	void (*transform_whole)(const struct wide_convolution *c, const float *x, const struct place *places, int64_t n, char *v, float *scales, char *tile);
	// multiply and multiply_whole compute the products at one point.
	void (*multiply)(const struct wide_convolution *c, const struct factors *f);
	void (*multiply_whole)(const struct wide_convolution *c, const struct factors *f);
	// finish transforms the products of n tiles and count output channels from a first one back, adds
	// the bias, rectifies, and pools.
	void (*finish)(const struct wide_convolution *c, const char *m, const struct place *places, int64_t n, int64_t first, int64_t count, const float *bias, float *y);
	// convolve_directly computes some rows of all pictures, from a first one, which is even, up to a last one, of few input channels;
	// direct_floats is the size of its work memory.
	size_t (*direct_floats)(const struct wide_convolution *c);
	void (*convolve_directly)(const struct wide_convolution *c, int64_t first, int64_t last, const float *x, const float *kernel, const float *bias, float *y, float *work);
};

extern const struct engine wide_engine_avx512, wide_engine_avxvnni, wide_engine_avx2;

#endif
