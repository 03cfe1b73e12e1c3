#include "inverted.h"

#include <string.h>

#include "crew.h"

// Sizes of what is in work at a time, in floats: rows of what the depthwise convolution sees, and all maps of pictures that
// are computed together.
enum { lanes = pointwise_lanes, band_floats = 48 * 1024, group_floats = 256 * 1024, crew_bands = 8 };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t whole_lines(int64_t floats) { return (floats + lanes - 1) / lanes * lanes; }

// wide_map is the size of a picture's map before the depthwise convolution, if that is made here, and deep_map after it.
static int64_t wide_map(const struct inverted *b) { return b->depth.height * b->depth.width * b->expand.out; }
static int64_t deep_map(const struct inverted *b) { return b->depth.out_height * b->depth.out_width * b->depth.in; }

// group_of is how many pictures are computed together.
static int64_t group_of(const struct inverted *b) {
	const int64_t fit = group_floats / (wide_map(b) + deep_map(b));
	return fit < 1 ? 1 : least(fit, b->depth.pictures);
}

// band_of is how many rows of a depthwise convolution's output are in work at a time. Those of several pictures are all.
static int64_t band_of(const struct inverted *b) {
	const struct pointwise_convolution *d = &b->depth;
	if (group_of(b) > 1) return d->out_height;
	int64_t rows = 1;
	if (b->expand.out == 0) return d->out_height;
	while (rows < d->out_height && (rows * d->down + d->kernel_height) * d->width * d->in <= band_floats) rows++;
	return rows;
}

// seen finds the rows that some rows of output see, from a first one up to a last one.
static void seen(const struct pointwise_convolution *d, int64_t first, int64_t last, int64_t *from, int64_t *to) {
	const int64_t top = first * d->down - d->top, bottom = (last - 1) * d->down - d->top + d->kernel_height;
	*from = top < 0 ? 0 : least(top, d->height);
	*to = bottom < *from ? *from : least(bottom, d->height);
}

static int64_t band_rows(const struct inverted *b) { return least(b->depth.height, band_of(b) * b->depth.down + b->depth.kernel_height); }

static struct pointwise_convolution some(struct pointwise_convolution c, int64_t pictures) {
	c.pictures = pictures;
	return c;
}

// work_floats is what the products need.
static int64_t work_floats(enum pointwise_instructions instructions, const struct inverted *b) {
	const struct pointwise_convolution project = some(b->project, group_of(b)), expand = some(b->expand, group_of(b));
	const int64_t out = (int64_t)pointwise_work_floats(instructions, &project), in = b->expand.out > 0 ? (int64_t)pointwise_work_floats(instructions, &expand) : 0;
	return whole_lines(in > out ? in : out);
}

size_t inverted_part_floats(enum pointwise_instructions instructions, const struct inverted *b) {
	const int64_t band = group_of(b) * band_rows(b) * b->depth.width * b->expand.out;
	return (size_t)(whole_lines(band) + work_floats(instructions, b));
}

// shared is the parts of the memory for a group.
struct shared {
	float *map, *sums, *mean, *squeezed, *gates;
};

static int64_t sums_floats(const struct inverted *b) { return whole_lines(group_of(b) * b->depth.out_height * b->depth.in); }

static struct shared divide(const struct inverted *b, float *memory) {
	struct shared s = {.map = memory};
	s.sums = s.map + whole_lines(group_of(b) * deep_map(b));
	s.mean = s.sums + sums_floats(b);
	s.squeezed = s.mean + whole_lines(b->depth.in);
	s.gates = s.squeezed + whole_lines(b->squeezed);
	return s;
}

size_t inverted_shared_floats(const struct inverted *b) {
	const int64_t group = group_of(b), gates = whole_lines(group * b->depth.in) + lanes; // the last line may be more than the channels
	return (size_t)(whole_lines(group * deep_map(b)) + sums_floats(b) + whole_lines(b->depth.in) + whole_lines(b->squeezed) + gates);
}

// job is a group of pictures in work.
struct job {
	enum pointwise_instructions instructions;
	const struct inverted *b;
	const struct inverted_kernels *k;
	struct pointwise_map x, residual, y;
	struct shared at;
	struct pointwise_convolution project; // with gates
	int64_t pictures, rows;               // rows of a part
};

static struct pointwise_map pixels_of(float *first, const struct pointwise_convolution *c) {
	return (struct pointwise_map){first, c->out_height * c->out_width * c->out, c->out_width * c->out, c->out, lanes};
}

// expand_rows computes what the depthwise convolution sees, from a row up to another, into a band that begins at a row.
static void expand_rows(const struct job *j, int64_t from, int64_t to, int64_t begin, float *band, float *work) {
	struct pointwise_convolution c = some(j->b->expand, j->pictures);
	c.height = c.out_height = to - from;
	struct pointwise_map x = j->x;
	x.first += from * x.row;
	if (to > from) pointwise_convolve(j->instructions, &c, x, j->k->expand, j->k->expand_bias, (struct pointwise_map){0}, pixels_of(band + (from - begin) * c.width * c.out, &c), work);
}

