#include "wide.h"

#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "winograd.h"

#define WIDE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define INLINE static inline __attribute__((always_inline))

enum {
	side = 6,   // of a tile that goes in
	step = 4,   // of a tile that comes out
	points = winograd_points,
	lanes = wide_channels, // floats of a register, and of a cache line
	line = 64,             // bytes of both
	rows = 12,             // tiles that the innermost product takes together, with two panels of output channels: 24 sums in registers
	taps = 9,
	most_tiles = 96, // in work at a time, a multiple of rows
};

typedef float vector __attribute__((vector_size(line), aligned(4)));

int wide_supported(enum wide_arithmetic arithmetic) {
	const int has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
	return has && (arithmetic == wide_float32 || __builtin_cpu_supports("avx512vnni"));
}

static int few(int64_t channels) { return channels <= winograd_few_channels; }

int64_t wide_plane(int64_t channels) { return few(channels) ? channels : lanes; }

int64_t wide_planes(int64_t channels) { return few(channels) ? 1 : (channels + lanes - 1) / lanes; }

// plane_values is the number of values of a plane.
static int64_t plane_values(int64_t height, int64_t width, int64_t channels) {
	return (height + wide_border) * (width + wide_border) * wide_plane(channels);
}

// clear_border sets the border of some planes to zero.
static void clear_border(int64_t planes, int64_t height, int64_t width, int64_t channels, float *at) {
	const size_t pixel = (size_t)wide_plane(channels), row = (size_t)(width + wide_border) * pixel;
	for (int64_t p = 0; p < planes; p++, at += (size_t)(height + wide_border) * row) {
		memset(at, 0, (row + pixel) * sizeof *at); // the first row, and the next one's first pixel
		for (int64_t i = 1; i < height; i++) memset(at + (size_t)(i + 1) * row - pixel, 0, 2 * pixel * sizeof *at);
		memset(at + (size_t)(height + 1) * row - pixel, 0, (row + pixel) * sizeof *at);
	}
}

void wide_from_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *nhwc, float *planes) {
	const int64_t plane = wide_plane(channels), size = plane_values(height, width, channels);
	clear_border(pictures * wide_planes(channels), height, width, channels, planes);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size) {
			const int64_t there = channels - first < plane ? channels - first : plane;
			for (int64_t i = 0; i < height; i++) {
				const float *from = nhwc + (picture * height + i) * width * channels + first;
				float *to = planes + ((i + 1) * (width + wide_border) + 1) * plane;
				for (int64_t j = 0; j < width; j++, from += channels, to += plane) {
					memcpy(to, from, (size_t)there * sizeof *to);
					if (there < plane) memset(to + there, 0, (size_t)(plane - there) * sizeof *to);
				}
			}
		}
}

void wide_to_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *planes, float *nhwc) {
	const int64_t plane = wide_plane(channels), size = plane_values(height, width, channels);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size) {
			const int64_t there = channels - first < plane ? channels - first : plane;
			for (int64_t i = 0; i < height; i++) {
				const float *from = planes + ((i + 1) * (width + wide_border) + 1) * plane;
				float *to = nhwc + (picture * height + i) * width * channels + first;
				for (int64_t j = 0; j < width; j++, from += plane, to += channels) memcpy(to, from, (size_t)there * sizeof *to);
			}
		}
}

// Kernels. In float32 they are winograd_transform_kernel's. Of int16, a kernel is 36 matrices of
// panels of 16 output channels, in which a line has two input channels for each of them; then come
// the scales of the 36 x out columns.

enum { depth = 2 * lanes }; // input channels of a line of pixels, as 16-bit numbers

static int64_t deep(int64_t in) { return (in + depth - 1) / depth; }

// panel_floats is the size of a panel at one point.
static int64_t panel_floats(enum wide_arithmetic arithmetic, int64_t in) { return arithmetic == wide_int16 ? deep(in) * lanes * lanes : in * lanes; }

size_t wide_kernel_floats(enum wide_arithmetic arithmetic, int64_t in, int64_t out) {
	if (few(in)) return (size_t)(taps * in * out);
	return (size_t)(points * (out / lanes) * panel_floats(arithmetic, in) + (arithmetic == wide_int16 ? points * out : 0));
}

