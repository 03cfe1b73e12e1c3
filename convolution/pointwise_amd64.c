#include "crew.h"
#include "pointwise.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

enum { lanes = pointwise_lanes, most_rows = 14, most_blocks = 64 };

// ends are where the sums of some rows go, and what is added to them (NULL: nothing).
struct ends {
	int count;
	float *y[most_rows];
	const float *residual[most_rows];
};

// part is the points of a kernel that lie within a map.
struct part {
	int64_t top, bottom, left, right;
};

// window is what a kernel sees of a map: so many rows of so many floats, which are some floats apart, those from top up to
// bottom and from first up to end within the map. All are they in lines.
struct window {
	int64_t rows, width, apart, top, bottom, first, end, all;
};

enum { span_pixels = 8 }; // that a depthwise convolution computes together

#define VECTOR_LANES 8
#define VECTORS(name) name##_avx2
#include "pointwise_vectors.h"
#define VECTOR_LANES 16
#define VECTORS(name) name##_avx512
#include "pointwise_vectors.h"

int pointwise_supported(enum pointwise_instructions instructions) {
	const int narrow = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	if (instructions == pointwise_avx2) return narrow;
	return narrow && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

int64_t pointwise_lines(int64_t kernel_height, int64_t kernel_width, int64_t in) { return (kernel_height * kernel_width * in + lanes - 1) / lanes; }

static int64_t panels_of(int64_t out) { return (out + lanes - 1) / lanes; }

size_t pointwise_kernel_floats(int64_t kernel_height, int64_t kernel_width, int64_t in, int64_t out) {
	return (size_t)(panels_of(out) * pointwise_lines(kernel_height, kernel_width, in) * lanes * lanes);
}

void pointwise_pack_kernel(int64_t kernel_height, int64_t kernel_width, int64_t in, int64_t out, const float *hwio, float *packed) {
	const int64_t products = kernel_height * kernel_width * in, all = pointwise_lines(kernel_height, kernel_width, in) * lanes;
	for (int64_t o = 0; o < out; o += lanes) {
		const size_t there = (size_t)(out - o < lanes ? out - o : lanes) * sizeof *packed;
		for (int64_t k = 0; k < all; k++, packed += lanes) {
			memset(packed, 0, lanes * sizeof *packed);
			if (k < products) memcpy(packed, hwio + k * out + o, there);
		}
	}
}

static int64_t rows_of(enum pointwise_instructions instructions) { return instructions == pointwise_avx512 ? rows_avx512 : rows_avx2; }

static int64_t lines_of(const struct pointwise_convolution *c) { return pointwise_lines(c->kernel_height, c->kernel_width, c->in); }

static int64_t columns_of(enum pointwise_instructions instructions) { return instructions == pointwise_avx512 ? columns_avx512 : columns_avx2; }

static int64_t pixels_of(const struct pointwise_convolution *c) { return c->pictures * c->out_height * c->out_width; }

// blocks_of is how many blocks of rows are in work at a time: they stay in the second cache while all columns
// are multiplied with them. Where the kernel stays there, too, they are so few that they stay in the first one.
static int64_t blocks_of(enum pointwise_instructions instructions, const struct pointwise_convolution *c) {
	enum { cached = 112 * 1024, near = 8 * 1024, small = 64 * 1024 }; // floats
	const int64_t block = rows_of(instructions) * lines_of(c) * lanes, kernel = (int64_t)pointwise_kernel_floats(c->kernel_height, c->kernel_width, c->in, c->out);
	const int64_t all = crew_parts(pixels_of(c), rows_of(instructions)), together = (kernel <= small ? near : cached) / block, fit = together > most_blocks ? most_blocks : together;
	return fit < 1 ? 1 : all < fit ? all : fit;
}

// together_of is how many pixels are in work at a time.
static int64_t together_of(enum pointwise_instructions instructions, const struct pointwise_convolution *c) { return blocks_of(instructions, c) * rows_of(instructions); }

size_t pointwise_work_floats(enum pointwise_instructions instructions, const struct pointwise_convolution *c) {
	return (size_t)((blocks_of(instructions, c) * rows_of(instructions) + 1) * lines_of(c) * lanes + lanes);
}

// pixel is a place in what comes out.
struct pixel {
	int64_t picture, i, j;
};

static struct pixel pixel_at(const struct pointwise_convolution *c, int64_t index) {
	return (struct pixel){index / (c->out_height * c->out_width), index / c->out_width % c->out_height, index % c->out_width};
}

static struct pixel next(const struct pointwise_convolution *c, struct pixel p) {
	if (++p.j < c->out_width) return p;
	p.j = 0;
	if (++p.i < c->out_height) return p;
	p.i = 0;
	p.picture++;
	return p;
}

static float *channels(const struct pointwise_map *m, struct pixel p) { return m->first + p.picture * m->picture + p.i * m->row + p.j * m->pixel; }

// gather_lines copies what a pixel's kernel sees to lines that are some floats apart: of each point of the kernel, its channels.
static void gather_lines(const struct pointwise_convolution *c, const struct pointwise_map *x, struct pixel p, float *to, int64_t apart) {
	for (int64_t r = 0; r < c->kernel_height; r++)
		for (int64_t q = 0; q < c->kernel_width; q++) {
			const struct pixel at = {p.picture, p.i * c->down + r - c->top, p.j * c->across + q - c->left};
			const int there = at.i >= 0 && at.i < c->height && at.j >= 0 && at.j < c->width;
			const float *from = channels(x, at);
			for (int64_t k = 0; k < c->in; k += lanes, from += x->line, to += apart) {
				if (there) memcpy(to, from, lanes * sizeof *to);
				else memset(to, 0, lanes * sizeof *to);
			}
		}
}

// within finds the points from first to end of a kernel's row or column that lie within a map, if the kernel begins at a place.
static void within(int64_t place, int64_t points, int64_t size, int64_t *first, int64_t *end) {
	*first = place < 0 ? -place : 0;
	*end = size - place < points ? size - place : points;
	if (*end < *first) *end = *first;
}

// gather_any is gather_lines of any number of channels, which follow each other, as those of neighbouring pixels do.
static void gather_any(enum pointwise_instructions instructions, const struct pointwise_convolution *c, const struct pointwise_map *x, struct pixel p, float *to, int64_t apart, float *row) {
	const int64_t above = p.i * c->down - c->top, left = p.j * c->across - c->left;
	struct window w = {.rows = c->kernel_height, .width = c->kernel_width * c->in, .apart = x->row, .all = lines_of(c) * lanes};
	within(above, c->kernel_height, c->height, &w.top, &w.bottom);
	within(left, c->kernel_width, c->width, &w.first, &w.end);
	w.first *= c->in;
	w.end *= c->in;
	(instructions == pointwise_avx512 ? take_window_avx512 : take_window_avx2)(&w, channels(x, (struct pixel){p.picture, above, left}), row, to, apart);
}

// alone says whether a kernel sees one pixel, which is always there.
static int alone(const struct pointwise_convolution *c) {
	return c->kernel_height == 1 && c->kernel_width == 1 && c->top == 0 && c->left == 0 && (c->out_height - 1) * c->down < c->height && (c->out_width - 1) * c->across < c->width;
}

// gather makes a block of rows, the last ones of which repeat the last pixel.
static void gather(enum pointwise_instructions instructions, const struct pointwise_convolution *c, const struct pointwise_map *x, int64_t first, int64_t rows, int64_t pixels, float *to, float *row) {
	struct pixel p = pixel_at(c, first);
	const int single = alone(c);
	for (int64_t i = 0; i < rows; i++, p = first + i < pixels ? next(c, p) : p) {
		if (single) {
			const float *from = channels(x, (struct pixel){p.picture, p.i * c->down, p.j * c->across}), *gates = c->gates == NULL ? NULL : c->gates + p.picture * c->in;
			(instructions == pointwise_avx512 ? take_pixel_avx512 : take_pixel_avx2)(c->in, from, x->line, gates, to + i * lanes, rows * lanes);
		} else if (c->in % lanes == 0) gather_lines(c, x, p, to + i * lanes, rows * lanes);
		else gather_any(instructions, c, x, p, to + i * lanes, rows * lanes, row);
	}
}

// panel is some of the output channels, 16 at most.
struct panel {
	int64_t first, count;
	float bias[lanes];
};

static struct panel panel_at(const struct pointwise_convolution *c, const float *bias, int64_t first) {
	struct panel p = {.first = first, .count = c->out - first < lanes ? c->out - first : lanes};
	memcpy(p.bias, bias + first, (size_t)p.count * sizeof *bias);
	return p;
}

// find_ends finds the ends of a block of rows.
static void find_ends(const struct pointwise_convolution *c, int64_t first, int64_t count, const struct pointwise_map *residual, const struct pointwise_map *y, struct ends *e) {
	struct pixel p = pixel_at(c, first);
	e->count = (int)count;
	for (int64_t i = 0; i < count; i++, p = next(c, p)) {
		e->y[i] = channels(y, p);
		e->residual[i] = residual->first == NULL ? NULL : channels(residual, p);
	}
}

typedef void finish_function(enum pointwise_activation activation, const struct ends *e, const float *sums, const float *bias, int64_t residual, int64_t y);

// finish_part finishes a panel of fewer than 16 channels.
static void finish_part(finish_function *finish, enum pointwise_activation activation, const struct ends *e, const float *sums, const struct panel *of, int64_t residual, int64_t y) {
	float rows[most_rows][lanes], added[most_rows][lanes] = {0};
	struct ends whole = {.count = e->count};
	const size_t size = (size_t)of->count * sizeof *sums;
	for (int i = 0; i < e->count; i++) {
		whole.y[i] = rows[i];
		if (e->residual[i] != NULL) whole.residual[i] = memcpy(added[i], e->residual[i] + residual, size);
	}
	finish(activation, &whole, sums, of->bias, 0, 0);
	for (int i = 0; i < e->count; i++) memcpy(e->y[i] + y, rows[i], size);
}

// maps are what a convolution reads and writes.
struct maps {
	struct pointwise_map x;
	const float *packed, *bias;
	struct pointwise_map residual, y;
};

// convolve_block computes output channels from a first one up to a last one of the pixels from first up to end, which are
// together at most.
static void convolve_block(enum pointwise_instructions instructions, const struct pointwise_convolution *c, int64_t first, int64_t end, int64_t from, int64_t to,
                           const struct maps *m, float *work) {
	const int wide = instructions == pointwise_avx512;
	finish_function *finish = wide ? finish_rows_avx512 : finish_rows_avx2;
	const int64_t rows = rows_of(instructions), columns = columns_of(instructions), lines = lines_of(c), block = rows * lines * lanes, products = c->kernel_height * c->kernel_width * c->in;
	float sums[most_rows * columns_avx512] __attribute__((aligned(64))), *a = work + (lines + 1) * lanes;
	struct ends ends[most_blocks];
	for (int64_t p = first; p < end; p += rows) {
		gather(instructions, c, &m->x, p, rows, pixels_of(c), a + (p - first) / rows * block, work);
		find_ends(c, p, end - p < rows ? end - p : rows, &m->residual, &m->y, &ends[(p - first) / rows]);
	}
	for (int64_t o = from; o < to; o += columns) {
		const int64_t panels = panels_of(to - o < columns ? to - o : columns);
		const float *w = m->packed + o * lines * lanes;
		struct panel of[2];
		for (int64_t n = 0; n < panels; n++) of[n] = panel_at(c, m->bias, o + n * lanes);
		for (int64_t p = first; p < end; p += rows) {
			const float *rows_at = a + (p - first) / rows * block;
			if (wide) multiply_rows_avx512(rows_at, products, w, panels, sums);
			else multiply_rows_avx2(rows_at, products, w, panels, sums);
			const struct ends *e = &ends[(p - first) / rows];
			for (int64_t n = 0; n < panels; n++) {
				const int64_t line = of[n].first / lanes;
				if (of[n].count == lanes) finish(c->activation, e, sums + n * lanes, of[n].bias, line * m->residual.line, line * m->y.line);
				else finish_part(finish, c->activation, e, sums + n * lanes, &of[n], line * m->residual.line, line * m->y.line);
			}
		}
	}
}

void pointwise_convolve(enum pointwise_instructions instructions, const struct pointwise_convolution *c, struct pointwise_map x, const float *packed,
                        const float *bias, struct pointwise_map residual, struct pointwise_map y, float *work) {
	const struct maps m = {x, packed, bias, residual, y};
	const int64_t pixels = pixels_of(c), together = together_of(instructions, c);
	for (int64_t first = 0; first < pixels; first += together)
		convolve_block(instructions, c, first, pixels - first < together ? pixels : first + together, 0, c->out, &m, work);
}

// Parts are blocks of pixels or, where there are only a few blocks, output channels of them, for which the pixels are
// gathered again.
enum { few_blocks = 16, channel_parts = 8 };

// part_channels is how many output channels are in a part.
static int64_t part_channels(enum pointwise_instructions instructions, const struct pointwise_convolution *c) {
	const int64_t columns = columns_of(instructions), groups = (c->out + columns - 1) / columns;
	if (crew_parts(pixels_of(c), together_of(instructions, c)) >= few_blocks) return groups * columns;
	return crew_parts(groups, channel_parts) * columns;
}

int64_t pointwise_parts(enum pointwise_instructions instructions, const struct pointwise_convolution *c) {
	return crew_parts(pixels_of(c), together_of(instructions, c)) * crew_parts(c->out, part_channels(instructions, c));
}

void pointwise_convolve_part(enum pointwise_instructions instructions, const struct pointwise_convolution *c, int64_t part, struct pointwise_map x, const float *packed,
                             const float *bias, struct pointwise_map residual, struct pointwise_map y, float *work) {
	const struct maps m = {x, packed, bias, residual, y};
	const int64_t pixels = pixels_of(c), together = together_of(instructions, c), channels = part_channels(instructions, c), parts = crew_parts(c->out, channels);
	const int64_t first = part / parts * together, from = part % parts * channels;
	convolve_block(instructions, c, first, pixels - first < together ? pixels : first + together, from, c->out - from < channels ? c->out : from + channels, &m, work);
}

void depthwise_convolve(enum pointwise_instructions instructions, const struct pointwise_convolution *c, int64_t first, int64_t last, const float *x,
                        const float *kernel, const float *bias, float *y, float *sums) {
	enum { channels_together = 128 };
	if (sums != NULL) memset(sums + first * c->in, 0, (size_t)((last - first) * c->in) * sizeof *sums);
	for (int64_t row = first; row < last; row++) {
		const int64_t picture = row / c->out_height, above = row % c->out_height * c->down - c->top;
		struct part part;
		within(above, c->kernel_height, c->height, &part.top, &part.bottom);
		for (int64_t k = 0; k < c->in; k += channels_together) {
			const int64_t n = c->in - k < channels_together ? c->in - k : channels_together;
			for (int64_t j = 0, pixels; j < c->out_width; j += pixels) {
				const int64_t beside = j * c->across - c->left;
				within(beside, c->kernel_width, c->width, &part.left, &part.right);
				const int inside = beside >= 0 && beside + (span_pixels - 1) * c->across + c->kernel_width <= c->width && j + span_pixels <= c->out_width;
				pixels = inside ? span_pixels : 1;
				const float *from = x + ((picture * c->height + above + part.top) * c->width + beside + part.left) * c->in + k;
				float *to = y + (row * c->out_width + j) * c->in + k;
				(instructions == pointwise_avx512 ? spans_avx512 : spans_avx2)(c, (int)pixels, n, part, from, kernel + k, bias + k, to, sums == NULL ? NULL : sums + row * c->in + k);
			}
		}
	}
}

void layer_normalize(enum pointwise_instructions instructions, int64_t pixels, int64_t channels, const float *x, const float *scale, const float *shift,
                     float epsilon, float *y) {
	(instructions == pointwise_avx512 ? normalize_pixels_avx512 : normalize_pixels_avx2)(pixels, channels, x, scale, shift, epsilon, y);
}

void vector_convolve(enum pointwise_instructions instructions, enum pointwise_activation activation, int64_t in, int64_t out, const float *x,
                     const float *packed, const float *bias, float *y) {
	(instructions == pointwise_avx512 ? weigh_avx512 : weigh_avx2)(activation, in, out, x, packed, bias, y);
}

void mean_of_rows(enum pointwise_instructions instructions, int64_t rows, int64_t pixels, int64_t channels, const float *sums, float *mean) {
	(instructions == pointwise_avx512 ? mean_of_avx512 : mean_of_avx2)(rows, pixels, channels, sums, mean);
}

void scale_channels(enum pointwise_instructions instructions, int64_t pixels, int64_t channels, const float *x, const float *scale, const float *shift, float *y) {
	float scales[scaled_channels * lanes], shifts[scaled_channels * lanes]; // of 16 pixels
	for (int64_t i = 0; i < channels * lanes; i++) {
		scales[i] = scale[i % channels];
		shifts[i] = shift[i % channels];
	}
	(instructions == pointwise_avx512 ? scale_avx512 : scale_avx2)(pixels * channels, channels * lanes, x, scales, shifts, y);
}
