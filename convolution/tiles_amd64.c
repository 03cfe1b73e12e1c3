#include "tiles.h"

#include <immintrin.h>
#include <string.h>

#define AMX __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))
#define INLINE static inline __attribute__((always_inline))

enum {
	rows = 16,         // of a tile: pixels, or output channels
	block = 2 * rows,  // pixels that the innermost product takes together, for as many output channels
	taps = 9,          // of a kernel
	line = 64,         // bytes of a tile's row, and of 32 channels
	tile = rows * line,
	strip = 6,         // blocks that use a plane's part of the kernel one after another, from the first cache
	large_kernel = 1 << 20, // bytes: beyond it, all pixels pass a part of the kernel, instead of the kernel all pixels
	band_pixels = 1024,     // that are computed before the next output channels
};

int64_t tiles_plane(int64_t channels) { return channels <= tiles_few_channels ? tiles_few_channels : tiles_channels; }

int64_t tiles_planes(int64_t channels) { return (channels + tiles_plane(channels) - 1) / tiles_plane(channels); }

// few tells that the three pixels that a row of the kernel needs are one row of a tile.
static int few(int64_t in) { return in <= tiles_few_channels; }

// depth is the number of products that a tile's row holds, and steps how many rows of tiles a sum takes.
static int64_t depth(int64_t in) { return few(in) ? 3 * tiles_few_channels : tiles_channels; }
static int64_t steps(int64_t in) { return few(in) ? 3 : taps * (in / tiles_channels); }

size_t tiles_kernel_size(int64_t in, int64_t out) { return (size_t)(steps(in) * depth(in) * out); }

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

// A packed kernel is, for every 32 output channels and every step, two tiles. A tile's row holds
// two products for each of 16 output channels, side by side.
void tiles_pack_kernel(int64_t in, int64_t out, const float *hwio, bfloat16 *packed) {
	for (int64_t o = 0; o < out; o += block)
		for (int64_t s = 0; s < steps(in); s++)
			for (int64_t half = 0; half < block; half += rows)
				for (int64_t d = 0; d < depth(in); d += 2)
					for (int64_t n = 0; n < rows; n++)
						for (int64_t k = d; k < d + 2; k++) {
							const int64_t down = few(in) ? s : s % taps / 3, across = few(in) ? k / tiles_few_channels : s % 3;
							const int64_t channel = few(in) ? k % tiles_few_channels : s / taps * tiles_channels + k;
							*packed++ = channel < in ? rounded(hwio[((down * 3 + across) * in + channel) * out + o + half + n]) : 0;
						}
}

// plane_values is the number of values of a plane.
static int64_t plane_values(int64_t height, int64_t width, int64_t channels) {
	return (height + tiles_border) * (width + tiles_border) * tiles_plane(channels);
}

// clear_border sets the border of some planes to zero.
static void clear_border(int64_t planes, int64_t height, int64_t width, int64_t channels, bfloat16 *at) {
	const size_t pixel = (size_t)tiles_plane(channels), row = (size_t)(width + tiles_border) * pixel;
	for (int64_t p = 0; p < planes; p++) {
		memset(at, 0, (row + pixel) * sizeof *at); // the first row, and the next one's first pixel
		for (int64_t i = 1; i < height; i++) memset(at + (size_t)(i + 1) * row - pixel, 0, 2 * pixel * sizeof *at);
		memset(at + (size_t)(height + 1) * row - pixel, 0, (row + pixel) * sizeof *at);
		at += (size_t)(height + tiles_border) * row;
	}
}

void tiles_from_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *nhwc, bfloat16 *planes) {
	const int64_t plane = tiles_plane(channels), size = plane_values(height, width, channels);
	clear_border(pictures * tiles_planes(channels), height, width, channels, planes);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size)
			for (int64_t i = 0; i < height; i++) {
				const float *from = nhwc + (picture * height + i) * width * channels + first;
				bfloat16 *to = planes + ((i + 1) * (width + tiles_border) + 1) * plane;
				for (int64_t j = 0; j < width; j++, from += channels, to += plane)
					for (int64_t k = 0; k < plane; k++) to[k] = first + k < channels ? rounded(from[k]) : 0;
			}
}