// pixel_range is how large pixels become as whole numbers. The more channels, the less room sums
// leave for them and for the kernel: with 12 bits each, 512 channels are about as exact as products of
// bfloat16 are without filtering.
static float pixel_range(int64_t in) {
	const float most = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(8589934592.f / (float)(deep(in) * depth)))); // 2^33
	return most < INT16_MAX ? (float)(int32_t)most : INT16_MAX;
}

// channel_at says which of 32 channels is at a place of a line: packing two registers, which is done
// in parts of 128 bits, leaves them in this order.
static int64_t channel_at(int64_t place) { return place / 8 * 4 + place % 4 + (place % 8 < 4 ? 0 : lanes); }

// pack_panel makes whole numbers of a panel's columns. Their scales are such that no sum can
// overflow, whatever the pixels are: the absolute numbers of a column add up to less than 2^31 /
// pixel_range.
WIDE static void pack_panel(int64_t in, const float *columns, int16_t *to, float *scales) {
	__m512 most = _mm512_setzero_ps(), sum = most;
	for (int64_t c = 0; c < in; c++) {
		const __m512 x = _mm512_abs_ps(_mm512_loadu_ps(columns + c * lanes));
		most = _mm512_max_ps(x, most);
		sum = _mm512_add_ps(sum, x);
	}
	// Rounding may add a half to each number, and float32 be off by a millionth.
	const __m512 room = _mm512_set1_ps(0.99999f * (2147483647.f / pixel_range(in) - (float)in / 2));
	const __m512 most_range = _mm512_min_ps(_mm512_set1_ps(INT16_MAX), _mm512_div_ps(_mm512_mul_ps(room, most), sum));
	const __mmask16 some = _mm512_cmp_ps_mask(most, _mm512_set1_ps(1e-30f), _CMP_GT_OQ);
	const __m512 scale = _mm512_maskz_div_ps(some, most, most_range), up = _mm512_maskz_div_ps(some, most_range, most);
	// A sum that is no finite number makes all that comes of its column not a number.
	const __mmask16 finite = _mm512_cmp_ps_mask(sum, _mm512_set1_ps(INFINITY), _CMP_LT_OQ);
	_mm512_storeu_ps(scales, _mm512_mask_mov_ps(_mm512_set1_ps(NAN), finite, scale));
	int32_t numbers[2][lanes];
	for (int64_t first = 0; first < in; first += depth)
		for (int64_t place = 0; place < depth; place += 2, to += 2 * lanes) {
			for (int k = 0; k < 2; k++) {
				const int64_t c = first + channel_at(place + k);
				const __m512 x = c < in ? _mm512_maskz_loadu_ps(finite, columns + c * lanes) : _mm512_setzero_ps();
				_mm512_storeu_si512(numbers[k], _mm512_cvtps_epi32(_mm512_mul_ps(x, up)));
			}
			for (int o = 0; o < lanes; o++) {
				to[2 * o] = (int16_t)numbers[0][o];
				to[2 * o + 1] = (int16_t)numbers[1][o];
			}
		}
}

int wide_pack_kernel(enum wide_arithmetic arithmetic, int64_t in, int64_t out, const float *hwio, float *packed) {
	if (few(in) || arithmetic == wide_float32) {
		winograd_transform_kernel(in, out, hwio, packed);
		return 1;
	}
	const int64_t panel = panel_floats(arithmetic, in), matrix = out / lanes * panel;
	float *scales = packed + points * matrix;
	float *columns = malloc((size_t)(points * in * lanes) * sizeof *columns);
	if (columns == NULL) return 0;
	for (int64_t o = 0; o < out; o += lanes) {
		winograd_transform_panel(winograd_balanced, in, out, hwio, o, columns);
		for (int64_t p = 0; p < points; p++)
			pack_panel(in, columns + p * in * lanes, (int16_t *)(packed + p * matrix + o / lanes * panel), scales + p * out + o);
	}
	free(columns);
	return 1;
}

// block is what is in work at a time: tiles and output channels. Where a layer has few channels, all
// of it stays in the second cache; where its kernels are large, more tiles use what is read of them.
struct block {
	int64_t tiles, out;
};

static struct block block_of(const struct wide_convolution *c) {
	const struct block b = c->in <= 256 ? (struct block){48, 64} : (struct block){most_tiles, 128};
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step, all = (c->pictures * down * across + step - 1) / step * step;
	return (struct block){b.tiles < all ? b.tiles : all, b.out < c->out ? b.out : c->out};
}

