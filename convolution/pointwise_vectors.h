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
#define ABOVE(a, b, yes, no) _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ))
typedef __m256 VECTORS(vector);
typedef __m256i VECTORS(whole);
typedef __m256i VECTORS(mask);
#endif

#define vector VECTORS(vector)
#define INLINE static inline __attribute__((always_inline, unused))

// exponential is exp(x) for x up to 0 and some 88 above it: 2^n times a polynomial.
INLINE TARGET vector VECTORS(exponential)(vector x) {
	x = LARGER(SPREAD(-87.3f), SMALLER(SPREAD(88.3f), x)); // NaN stays
	const VECTORS(whole) n = WHOLE(x * SPREAD(1.44269504f));
	vector r = FMA(FLOATS(n), SPREAD(-0.693359375f), x);
	r = FMA(FLOATS(n), SPREAD(2.12194440e-4f), r);
	vector p = SPREAD(1.9875691500e-4f);
	p = FMA(p, r, SPREAD(1.3981999507e-3f));
	p = FMA(p, r, SPREAD(8.3334519073e-3f));
	p = FMA(p, r, SPREAD(4.1665795894e-2f));
	p = FMA(p, r, SPREAD(1.6666665459e-1f));
	p = FMA(p, r, SPREAD(5.0000001201e-1f));
	p = FMA(p, r * r, r) + SPREAD(1);
	return p * EXPONENT(n);
}

INLINE TARGET vector VECTORS(swish)(vector x) {
	const vector e = VECTORS(exponential)(-x);
	return x / (SPREAD(1) + ABOVE(-x, SPREAD(88.3f), SPREAD(INFINITY), e));
}

// error_function is erf(x): an odd polynomial by an even one, as in Eigen, and 1 from 4 on.
INLINE TARGET vector VECTORS(error_function)(vector x) {
	const vector y = LARGER(SPREAD(-4), SMALLER(SPREAD(4), x)), z = y * y; // NaN stays
	vector p = SPREAD(-2.72614225801306e-10f);
	p = FMA(p, z, SPREAD(2.77068142495902e-08f));
	p = FMA(p, z, SPREAD(-2.10102402082508e-06f));
	p = FMA(p, z, SPREAD(-5.69250639462346e-05f));
	p = FMA(p, z, SPREAD(-7.34990630326855e-04f));
	p = FMA(p, z, SPREAD(-2.95459980854025e-03f));
	p = FMA(p, z, SPREAD(-1.60960333262415e-02f));
	vector q = SPREAD(-1.45660718464996e-05f);
	q = FMA(q, z, SPREAD(-2.13374055278905e-04f));
	q = FMA(q, z, SPREAD(-1.68282697438203e-03f));
	q = FMA(q, z, SPREAD(-7.37332916720468e-03f));
	q = FMA(q, z, SPREAD(-1.42647390514189e-02f));
	return ABOVE(x, SPREAD(4), SPREAD(1), ABOVE(-x, SPREAD(4), SPREAD(-1), p * y / q));
}

INLINE TARGET vector VECTORS(gelu)(vector x) {
	const vector half = x * SPREAD(0.5f);
	return half * (SPREAD(1) + VECTORS(error_function)(x * SPREAD(0.707106781f)));
}

INLINE TARGET vector VECTORS(activate)(enum pointwise_activation activation, vector x) {
	switch (activation) {
	case pointwise_relu: return LARGER(SPREAD(0), x);
	case pointwise_relu6: return LARGER(SPREAD(0), SMALLER(SPREAD(6), x));
	case pointwise_swish: return VECTORS(swish)(x);
	case pointwise_gelu: return VECTORS(gelu)(x);
	default: return x;
	}
}

// How many rows of pixels a product takes together, with registers for as many sums of 16 (AVX2) or up to 32 columns.
enum { VECTORS(rows) = VECTOR_LANES == 16 ? 14 : 6, VECTORS(columns) = VECTOR_LANES == 16 ? 32 : 16 };

