// Whole numbers of 16 bits: kernels and transformed tiles become such numbers and scales, and are
// packed for wide_products_amd64.c. A kernel is 36 matrices of panels of 16 output channels, in which
// a line has two input channels for each of them; then come the scales of the 36 x out columns.

#include <math.h>
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

int wide_pack_whole(int64_t in, int64_t out, const float *hwio, float *packed) {
	const int64_t panel = wide_panel_floats(wide_int16, in), matrix = out / lanes * panel;
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

// largest_of_each finds the largest number in each of 16 registers.
INLINE WIDE __m512i largest_of_each(const __m512i m[lanes]) {
	__m512i quarters[lanes / 4];
	for (int i = 0; i < lanes / 4; i++) {
		const __m512i a = m[4 * i], b = m[4 * i + 1], c = m[4 * i + 2], d = m[4 * i + 3];
		const __m512i ab = _mm512_max_epu32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
		const __m512i cd = _mm512_max_epu32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
		quarters[i] = _mm512_max_epu32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
	}
	__m512i halves[2];
	for (int i = 0; i < 2; i++) {
		const __m512i a = quarters[2 * i], b = quarters[2 * i + 1];
		halves[i] = _mm512_max_epu32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xee));
	}
	return _mm512_max_epu32(_mm512_shuffle_i32x4(halves[0], halves[1], 0x88), _mm512_shuffle_i32x4(halves[0], halves[1], 0xdd));
}

// largest finds the largest absolute number of a tile at up to 16 points, over all channels. Numbers
// are compared as their bits are, so that NaN is the largest of all.
INLINE WIDE __m512 largest(int count, const char *floats, int64_t registers) {
	const __m512i magnitude = _mm512_set1_epi32(INT32_MAX);
	__m512i m[lanes];
	for (int p = 0; p < lanes; p++) m[p] = _mm512_setzero_si512();
	for (int64_t k = 0; k < registers; k++, floats += points * line) {
#pragma GCC unroll 16
		for (int p = 0; p < count; p++) m[p] = _mm512_max_epu32(m[p], _mm512_and_si512(_mm512_loadu_si512(floats + p * line), magnitude));
	}
	return _mm512_castsi512_ps(largest_of_each(m));
}

// find_scales finds the scales of a tile at its 36 points, and by what its numbers are multiplied
// before they are rounded. Where one is not finite, the scale is not a number, and neither is what
// comes of the tile.
INLINE WIDE void find_scales(const char *floats, int64_t registers, float range, float *scales, float *ups) {
	const __m512 most[] = {largest(lanes, floats, registers), largest(lanes, floats + lanes * line, registers), largest(points - 2 * lanes, floats + 2 * lanes * line, registers)};
	const __m512 whole = _mm512_set1_ps(range);
	for (int i = 0; i < scales_of_tile / lanes; i++) {
		const __mmask16 finite = _mm512_cmp_ps_mask(most[i], _mm512_set1_ps(INFINITY), _CMP_LT_OQ);
		const __mmask16 some = _mm512_cmp_ps_mask(most[i], _mm512_set1_ps(1e-30f), _CMP_GT_OQ);
		_mm512_storeu_ps(scales + i * lanes, _mm512_mask_div_ps(_mm512_set1_ps(NAN), finite, most[i], whole));
		_mm512_storeu_ps(ups + i * lanes, _mm512_maskz_div_ps(finite & some, whole, most[i]));
	}
}

// round_tile makes whole numbers of a tile, two registers to a line, in the order of channel_at.
// Numbers that are not finite become any: their scale is none. The lines are a matrix apart for the
// points, and next apart for the channels.
INLINE WIDE void round_tile(int64_t count, float range, const char *floats, char *to, size_t matrix, size_t next, float *scales) {
	float ups[scales_of_tile];
	find_scales(floats, 2 * count, range, scales, ups);
	for (int64_t k = 0; k < count; k++, floats += 2 * points * line, to += next)
		for (int p = 0; p < points; p++) {
			const __m512 up = _mm512_set1_ps(ups[p]);
			const __m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(floats + p * line), up));
			const __m512i high = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(floats + (points + p) * line), up));
			_mm512_storeu_si512(to + (size_t)p * matrix, _mm512_packs_epi32(low, high));
		}
}

WIDE void wide_transform_whole(const struct wide_convolution *c, const float *x, const struct place *places, int64_t n, char *v, float *scales, char *floats) {
	const int64_t together = wide_block(c).together, planes = planes_of(c->in), registers = 2 * wide_deep(c->in);
	const size_t tile = (size_t)(registers * points) * line, matrix = wide_in_matrix(c), next = (size_t)wide_block(c).tiles * line;
	const float range = pixel_range(c->in);
	float copy[side * side * lanes];
	for (int64_t t = 0; t < n; t += together) {
		const int64_t end = n - t < together ? n : t + together;
		for (int64_t plane = 0; plane < planes; plane++)
			for (int64_t i = t; i < end; i++) {
				const struct seen s = see(c, x, places[i], plane, copy);
				fetch_tile(s, together);
				transform_tile(winograd_balanced, s.x, s.row, floats + (size_t)(i - t) * tile + plane * points * line, line);
			}
		for (int64_t i = t; i < end; i++) {
			char *of = floats + (size_t)(i - t) * tile;
			if (planes < registers) memset(of + planes * points * line, 0, points * line);
			round_tile(registers / 2, range, of, v + i * line, matrix, next, scales + i * scales_of_tile);
		}
	}
}