// Transformed pixels are 36 matrices, of lines of 16 (in int16 32) channels: all tiles in work have
// their lines next to each other, then come the next channels. So have the products, of 16 output
// channels. The odd line between matrices keeps them from falling onto the same places of the cache.

static int64_t lines(const struct wide_convolution *c) { return c->arithmetic == wide_int16 ? deep(c->in) : wide_planes(c->in); }

static size_t in_matrix(const struct wide_convolution *c) { return (size_t)(lines(c) * block_of(c).tiles + 1) * line; } // bytes

static size_t out_matrix(const struct wide_convolution *c) { return (size_t)(block_of(c).out / lanes * block_of(c).tiles + 1) * line; }

// Before pixels become whole numbers, some tiles of all channels are float32: as many as the caches take.
static int64_t together(const struct wide_convolution *c) { return c->in <= 64 ? 4 : c->in <= 256 ? 2 : 1; }

static size_t floats_bytes(const struct wide_convolution *c) { return (size_t)(together(c) * 2 * deep(c->in) * points) * line; }

// direct_row is the size of a row of pixels of few channels, with as much behind it as products read beyond it.
static size_t direct_row(const struct wide_convolution *c) { return (size_t)(c->width + wide_border + rows) * (size_t)c->in; }
static size_t direct_results(const struct wide_convolution *c) { return (size_t)(c->width + rows) * 2 * lanes; }

size_t wide_work_floats(const struct wide_convolution *c) {
	if (few(c->in)) return 3 * direct_row(c) + 2 * direct_results(c) + lanes;
	size_t bytes = points * (in_matrix(c) + out_matrix(c)) + line;
	if (c->arithmetic == wide_int16) bytes += floats_bytes(c) + (size_t)(points * block_of(c).tiles) * sizeof(float);
	return bytes / sizeof(float);
}

// The transformation B of Lavin and Gray, one side of it, in two halves: that leaves enough registers
// to go on with a half. Each takes five of the six numbers.

INLINE WIDE void transform_left(enum winograd_numbers numbers, const vector d[side - 1], vector t[side / 2]) {
	if (numbers == winograd_standard) {
		const vector a = d[4] - 4 * d[2], b = d[3] - 4 * d[1];
		t[0] = 4 * d[0] - 5 * d[2] + d[4];
		t[1] = a + b;
		t[2] = a - b;
		return;
	}
	const vector a = d[4] - 9.f / 4 * d[2], b = d[3] - 9.f / 4 * d[1];
	t[0] = d[0] + d[4] - 97.f / 36 * d[2];
	t[1] = a + 2.f / 3 * b;
	t[2] = a - 2.f / 3 * b;
}

INLINE WIDE void transform_right(enum winograd_numbers numbers, const vector d[side - 1], vector t[side / 2]) {
	if (numbers == winograd_standard) {
		const vector e = d[3] - d[1], f = 2 * (d[2] - d[0]);
		t[0] = e + f;
		t[1] = e - f;
		t[2] = 4 * d[0] - 5 * d[2] + d[4];
		return;
	}
	const vector e = d[3] - 4.f / 9 * d[1], f = d[2] - 4.f / 9 * d[0];
	t[0] = e + 3.f / 2 * f;
	t[1] = e - 3.f / 2 * f;
	t[2] = d[0] + d[4] - 97.f / 36 * d[2];
}

// The transformation A.
INLINE WIDE void transform_out(enum winograd_numbers numbers, const vector m[side], vector s[step]) {
	const vector a = m[1] + m[2], b = m[1] - m[2], e = m[3] + m[4], f = m[3] - m[4];
	s[0] = m[0] + a + e;
	if (numbers == winograd_standard) {
		s[1] = b + 2 * f;
		s[2] = a + 4 * e;
		s[3] = b + 8 * f + m[5];
		return;
	}
	s[1] = 2.f / 3 * b + 3.f / 2 * f;
	s[2] = 4.f / 9 * a + 9.f / 4 * e;
	s[3] = 8.f / 27 * b + 27.f / 8 * f + m[5];
}

