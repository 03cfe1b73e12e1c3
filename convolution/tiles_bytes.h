// Maps in bytes: each picture has its own scale, from its largest value, so that none is cut off and no other
// picture matters. Without negative values a byte counts 255 steps, otherwise 127 to either side of its middle.

#ifndef FOVEA_CONVOLUTION_TILES_BYTES_H_
#define FOVEA_CONVOLUTION_TILES_BYTES_H_

#include <math.h>

#include "tiles_products.h"

// scale tells what bytes mean: (byte - zero) * step. A step that is no number makes all sums none.
struct scale {
	float step;
	int32_t zero;
};

// The least largest value of a map that is not rounded to zero: its reciprocal times 255 has to be finite.
#define LEAST_MAP 1e-35f

AMX static struct scale scale_of(int64_t values, const bfloat16 *x) {
	const __m512i magnitude = _mm512_set1_epi16(0x7fff), sign = _mm512_set1_epi16((short)0x8000);
	__m512i most = _mm512_setzero_si512();
	__mmask32 negative = 0;
	for (int64_t i = 0; i < values; i += tiles_channels) {
		const __m512i bits = _mm512_loadu_si512(x + i);
		most = _mm512_max_epu16(most, _mm512_and_si512(bits, magnitude));
		negative |= _mm512_cmpgt_epu16_mask(bits, sign); // -0 is not
	}
	uint16_t each[tiles_channels], largest = 0;
	_mm512_storeu_si512(each, most);
	for (int i = 0; i < tiles_channels; i++) largest = each[i] > largest ? each[i] : largest;
	const float levels = negative ? bytes_middle - 1 : 2 * bytes_middle - 1, bound = widened(largest);
	const struct scale s = {bound <= LEAST_MAP ? 0 : bound < INFINITY ? bound / levels : NAN, negative ? bytes_middle : 0};
	return s;
}

INLINE AMX __m128i bytes_of(const bfloat16 *x, __m512 steps, __m512i zero) {
	const __m512 values = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)x)), 16));
	return _mm512_cvtusepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(values, steps)), zero));
}

// round_planes makes one plane of bytes of two of bfloat16, the border included.
AMX static void round_planes(struct scale s, int64_t pixels, const bfloat16 *left, const bfloat16 *right, uint8_t *to) {
	const __m512 steps = _mm512_set1_ps(s.step > 0 ? 1 / s.step : 0); // 0 for NaN, too
	const __m512i zero = _mm512_set1_epi32(s.zero);
	for (int64_t p = 0; p < pixels; p++, left += tiles_channels, right += tiles_channels, to += bytes_channels) {
		_mm_storeu_si128((__m128i *)to, bytes_of(left, steps, zero));
		_mm_storeu_si128((__m128i *)(to + 16), bytes_of(left + 16, steps, zero));
		_mm_storeu_si128((__m128i *)(to + 32), bytes_of(right, steps, zero));
		_mm_storeu_si128((__m128i *)(to + 48), bytes_of(right + 16, steps, zero));
	}
}

#endif