// deepen computes rows of the depthwise convolution, from a first one up to a last one, of maps that begin at a row.
static void deepen(const struct job *j, int64_t first, int64_t last, int64_t begin, int64_t end, const float *maps) {
	struct pointwise_convolution d = some(j->b->depth, j->pictures);
	const int64_t at = first * d.out_width * d.in, sums = first * d.in;
	d.top -= first * d.down - begin;
	d.height = end - begin;
	d.out_height = last - first;
	depthwise_convolve(j->instructions, &d, 0, j->pictures * d.out_height, maps, j->k->depth, j->k->depth_bias, j->at.map + at, j->b->squeezed > 0 ? j->at.sums + sums : NULL);
}

// deepen_bands computes such rows band by band, each of which keeps what it sees of the one before.
static void deepen_bands(const struct job *j, int64_t first, int64_t last, float *band, float *work) {
	const struct pointwise_convolution *d = &j->b->depth;
	const int64_t rows = band_of(j->b), row = d->width * d->in;
	int64_t begin = 0, end = 0;
	for (int64_t at = first; at < last; at += rows) {
		const int64_t until = least(at + rows, last);
		int64_t from, to;
		seen(d, at, until, &from, &to);
		if (at == first || end < from) end = from;
		else memmove(band, band + (from - begin) * row, (size_t)((end - from) * row) * sizeof *band);
		begin = from;
		expand_rows(j, end, to, begin, band, work);
		end = to;
		deepen(j, at, until, begin, end, band);
	}
}

static void deepen_part(const void *job, int64_t part, float *memory) {
	const struct job *j = job;
	const struct inverted *b = j->b;
	const int64_t first = part * j->rows, last = least(first + j->rows, b->depth.out_height);
	if (b->expand.out > 0) deepen_bands(j, first, last, memory + work_floats(j->instructions, b), memory);
	else deepen(j, first, last, 0, b->depth.height, j->x.first);
}

static void project_part(const void *job, int64_t part, float *memory) {
	const struct job *j = job;
	pointwise_convolve_part(j->instructions, &j->project, part, pixels_of(j->at.map, &j->b->depth), j->k->project, j->k->project_bias, j->residual, j->y, memory);
}

// open_gates computes the gates of a group.
static void open_gates(const struct job *j) {
	const struct inverted *b = j->b;
	const int64_t channels = b->depth.in, rows = b->depth.out_height;
	for (int64_t p = 0; p < j->pictures; p++) {
		float *gates = j->at.gates + p * channels;
		mean_of_rows(j->instructions, rows, rows * b->depth.out_width, channels, j->at.sums + p * rows * channels, j->at.mean);
		vector_convolve(j->instructions, b->squeeze, channels, b->squeezed, j->at.mean, j->k->squeeze, j->k->squeeze_bias, j->at.squeezed);
		vector_convolve(j->instructions, b->excite, b->squeezed, channels, j->at.squeezed, j->k->excite, j->k->excite_bias, gates);
	}
}

static void work_alone(struct job *j, float *part) {
	j->rows = j->b->depth.out_height;
	deepen_part(j, 0, part);
	if (j->b->squeezed > 0) open_gates(j);
	pointwise_convolve(j->instructions, &j->project, pixels_of(j->at.map, &j->b->depth), j->k->project, j->k->project_bias, j->residual, j->y, part);
}

static void work_together(struct job *j, float *part) {
	const size_t floats = inverted_part_floats(j->instructions, j->b);
	const int64_t rows = j->b->depth.out_height;
	j->rows = crew_parts(rows, crew_bands);
	crew_work(deepen_part, j, crew_parts(rows, j->rows), floats, part);
	if (j->b->squeezed > 0) open_gates(j);
	crew_work(project_part, j, pointwise_parts(j->instructions, &j->project), floats, part);
}

static struct pointwise_map from_picture(struct pointwise_map m, int64_t picture) {
	if (m.first != NULL) m.first += picture * m.picture;
	return m;
}

void inverted_convolve(enum pointwise_instructions instructions, const struct inverted *b, const struct inverted_kernels *k, struct pointwise_map x,
                       struct pointwise_map residual, struct pointwise_map y, float *shared, float *part) {
	const int64_t all = b->depth.pictures, together = group_of(b);
	for (int64_t first = 0; first < all; first += together) {
		struct job j = {
			.instructions = instructions, .b = b, .k = k, .x = from_picture(x, first), .residual = from_picture(residual, first), .y = from_picture(y, first),
			.at = divide(b, shared), .pictures = least(together, all - first),
		};
		j.project = some(b->project, j.pictures);
		if (b->squeezed > 0) j.project.gates = j.at.gates;
		if (all == 1) work_together(&j, part);
		else work_alone(&j, part);
	}
}
