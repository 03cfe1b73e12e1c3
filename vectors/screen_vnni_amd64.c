// The screen with AVX-512 VNNI: an instruction adds 64 products.

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define NAME screen_for_vnni
#define LEVELS 127
#define WIDTH 64
#define OFFSET 128

#include "screen_vectors.h"

// As the compiler writes the instruction's own function, it spills the sums.
TARGET INLINE __m512i add_products(__m512i sums, __m512i y, __m512i x) {
	__asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(y), "v"(x));
	return sums;
}

// The sums of a tile are in 24 registers.
TARGET INLINE void products(int64_t from, int64_t to, const uint8_t *panel, const int8_t *strip, integers sums[screen_rows][parts]) {
	__m512i s[screen_rows][2];
	for (int r = 0; r < screen_rows; r++) s[r][0] = (__m512i)sums[r][0], s[r][1] = (__m512i)sums[r][1];
	for (int64_t k = from; k < to; k++) {
		const __m512i left = _mm512_loadu_si512(panel + k * 128), right = _mm512_loadu_si512(panel + k * 128 + 64);
		for (int r = 0; r < screen_rows; r++) {
			int32_t four;
			memcpy(&four, strip + (k * screen_rows + r) * screen_step, sizeof four);
			const __m512i x = _mm512_set1_epi32(four);
			s[r][0] = add_products(s[r][0], left, x);
			s[r][1] = add_products(s[r][1], right, x);
		}
	}
	for (int r = 0; r < screen_rows; r++) sums[r][0] = (integers)s[r][0], sums[r][1] = (integers)s[r][1];
}

#include "screen_body.h"