void tiles_to_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const bfloat16 *planes, float *nhwc) {
	const int64_t plane = tiles_plane(channels), size = plane_values(height, width, channels);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size)
			for (int64_t i = 0; i < height; i++) {
				const bfloat16 *from = planes + ((i + 1) * (width + tiles_border) + 1) * plane;
				float *to = nhwc + (picture * height + i) * width * channels + first;
				for (int64_t j = 0; j < width; j++, from += plane, to += channels)
					for (int64_t k = 0; k < plane && first + k < channels; k++) to[k] = widened(from[k]);
			}
}

// band_rows is the number of rows that are computed together: an even one, for pooling.
static int64_t band_rows(const struct tiles_convolution *c) {
	const int64_t fitting = band_pixels / (c->width + tiles_border) / 2 * 2;
	const int64_t even = (c->height + 1) / 2 * 2;
	return fitting < 2 ? 2 : fitting < even ? fitting : even;
}

// Pixels are counted through whole rows of a plane, the two of the border among them, which are computed
// and dropped: so a block need not end with a row.
static int64_t counted(const struct tiles_convolution *c, int64_t height) { return height * (c->width + tiles_border) - tiles_border; }

enum { block_sums = block * block };

// The work memory holds the sums of a strip, a band that is not pooled yet, and a small map's
// planes with as much behind them as a block reads beyond them.
static int64_t band_floats(const struct tiles_convolution *c) {
	return c->pool ? (band_rows(c) * (c->width + tiles_border) + block + tiles_border) * tiles_channels / 2 : 0;
}

static int64_t padded_plane(const struct tiles_convolution *c) { return plane_values(c->height, c->width, c->in) + block * tiles_plane(c->in); }

static int small(const struct tiles_convolution *c) { return counted(c, c->height) < block; }

size_t tiles_work_floats(const struct tiles_convolution *c) {
	return (size_t)(line + strip * block_sums + band_floats(c) + (small(c) ? (padded_plane(c) * tiles_planes(c->in) + 1) / 2 : 0));
}

