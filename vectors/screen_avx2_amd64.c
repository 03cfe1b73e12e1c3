// The screen with AVX2: three instructions add 32 products, of which sums of two must fit into 16 bits.

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define NAME screen_for_avx2
#define LEVELS 63
#define WIDTH 32
#define OFFSET 64

#include "screen_vectors.h"

enum { group = 4 }; // rows whose sums with 16 lanes are in registers

// some_products are those of a few rows of a strip with half a panel.
TARGET INLINE void some_products(int64_t from, int64_t to, const uint8_t *panel, const int8_t *strip, int half, int first, integers sums[screen_rows][parts]) {
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i s[group][2];
	for (int r = 0; r < group; r++)
		for (int part = 0; part < 2; part++) s[r][part] = (__m256i)sums[first + r][2 * half + part];
	for (int64_t k = from; k < to; k++) {
		const __m256i *y = (const __m256i *)(panel + k * 128 + half * 64);
		const __m256i left = _mm256_loadu_si256(y), right = _mm256_loadu_si256(y + 1);
		for (int r = 0; r < group; r++) {
			int32_t four;
			memcpy(&four, strip + (k * screen_rows + first + r) * screen_step, sizeof four);
			const __m256i x = _mm256_set1_epi32(four);
			s[r][0] = _mm256_add_epi32(s[r][0], _mm256_madd_epi16(_mm256_maddubs_epi16(left, x), ones));
			s[r][1] = _mm256_add_epi32(s[r][1], _mm256_madd_epi16(_mm256_maddubs_epi16(right, x), ones));
		}
	}
	for (int r = 0; r < group; r++)
		for (int part = 0; part < 2; part++) sums[first + r][2 * half + part] = (integers)s[r][part];
}

TARGET INLINE void products(int64_t from, int64_t to, const uint8_t *panel, const int8_t *strip, integers sums[screen_rows][parts]) {
	for (int first = 0; first < screen_rows; first += group)
		for (int half = 0; half < 2; half++) some_products(from, to, panel, strip, half, first, sums);
}

#include "screen_body.h"
