// The transformation of tiles in float32, and that of products back to pixels.

#ifndef FOVEA_CONVOLUTION_WIDE_TRANSFORM_H_
#define FOVEA_CONVOLUTION_WIDE_TRANSFORM_H_

#include "wide_tile.h"

WIDE static void transform(const struct wide_convolution *c, const float *x, const struct place *places, int64_t n, char *v) {
	const size_t matrix = wide_in_matrix(c);
	const int64_t tiles = wide_block(c).tiles;
	float copy[side * side * lanes];
	for (int64_t plane = 0; plane < planes_of(c->in); plane++)
		for (int64_t t = 0; t < n; t++) {
			const struct seen s = see(c, x, places[t], plane, copy);
			fetch_tile(c, x, places[t + tiles_ahead], plane);
			transform_tile(winograd_standard, s.x, s.row, v + (plane * tiles + t) * line, matrix);
		}
}

// The transformation A.
INLINE WIDE void transform_out(enum winograd_numbers numbers, const vector m[side], vector s[step]) {
	const vector a = m[1] + m[2], b = m[1] - m[2], e = m[3] + m[4], f = m[3] - m[4];
	s[0] = m[0] + a + e;
	if (numbers == winograd_standard) {
		s[1] = b + 2 * f;
		s[2] = a + 4 * e;
		s[3] = b + 8 * f + m[5];
		return;
	}
	s[1] = 2.f / 3 * b + 3.f / 2 * f;
	s[2] = 4.f / 9 * a + 9.f / 4 * e;
	s[3] = 8.f / 27 * b + 27.f / 8 * f + m[5];
}

// put writes 4x4 pixels, less at the right and lower border, or the maxima of 2x2 of them.
INLINE WIDE void put(int pool, float *y, int64_t row, int64_t height, int64_t width, vector s[step][step]) {
	UNROLLED(int r = 0; r < step; r += pool ? 2 : 1)
		UNROLLED(int q = 0; q < step; q += pool ? 2 : 1) {
			if (r + pool >= height || q + pool >= width) continue;
			if (pool) *(vector *)(y + r / 2 * row + q / 2 * lanes) = larger(larger(s[r][q], s[r][q + 1]), larger(s[r + 1][q], s[r + 1][q + 1]));
			else *(vector *)(y + r * row + q * lanes) = s[r][q];
		}
}

// fetch_results asks for where 4x4 pixels will be written.
INLINE WIDE void fetch_results(const float *y, int64_t row) {
	const float *lower = y + step / 2 * row;
	AS_IT_IS(y);
	AS_IT_IS(lower);
	UNROLLED(int q = 0; q < step; q++)
		UNROLLED(int r = 0; r < step / 2; r++) {
			_mm_prefetch((const char *)(y + r * row + q * lanes), _MM_HINT_T1);
			_mm_prefetch((const char *)(lower + r * row + q * lanes), _MM_HINT_T1);
		}
}

// result is where the first channels of a plane go that come of a tile.
INLINE WIDE float *result(const struct wide_convolution *c, int pool, float *y, struct place p, int64_t panel) {
	const int64_t shrink = pool ? 2 : 1, row = (c->width / shrink + wide_border) * lanes, plane = (c->height / shrink + wide_border) * row;
	return y + (p.picture * planes_of(c->out) + panel) * plane + (p.top / shrink + 1) * row + (p.left / shrink + 1) * lanes;
}

// finish_tiles transforms the products of n tiles and some output channels back, adds the bias, rectifies, and pools.
INLINE WIDE void finish_tiles(enum winograd_numbers numbers, int rectify, int pool, const struct wide_convolution *c, const char *m, const struct place *places, int64_t n, int64_t first,
                        int64_t count, const float *bias, float *y) {
	const size_t matrix = wide_out_matrix(c);
	const int64_t tiles = wide_block(c).tiles, row = ((pool ? c->width / 2 : c->width) + wide_border) * lanes;
	for (int64_t o = first; o < first + count; o += floats) {
		const vector b = *(const vector *)(bias + o);
		const int64_t panel = o / lanes, part = o % lanes; // a panel may have more than one register
		for (int64_t t = 0; t < n; t++) {
			const struct place p = places[t];
			const char *from = m + ((panel - first / lanes) * tiles + t) * line + part * 4;
			// Fewer are written after pooling.
			if (!pool && part == 0) fetch_results(result(c, pool, y, places[t + tiles_ahead], panel), row);
			vector half[side][step], s[step][step];
			UNROLLED(int r = 0; r < side; r++) {
				vector d[side];
				UNROLLED(int q = 0; q < side; q++) d[q] = *(const vector *)(from + (size_t)(r * side + q) * matrix);
				transform_out(numbers, d, half[r]);
			}
			UNROLLED(int q = 0; q < step; q++) {
				vector d[side], results[step];
				UNROLLED(int r = 0; r < side; r++) d[r] = half[r][q];
				transform_out(numbers, d, results);
				UNROLLED(int r = 0; r < step; r++) s[r][q] = rectify ? rectified(results[r] + b) : results[r] + b;
			}
			float *to = result(c, pool, y, p, panel) + part;
			if (c->height - p.top >= step && c->width - p.left >= step) put(pool, to, row, step, step, s);
			else put(pool, to, row, c->height - p.top, c->width - p.left, s);
		}
	}
}

// FINISH defines a function for one case of finish_tiles, which the compiler unrolls only if it stands alone.
#define FINISH(name, numbers, rectify, pool)                                                                                                              \
	__attribute__((noinline)) WIDE static void name(const struct wide_convolution *c, const char *m, const struct place *places, int64_t n, int64_t first, \
	                                                int64_t count, const float *bias, float *y) {                                                       \
		finish_tiles(numbers, rectify, pool, c, m, places, n, first, count, bias, y);                                                             \
	}
FINISH(finish_floats, winograd_standard, c->rectify, 0)
FINISH(pool_floats, winograd_standard, 1, 1)
FINISH(finish_whole, winograd_balanced, c->rectify, 0)
FINISH(pool_whole, winograd_balanced, 1, 1)

static void finish(const struct wide_convolution *c, const char *m, const struct place *places, int64_t n, int64_t first, int64_t count, const float *bias, float *y) {
	if (c->arithmetic == wide_int16) (c->pool ? pool_whole : finish_whole)(c, m, places, n, first, count, bias, y);
	else (c->pool ? pool_floats : finish_floats)(c, m, places, n, first, count, bias, y);
}

#endif
