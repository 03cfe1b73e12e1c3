// Whole numbers of 16 bits: kernels and transformed tiles become such numbers and scales, and are
// packed for wide_products.h. A kernel is 36 matrices of panels of 16 output channels, in which
// a line has two input channels for each of them; then come the scales of the 36 x out columns.

#ifndef FOVEA_CONVOLUTION_WIDE_ROUND_H_
#define FOVEA_CONVOLUTION_WIDE_ROUND_H_

#include <stdlib.h>
#include <string.h>

#include "wide_tile.h"

// pixel_range is how large pixels become as whole numbers. The more channels, the less room sums
// leave for them and for the kernel: with 12 bits each, 512 channels are about as exact as products of
// bfloat16 are without filtering.
static float pixel_range(int64_t in) {
	const float most = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(8589934592.f / (float)(wide_deep(in) * depth)))); // 2^33
	return most < INT16_MAX ? (float)(int32_t)most : INT16_MAX;
}

// channel_at says which of 32 channels is at a place of a line: packing two registers, which is done
// in parts of 128 bits, leaves them in this order.
static int64_t channel_at(int64_t place) { return place / 8 * 4 + place % 4 + (place % 8 < 4 ? 0 : lanes); }

// pack_columns makes whole numbers of a register of a panel's columns. Their scales are such that no
// sum can overflow, whatever the pixels are: the absolute numbers of a column add up to less than
// 2^31 / pixel_range.
WIDE static void pack_columns(int64_t in, const float *columns, int16_t *to, float *scales) {
	const wholes magnitude = OP(set1_epi32)(INT32_MAX);
	reals most = OP(setzero_ps)(), sum = most;
	for (int64_t c = 0; c < in; c++) {
		const reals x = (reals)(load(columns + c * lanes) & magnitude);
		most = OP(max_ps)(x, most);
		sum = OP(add_ps)(sum, x);
	}
	// Rounding may add a half to each number, and float32 be off by a millionth.
	const reals room = OP(set1_ps)(0.99999f * (2147483647.f / pixel_range(in) - (float)in / 2));
	const reals most_range = OP(min_ps)(OP(set1_ps)(INT16_MAX), OP(div_ps)(OP(mul_ps)(room, most), sum));
	const wholes some = below(OP(set1_ps)(1e-30f), most), finite = below(sum, OP(set1_ps)(INFINITY));
	// A sum that is no finite number makes all that comes of its column not a number.
	store(scales, (wholes)or_none(finite, where(some, OP(div_ps)(most, most_range))));
	const reals up = where(some, OP(div_ps)(most_range, most));
	int32_t numbers[2][floats];
	for (int64_t first = 0; first < in; first += depth)
		for (int64_t place = 0; place < depth; place += 2, to += 2 * lanes) {
			for (int k = 0; k < 2; k++) {
				const int64_t c = first + channel_at(place + k);
				const reals x = c < in ? where(finite, (reals)load(columns + c * lanes)) : OP(setzero_ps)();
				store(numbers[k], OP(cvtps_epi32)(OP(mul_ps)(x, up)));
			}
			for (int o = 0; o < floats; o++) {
				to[2 * o] = (int16_t)numbers[0][o];
				to[2 * o + 1] = (int16_t)numbers[1][o];
			}
		}
}

static int pack_whole(int64_t in, int64_t out, const float *hwio, float *packed) {
	const int64_t panel = wide_panel_floats(wide_int16, in), matrix = out / lanes * panel;
	float *scales = packed + points * matrix;
	float *columns = malloc((size_t)(points * in * lanes) * sizeof *columns);
	if (columns == NULL) return 0;
	for (int64_t o = 0; o < out; o += lanes) {
		winograd_transform_panel(winograd_balanced, in, out, hwio, o, columns);
		for (int64_t p = 0; p < points; p++)
			for (int64_t i = 0; i < lanes; i += floats)
				pack_columns(in, columns + p * in * lanes + i, (int16_t *)(packed + p * matrix + o / lanes * panel + i), scales + p * out + o + i);
	}
	free(columns);
	return 1;
}