// multiply multiplies rows, which are in lines of 16 numbers, with some registers of columns, and leaves the sums
// of each row next to each other. Each sum is taken in the order of the numbers.
INLINE TARGET void VECTORS(multiply)(int registers, const float *a, int64_t lines, const float *w, int64_t apart, float *to) {
	enum { rows = VECTORS(rows), most = 2 };
	vector sums[rows][most];
	for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = SPREAD(0);
	for (int64_t l = 0; l < lines; l++, a += rows * pointwise_lanes)
		for (int k = 0; k < pointwise_lanes; k++, w += pointwise_lanes) {
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

TARGET static void VECTORS(multiply_rows)(const float *a, int64_t lines, const float *w, int64_t panels, float *to) {
	const int64_t panel = lines * pointwise_lanes * pointwise_lanes;
	if (VECTOR_LANES == 8) VECTORS(multiply)(2, a, lines, w, VECTOR_LANES, to);
	else if (panels == 2) VECTORS(multiply)(2, a, lines, w, panel, to);
	else VECTORS(multiply)(1, a, lines, w, 0, to);
}

TARGET static void VECTORS(finish_rows)(enum pointwise_activation activation, const struct ends *e, const float *sums, const float *bias, int64_t residual, int64_t y) {
	switch (activation) { // once for all rows, not for each number
	case pointwise_linear: VECTORS(finish)(pointwise_linear, e, sums, bias, residual, y); break;
	case pointwise_relu: VECTORS(finish)(pointwise_relu, e, sums, bias, residual, y); break;
	case pointwise_swish: VECTORS(finish)(pointwise_swish, e, sums, bias, residual, y); break;
	case pointwise_gelu: VECTORS(finish)(pointwise_gelu, e, sums, bias, residual, y); break;
	default: VECTORS(finish)(activation, e, sums, bias, residual, y);
	}
}

// span computes a depthwise convolution for some neighbouring pixels, of one register of channels (n if some are
// missing): x is where the kernel's points from row top to bottom and from column left to right begin.
INLINE TARGET void VECTORS(span)(const struct pointwise_convolution *c, int pixels, int n, struct part part, const float *x, const float *kernel, const float *bias, float *y) {
	const VECTORS(mask) mask = MASK(n);
	const int some = n < VECTOR_LANES;
	vector sums[span_pixels];
	for (int t = 0; t < pixels; t++) sums[t] = SPREAD(0);
	for (int64_t r = part.top; r < part.bottom; r++)
		for (int64_t q = part.left; q < part.right; q++) {
			const float *w = kernel + (r * c->kernel_width + q) * c->in, *from = x + ((r - part.top) * c->width + q - part.left) * c->in;
			const vector weight = some ? LOAD_SOME(w, mask) : LOAD(w);
#pragma GCC unroll 8
			for (int t = 0; t < pixels; t++, from += c->across * c->in) sums[t] = FMA(some ? LOAD_SOME(from, mask) : LOAD(from), weight, sums[t]);
		}
	const vector b = some ? LOAD_SOME(bias, mask) : LOAD(bias);
	for (int t = 0; t < pixels; t++) {
		const vector s = VECTORS(activate)(c->activation, sums[t] + b);
		if (some) STORE_SOME(y + t * c->in, mask, s);
		else STORE(y + t * c->in, s);
	}
}

TARGET static void VECTORS(spans)(const struct pointwise_convolution *c, int pixels, int64_t n, struct part part, const float *x, const float *kernel, const float *bias, float *y) {
	for (int64_t k = 0; k < n; k += VECTOR_LANES) {
		const int here = n - k < VECTOR_LANES ? (int)(n - k) : VECTOR_LANES;
		if (here < VECTOR_LANES) {
			for (int t = 0; t < pixels; t++) VECTORS(span)(c, 1, here, part, x + k + t * c->across * c->in, kernel + k, bias + k, y + k + t * c->in);
		} else if (pixels == span_pixels) VECTORS(span)(c, span_pixels, VECTOR_LANES, part, x + k, kernel + k, bias + k, y + k);
		else
			for (int t = 0; t < pixels; t++) VECTORS(span)(c, 1, VECTOR_LANES, part, x + k + t * c->across * c->in, kernel + k, bias + k, y + k + t * c->in);
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
#undef ABOVE
#undef vector
#undef INLINE
#undef VECTORS
#undef VECTOR_LANES
