// The functions of struct screen, for the instructions that TARGET names, as screen_NAME. Whoever
// includes this defines TARGET, NAME, LEVELS and OFFSET, and
//
//     static inline void products(int64_t from, int64_t to, const uint8_t *panel, const int8_t *strip, integers sums[screen_rows][parts])
//
// which adds the products of some steps to sums. These may wrap around on their way.

// some tells whether a comparison holds somewhere.
TARGET INLINE int some(integers yes) {
	const longs l = (longs)yes;
	int64_t any = 0;
	for (int i = 0; i < wide; i++) any |= l[i];
	return any != 0;
}

TARGET INLINE double total(doubles s) {
	double sum = 0;
	for (int i = 0; i < wide; i++) sum += s[i];
	return sum;
}

// promising tells whether a tile may have a similar pair: the columns that were not multiplied add at
// most the product of their lengths (Cauchy-Schwarz).
TARGET static int promising(const struct screen_panel *p, const struct screen_row *rows, integers sums[screen_rows][parts]) {
	integers any = {0};
	for (int part = 0; part < parts; part++) {
		const floats least = part_of(p->least, part), length = part_of(p->length, part), tail = part_of(p->tail, part);
		for (int r = 0; r < screen_rows; r++) {
			const floats most = __builtin_convertvector(sums[r][part] + rows[r].tail_start, floats) + rows[r].tail * tail;
			any |= most >= rows[r].scale * least - rows[r].rest * length;
		}
	}
	return some(any);
}

// report adds the pairs of a tile that may be similar.
TARGET static void report(const struct screen_panel *p, int64_t first, const struct screen_row *rows, integers sums[screen_rows][parts], struct screen_found *found) {
	for (int part = 0; part < parts; part++) {
		const floats least = part_of(p->least, part), length = part_of(p->length, part);
		for (int r = 0; r < screen_rows; r++) {
			const integers yes = __builtin_convertvector(sums[r][part], floats) >= rows[r].scale * least - rows[r].rest * length;
			if (!some(yes)) continue;
			for (int lane = 0; lane < lanes; lane++)
				if (yes[lane]) found->pairs[found->count++] = (uint32_t)((first + r) * screen_lanes + part * lanes + lane);
		}
	}
}

TARGET static int64_t compare(const struct screen_panel *p, const struct screen_strips *s, struct screen_found *found) {
	const int early = s->early < s->steps;
	for (int64_t at = s->first; at < s->count; at++) {
		if (found->room - found->count < screen_tile) return at;
		const struct screen_row *rows = s->rows + at * screen_rows;
		const int8_t *strip = s->numbers + at * s->steps * screen_rows * screen_step;
		integers sums[screen_rows][parts];
		for (int r = 0; r < screen_rows; r++)
			for (int part = 0; part < parts; part++) sums[r][part] = (integers){0} + rows[r].start;
		if (early) {
			products(0, s->early, p->numbers, strip, sums);
			if (!promising(p, rows, sums)) {
				found->skipped++;
				continue;
			}
		}
		products(early ? s->early : 0, s->steps, p->numbers, strip, sums);
		report(p, at * screen_rows, rows, sums, found);
	}
	return s->count;
}

TARGET static struct screen_scores score(const uint8_t *panel, const float *lane_inverses, const float *lane_least, int64_t first, int64_t count, int64_t steps, const int8_t *strips, const int32_t *starts, const float *row_inverses, const float *row_least, int64_t room, uint32_t *pairs, float *scores) {
	int64_t found = 0;
	for (int64_t at = first; at < count; at++) {
		if (room - found < screen_tile) return (struct screen_scores){at, found};
		const int8_t *strip = strips + at * steps * screen_rows * screen_step;
		integers sums[screen_rows][parts];
		for (int r = 0; r < screen_rows; r++)
			for (int part = 0; part < parts; part++) sums[r][part] = (integers){0} + starts[at * screen_rows + r];
		products(0, steps, panel, strip, sums);
		for (int part = 0; part < parts; part++) {
			const floats inverses = part_of(lane_inverses, part), least = part_of(lane_least, part);
			for (int r = 0; r < screen_rows; r++) {
				const int64_t row = at * screen_rows + r;
				const floats s = __builtin_convertvector(sums[r][part], floats) * row_inverses[row] * inverses;
				const integers yes = (s >= least) | (s >= row_least[row]);
				if (!some(yes)) continue;
				for (int lane = 0; lane < lanes; lane++)
					if (yes[lane]) pairs[found] = (uint32_t)(row * screen_lanes + part * lanes + lane), scores[found++] = s[lane];
			}
		}
	}
	return (struct screen_scores){count, found};
}