// largest_of_each finds the largest number in each register of as many as one has numbers.
INLINE WIDE wholes largest_of_each(const wholes m[floats]) {
	wholes quarters[floats / 4];
	for (int i = 0; i < floats / 4; i++) {
		const wholes a = m[4 * i], b = m[4 * i + 1], c = m[4 * i + 2], d = m[4 * i + 3];
		const wholes ab = OP(max_epu32)(OP(unpacklo_epi32)(a, b), OP(unpackhi_epi32)(a, b));
		const wholes cd = OP(max_epu32)(OP(unpacklo_epi32)(c, d), OP(unpackhi_epi32)(c, d));
		quarters[i] = OP(max_epu32)(OP(unpacklo_epi64)(ab, cd), OP(unpackhi_epi64)(ab, cd));
	}
#ifdef WIDE_AVX2
	return _mm256_max_epu32(_mm256_permute2x128_si256(quarters[0], quarters[1], 0x20), _mm256_permute2x128_si256(quarters[0], quarters[1], 0x31));
#else
	__m512i halves[2];
	for (int i = 0; i < 2; i++) {
		const __m512i a = quarters[2 * i], b = quarters[2 * i + 1];
		halves[i] = _mm512_max_epu32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xee));
	}
	return _mm512_max_epu32(_mm512_shuffle_i32x4(halves[0], halves[1], 0x88), _mm512_shuffle_i32x4(halves[0], halves[1], 0xdd));
#endif
}

// largest finds the largest absolute number of a tile at some points, as many as a register has numbers
// or less, over all channels. Numbers are compared as their bits are, so that NaN is the largest of all.
INLINE WIDE reals largest(int count, const char *tile, int64_t lines) {
	const wholes magnitude = OP(set1_epi32)(INT32_MAX);
	wholes m[floats];
	for (int p = 0; p < floats; p++) m[p] = (wholes){0};
	for (int64_t k = 0; k < lines; k++, tile += points * line) {
#pragma GCC unroll 16
		for (int p = 0; p < count; p++)
			for (int i = 0; i < registers; i++) m[p] = OP(max_epu32)(m[p], load(tile + p * line + i * bytes) & magnitude);
	}
	return (reals)largest_of_each(m);
}

// find_scales finds the scales of a tile at its 36 points, and by what its numbers are multiplied
// before they are rounded. Where one is not finite, the scale is not a number, and neither is what
// comes of the tile.
INLINE WIDE void find_scales(const char *tile, int64_t lines, float range, float *scales, float *ups) {
	const reals whole = OP(set1_ps)(range);
#pragma GCC unroll 8
	for (int p = 0; p < points; p += floats) {
		const reals most = largest(points - p < floats ? points - p : floats, tile + p * line, lines);
		const wholes finite = below(most, OP(set1_ps)(INFINITY)), some = below(OP(set1_ps)(1e-30f), most);
		store(scales + p, (wholes)or_none(finite, OP(div_ps)(most, whole)));
		store(ups + p, (wholes)where(finite & some, OP(div_ps)(whole, most)));
	}
}

// round_tile makes whole numbers of a tile, two lines to one, in the order of channel_at.
// Numbers that are not finite become any: their scale is none. The lines are a matrix apart for the
// points, and next apart for the channels. What a later tile writes is fetched.
INLINE WIDE void round_tile(int64_t count, float range, const char *tile, char *to, size_t matrix, size_t next, float *scales) {
	float ups[scales_of_tile];
	find_scales(tile, 2 * count, range, scales, ups);
	for (int64_t k = 0; k < count; k++, tile += 2 * points * line, to += next)
		for (int p = 0; p < points; p++) {
			const reals up = OP(set1_ps)(ups[p]);
			_mm_prefetch(to + (size_t)p * matrix + tiles_ahead * line, _MM_HINT_T1);
			for (int i = 0; i < registers; i++) {
				const wholes low = OP(cvtps_epi32)(OP(mul_ps)((reals)load(tile + p * line + i * bytes), up));
				const wholes high = OP(cvtps_epi32)(OP(mul_ps)((reals)load(tile + (points + p) * line + i * bytes), up));
				store(to + (size_t)p * matrix + i * bytes, OP(packs_epi32)(low, high));
			}
		}
}

WIDE static void transform_whole(const struct wide_convolution *c, const float *x, const struct place *places, int64_t n, char *v, float *scales, char *tile) {
	const int64_t planes = planes_of(c->in), lines = 2 * wide_deep(c->in);
	const size_t matrix = wide_in_matrix(c), next = (size_t)wide_block(c).tiles * line;
	const float range = pixel_range(c->in);
	float copy[side * side * lanes];
	if (planes < lines) memset(tile + planes * points * line, 0, points * line);
	for (int64_t t = 0; t < n; t++) {
		for (int64_t plane = 0; plane < planes; plane++) {
			const struct seen s = see(c, x, places[t], plane, copy);
			fetch_tile(c, x, places[t + tiles_ahead], plane);
			transform_tile(winograd_balanced, s.x, s.row, tile + plane * points * line, line);
		}
		round_tile(lines / 2, range, tile, v + t * line, matrix, next, scales + t * scales_of_tile);
	}
}

#endif
