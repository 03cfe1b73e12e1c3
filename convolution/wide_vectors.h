// Registers, for what is compiled once with registers of 512 bits (wide_avx512_amd64.c) and once with
// registers of 256 (wide_avx2_amd64.c, which defines WIDE_AVX2). Both compute the same numbers in the
// same order.

#ifndef FOVEA_CONVOLUTION_WIDE_VECTORS_H_
#define FOVEA_CONVOLUTION_WIDE_VECTORS_H_

#include <immintrin.h>
#include <math.h>

#include "wide_parts.h"

#ifdef WIDE_AVX2
#define WIDE __attribute__((target("avx2,fma")))
#define OP(name) _mm256_##name
typedef __m256 reals;
typedef __m256i wholes;
enum {
	floats = 8, // of a register
	rows = 6,   // tiles that the innermost product takes together, with two registers of output channels: 12 sums of 16 registers
};
#else
#define WIDE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define OP(name) _mm512_##name
typedef __m512 reals;
typedef __m512i wholes;
enum {
	floats = 16,
	rows = 12, // 24 sums of 32 registers
};
#endif

enum {
	bytes = 4 * floats,         // of a register
	registers = lanes / floats,       // of a line
	product_panels = 2 / registers, // of output channels, which a product takes together
};

// Unaligned, because TensorFlow's tensors promise no alignment.
typedef float vector __attribute__((vector_size(bytes), aligned(4)));
typedef int32_t whole_vector __attribute__((vector_size(bytes), aligned(4), may_alias));

INLINE WIDE wholes load(const void *at) { return (wholes)*(const whole_vector *)at; }
INLINE WIDE void store(void *at, wholes x) { *(whole_vector *)at = (whole_vector)x; }

// Comparisons set all bits of a number, or none; where keeps the numbers with such bits, and makes the others 0.
INLINE WIDE wholes below(reals a, reals b) { return (wholes)(a < b); }
INLINE WIDE reals where(wholes these, reals x) { return (reals)(these & (wholes)x); }

// or_none makes the others not a number.
INLINE WIDE reals or_none(wholes these, reals x) { return (reals)((these & (wholes)x) | (~these & (wholes)OP(set1_ps)(NAN))); }

// rectified keeps NaN, of which the instruction takes the second number, and makes -0 to 0.
INLINE WIDE vector rectified(vector x) {
	const reals zero = OP(setzero_ps)();
	return (vector)OP(add_ps)(OP(max_ps)(zero, (reals)x), zero);
}

// larger is for rectified numbers, which are in the order of their bits, NaN behind all.
INLINE WIDE vector larger(vector a, vector b) { return (vector)OP(max_epu32)((wholes)a, (wholes)b); }

#endif
