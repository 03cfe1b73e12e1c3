// What is done to results at the end.

#ifndef FOVEA_CONVOLUTION_WIDE_RECTIFY_H_
#define FOVEA_CONVOLUTION_WIDE_RECTIFY_H_

#include <immintrin.h>

#include "wide_parts.h"

// rectified keeps NaN, of which the instruction takes the second number, and makes -0 to 0.
INLINE WIDE vector rectified(vector x) {
	const __m512 zero = _mm512_setzero_ps();
	return (vector)_mm512_add_ps(_mm512_max_ps(zero, (__m512)x), zero);
}

// larger is for rectified numbers, which are in the order of their bits, NaN behind all.
INLINE WIDE vector larger(vector a, vector b) { return (vector)_mm512_max_epu32((__m512i)a, (__m512i)b); }

#endif