// transform_tile transforms 16 channels of a tile: x is its first pixel, row the distance of its rows.
INLINE WIDE void transform_tile(enum winograd_numbers numbers, const float *x, int64_t row, char *to, size_t matrix) {
	for (int right = 0; right < 2; right++) {
		vector half[side / 2][side];
		for (int r = 0; r < side; r++) {
			vector d[side - 1], t[side / 2];
			for (int q = 0; q < side - 1; q++) d[q] = *(const vector *)(x + r * row + (q + right) * lanes);
			if (right) transform_right(numbers, d, t);
			else transform_left(numbers, d, t);
			for (int q = 0; q < side / 2; q++) half[q][r] = t[q];
		}
		for (int q = 0; q < side / 2; q++) {
			vector t[side];
			transform_left(numbers, half[q], t);
			transform_right(numbers, half[q] + 1, t + side / 2);
			for (int r = 0; r < side; r++) *(vector *)(to + (size_t)(r * side + side / 2 * right + q) * matrix) = t[r];
		}
	}
}

// place is where a tile is: its picture, and its first pixel.
struct place {
	int64_t picture, top, left;
};

static void find_places(const struct wide_convolution *c, int64_t first, int64_t n, struct place *places) {
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step;
	for (int64_t t = 0; t < n; t++) {
		const int64_t tile = first + t;
		places[t] = (struct place){tile / (down * across), tile / across % down * step, tile % across * step};
	}
}

// seen is what a tile sees in one plane: its first pixel, which is one of the border or one above
// and to the left of what comes out, and the distance of its rows.
struct seen {
	const float *x;
	int64_t row;
};

// see finds it. A tile that reaches beyond the plane is copied, with zeros.
INLINE WIDE struct seen see(const struct wide_convolution *c, const float *x, struct place p, int64_t plane, float *copy) {
	const int64_t row = (c->width + wide_border) * lanes;
	const float *from = x + (p.picture * wide_planes(c->in) + plane) * (c->height + wide_border) * row + p.top * row + p.left * lanes;
	const int64_t down = c->height + wide_border - p.top, across = c->width + wide_border - p.left;
	if (down >= side && across >= side) return (struct seen){from, row};
	for (int64_t r = 0; r < side; r++)
		for (int64_t q = 0; q < side; q++)
			*(vector *)(copy + (r * side + q) * lanes) = r < down && q < across ? *(const vector *)(from + r * row + q * lanes) : (vector){0};
	return (struct seen){copy, side * lanes};
}

// transform_floats transforms n tiles.
WIDE static void transform_floats(const struct wide_convolution *c, const float *x, const struct place *places, int64_t n, char *v) {
	const size_t matrix = in_matrix(c);
	const int64_t tiles = block_of(c).tiles;
	float copy[side * side * lanes];
	for (int64_t plane = 0; plane < wide_planes(c->in); plane++)
		for (int64_t t = 0; t < n; t++) {
			const struct seen s = see(c, x, places[t], plane, copy);
			transform_tile(winograd_standard, s.x, s.row, v + (plane * tiles + t) * line, matrix);
		}
}

// largest finds the largest absolute number of a tile at each point. Numbers are compared as their
// bits are, so that NaN is the largest of all.
INLINE WIDE void largest(const char *floats, int64_t registers, float most[points]) {
	const __m512i magnitude = _mm512_set1_epi32(INT32_MAX);
	for (int p = 0; p < points; p++) {
		__m512i m = _mm512_setzero_si512();
		for (int64_t k = 0; k < registers; k++)
			m = _mm512_max_epu32(m, _mm512_and_si512(_mm512_loadu_si512(floats + (k * points + p) * line), magnitude));
		const __m256i a = _mm256_max_epu32(_mm512_castsi512_si256(m), _mm512_extracti32x8_epi32(m, 1));
		__m128i b = _mm_max_epu32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
		b = _mm_max_epu32(b, _mm_shuffle_epi32(b, 0x4e));
		b = _mm_max_epu32(b, _mm_shuffle_epi32(b, 0xb1));
		_mm_store_ss(most + p, _mm_castsi128_ps(b));
	}
}

