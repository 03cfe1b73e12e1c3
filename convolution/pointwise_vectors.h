// What pointwise_amd64.c and depthwise_amd64.c compile once for AVX2 and once for AVX-512: before this
// is included, VECTOR_LANES is 8 or 16, and VECTORS(name) gives names of their own.

#if VECTOR_LANES == 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define SPREAD(x) _mm512_set1_ps(x)
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, x) _mm512_storeu_ps(p, x)
#define MASK(n) ((__mmask16)((1u << (n)) - 1)) // of the first n numbers
#define LOAD_SOME(p, mask) _mm512_maskz_loadu_ps(mask, p)
#define STORE_SOME(p, mask, x) _mm512_mask_storeu_ps(p, mask, x)
#define LARGER(a, b) _mm512_max_ps(a, b) // b where one is not a number
#define SMALLER(a, b) _mm512_min_ps(a, b)
#define WHOLE(x) _mm512_cvtps_epi32(x)
#define EXPONENT(n) _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23))
#define FLOATS(n) _mm512_cvtepi32_ps(n)
#define RAISE(p, n) _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(n), 23)))
#define ABOVE(a, b, yes, no) _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes)
typedef __m512 VECTORS(vector);
typedef __m512i VECTORS(whole);
typedef __mmask16 VECTORS(mask);
#else
#define TARGET __attribute__((target("avx2,fma")))
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define SPREAD(x) _mm256_set1_ps(x)
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, x) _mm256_storeu_ps(p, x)
#define MASK(n) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD_SOME(p, mask) _mm256_maskload_ps(p, mask)
#define STORE_SOME(p, mask, x) _mm256_maskstore_ps(p, mask, x)
#define LARGER(a, b) _mm256_max_ps(a, b)
#define SMALLER(a, b) _mm256_min_ps(a, b)
#define WHOLE(x) _mm256_cvtps_epi32(x)
#define EXPONENT(n) _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23))
#define FLOATS(n) _mm256_cvtepi32_ps(n)
#define RAISE(p, n) _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(n), 23)))
#define ABOVE(a, b, yes, no) _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ))
typedef __m256 VECTORS(vector);
typedef __m256i VECTORS(whole);
typedef __m256i VECTORS(mask);
#endif

#define vector VECTORS(vector)
#define INLINE static inline __attribute__((always_inline, unused))

#include "pointwise_activations.h"

// How many rows of pixels a product takes together, with registers for as many sums of 16 (AVX2) or up to 32 columns.
enum { VECTORS(rows) = VECTOR_LANES == 16 ? 14 : 6, VECTORS(columns) = VECTOR_LANES == 16 ? 32 : 16 };

// take_pixel copies a pixel's channels to lines that are some floats apart, each multiplied with its gate, if there are any.
TARGET static void VECTORS(take_pixel)(int64_t in, const float *from, int64_t line, const float *gates, float *to, int64_t apart) {
	for (int64_t k = 0; k < in; k += pointwise_lanes, from += line, to += apart)
		for (int v = 0; v < pointwise_lanes; v += VECTOR_LANES) {
			const int64_t left = in - k - v;
			const VECTORS(mask) mask = MASK(left < 0 ? 0 : left < VECTOR_LANES ? left : VECTOR_LANES);
			vector x = left >= VECTOR_LANES ? LOAD(from + v) : LOAD_SOME(from + v, mask);
			if (gates != NULL) x *= LOAD_SOME(gates + k + v, mask);
			STORE(to + v, x);
		}
}

// multiply multiplies rows, which are in lines of 16 numbers, with some registers of columns, and leaves the sums
// of each row next to each other. Each sum is taken in the order of the numbers, of which there are so many products.
INLINE TARGET void VECTORS(multiply)(int registers, const float *a, int64_t products, const float *w, int64_t apart, float *to) {
	enum { rows = VECTORS(rows), most = 2 };
	vector sums[rows][most];
	for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = SPREAD(0);
	for (; products > 0; products -= pointwise_lanes, a += rows * pointwise_lanes)
		for (int64_t k = 0; k < (products < pointwise_lanes ? products : pointwise_lanes); k++, w += pointwise_lanes) {
			const vector left = LOAD(w), right = registers > 1 ? LOAD(w + apart) : left;
#pragma GCC unroll 14
			for (int i = 0; i < rows; i++) {
				const vector x = SPREAD(a[i * pointwise_lanes + k]);
				sums[i][0] = FMA(x, left, sums[i][0]);
				if (registers > 1) sums[i][1] = FMA(x, right, sums[i][1]);
			}
		}
#pragma GCC unroll 14
	for (int i = 0; i < rows; i++) {
		STORE(to + i * VECTORS(columns), sums[i][0]);
		if (registers > 1) STORE(to + i * VECTORS(columns) + VECTOR_LANES, sums[i][1]);
	}
}

