// Layers of few input channels, without transformations: three pixels next to each other in each of
// three rows are one row of a product.

#ifndef FOVEA_CONVOLUTION_WIDE_DIRECT_H_
#define FOVEA_CONVOLUTION_WIDE_DIRECT_H_

#include <string.h>

#include "wide_vectors.h"

// A map of few channels may be narrower than the pixels that are computed together; then its rows
// are copied to where more can be read. Rows that will be pooled are kept, two of up to two panels.
static size_t copied_row(const struct wide_convolution *c) { return (size_t)(rows + wide_border) * (size_t)c->in; }
static size_t result_row(const struct wide_convolution *c) { return (size_t)c->width * lanes; }

static size_t direct_floats(const struct wide_convolution *c) { return 3 * copied_row(c) + 4 * result_row(c); }

// direct is the kernel and bias of two registers of output channels: of two panels, of one, which is then there
// twice, or of a panel's halves. apart is the distance of their results.
struct direct {
	const float *kernel[2];
	vector bias[2];
	int width;
	int64_t apart;
};

// direct_pixels computes as many pixels as rows, whose first is at x, and writes n of them.
INLINE WIDE void direct_pixels(int in, int rectify, const struct direct *d, const float *x, int64_t row, float *y, int64_t n) {
	reals sums[rows][2];
	for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = OP(setzero_ps)();
	for (int r = 0; r < 3; r++)
#pragma GCC unroll 1
		for (int k = 0; k < 3 * in; k++) {
			// Neighbours read some of the same numbers: kept in registers, they would drive out the sums.
			__asm__ volatile("" ::: "memory");
			const reals left = (reals)load(d->kernel[0] + (r * 3 * in + k) * lanes), right = (reals)load(d->kernel[1] + (r * 3 * in + k) * lanes);
#pragma GCC unroll 12
			for (int i = 0; i < rows; i++) {
				const reals pixel = OP(set1_ps)(x[r * row + i * in + k]);
				sums[i][0] = OP(fmadd_ps)(pixel, left, sums[i][0]);
				sums[i][1] = OP(fmadd_ps)(pixel, right, sums[i][1]);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < rows; i++) {
		if (i >= n) break;
		const vector a = (vector)sums[i][0] + d->bias[0], b = (vector)sums[i][1] + d->bias[1];
		*(vector *)(y + i * lanes) = rectify ? rectified(a) : a;
		if (d->width > 1) *(vector *)(y + d->apart + i * lanes) = rectify ? rectified(b) : b;
	}
}

// direct_row computes a row of pixels from three rows of a map. The last pixels are computed together
// with some before them.
INLINE WIDE void direct_row(int in, int rectify, const struct direct *d, const float *x, int64_t row, int64_t width, float *y) {
	for (int64_t j = 0; j < width; j += rows) {
		const int64_t first = width < rows ? 0 : j + rows <= width ? j : width - rows;
		direct_pixels(in, rectify, d, x + first * in, row, y + first * lanes, width < rows ? width : rows);
	}
}

#define DIRECT(in)                                                                                     \
	case in:                                                                                       \
		if (c->rectify) direct_row(in, 1, d, x, row, c->width, y);                             \
		else direct_row(in, 0, d, x, row, c->width, y);                                        \
		break
WIDE static void compute_row(const struct wide_convolution *c, const struct direct *d, const float *x, float *y, float *copies) {
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
	for (int64_t j = 0; j < width / 2; j++, upper += 2 * lanes, y += lanes)
		for (const float *u = upper, *l = upper + row; u < upper + lanes; u += floats, l += floats) {
			const vector s[] = {*(const vector *)u, *(const vector *)(u + lanes), *(const vector *)l, *(const vector *)(l + lanes)};
			*(vector *)(y + (u - upper)) = larger(larger(s[0], s[1]), larger(s[2], s[3]));
		}
}

// two_registers are those of some panels, whose results are a plane apart.
WIDE static struct direct two_registers(int64_t in, int panels, const float *kernel, const float *bias, int64_t plane) {
	const int64_t panel = taps * in * lanes;
	if (registers > 1) return (struct direct){{kernel, kernel + floats}, {*(const vector *)bias, *(const vector *)(bias + floats)}, 2, floats};
	if (panels > 1) return (struct direct){{kernel, kernel + panel}, {*(const vector *)bias, *(const vector *)(bias + lanes)}, 2, plane};
	return (struct direct){{kernel, kernel}, {*(const vector *)bias, *(const vector *)bias}, 1, 0};
}

WIDE static void convolve_directly(const struct wide_convolution *c, int64_t first, int64_t last, const float *x, const float *kernel, const float *bias, float *y, float *work) {
	const int64_t together = c->pool ? 2 : 1, row = (c->width + wide_border) * c->in, panel = taps * c->in * lanes;
	const int64_t to_row = (c->width / together + wide_border) * lanes, plane = (c->height / together + wide_border) * to_row, kept = (int64_t)result_row(c);
	float *results = work + 3 * copied_row(c);
	memset(work, 0, 3 * copied_row(c) * sizeof *work);
	for (int64_t picture = 0; picture < c->pictures; picture++)
		for (int64_t top = first; top + together <= last; top += together)
			for (int64_t o = 0; o < c->out; o += product_panels * lanes) {
				const int panels = c->out - o < product_panels * lanes ? 1 : product_panels;
				const struct direct d = two_registers(c->in, panels, kernel + o / lanes * panel, bias + o, c->pool ? kept : plane);
				const float *from = x + (picture * (c->height + wide_border) + top) * row;
				float *to = y + (picture * planes_of(c->out) + o / lanes) * plane + (top / together + 1) * to_row + lanes;
				if (!c->pool) {
					compute_row(c, &d, from, to, work);
					continue;
				}
				for (int64_t r = 0; r < 2; r++) compute_row(c, &d, from + r * row, results + r * panels * kept, work);
				for (int k = 0; k < panels; k++) pool_row(c->width, results + k * kept, panels * kept, to + k * plane);
			}
}

#endif