// round_tile makes whole numbers of a tile, and finds their scale at each point. One that has no
// finite number is not a number, and so is all that comes of it.
INLINE WIDE void round_tile(const struct wide_convolution *c, const char *floats, char *to, float *scales) {
	const size_t matrix = in_matrix(c);
	const int64_t tiles = block_of(c).tiles, count = lines(c);
	const float range = pixel_range(c->in);
	float most[points];
	largest(floats, 2 * count, most);
	for (int p = 0; p < points; p++) {
		const int finite = most[p] < INFINITY, some = most[p] > 1e-30f;
		scales[p * tiles] = finite ? most[p] / range : NAN;
		const __m512 up = _mm512_set1_ps(finite && some ? range / most[p] : 0);
		const char *from = floats + p * line;
		for (int64_t k = 0; k < count; k++, from += 2 * points * line) {
			const __mmask16 mask = finite ? 0xffff : 0;
			const __m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from), up));
			const __m512i high = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from + points * line), up));
			_mm512_storeu_si512(to + (size_t)p * matrix + k * tiles * line, _mm512_packs_epi32(low, high)); // in the order of channel_at
		}
	}
}

// transform_whole transforms n tiles to whole numbers.
WIDE static void transform_whole(const struct wide_convolution *c, const float *x, const struct place *places, int64_t n, char *v, float *scales, char *floats) {
	const int64_t at_once = together(c), planes = wide_planes(c->in), registers = 2 * lines(c);
	const size_t tile = (size_t)(registers * points) * line;
	float copy[side * side * lanes];
	for (int64_t t = 0; t < n; t += at_once) {
		const int64_t end = n - t < at_once ? n : t + at_once;
		for (int64_t plane = 0; plane < planes; plane++)
			for (int64_t i = t; i < end; i++) {
				const struct seen s = see(c, x, places[i], plane, copy);
				transform_tile(winograd_balanced, s.x, s.row, floats + (size_t)(i - t) * tile + plane * points * line, line);
			}
		for (int64_t i = t; i < end; i++) {
			char *of = floats + (size_t)(i - t) * tile;
			if (planes < registers) memset(of + planes * points * line, 0, points * line);
			round_tile(c, of, v + i * line, scales + i);
		}
	}
}

// float_rows multiplies r rows of pixels with one or two panels of 16 columns. A row's numbers are in
// some parts of equal length, and a rest, which are a part's distance apart. The sums are those of winograd_convolve, in
// the same order.
INLINE WIDE void float_rows(int r, int panels, const char *v, int64_t row, int64_t parts, int64_t length, int64_t rest, int64_t part, const char *u, int64_t panel,
                            char *m, int64_t matrix, const char *next, int64_t pace) {
	__m512 sums[rows][2];
	for (int i = 0; i < r; i++) sums[i][0] = sums[i][1] = _mm512_setzero_ps();
	for (int64_t p = 0; p <= parts; p++, v += part)
		for (int64_t k = 0; k < (p < parts ? length : rest); k++, u += line, next += pace) {
			const __m512 left = _mm512_loadu_ps(u), right = panels > 1 ? _mm512_loadu_ps(u + panel) : left;
			_mm_prefetch(next, _MM_HINT_T1);
#pragma GCC unroll 12
			for (int i = 0; i < r; i++) {
				const __m512 x = _mm512_set1_ps(*(const float *)(v + i * row + k * 4));
				sums[i][0] = _mm512_fmadd_ps(x, left, sums[i][0]);
				if (panels > 1) sums[i][1] = _mm512_fmadd_ps(x, right, sums[i][1]);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < r; i++) {
		_mm512_storeu_ps(m + i * line, sums[i][0]);
		if (panels > 1) _mm512_storeu_ps(m + matrix + i * line, sums[i][1]);
	}
}

// add_products adds products of two whole numbers each. Not the intrinsic: with it, gcc 12 keeps the
// sums in memory.
INLINE VNNI __m512i add_products(__m512i sums, __m512i x, __m512i y) {
	__asm__("vpdpwssd %2, %1, %0" : "+v"(sums) : "v"(x), "v"(y));
	return sums;
}

// whole_rows is float_rows of whole numbers, and scales what comes out.
INLINE VNNI void whole_rows(int r, int panels, const char *v, int64_t parts, int64_t part, const char *u, int64_t panel, char *m, int64_t matrix,
                            const float *columns, const float *tiles, const char *next, int64_t pace) {
	__m512i sums[rows][2];
	for (int i = 0; i < r; i++) sums[i][0] = sums[i][1] = _mm512_setzero_si512();
	for (int64_t p = 0; p < parts; p++, v += part)
		for (int64_t k = 0; k < lanes; k++, u += line, next += pace) {
			const __m512i left = _mm512_loadu_si512(u), right = panels > 1 ? _mm512_loadu_si512(u + panel) : left;
			_mm_prefetch(next, _MM_HINT_T1);
#pragma GCC unroll 12
			for (int i = 0; i < r; i++) {
				const __m512i x = _mm512_set1_epi32(*(const int32_t *)(v + i * line + k * 4));
				sums[i][0] = add_products(sums[i][0], x, left);
				if (panels > 1) sums[i][1] = add_products(sums[i][1], x, right);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < r; i++) {
		const __m512 tile = _mm512_set1_ps(tiles[i]);
		for (int j = 0; j < panels; j++)
			_mm512_storeu_ps(m + j * matrix + i * line, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i][j]), _mm512_mul_ps(tile, _mm512_loadu_ps(columns + j * lanes))));
	}
}