// Tiles 0 to 3 are the sums of 32 pixels and 32 output channels, 4 and 5 the pixels, 6 and 7 the kernel.
struct tile_configuration {
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

AMX static void configure(int64_t in) {
	struct tile_configuration t = {.palette = 1};
	for (int i = 0; i < 8; i++) {
		t.row_bytes[i] = line;
		t.rows[i] = rows;
	}
	t.row_bytes[4] = t.row_bytes[5] = (uint16_t)(depth(in) * 2);
	t.rows[6] = t.rows[7] = (uint8_t)(depth(in) / 2);
	// Not the compiler's own _tile_loadconfig, which reads only 8 bytes, as it tells gcc 12: the rest may be left out.
	__asm__ volatile("ldtilecfg %0" ::"m"(t));
}

// The compiler's own _tile_loadd and _tile_stored take no displacement, and so a register more
// for each of 36 addresses.
#define LOAD(number, from, distance, displacement) \
	__asm__ volatile("tileloadd %c2(%0,%1,1), %%tmm" #number ::"r"(from), "r"((int64_t)(distance)), "i"(displacement) : "memory")
#define STORE(number, to, distance, displacement) \
	__asm__ volatile("tilestored %%tmm" #number ", %c2(%0,%1,1)" ::"r"(to), "r"((int64_t)(distance)), "i"(displacement) : "memory")

// MULTIPLY is one step: 32 pixels, at x and a place further, with two tiles of the kernel.
#define MULTIPLY(x, distance, place, kernel, part, size) \
	LOAD(6, kernel, line, part);                         \
	LOAD(4, x, distance, place);                         \
	_tile_dpbf16ps(0, 4, 6);                             \
	LOAD(5, x, distance, (place) + rows * (distance));   \
	_tile_dpbf16ps(2, 5, 6);                             \
	LOAD(7, kernel, line, (part) + (size));              \
	_tile_dpbf16ps(1, 4, 7);                             \
	_tile_dpbf16ps(3, 5, 7)

enum { sums_line = block * 4 }; // bytes

INLINE AMX void begin_sums(const float *sums, int first) {
	if (first) {
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
		return;
	}
	LOAD(0, sums, sums_line, 0);
	LOAD(1, sums, sums_line, line);
	LOAD(2, sums, sums_line, rows * sums_line);
	LOAD(3, sums, sums_line, rows * sums_line + line);
}

INLINE AMX void end_sums(float *sums) {
	STORE(0, sums, sums_line, 0);
	STORE(1, sums, sums_line, line);
	STORE(2, sums, sums_line, rows * sums_line);
	STORE(3, sums, sums_line, rows * sums_line + line);
}

// few_product takes all of a block's sums: three steps.
INLINE AMX void few_product(const bfloat16 *x, int64_t row, const bfloat16 *kernel, float *sums) {
	enum { pixel = tiles_few_channels * 2, size = 3 * tiles_few_channels / 2 * line };
	begin_sums(sums, 1);
	MULTIPLY(x, pixel, 0, kernel, 0, size);
	MULTIPLY(x + row, pixel, 0, kernel, 2 * size, size);
	MULTIPLY(x + 2 * row, pixel, 0, kernel, 4 * size, size);
	end_sums(sums);
}

// product adds what one plane gives to a block's sums: nine steps.
INLINE AMX void product(const bfloat16 *x, int64_t row, const bfloat16 *kernel, int first, float *sums) {
	begin_sums(sums, first);
	for (int i = 0; i < 3; i++) {
		MULTIPLY(x, line, 0, kernel, 0, tile);
		MULTIPLY(x, line, line, kernel, 2 * tile, tile);
		MULTIPLY(x, line, 2 * line, kernel, 4 * tile, tile);
		x += row;
		kernel += 3 * tile; // values, of which a tile has half as many as bytes
	}
	end_sums(sums);
}

// finish adds the bias, rectifies, rounds, and leaves out the border.
AMX static void finish(const struct tiles_convolution *c, const float *sums, const float *bias, int64_t first, int64_t count, bfloat16 *y) {
	const __m512 left_bias = _mm512_loadu_ps(bias), right_bias = _mm512_loadu_ps(bias + rows), zero = _mm512_setzero_ps();
	const int64_t across = c->width + tiles_border;
	int64_t column = first % across;
	y += first * tiles_channels;
	for (int64_t p = 0; p < count; p++, sums += block, y += tiles_channels) {
		__m512 left = _mm512_add_ps(_mm512_loadu_ps(sums), left_bias), right = _mm512_add_ps(_mm512_loadu_ps(sums + rows), right_bias);
		if (c->rectify) { // in this order NaN stays; and -0 becomes 0
			left = _mm512_add_ps(_mm512_max_ps(zero, left), zero);
			right = _mm512_add_ps(_mm512_max_ps(zero, right), zero);
		}
		if (column < c->width) _mm512_storeu_si512(y, (__m512i)_mm512_cvtne2ps_pbh(right, left));
		if (++column == across) column = 0;
	}
}

// pool takes the maxima of 2x2 of rectified numbers, which are in the order of their bits, NaN behind all.
AMX static void pool(int64_t height, int64_t width, const bfloat16 *x, bfloat16 *y) {
	const int64_t row = (width + tiles_border) * tiles_channels, to_row = (width / 2 + tiles_border) * tiles_channels;
	for (int64_t i = 0; i < height / 2; i++)
		for (int64_t j = 0; j < width / 2; j++) {
			const bfloat16 *a = x + 2 * i * row + 2 * j * tiles_channels, *b = a + row;
			const __m512i upper = _mm512_max_epu16(_mm512_loadu_si512(a), _mm512_loadu_si512(a + tiles_channels));
			const __m512i lower = _mm512_max_epu16(_mm512_loadu_si512(b), _mm512_loadu_si512(b + tiles_channels));
			_mm512_storeu_si512(y + i * to_row + j * tiles_channels, _mm512_max_epu16(upper, lower));
		}
}

// convolve_band computes 32 output channels of some rows. Its x is the place that the upper left tap
// of the kernel sees for the first pixel, and y the place of that pixel.
AMX static void convolve_band(const struct tiles_convolution *c, const bfloat16 *x, int64_t plane, int64_t height, const bfloat16 *kernel,
                              const float *bias, bfloat16 *y, float *sums) {
	const int64_t pixels = counted(c, height), channels = tiles_plane(c->in), row = (c->width + tiles_border) * channels;
	for (int64_t first = 0; first < pixels; first += strip * block) {
		int64_t at[strip], n = 0;
		for (int64_t p = first; n < strip && p < pixels; p += block) // the last block overlaps the one before
			at[n++] = p + block <= pixels || pixels < block ? p : pixels - block;
		if (few(c->in)) {
			for (int64_t k = 0; k < n; k++) few_product(x + at[k] * channels, row, kernel, sums + k * block_sums);
		} else {
			const bfloat16 *part = kernel, *from = x;
			for (int64_t done = 0; done < c->in; done += tiles_channels, from += plane, part += taps * tiles_channels * block)
				for (int64_t k = 0; k < n; k++) product(from + at[k] * channels, row, part, done == 0, sums + k * block_sums);
		}
		for (int64_t k = 0; k < n; k++)
			finish(c, sums + k * block_sums, bias, at[k], pixels < block ? pixels : block, y);
	}
}

AMX void tiles_convolve(const struct tiles_convolution *c, const bfloat16 *x, const bfloat16 *packed, const float *bias, bfloat16 *y,
                        float *work) {
	const int64_t across = c->width + tiles_border, planes = tiles_planes(c->in), tall = band_rows(c);
	const int64_t to_height = c->pool ? c->height / 2 : c->height, to_width = c->pool ? c->width / 2 : c->width;
	const int64_t to_plane = plane_values(to_height, to_width, c->out), part = steps(c->in) * depth(c->in) * block;
	const int by_kernel = tiles_kernel_size(c->in, c->out) * sizeof *packed > large_kernel;
	const int64_t size = plane_values(c->height, c->width, c->in), plane = small(c) ? padded_plane(c) : size;
	float *sums = (float *)(((uintptr_t)work + line - 1) & ~(uintptr_t)(line - 1));
	bfloat16 *band = (bfloat16 *)(sums + strip * block_sums), *copies = band + 2 * band_floats(c);

	clear_border(c->pictures * tiles_planes(c->out), to_height, to_width, c->out, y);
	configure(c->in);
	for (int64_t outer = 0; outer < (by_kernel ? c->out : 1); outer += block)
		for (int64_t picture = 0; picture < c->pictures; picture++) {
			const bfloat16 *from = x + picture * planes * size;
			if (small(c)) {
				memset(copies, 0, (size_t)(planes * plane) * sizeof *copies);
				for (int64_t p = 0; p < planes; p++) memcpy(copies + p * plane, from + p * size, (size_t)size * sizeof *copies);
				from = copies;
			}
			for (int64_t top = 0, height; top < c->height; top += height) {
				const int64_t rest = c->height - top; // no band may be smaller than a block
				height = rest <= tall || counted(c, rest - tall) < block ? rest : tall;
				const bfloat16 *seen = from + top * across * tiles_plane(c->in);
				for (int64_t o = outer; o < (by_kernel ? outer + block : c->out); o += block) {
					const bfloat16 *kernel = packed + o / block * part;
					bfloat16 *to = y + (picture * (c->out / block) + o / block) * to_plane;
					if (!c->pool) {
						to += ((top + 1) * across + 1) * tiles_channels;
						convolve_band(c, seen, plane, height, kernel, bias + o, to, sums);
						continue;
					}
					to += ((top / 2 + 1) * (to_width + tiles_border) + 1) * tiles_channels;
					convolve_band(c, seen, plane, height, kernel, bias + o, band, sums);
					pool(height, c->width, band, to);
				}
			}
		}
	_tile_release();
}