TARGET static double dot(int64_t n, const float *a, const float *b) {
	doubles s = {0}, t = {0};
	int64_t i = 0;
	for (; i + 2 * wide <= n; i += 2 * wide) {
		s += widened(a + i) * widened(b + i);
		t += widened(a + i + wide) * widened(b + i + wide);
	}
	s += t;
	double sum = total(s);
	for (; i < n; i++) sum += (double)a[i] * b[i];
	return sum;
}

TARGET static void cosines(int64_t count, int64_t cols, const float *rows, const float *vector, double inverse, double *to) {
	for (int64_t i = 0; i < count; i++, rows += cols) {
		const double squares = dot(cols, rows, rows);
		to[i] = squares == 0 ? 0 : dot(cols, rows, vector) / sqrt(squares) * inverse;
	}
}

// largest is the largest absolute value.
TARGET static float largest(int64_t n, const float *x) {
	float most[lanes] = {0};
	int64_t i = 0;
	for (; i + lanes <= n; i += lanes)
		for (int lane = 0; lane < lanes; lane++) most[lane] = fabsf(x[i + lane]) > most[lane] ? fabsf(x[i + lane]) : most[lane];
	for (; i < n; i++) most[0] = fabsf(x[i]) > most[0] ? fabsf(x[i]) : most[0];
	for (int lane = 1; lane < lanes; lane++) most[0] = most[lane] > most[0] ? most[lane] : most[0];
	return most[0];
}

// round_block makes whole numbers of some columns and returns the square of what they leave.
TARGET static double round_block(int64_t n, const float *x, double inverse, double scale, int8_t *q) {
	const double to_nearest = 0x1.8p52; // numbers of this size have no fractions
	doubles s = {0};
	double squares = 0;
	int64_t i = 0;
	for (; i + wide <= n; i += wide) {
		const doubles unit = widened(x + i) * inverse, number = (unit * scale + to_nearest) - to_nearest, rest = unit - number / scale;
		s += rest * rest;
		for (int k = 0; k < wide; k++) q[i + k] = (int8_t)number[k];
	}
	for (; i < n; i++) {
		const double unit = x[i] * inverse, number = (unit * scale + to_nearest) - to_nearest, rest = unit - number / scale;
		squares += rest * rest;
		q[i] = (int8_t)number;
	}
	return squares + total(s);
}

TARGET static int32_t sum(int64_t n, const int8_t *q) {
	int32_t total = 0;
	for (int64_t i = 0; i < n; i++) total += q[i];
	return total;
}

TARGET static int64_t squares(int64_t n, const int8_t *q) {
	int64_t total = 0;
	for (int64_t i = 0; i < n; i++) total += q[i] * q[i];
	return total;
}

TARGET static struct screen_quantized quantize(int levels, int64_t tail, int64_t blocks, const int64_t *widths, const float *row, const double *inverses, int8_t *q) {
	struct screen_quantized out = {0};
	double most = 0, rest = 0;
	int64_t cols = 0;
	const double share = 1 / sqrt((double)blocks); // of a block in the length of 1
	for (int64_t b = 0; b < blocks; cols += widths[b++]) {
		const double here = largest(widths[b], row + cols) * inverses[b] * share;
		most = here > most ? here : most;
	}
	if (most == 0) {
		memset(q, 0, (size_t)cols);
		return out;
	}
	out.scale = levels / most < screen_norm ? levels / most : screen_norm;
	int64_t at = 0;
	for (int64_t b = 0; b < blocks; at += widths[b++]) rest += round_block(widths[b], row + at, inverses[b] * share, out.scale, q + at);
	out.rest = sqrt(rest);
	out.sum = sum(cols, q);
	if (tail < cols) {
		out.tail = sqrt((double)squares(cols - tail, q + tail));
		out.tail_sum = sum(cols - tail, q + tail);
	}
	return out;
}

TARGET static void refine(const struct screen_exact *e, double least, struct screen_found *found) {
	int64_t kept = 0;
	for (int64_t i = 0; i < found->count; i++) {
		const int64_t lane = found->pairs[i] % screen_lanes, row = found->pairs[i] / screen_lanes;
		double cosines = 0;
		for (int64_t b = 0, at = 0; b < e->blocks; at += e->widths[b++])
			cosines += dot(e->widths[b], e->held + lane * e->cols + at, e->rows + row * e->cols + at) * e->held_inverses[lane * e->blocks + b] * e->row_inverses[row * e->blocks + b];
		if (cosines >= least * (double)e->blocks) found->pairs[kept++] = found->pairs[i];
	}
	found->count = kept;
}

const struct screen NAME = {LEVELS, OFFSET, dot, quantize, compare, score, cosines, refine};