// factors are what is multiplied at one point: n rows of pixels with some panels.
struct factors {
	const char *v, *u;
	char *m;
	const float *tiles, *columns; // scales of whole numbers
	int64_t n, panels;
};

// CALL calls a product with a constant number of rows, for which it is compiled: the rest of a block is rarely a whole one.
#define CALL(product, panels, ...)                               \
	do {                                                     \
		if (f->n - t > 8) product(12, panels, __VA_ARGS__); \
		else if (f->n - t > 4) product(8, panels, __VA_ARGS__); \
		else product(4, panels, __VA_ARGS__);            \
	} while (0)

// multiply computes the products at one point. Meanwhile it fetches the panels after those in use.
WIDE static void multiply_floats(const struct wide_convolution *c, const struct factors *f) {
	const int64_t tiles = block_of(c).tiles, part = tiles * line, panel = panel_floats(wide_float32, c->in) * 4, parts = c->in / lanes, rest = c->in % lanes;
	const int64_t groups = (f->n + rows - 1) / rows;
	for (int64_t o = 0; o < f->panels; o += 2)
		for (int64_t t = 0; t < f->n; t += rows) {
			const char *v = f->v + t * line, *u = f->u + o * panel, *next = u + 2 * panel + t / rows * (2 * panel / groups);
			char *m = f->m + o * part + t * line;
			if (f->panels - o > 1) CALL(float_rows, 2, v, line, parts, lanes, rest, part, u, panel, m, part, next, 2*line/groups);
			else CALL(float_rows, 1, v, line, parts, lanes, rest, part, u, panel, m, part, next, 2*line/groups);
		}
}

VNNI static void multiply_whole(const struct wide_convolution *c, const struct factors *f) {
	const int64_t tiles = block_of(c).tiles, part = tiles * line, panel = panel_floats(wide_int16, c->in) * 4, parts = lines(c);
	const int64_t groups = (f->n + rows - 1) / rows;
	for (int64_t o = 0; o < f->panels; o += 2)
		for (int64_t t = 0; t < f->n; t += rows) {
			const char *v = f->v + t * line, *u = f->u + o * panel, *next = u + 2 * panel + t / rows * (2 * panel / groups);
			char *m = f->m + o * part + t * line;
			if (f->panels - o > 1) CALL(whole_rows, 2, v, parts, part, u, panel, m, part, f->columns + o * lanes, f->tiles + t, next, 2*line/groups);
			else CALL(whole_rows, 1, v, parts, part, u, panel, m, part, f->columns + o * lanes, f->tiles + t, next, 2*line/groups);
		}
}

// rectified keeps NaN, of which the instruction takes the second number, and makes -0 to 0.
INLINE WIDE vector rectified(vector x) {
	const __m512 zero = _mm512_setzero_ps();
	return (vector)_mm512_add_ps(_mm512_max_ps(zero, (__m512)x), zero);
}

// larger is for rectified numbers, which are in the order of their bits, NaN behind all.
INLINE WIDE vector larger(vector a, vector b) { return (vector)_mm512_max_epu32((__m512i)a, (__m512i)b); }

// put writes 4x4 pixels, less at the right and lower border, or the maxima of 2x2 of them.
INLINE WIDE void put(int pool, float *y, int64_t row, int64_t height, int64_t width, vector s[step][step]) {
	for (int r = 0; r < step; r += pool ? 2 : 1)
		for (int q = 0; q < step; q += pool ? 2 : 1) {
			if (r + pool >= height || q + pool >= width) continue;
			if (pool) *(vector *)(y + r / 2 * row + q / 2 * lanes) = larger(larger(s[r][q], s[r][q + 1]), larger(s[r + 1][q], s[r + 1][q + 1]));
			else *(vector *)(y + r * row + q * lanes) = s[r][q];
		}
}

