// A screen for pairs of similar rows: products of 8-bit numbers say which pairs may be similar
// enough, products in float64 which of those nearly are. doc.go tells how, and why no pair is lost.
//
// Rows that are held are in panels of screen_lanes, rows that are compared with them in strips of
// screen_rows. Both take the columns in steps of screen_step, the last one filled with zeros:
// a panel is [step][lane][column], a strip [step][row][column].

#ifndef FOVEA_VECTORS_SCREEN_H_
#define FOVEA_VECTORS_SCREEN_H_

#include <stdint.h>

enum {
	screen_lanes = 32,
	screen_rows = 12,
	screen_step = 4,
	screen_tile = screen_lanes * screen_rows,
	screen_norm = 40000, // no row of whole numbers is longer by much, so that products fit into 32 bits
};

enum screen_instructions { screen_portable, screen_avx2, screen_vnni, screen_kinds };

// A row, scaled to length 1, is q / scale and a rest.
struct screen_quantized {
	double scale;     // 0 for a row of zeros
	double rest;      // the rest's length
	double tail;      // the length of q from the tail's first column on
	int32_t sum;      // of q
	int32_t tail_sum; // of q, from the tail's first column on
};

// The held rows of a panel: the products of whole numbers of similar rows are at least
// row.scale * least - row.rest * length.
struct screen_panel {
	const uint8_t *numbers;
	const float *least, *length, *tail;
};

struct screen_row {
	float scale, rest, tail;
	int32_t start, tail_start; // what sums begin with, for the positive numbers of panels
};

struct screen_strips {
	const int8_t *numbers;
	const struct screen_row *rows;
	int64_t first, count; // of strips
	int64_t steps;
	int64_t early; // the step of the tail's first column; steps to compute all products
};

struct screen_found {
	uint32_t *pairs; // row * screen_lanes + lane
	int64_t room, count;
	int64_t skipped; // tiles that were left after the early steps
};

// What is needed to compute cosines in float64: rows and the inverse lengths of their blocks.
struct screen_exact {
	int64_t cols, blocks;
	const int64_t *widths;
	const float *held, *rows; // the held rows begin with the panel's
	const double *held_inverses, *row_inverses;
};

// What the products of the numbers of a panel with those of a strip stopped at.
struct screen_scores {
	int64_t next, count; // the strip to go on with; how many scores were written
};

// What each set of instructions has.
struct screen {
	// levels is the largest whole number of a held row; offset makes it positive, as it is in a panel.
	// Those of compared rows go up to 127.
	int levels, offset;

	// dot is an inner product in float64, in no particular order.
	double (*dot)(int64_t n, const float *a, const float *b);

	// quantize makes whole numbers up to levels of a row, whose blocks have the inverse lengths.
	struct screen_quantized (*quantize)(int levels, int64_t tail, int64_t blocks, const int64_t *widths, const float *row, const double *inverses, int8_t *q);

	// compare adds the pairs that may be similar. It returns the strip that it comes to when there is
	// no more room, which must be that of a tile at least.
	int64_t (*compare)(const struct screen_panel *panel, const struct screen_strips *strips, struct screen_found *found);

	// score adds the pairs whose product, times both inverse scales, is at least what one of the two wants, and
	// that score. It returns at a strip for which there is no more room. All instructions give the same scores, if
	// the numbers of the panel are at most 63, made positive by 64.
	struct screen_scores (*score)(const uint8_t *panel, const float *lane_inverses, const float *lane_least, int64_t first, int64_t count, int64_t steps, const int8_t *strips, const int32_t *starts, const float *row_inverses, const float *row_least, int64_t room, uint32_t *pairs, float *scores);

	// cosines are those of rows with a vector, whose inverse length is given: 0 for rows of zeros, NaN
	// for rows with a value that is not finite.
	void (*cosines)(int64_t count, int64_t cols, const float *rows, const float *vector, double inverse, double *to);

	// refine keeps the pairs whose mean cosine of the blocks is at least that.
	void (*refine)(const struct screen_exact *e, double least, struct screen_found *found);
};

// screen_with returns the functions for some instructions, or null if this processor lacks them.
const struct screen *screen_with(enum screen_instructions which);

// screen_pack_lane writes a row to its lane of a panel, screen_pack_row to its place in a strip.
void screen_pack_lane(int offset, int64_t cols, const int8_t *q, uint8_t *lane);
void screen_pack_row(int64_t cols, const int8_t *q, int8_t *row);

// Go cannot call what a pointer points to.

static inline double screen_dot(const struct screen *s, int64_t n, const float *a, const float *b) { return s->dot(n, a, b); }

static inline struct screen_quantized screen_quantize(const struct screen *s, int levels, int64_t tail, int64_t blocks, const int64_t *widths, const float *row, const double *inverses, int8_t *q) {
	return s->quantize(levels, tail, blocks, widths, row, inverses, q);
}

static inline int64_t screen_compare(const struct screen *s, const struct screen_panel *panel, const struct screen_strips *strips, struct screen_found *found) {
	return s->compare(panel, strips, found);
}

static inline struct screen_scores screen_score(const struct screen *s, const uint8_t *panel, const float *lane_inverses, const float *lane_least, int64_t first, int64_t count, int64_t steps, const int8_t *strips, const int32_t *starts, const float *row_inverses, const float *row_least, int64_t room, uint32_t *pairs, float *scores) {
	return s->score(panel, lane_inverses, lane_least, first, count, steps, strips, starts, row_inverses, row_least, room, pairs, scores);
}

static inline void screen_cosines(const struct screen *s, int64_t count, int64_t cols, const float *rows, const float *vector, double inverse, double *to) {
	s->cosines(count, cols, rows, vector, inverse, to);
}

static inline void screen_refine(const struct screen *s, const struct screen_exact *e, double least, struct screen_found *found) {
	s->refine(e, least, found);
}

#endif
