// Products at one of the 36 points.

#include <immintrin.h>

#include "wide_parts.h"

// ahead is what a product fetches for those after it: a line at each step of so many bytes.
struct ahead {
	const char *at;
	int64_t pace;
};

// float_rows multiplies r rows of pixels with one or two panels of 16 columns. A row's numbers are in
// some parts of 16 and a rest, which are a part's distance apart. The sums are those of
// winograd_convolve, in the same order.
INLINE WIDE void float_rows(int r, int panels, const char *v, int64_t parts, int64_t rest, int64_t part, const char *u, int64_t panel, char *m, int64_t matrix,
                            struct ahead ahead) {
	__m512 sums[rows][2];
	for (int i = 0; i < r; i++) sums[i][0] = sums[i][1] = _mm512_setzero_ps();
	for (int64_t p = 0; p <= parts; p++, v += part)
		for (int64_t k = 0; k < (p < parts ? lanes : rest); k++, u += line, ahead.at += ahead.pace) {
			const __m512 left = _mm512_loadu_ps(u), right = panels > 1 ? _mm512_loadu_ps(u + panel) : left;
			_mm_prefetch(ahead.at, _MM_HINT_T1);
#pragma GCC unroll 12
			for (int i = 0; i < r; i++) {
				const __m512 x = _mm512_set1_ps(*(const float *)(v + i * line + k * 4));
				sums[i][0] = _mm512_fmadd_ps(x, left, sums[i][0]);
				if (panels > 1) sums[i][1] = _mm512_fmadd_ps(x, right, sums[i][1]);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < r; i++) {
		_mm512_storeu_ps(m + i * line, sums[i][0]);
		if (panels > 1) _mm512_storeu_ps(m + matrix + i * line, sums[i][1]);
	}
}

// add_products adds products of two whole numbers each. Not the intrinsic: with it, gcc 12 keeps the
// sums in memory.
INLINE VNNI __m512i add_products(__m512i sums, __m512i x, __m512i y) {
	__asm__("vpdpwssd %2, %1, %0" : "+v"(sums) : "v"(x), "v"(y));
	return sums;
}

// whole_rows is float_rows of whole numbers, and scales what comes out.
INLINE VNNI void whole_rows(int r, int panels, const char *v, int64_t parts, int64_t part, const char *u, int64_t panel, char *m, int64_t matrix,
                            const float *columns, const float *tiles, struct ahead ahead) {
	__m512i sums[rows][2];
	for (int i = 0; i < r; i++) sums[i][0] = sums[i][1] = _mm512_setzero_si512();
	for (int64_t p = 0; p < parts; p++, v += part)
		for (int64_t k = 0; k < lanes; k++, u += line, ahead.at += ahead.pace) {
			const __m512i left = _mm512_loadu_si512(u), right = panels > 1 ? _mm512_loadu_si512(u + panel) : left;
			_mm_prefetch(ahead.at, _MM_HINT_T1);
#pragma GCC unroll 12
			for (int i = 0; i < r; i++) {
				const __m512i x = _mm512_set1_epi32(*(const int32_t *)(v + i * line + k * 4));
				sums[i][0] = add_products(sums[i][0], x, left);
				if (panels > 1) sums[i][1] = add_products(sums[i][1], x, right);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < r; i++) {
		const __m512 tile = _mm512_set1_ps(tiles[i * scales_of_tile]);
		for (int j = 0; j < panels; j++)
			_mm512_storeu_ps(m + j * matrix + i * line, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i][j]), _mm512_mul_ps(tile, _mm512_loadu_ps(columns + j * lanes))));
	}
}


// look_ahead spreads what will be needed next over the calls for a pair of panels: the next pair, and a
// share of the next point's pixels. Small layers find both in the second cache, where nothing is fetched twice.
static struct ahead look_ahead(const struct factors *f, int64_t o, int64_t group, int64_t panel, int64_t pixels) {
	const int64_t groups = (f->n + rows - 1) / rows, of_kernel = (groups + 1) / 2, of_pixels = groups - of_kernel, steps = panel / line;
	if (group < of_kernel) {
		const char *next = f->panels - o > 2 ? f->u + (o + 2) * panel : f->next;
		const int64_t pace = 2 * line / of_kernel;
		return (struct ahead){next + group * steps * pace, pace};
	}
	const int64_t pairs = (f->panels + 1) / 2, share = pixels / pairs, pace = (share / of_pixels + steps - 1) / steps;
	return (struct ahead){f->next_v + o / 2 * share + (group - of_kernel) * steps * pace, pace};
}

// CALL calls a product with a constant number of rows, for which it is compiled: the rest of a block is rarely a whole one.
#define CALL(product, panels, ...)                              \
	do {                                                    \
		if (f->n - t > 8) product(12, panels, __VA_ARGS__); \
		else if (f->n - t > 4) product(8, panels, __VA_ARGS__); \
		else product(4, panels, __VA_ARGS__);           \
	} while (0)

WIDE void wide_multiply(const struct wide_convolution *c, const struct factors *f) {
	const int64_t part = wide_block(c).tiles * line, panel = wide_panel_floats(wide_float32, c->in) * 4, parts = c->in / lanes, rest = c->in % lanes;
	for (int64_t o = 0; o < f->panels; o += 2)
		for (int64_t t = 0; t < f->n; t += rows) {
			const char *v = f->v + t * line, *u = f->u + o * panel;
			char *m = f->m + o * part + t * line;
			const struct ahead ahead = look_ahead(f, o, t / rows, panel, planes_of(c->in) * part);
			if (f->panels - o > 1) CALL(float_rows, 2, v, parts, rest, part, u, panel, m, part, ahead);
			else CALL(float_rows, 1, v, parts, rest, part, u, panel, m, part, ahead);
		}
}

VNNI void wide_multiply_whole(const struct wide_convolution *c, const struct factors *f) {
	const int64_t part = wide_block(c).tiles * line, panel = wide_panel_floats(wide_int16, c->in) * 4, parts = wide_deep(c->in);
	for (int64_t o = 0; o < f->panels; o += 2)
		for (int64_t t = 0; t < f->n; t += rows) {
			const char *v = f->v + t * line, *u = f->u + o * panel;
			const float *columns = f->columns + o * lanes, *tiles = f->tiles + t * scales_of_tile;
			char *m = f->m + o * part + t * line;
			const struct ahead ahead = look_ahead(f, o, t / rows, panel, parts * part);
			if (f->panels - o > 1) CALL(whole_rows, 2, v, parts, part, u, panel, m, part, columns, tiles, ahead);
			else CALL(whole_rows, 1, v, parts, part, u, panel, m, part, columns, tiles, ahead);
		}
}