// finish transforms the products of n tiles and some output channels back, adds the bias, rectifies, and pools.
INLINE WIDE void finish(enum winograd_numbers numbers, int rectify, int pool, const struct wide_convolution *c, const char *m, const struct place *places, int64_t n, int64_t channel,
                        int64_t count, const float *bias, float *y) {
	const size_t matrix = out_matrix(c);
	const int64_t tiles = block_of(c).tiles, to_height = pool ? c->height / 2 : c->height, to_width = pool ? c->width / 2 : c->width;
	const int64_t row = (to_width + wide_border) * lanes, plane = (to_height + wide_border) * row;
	for (int64_t o = channel; o < channel + count; o += lanes) {
		const vector b = *(const vector *)(bias + o);
		for (int64_t t = 0; t < n; t++) {
			const struct place p = places[t];
			const char *from = m + ((o - channel) / lanes * tiles + t) * line;
			vector half[side][step], s[step][step];
			for (int r = 0; r < side; r++) {
				vector d[side];
				for (int q = 0; q < side; q++) d[q] = *(const vector *)(from + (size_t)(r * side + q) * matrix);
				transform_out(numbers, d, half[r]);
			}
			for (int q = 0; q < step; q++) {
				vector d[side], results[step];
				for (int r = 0; r < side; r++) d[r] = half[r][q];
				transform_out(numbers, d, results);
				for (int r = 0; r < step; r++) s[r][q] = rectify ? rectified(results[r] + b) : results[r] + b;
			}
			float *to = y + (p.picture * wide_planes(c->out) + o / lanes) * plane + ((pool ? p.top / 2 : p.top) + 1) * row + ((pool ? p.left / 2 : p.left) + 1) * lanes;
			if (c->height - p.top >= step && c->width - p.left >= step) put(pool, to, row, step, step, s);
			else put(pool, to, row, c->height - p.top, c->width - p.left, s);
		}
	}
}

WIDE static void finish_floats(const struct wide_convolution *c, const char *m, const struct place *places, int64_t n, int64_t channel, int64_t count, const float *bias, float *y) {
	if (c->pool) finish(winograd_standard, 1, 1, c, m, places, n, channel, count, bias, y);
	else finish(winograd_standard, c->rectify, 0, c, m, places, n, channel, count, bias, y);
}

WIDE static void finish_whole(const struct wide_convolution *c, const char *m, const struct place *places, int64_t n, int64_t channel, int64_t count, const float *bias, float *y) {
	if (c->pool) finish(winograd_balanced, 1, 1, c, m, places, n, channel, count, bias, y);
	else finish(winograd_balanced, c->rectify, 0, c, m, places, n, channel, count, bias, y);
}

// direct_products multiplies a row of pixels of few channels, three next to each other in each of
// three rows, with one or two panels.
#define DIRECT(in, panels)                                                                                                                                    \
	for (int64_t t = 0; t < f->n; t += rows)                                                                                                              \
		CALL(float_rows, panels, f->v + t * (in) * 4, (in) * 4, 3, 3 * (in), 0, part, f->u, taps * (in) * line, f->m + t * line, matrix, f->u, 0)
WIDE static void direct_products(int64_t in, const struct factors *f, int64_t part, int64_t matrix) {
	switch (in * 2 + (f->panels > 1)) {
	case 2: DIRECT(1, 1); break;
	case 3: DIRECT(1, 2); break;
	case 4: DIRECT(2, 1); break;
	case 5: DIRECT(2, 2); break;
	case 6: DIRECT(3, 1); break;
	case 7: DIRECT(3, 2); break;
	case 8: DIRECT(4, 1); break;
	case 9: DIRECT(4, 2); break;
	}
}

// put_row adds the bias to rows of results, rectifies, and writes the upper one, or the maxima of 2x2 of both.
WIDE static void put_row(const struct wide_convolution *c, const float *upper, const float *lower, const float *bias, float *y) {
	const vector b = *(const vector *)bias;
	for (int64_t j = 0; j < (c->pool ? c->width / 2 : c->width); j++, y += lanes) {
		if (!c->pool) {
			const vector x = *(const vector *)(upper + j * lanes) + b;
			*(vector *)y = c->rectify ? rectified(x) : x;
			continue;
		}
		const float *l = upper + 2 * j * lanes, *k = lower + 2 * j * lanes;
		const vector s[] = {*(const vector *)l, *(const vector *)(l + lanes), *(const vector *)k, *(const vector *)(k + lanes)};
		*(vector *)y = larger(larger(rectified(s[0] + b), rectified(s[1] + b)), larger(rectified(s[2] + b), rectified(s[3] + b)));
	}
}

