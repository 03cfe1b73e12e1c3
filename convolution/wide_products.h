// Products at one of the 36 points.

#ifndef FOVEA_CONVOLUTION_WIDE_PRODUCTS_H_
#define FOVEA_CONVOLUTION_WIDE_PRODUCTS_H_

#include "wide_vectors.h"

// ahead is what a product fetches for those after it: a line at each step of so many bytes.
struct ahead {
	const char *at;
	int64_t pace;
};

// A product takes r rows of pixels and one or two registers of columns, which are a distance apart:
// those of two panels of 16, or the halves of one.
struct columns {
	const char *u;
	int64_t apart;
};

// results are where a product goes.
struct results {
	char *m;
	int64_t apart;
};

// float_rows multiplies numbers in some parts of 16 and a rest, which are a part's distance apart.
INLINE WIDE void float_rows(int r, int width, const char *v, int64_t parts, int64_t rest, int64_t part, struct columns from, struct results to, struct ahead ahead) {
	reals sums[rows][2];
	for (int i = 0; i < r; i++) sums[i][0] = sums[i][1] = OP(setzero_ps)();
	for (int64_t p = 0; p <= parts; p++, v += part)
		for (int64_t k = 0; k < (p < parts ? lanes : rest); k++, from.u += line, ahead.at += ahead.pace) {
			const reals left = (reals)load(from.u), right = width > 1 ? (reals)load(from.u + from.apart) : left;
			_mm_prefetch(ahead.at, _MM_HINT_T1);
#pragma GCC unroll 12
			for (int i = 0; i < r; i++) {
				const reals x = OP(set1_ps)(*(const float *)(v + i * line + k * 4));
				sums[i][0] = OP(fmadd_ps)(x, left, sums[i][0]);
				if (width > 1) sums[i][1] = OP(fmadd_ps)(x, right, sums[i][1]);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < r; i++)
		for (int j = 0; j < width; j++) store(to.m + j * to.apart + i * line, (wholes)sums[i][j]);
}

// add_products adds products of two whole numbers each, by VNNI's instruction or by two. Not the
// intrinsics: with them, gcc 12 keeps the sums in memory.
INLINE WIDE wholes add_products(int vnni, wholes sums, wholes x, wholes y) {
#ifdef WIDE_AVX2
	wholes products;
	if (vnni) __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sums) : "x"(x), "x"(y));
	else __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sums), "=&x"(products) : "x"(x), "x"(y));
#else
	(void)vnni; // those without it are slower than float32
	__asm__("vpdpwssd %2, %1, %0" : "+v"(sums) : "v"(x), "v"(y));
#endif
	return sums;
}

// whole_rows is float_rows of whole numbers, and scales what comes out.
INLINE WIDE void whole_rows(int r, int width, int vnni, const char *v, int64_t parts, int64_t part, struct columns from, struct results to,
                            const float *columns, const float *tiles, struct ahead ahead) {
	wholes sums[rows][2];
	for (int i = 0; i < r; i++) sums[i][0] = sums[i][1] = (wholes){0};
	for (int64_t p = 0; p < parts; p++, v += part)
		for (int64_t k = 0; k < lanes; k++, from.u += line, ahead.at += ahead.pace) {
			const wholes left = load(from.u), right = width > 1 ? load(from.u + from.apart) : left;
			_mm_prefetch(ahead.at, _MM_HINT_T1);
#pragma GCC unroll 12
			for (int i = 0; i < r; i++) {
				const wholes x = OP(set1_epi32)(*(const int32_t *)(v + i * line + k * 4));
				sums[i][0] = add_products(vnni, sums[i][0], x, left);
				if (width > 1) sums[i][1] = add_products(vnni, sums[i][1], x, right);
			}
		}
#pragma GCC unroll 12
	for (int i = 0; i < r; i++) {
		const reals tile = OP(set1_ps)(tiles[i * scales_of_tile]);
		for (int j = 0; j < width; j++)
			store(to.m + j * to.apart + i * line, (wholes)OP(mul_ps)(OP(cvtepi32_ps)(sums[i][j]), OP(mul_ps)(tile, (reals)load(columns + j * floats))));
	}
}