// finish adds bias and residual, if there is one, to 16 sums of each row, and applies the activation.
INLINE TARGET void VECTORS(finish)(enum pointwise_activation activation, const struct ends *e, const float *sums, const float *bias, int64_t residual, int64_t y) {
	for (int v = 0; v < pointwise_lanes; v += VECTOR_LANES) {
		const vector b = LOAD(bias + v);
		for (int i = 0; i < e->count; i++) {
			vector s = LOAD(sums + i * VECTORS(columns) + v) + b;
			if (e->residual[i] != NULL) s += LOAD(e->residual[i] + residual + v);
			STORE(e->y[i] + y + v, VECTORS(activate)(activation, s));
		}
	}
}

// take_window copies what a pixel's kernel sees, of any number of channels, to lines that are some floats apart: rows of so
// many floats each, of which those from a first one up to an end lie within the map. The row has room for a register more.
TARGET static void VECTORS(take_window)(const struct window *w, const float *x, float *row, float *to, int64_t apart) {
	for (int64_t r = 0; r < w->rows; r++) {
		float *at = row + r * w->width;
		const int inside = r >= w->top && r < w->bottom;
		if (!inside || w->first > 0 || w->end < w->width)
			for (int64_t k = 0; k < w->width; k += VECTOR_LANES) STORE(at + k, SPREAD(0));
		if (!inside) continue;
		const float *from = x + r * w->apart;
		for (int64_t k = w->first; k < w->end; k += VECTOR_LANES) { // which clears what follows
			const int64_t left = w->end - k;
			STORE(at + k, left >= VECTOR_LANES ? LOAD(from + k) : LOAD_SOME(from + k, MASK(left)));
		}
	}
	for (int64_t k = w->rows * w->width; k < w->all; k += VECTOR_LANES) STORE(row + k, SPREAD(0));
	for (int64_t k = 0; k < w->all; k += pointwise_lanes, to += apart)
		for (int v = 0; v < pointwise_lanes; v += VECTOR_LANES) STORE(to + v, LOAD(row + k + v));
}

TARGET static void VECTORS(multiply_rows)(const float *a, int64_t products, const float *w, int64_t panels, float *to) {
	const int64_t panel = (products + pointwise_lanes - 1) / pointwise_lanes * pointwise_lanes * pointwise_lanes;
	if (VECTOR_LANES == 8) VECTORS(multiply)(2, a, products, w, VECTOR_LANES, to);
	else if (panels == 2) VECTORS(multiply)(2, a, products, w, panel, to);
	else VECTORS(multiply)(1, a, products, w, 0, to);
}

TARGET static void VECTORS(finish_rows)(enum pointwise_activation activation, const struct ends *e, const float *sums, const float *bias, int64_t residual, int64_t y) {
	switch (activation) { // once for all rows, not for each number
	case pointwise_linear: VECTORS(finish)(pointwise_linear, e, sums, bias, residual, y); break;
	case pointwise_relu: VECTORS(finish)(pointwise_relu, e, sums, bias, residual, y); break;
	case pointwise_relu6: VECTORS(finish)(pointwise_relu6, e, sums, bias, residual, y); break;
	case pointwise_hard_swish: VECTORS(finish)(pointwise_hard_swish, e, sums, bias, residual, y); break;
	case pointwise_swish: VECTORS(finish)(pointwise_swish, e, sums, bias, residual, y); break;
	case pointwise_gelu: VECTORS(finish)(pointwise_gelu, e, sums, bias, residual, y); break;
	default: VECTORS(finish)(activation, e, sums, bias, residual, y);
	}
}

#include "pointwise_depthwise.h"

// weigh is vector_convolve: four lines of output channels at a time, so that sums need not wait for each other.
TARGET static void VECTORS(weigh)(enum pointwise_activation activation, int64_t in, int64_t out, const float *x, const float *packed, const float *bias, float *y) {
	enum { together = 4, registers = pointwise_lanes / VECTOR_LANES };
	const int64_t panel = (in + pointwise_lanes - 1) / pointwise_lanes * pointwise_lanes * pointwise_lanes;
	for (int64_t o = 0; o < out; o += together * pointwise_lanes) {
		const int64_t panels = (out - o + pointwise_lanes - 1) / pointwise_lanes;
		const float *w[together];
		vector sums[together][registers];
		for (int p = 0; p < together; p++) {
			w[p] = packed + (o / pointwise_lanes + (p < panels ? p : 0)) * panel; // those beyond repeat the first
			for (int v = 0; v < registers; v++) sums[p][v] = SPREAD(0);
		}
		for (int64_t k = 0; k < in; k++)
			for (int p = 0; p < together; p++)
				for (int v = 0; v < registers; v++) sums[p][v] = FMA(SPREAD(x[k]), LOAD(w[p] + k * pointwise_lanes + v * VECTOR_LANES), sums[p][v]);
		for (int p = 0; p < together && p < panels; p++)
			for (int v = 0; v < registers; v++) {
				const int64_t at = o + p * pointwise_lanes + v * VECTOR_LANES, left = out - at;
				const vector b = LOAD_SOME(bias + at, MASK(left < 0 ? 0 : left < VECTOR_LANES ? left : VECTOR_LANES));
				STORE(y + at, VECTORS(activate)(activation, sums[p][v] + b));
			}
	}
}

