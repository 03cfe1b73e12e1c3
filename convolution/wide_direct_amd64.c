// Layers of few input channels, without transformations: three pixels next to each other in each of
// three rows are one row of a product.

#include <string.h>

#include "wide_rectify.h"

// A map of few channels may be narrower than the pixels that are computed together; then its rows
// are copied to where more can be read. Rows that will be pooled are kept, two of two panels.
static size_t copied_row(const struct wide_convolution *c) { return (size_t)(rows + wide_border) * (size_t)c->in; }
static size_t result_row(const struct wide_convolution *c) { return (size_t)c->width * lanes; }

size_t wide_direct_floats(const struct wide_convolution *c) { return 3 * copied_row(c) + 4 * result_row(c); }

// direct is the kernel and bias of two panels, or of one, which is then there twice.
struct direct {
	const float *kernel[2];
	vector bias[2];
	int panels;
};

// direct_pixels computes 12 pixels, whose first is at x, and writes n of them. The sums are those of
// winograd_convolve, in the same order.
INLINE WIDE void direct_pixels(int in, int rectify, const struct direct *d, const float *x, int64_t row, float *y, int64_t plane, int64_t n) {
	__m512 sums[rows][2];
	for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = _mm512_setzero_ps();
	for (int r = 0; r < 3; r++)
#pragma GCC unroll 1
		for (int k = 0; k < 3 * in; k++) {
			// Neighbours read some of the same numbers: kept in registers, they would drive out the sums.
			__asm__ volatile("" ::: "memory");
			const __m512 left = _mm512_loadu_ps(d->kernel[0] + (r * 3 * in + k) * lanes), right = _mm512_loadu_ps(d->kernel[1] + (r * 3 * in + k) * lanes);
#pragma GCC unroll 12
			for (int i = 0; i < rows; i++) {
				const __m512 pixel = _mm512_set1_ps(x[r * row + i * in + k]);
				sums[i][0] = _mm512_fmadd_ps(pixel, left, sums[i][0]);
				sums[i][1] = _mm512_fmadd_ps(pixel, right, sums[i][1]);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < rows; i++) {
		if (i >= n) break;
		const vector a = (vector)sums[i][0] + d->bias[0], b = (vector)sums[i][1] + d->bias[1];
		*(vector *)(y + i * lanes) = rectify ? rectified(a) : a;
		if (d->panels > 1) *(vector *)(y + plane + i * lanes) = rectify ? rectified(b) : b;
	}
}

// direct_row computes a row of pixels from three rows of a map. The last pixels are computed together
// with some before them.
INLINE WIDE void direct_row(int in, int rectify, const struct direct *d, const float *x, int64_t row, int64_t width, float *y, int64_t plane) {
	for (int64_t j = 0; j < width; j += rows) {
		const int64_t first = width < rows ? 0 : j + rows <= width ? j : width - rows;
		direct_pixels(in, rectify, d, x + first * in, row, y + first * lanes, plane, width < rows ? width : rows);
	}
}

#define DIRECT(in)                                                                                     \
	case in:                                                                                       \
		if (c->rectify) direct_row(in, 1, d, x, row, c->width, y, plane);                      \
		else direct_row(in, 0, d, x, row, c->width, y, plane);                                 \
		break
WIDE static void compute_row(const struct wide_convolution *c, const struct direct *d, const float *x, float *y, int64_t plane, float *copies) {
	int64_t row = (c->width + wide_border) * c->in;
	if (c->width < rows) {
		for (int r = 0; r < 3; r++) memcpy(copies + (size_t)r * copied_row(c), x + r * row, (size_t)row * sizeof *x);
		x = copies;
		row = (int64_t)copied_row(c);
	}
	switch (c->in) {
		DIRECT(1);
		DIRECT(2);
		DIRECT(3);
		DIRECT(4);
	}
}

// pool_row writes the maxima of 2x2 pixels of two rows, a distance apart.
WIDE static void pool_row(int64_t width, const float *upper, int64_t row, float *y) {
	for (int64_t j = 0; j < width / 2; j++, upper += 2 * lanes, y += lanes) {
		const float *lower = upper + row;
		const vector s[] = {*(const vector *)upper, *(const vector *)(upper + lanes), *(const vector *)lower, *(const vector *)(lower + lanes)};
		*(vector *)y = larger(larger(s[0], s[1]), larger(s[2], s[3]));
	}
}

// compute_rows computes one row of results of some panels, or two rows and their maxima.
WIDE static void compute_rows(const struct wide_convolution *c, const struct direct *d, const float *x, float *y, int64_t plane, float *work) {
	float *results = work + 3 * copied_row(c);
	const int64_t row = (c->width + wide_border) * c->in, kept = (int64_t)result_row(c);
	if (!c->pool) {
		compute_row(c, d, x, y, plane, work);
		return;
	}
	for (int64_t r = 0; r < 2; r++) compute_row(c, d, x + r * row, results + r * 2 * kept, kept, work);
	for (int k = 0; k < d->panels; k++) pool_row(c->width, results + k * kept, 2 * kept, y + k * plane);
}

WIDE void wide_convolve_directly(const struct wide_convolution *c, const float *x, const float *kernel, const float *bias, float *y, float *work) {
	const int64_t at_once = c->pool ? 2 : 1, row = (c->width + wide_border) * c->in, panel = taps * c->in * lanes;
	const int64_t to_row = (c->width / at_once + wide_border) * lanes, plane = (c->height / at_once + wide_border) * to_row;
	memset(work, 0, 3 * copied_row(c) * sizeof *work);
	for (int64_t picture = 0; picture < c->pictures; picture++)
		for (int64_t top = 0; top + at_once <= c->height; top += at_once)
			for (int64_t o = 0; o < c->out; o += 2 * lanes) {
				const int two = c->out - o > lanes;
				const float *k = kernel + o / lanes * panel, *b = bias + o;
				const struct direct d = {{k, two ? k + panel : k}, {*(const vector *)b, *(const vector *)(two ? b + lanes : b)}, two + 1};
				float *to = y + (picture * planes_of(c->out) + o / lanes) * plane + (top / at_once + 1) * to_row + lanes;
				compute_rows(c, &d, x + (picture * (c->height + wide_border) + top) * row, to, plane, work);
			}
}