// look_ahead spreads what will be needed next over the calls for the panels of a product: the next ones, and a
// share of the next point's pixels. Small layers find both in the second cache, where nothing is fetched twice.
static struct ahead look_ahead(const struct factors *f, int64_t o, int64_t group, int64_t panel, int64_t pixels) {
	const int64_t groups = (f->n + rows - 1) / rows, of_kernel = (groups + 1) / 2, of_pixels = groups - of_kernel, steps = panel / line;
	if (group < of_kernel) {
		const char *next = f->panels - o > product_panels ? f->u + (o + product_panels) * panel : f->next;
		const int64_t pace = product_panels * line / of_kernel;
		return (struct ahead){next + group * steps * pace, pace};
	}
	const int64_t products = (f->panels + product_panels - 1) / product_panels, share = pixels / products, pace = (share / of_pixels + steps - 1) / steps;
	return (struct ahead){f->next_v + o / product_panels * share + (group - of_kernel) * steps * pace, pace};
}

// CALL calls a product with a constant number of rows, for which it is compiled: the rest of a block is rarely a whole one.
#define CALL(product, width, ...)                                         \
	do {                                                               \
		if (f->n - t > rows * 2 / 3) product(rows, width, __VA_ARGS__); \
		else if (f->n - t > rows / 3) product(rows * 2 / 3, width, __VA_ARGS__); \
		else product(rows / 3, width, __VA_ARGS__);                 \
	} while (0)

WIDE static void multiply(const struct wide_convolution *c, const struct factors *f) {
	const int64_t part = wide_block(c).tiles * line, panel = wide_panel_floats(wide_float32, c->in) * 4, parts = c->in / lanes, rest = c->in % lanes;
	for (int64_t o = 0; o < f->panels; o += product_panels)
		for (int64_t t = 0; t < f->n; t += rows) {
			const char *v = f->v + t * line;
			const struct columns from = {f->u + o * panel, registers > 1 ? bytes : panel};
			const struct results to = {f->m + o * part + t * line, registers > 1 ? bytes : part};
			const struct ahead ahead = look_ahead(f, o, t / rows, panel, planes_of(c->in) * part);
			if (registers > 1 || f->panels - o > 1) CALL(float_rows, 2, v, parts, rest, part, from, to, ahead);
			else CALL(float_rows, 1, v, parts, rest, part, from, to, ahead);
		}
}

INLINE WIDE void multiply_numbers(int vnni, const struct wide_convolution *c, const struct factors *f) {
	const int64_t part = wide_block(c).tiles * line, panel = wide_panel_floats(wide_int16, c->in) * 4, parts = wide_deep(c->in);
	for (int64_t o = 0; o < f->panels; o += product_panels)
		for (int64_t t = 0; t < f->n; t += rows) {
			const char *v = f->v + t * line;
			const float *columns = f->columns + o * lanes, *tiles = f->tiles + t * scales_of_tile;
			const struct columns from = {f->u + o * panel, registers > 1 ? bytes : panel};
			const struct results to = {f->m + o * part + t * line, registers > 1 ? bytes : part};
			const struct ahead ahead = look_ahead(f, o, t / rows, panel, parts * part);
			if (registers > 1 || f->panels - o > 1) CALL(whole_rows, 2, vnni, v, parts, part, from, to, columns, tiles, ahead);
			else CALL(whole_rows, 1, vnni, v, parts, part, from, to, columns, tiles, ahead);
		}
}

// multiply_whole uses VNNI.
WIDE static void multiply_whole(const struct wide_convolution *c, const struct factors *f) { multiply_numbers(1, c, f); }

#ifdef WIDE_AVX2
WIDE static void multiply_pairs(const struct wide_convolution *c, const struct factors *f) { multiply_numbers(0, c, f); }
#endif

#endif
