// The transformations of one tile, for wide_transform.h and wide_round.h.

#ifndef FOVEA_CONVOLUTION_WIDE_TILE_H_
#define FOVEA_CONVOLUTION_WIDE_TILE_H_

#include "wide_vectors.h"

// The transformation B of Lavin and Gray, one side of it, in two halves: that leaves enough registers
// to go on with a half. Each takes five of the six numbers.

INLINE WIDE void transform_left(enum winograd_numbers numbers, const vector d[side - 1], vector t[side / 2]) {
	if (numbers == winograd_standard) {
		const vector a = d[4] - 4 * d[2], b = d[3] - 4 * d[1];
		t[0] = 4 * d[0] - 5 * d[2] + d[4];
		t[1] = a + b;
		t[2] = a - b;
		return;
	}
	const vector a = d[4] - 9.f / 4 * d[2], b = d[3] - 9.f / 4 * d[1];
	t[0] = d[0] + d[4] - 97.f / 36 * d[2];
	t[1] = a + 2.f / 3 * b;
	t[2] = a - 2.f / 3 * b;
}

INLINE WIDE void transform_right(enum winograd_numbers numbers, const vector d[side - 1], vector t[side / 2]) {
	if (numbers == winograd_standard) {
		const vector e = d[3] - d[1], f = 2 * (d[2] - d[0]);
		t[0] = e + f;
		t[1] = e - f;
		t[2] = 4 * d[0] - 5 * d[2] + d[4];
		return;
	}
	const vector e = d[3] - 4.f / 9 * d[1], f = d[2] - 4.f / 9 * d[0];
	t[0] = e + 3.f / 2 * f;
	t[1] = e - 3.f / 2 * f;
	t[2] = d[0] + d[4] - 97.f / 36 * d[2];
}

// UNROLLED are loops over parts of a tile: only unrolled early does the compiler keep them in registers.
#define UNROLLED _Pragma("GCC unroll 8") for

// AS_IT_IS keeps a pointer in a register: of sums in a loop, the compiler makes a pointer for each, which it keeps in
// memory.
#define AS_IT_IS(pointer) __asm__("" : "+r"(pointer))

// rows_of is one of the six rows of a tile: the lower three are found from their first.
#define rows_of(upper, lower, r, row) ((r) < side / 2 ? (upper) + (r) * (row) : (lower) + ((r) - side / 2) * (row))

// transform_half transforms three columns of a register's channels of a tile: x is the first pixel that they see,
// row the distance of its rows.
INLINE WIDE void transform_half(enum winograd_numbers numbers, int right, const float *x, int64_t row, char *to, size_t matrix) {
	const float *lower = x + side / 2 * row;
	AS_IT_IS(x);
	AS_IT_IS(lower);
	vector half[side / 2][side];
	UNROLLED(int r = 0; r < side; r++) {
		vector d[side - 1], t[side / 2];
		UNROLLED(int q = 0; q < side - 1; q++) d[q] = *(const vector *)(rows_of(x, lower, r, row) + q * lanes);
		if (right) transform_right(numbers, d, t);
		else transform_left(numbers, d, t);
		UNROLLED(int q = 0; q < side / 2; q++) half[q][r] = t[q];
	}
	UNROLLED(int q = 0; q < side / 2; q++) {
		vector t[side];
		transform_left(numbers, half[q], t);
		transform_right(numbers, half[q] + 1, t + side / 2);
		char *upper_to = to + (size_t)q * matrix, *lower_to = upper_to + points / 2 * matrix;
		if (!__builtin_constant_p(matrix)) AS_IT_IS(upper_to);
		if (!__builtin_constant_p(matrix)) AS_IT_IS(lower_to);
		UNROLLED(int r = 0; r < side; r++) *(vector *)rows_of(upper_to, lower_to, r, side * matrix) = t[r];
	}
}

// transform_tile transforms 16 channels of a tile.
INLINE WIDE void transform_tile(enum winograd_numbers numbers, const float *x, int64_t row, char *to, size_t matrix) {
	for (int i = 0; i < registers; i++, x += floats, to += bytes) {
		transform_half(numbers, 0, x, row, to, matrix);
		transform_half(numbers, 1, x + lanes, row, to + side / 2 * matrix, matrix);
	}
}

// seen is what a tile sees in one plane: its first pixel, which is one of the border or one above
// and to the left of what comes out, and the distance of its rows.
struct seen {
	const float *x;
	int64_t row;
};

// first_seen is the first pixel of a tile, even if it reaches beyond the plane.
INLINE WIDE struct seen first_seen(const struct wide_convolution *c, const float *x, struct place p, int64_t plane) {
	const int64_t row = (c->width + wide_border) * lanes;
	return (struct seen){x + (p.picture * planes_of(c->in) + plane) * (c->height + wide_border) * row + p.top * row + p.left * lanes, row};
}

// see finds what a tile sees. One that reaches beyond the plane is copied, with zeros.
INLINE WIDE struct seen see(const struct wide_convolution *c, const float *x, struct place p, int64_t plane, float *copy) {
	const struct seen s = first_seen(c, x, p, plane);
	const int64_t down = c->height + wide_border - p.top, across = c->width + wide_border - p.left;
	if (down >= side && across >= side) return s;
	for (int64_t r = 0; r < side; r++)
		for (int64_t q = 0; q < side; q++)
			for (int64_t k = 0; k < lanes; k += floats)
				*(vector *)(copy + (r * side + q) * lanes + k) = r < down && q < across ? *(const vector *)(s.x + r * s.row + q * lanes + k) : (vector){0};
	return (struct seen){copy, side * lanes};
}

// fetch_tile asks for what a tile will read that the one before it does not: rows of a tile are too short for the
// processor to see the next ones coming.
INLINE WIDE void fetch_tile(const struct wide_convolution *c, const float *x, struct place p, int64_t plane) {
	const struct seen s = first_seen(c, x, p, plane);
	const float *upper = s.x, *lower = upper + side / 2 * s.row;
	AS_IT_IS(upper);
	AS_IT_IS(lower);
	UNROLLED(int r = 0; r < side; r++) {
		UNROLLED(int q = wide_border; q < side; q++) _mm_prefetch((const char *)(rows_of(upper, lower, r, s.row) + q * lanes), _MM_HINT_T1);
		if (p.left == 0) _mm_prefetch((const char *)rows_of(upper, lower, r, s.row), _MM_HINT_T1);
	}
}

#endif