// convolve_directly is for few input channels.
WIDE static void convolve_directly(const struct wide_convolution *c, const float *x, const float *kernel, const float *bias, float *y, float *work) {
	const int64_t at_once = c->pool ? 2 : 1, to_width = c->pool ? c->width / 2 : c->width, to_height = c->pool ? c->height / 2 : c->height;
	const int64_t row = (c->width + wide_border) * c->in, to_row = (to_width + wide_border) * lanes, plane = (to_height + wide_border) * to_row;
	const size_t seen = direct_row(c), results = direct_results(c);
	float *m = work + 3 * seen;
	memset(work, 0, 3 * seen * sizeof *work);
	for (int64_t picture = 0; picture < c->pictures; picture++)
		for (int64_t top = 0; top + at_once <= c->height; top += at_once)
			for (int64_t o = 0; o < c->out; o += 2 * lanes) {
				const int64_t panels = c->out - o < 2 * lanes ? 1 : 2;
				for (int64_t r = 0; r < at_once; r++) {
					const float *from = x + (picture * (c->height + wide_border) + top + r) * row;
					for (int64_t i = 0; i < 3; i++) memcpy(work + (size_t)i * seen, from + i * row, (size_t)row * sizeof *work);
					const struct factors f = {.v = (const char *)work, .u = (const char *)(kernel + o * taps * c->in), .m = (char *)(m + (size_t)r * results), .n = c->width, .panels = panels};
					direct_products(c->in, &f, (int64_t)seen * 4, (int64_t)results * 2);
				}
				float *to = y + (picture * wide_planes(c->out) + o / lanes) * plane + (top / at_once + 1) * to_row + lanes;
				for (int64_t k = 0; k < panels; k++) put_row(c, m + (size_t)k * results / 2, m + results + (size_t)k * results / 2, bias + o + k * lanes, to + k * plane);
			}
}

void wide_convolve(const struct wide_convolution *c, const float *x, const float *packed, const float *bias, float *y, float *work) {
	const int whole = c->arithmetic == wide_int16;
	clear_border(c->pictures * wide_planes(c->out), c->pool ? c->height / 2 : c->height, c->pool ? c->width / 2 : c->width, c->out, y);
	if (few(c->in)) {
		convolve_directly(c, x, packed, bias, y, work);
		return;
	}
	const struct block b = block_of(c);
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step, all = c->pictures * down * across;
	const int64_t panel = panel_floats(c->arithmetic, c->in), matrix = c->out / lanes * panel;
	const float *columns = packed + points * matrix;
	char *v = (char *)(((uintptr_t)work + line - 1) & ~(uintptr_t)(line - 1)), *m = v + points * in_matrix(c), *floats = m + points * out_matrix(c);
	float *tiles = (float *)(floats + (whole ? floats_bytes(c) : 0));
	for (int64_t first = 0; first < all; first += b.tiles) {
		const int64_t n = all - first < b.tiles ? all - first : b.tiles;
		struct place places[most_tiles];
		find_places(c, first, n, places);
		// The last product may take rows of earlier tiles beyond n, or of anything; nobody reads what comes of them.
		if (whole) transform_whole(c, x, places, n, v, tiles, floats);
		else transform_floats(c, x, places, n, v);
		for (int64_t o = 0; o < c->out; o += b.out) {
			const int64_t count = c->out - o < b.out ? c->out - o : b.out;
			for (int64_t p = 0; p < points; p++) {
				const struct factors f = {
					.v = v + (size_t)p * in_matrix(c), .u = (const char *)(packed + p * matrix + o / lanes * panel), .m = m + (size_t)p * out_matrix(c),
					.tiles = tiles + p * b.tiles, .columns = columns + p * c->out + o, .n = n, .panels = count / lanes,
				};
				if (whole) multiply_whole(c, &f);
				else multiply_floats(c, &f);
			}
			if (whole) finish_whole(c, m, places, n, o, count, bias, y);
			else finish_floats(c, m, places, n, o, count, bias, y);
		}
	}
}
