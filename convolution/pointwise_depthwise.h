// Depthwise convolutions, for registers as pointwise_vectors.h defines them, which includes this twice.

// span computes a depthwise convolution for some neighbouring pixels, of some registers of channels (n of the only one if
// some are missing): x is where the kernel's points from row top to bottom and from column left to right begin. The pixels
// are added to the sums of their row, if there are any.
INLINE TARGET void VECTORS(span)(enum pointwise_activation activation, const struct pointwise_convolution *c, int pixels, int registers, int n, struct part part,
                                 const float *x, const float *kernel, const float *bias, float *y, float *row) {
	const VECTORS(mask) mask = MASK(n);
	const int some = n < VECTOR_LANES;
	vector sums[span_pixels];
	for (int t = 0; t < pixels * registers; t++) sums[t] = SPREAD(0);
	for (int64_t r = part.top; r < part.bottom; r++)
		for (int64_t q = part.left; q < part.right; q++) {
			const float *w = kernel + (r * c->kernel_width + q) * c->in, *from = x + ((r - part.top) * c->width + q - part.left) * c->in;
#pragma GCC unroll 8
			for (int v = 0; v < registers; v++) {
				const vector weight = some ? LOAD_SOME(w, mask) : LOAD(w + v * VECTOR_LANES);
				const float *at = from + v * VECTOR_LANES;
#pragma GCC unroll 8
				for (int t = 0; t < pixels; t++, at += c->across * c->in) sums[t * registers + v] = FMA(some ? LOAD_SOME(at, mask) : LOAD(at), weight, sums[t * registers + v]);
			}
		}
#pragma GCC unroll 8
	for (int v = 0; v < registers; v++) {
		const int64_t k = v * VECTOR_LANES;
		const vector b = some ? LOAD_SOME(bias, mask) : LOAD(bias + k);
		vector all = row == NULL ? SPREAD(0) : some ? LOAD_SOME(row, mask) : LOAD(row + k);
#pragma GCC unroll 8
		for (int t = 0; t < pixels; t++) {
			const vector s = VECTORS(activate)(activation, sums[t * registers + v] + b);
			all += s;
			if (some) STORE_SOME(y + t * c->in, mask, s);
			else STORE(y + t * c->in + k, s);
		}
		if (row == NULL) continue;
		if (some) STORE_SOME(row, mask, all);
		else STORE(row + k, all);
	}
}

// spans computes n channels of some pixels, which are span_pixels, or one: that has several registers of channels in work,
// so that sums need not wait for each other.
INLINE TARGET void VECTORS(spans_of)(enum pointwise_activation activation, const struct pointwise_convolution *c, int pixels, int64_t n, struct part part,
                                     const float *x, const float *kernel, const float *bias, float *y, float *row) {
	int64_t k = 0;
#define SPAN(pixels, registers, n) VECTORS(span)(activation, c, pixels, registers, n, part, x + k, kernel + k, bias + k, y + k, row == NULL ? NULL : row + k)
	if (pixels == span_pixels) {
		for (; k + VECTOR_LANES <= n; k += VECTOR_LANES) SPAN(span_pixels, 1, VECTOR_LANES);
		if (k < n) SPAN(span_pixels, 1, (int)(n - k));
		return;
	}
	for (; k + 8 * VECTOR_LANES <= n; k += 8 * VECTOR_LANES) SPAN(1, 8, VECTOR_LANES);
	for (; k + 4 * VECTOR_LANES <= n; k += 4 * VECTOR_LANES) SPAN(1, 4, VECTOR_LANES);
	for (; k + 2 * VECTOR_LANES <= n; k += 2 * VECTOR_LANES) SPAN(1, 2, VECTOR_LANES);
	for (; k + VECTOR_LANES <= n; k += VECTOR_LANES) SPAN(1, 1, VECTOR_LANES);
	if (k < n) SPAN(1, 1, (int)(n - k));
#undef SPAN
}

TARGET static void VECTORS(spans)(const struct pointwise_convolution *c, int pixels, int64_t n, struct part part, const float *x, const float *kernel, const float *bias, float *y, float *row) {
	switch (c->activation) {
	case pointwise_linear: VECTORS(spans_of)(pointwise_linear, c, pixels, n, part, x, kernel, bias, y, row); break;
	case pointwise_swish: VECTORS(spans_of)(pointwise_swish, c, pixels, n, part, x, kernel, bias, y, row); break;
	default: VECTORS(spans_of)(c->activation, c, pixels, n, part, x, kernel, bias, y, row);
	}
}