// scale multiplies numbers with others, which repeat after some, a multiple of 16, and adds others.
TARGET static void VECTORS(scale)(int64_t count, int64_t some, const float *x, const float *scales, const float *shifts, float *y) {
	for (; count >= some; count -= some, x += some, y += some)
		for (int64_t i = 0; i < some; i += VECTOR_LANES) STORE(y + i, FMA(LOAD(x + i), LOAD(scales + i), LOAD(shifts + i)));
	for (int64_t i = 0; i < count; i++) y[i] = fmaf(x[i], scales[i], shifts[i]);
}

TARGET static void VECTORS(mean_of)(int64_t rows, int64_t pixels, int64_t channels, const float *sums, float *mean) {
	for (int64_t k = 0; k < channels; k += VECTOR_LANES) {
		const VECTORS(mask) mask = MASK(channels - k < VECTOR_LANES ? channels - k : VECTOR_LANES);
		vector all = SPREAD(0);
		for (int64_t r = 0; r < rows; r++) all += LOAD_SOME(sums + r * channels + k, mask);
		STORE_SOME(mean + k, mask, all / SPREAD((float)pixels));
	}
}

// total adds the 16 sums that some registers have.
INLINE TARGET float VECTORS(total)(const vector *sums) {
	float s[pointwise_lanes];
	for (int v = 0; v < pointwise_lanes / VECTOR_LANES; v++) STORE(s + v * VECTOR_LANES, sums[v]);
	for (int half = pointwise_lanes / 2; half > 0; half /= 2)
		for (int i = 0; i < half; i++) s[i] += s[i + half];
	return s[0];
}

// normalize_pixel is normalize_pixels of one, whose channels beyond the last whole 16 are copied to rest.
INLINE TARGET void VECTORS(normalize_pixel)(int64_t channels, const float *x, const float *scale, const float *shift, float epsilon, float *y) {
	enum { registers = pointwise_lanes / VECTOR_LANES };
	const int64_t whole = channels / pointwise_lanes * pointwise_lanes;
	const int missing = (int)(channels - whole);
	float rest[pointwise_lanes] = {0};
	vector sums[registers], squares[registers];
	if (missing > 0) memcpy(rest, x + whole, (size_t)missing * sizeof *rest);
	for (int v = 0; v < registers; v++) {
		sums[v] = LOAD(rest + v * VECTOR_LANES);
		squares[v] = SPREAD(0);
	}
	for (int64_t k = 0; k < whole; k += pointwise_lanes)
		for (int v = 0; v < registers; v++) sums[v] += LOAD(x + k + v * VECTOR_LANES);
	const float mean = VECTORS(total)(sums) / (float)channels;
	for (int i = missing; i < pointwise_lanes; i++) rest[i] = mean;
	for (int64_t k = 0; k < whole + (missing > 0 ? pointwise_lanes : 0); k += pointwise_lanes)
		for (int v = 0; v < registers; v++) {
			const vector off = LOAD((k < whole ? x + k : rest) + v * VECTOR_LANES) - SPREAD(mean);
			squares[v] = FMA(off, off, squares[v]);
		}
	const float by = 1 / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(VECTORS(total)(squares) / (float)channels + epsilon)));
	for (int64_t k = 0; k < whole; k += VECTOR_LANES) STORE(y + k, FMA((LOAD(x + k) - SPREAD(mean)) * SPREAD(by), LOAD(scale + k), LOAD(shift + k)));
	for (int i = 0; i < missing; i++) y[whole + i] = fmaf((rest[i] - mean) * by, scale[whole + i], shift[whole + i]);
}

TARGET static void VECTORS(normalize_pixels)(int64_t pixels, int64_t channels, const float *x, const float *scale, const float *shift, float epsilon, float *y) {
	for (; pixels > 0; pixels--, x += channels, y += channels) VECTORS(normalize_pixel)(channels, x, scale, shift, epsilon, y);
}

#undef TARGET
#undef FMA
#undef SPREAD
#undef LOAD
#undef STORE
#undef MASK
#undef LOAD_SOME
#undef STORE_SOME
#undef LARGER
#undef SMALLER
#undef WHOLE
#undef EXPONENT
#undef FLOATS
#undef RAISE
#undef ABOVE
#undef vector
#undef INLINE
#undef VECTORS
#undef VECTOR_LANES
