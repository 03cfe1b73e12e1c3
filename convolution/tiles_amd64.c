#include "tiles.h"

#include "tiles_bytes.h"

enum {
	strip = 6,              // blocks that use a plane's part of the kernel one after another, from the first cache
	large_kernel = 1 << 20, // bytes: beyond it, all pixels pass a part of the kernel, instead of the kernel all pixels
	band_pixels = 1024,     // that are computed before the next output channels
};

// band_rows is the number of rows that are computed together: an even one, for pooling.
static int64_t band_rows(const struct tiles_convolution *c) {
	const int64_t fitting = band_pixels / (c->width + tiles_border) / 2 * 2;
	const int64_t even = (c->height + 1) / 2 * 2;
	return fitting < 2 ? 2 : fitting < even ? fitting : even;
}

// Pixels are counted through whole rows of a plane, the two of the border among them, which are computed
// and dropped: so a block need not end with a row.
static int64_t counted(const struct tiles_convolution *c, int64_t height) { return height * (c->width + tiles_border) - tiles_border; }

// The planes of a map as they are multiplied, and the kernel's part for 32 output channels, in bytes.
struct form {
	int bytes, by_kernel, copied;
	int64_t pixel, planes, plane, part;
};

// form_of tells of a convolution's form. Maps are copied to be rounded, or if they are so small that a block reads
// beyond them.
static struct form form_of(const struct tiles_convolution *c) {
	const int small = counted(c, c->height) < block;
	struct form f = {.bytes = in_bytes(c->numbers, c->in), .pixel = few(c->in) ? tiles_few_channels * (int64_t)sizeof(bfloat16) : line};
	f.planes = tiles_planes(c->in) / (f.bytes ? bytes_channels / tiles_channels : 1);
	f.copied = f.bytes || small;
	f.plane = ((c->height + tiles_border) * (c->width + tiles_border) + (small ? block : 0)) * f.pixel;
	f.part = few(c->in) ? 2 * 3 * 3 * tiles_few_channels / 2 * line : 2 * tile * taps * f.planes;
	f.by_kernel = f.part * (c->out / block) > large_kernel;
	return f;
}

// memory is what a convolution works in.
struct memory {
	float *sums;     // of a strip
	bfloat16 *band;  // that is not pooled yet
	char *copies;    // of the picture in turn, or of all, if they pass several times
	struct scale *scales; // of the pictures
};

static int64_t band_floats(const struct tiles_convolution *c) {
	return c->pool ? (band_rows(c) * (c->width + tiles_border) + block + tiles_border) * tiles_channels / 2 : 0;
}

static int64_t copies(const struct tiles_convolution *c, const struct form *f) { return !f->copied ? 0 : f->bytes && f->by_kernel ? c->pictures : 1; }

size_t tiles_work_floats(const struct tiles_convolution *c) {
	const struct form f = form_of(c);
	const int64_t bytes = copies(c, &f) * f.planes * f.plane + c->pictures * (int64_t)sizeof(struct scale);
	return (size_t)(line + strip * block_sums + band_floats(c) + bytes / (int64_t)sizeof(float) + 2);
}

static struct memory divide(const struct tiles_convolution *c, const struct form *f, float *work) {
	struct memory m;
	m.sums = (float *)(((uintptr_t)work + line - 1) & ~(uintptr_t)(line - 1));
	m.band = (bfloat16 *)(m.sums + strip * block_sums);
	m.copies = (char *)(m.band + 2 * band_floats(c));
	m.scales = (struct scale *)(m.copies + (copies(c, f) * f->planes * f->plane + 3) / 4 * 4);
	return m;
}

// copy_picture copies the planes of a picture, or rounds them to bytes.
AMX static void copy_picture(const struct tiles_convolution *c, const struct form *f, const bfloat16 *from, char *to, struct scale *scale) {
	const int64_t size = plane_values(c->height, c->width, c->in);
	if (f->bytes) *scale = scale_of(tiles_planes(c->in) * size, from);
	const int64_t pixels = (c->height + tiles_border) * (c->width + tiles_border);
	for (int64_t p = 0; p < f->planes; p++, to += f->plane) {
		if (f->bytes) round_planes(*scale, pixels, from + 2 * p * size, from + (2 * p + 1) * size, (uint8_t *)to);
		else memcpy(to, from + p * size, (size_t)size * sizeof *from);
		memset(to + pixels * f->pixel, 0, (size_t)(f->plane - pixels * f->pixel)); // what a block reads beyond
	}
}

// finish is what sums become features by.
struct finish {
	const float *bias, *steps; // of 32 output channels
	const int32_t *excess;
	struct scale scale; // of the picture
};

// sixteen is the same for 16 output channels.
struct sixteen {
	__m512 bias, step;
	__m512i excess;
};

AMX static struct sixteen sixteen(const struct form *f, const struct finish *to, int first) {
	struct sixteen s = {.bias = _mm512_loadu_ps(to->bias + first)};
	if (!f->bytes) return s;
	s.step = _mm512_mul_ps(_mm512_loadu_ps(to->steps + first), _mm512_set1_ps(to->scale.step));
	if (to->scale.zero != 0) s.excess = _mm512_loadu_si512(to->excess + first);
	return s;
}

INLINE AMX __m512 features(int bytes, int rectify, const struct sixteen *to, const float *sums) {
	const __m512 zero = _mm512_setzero_ps();
	__m512 value = _mm512_loadu_ps(sums);
	if (bytes) value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_castps_si512(value), to->excess)), to->step, to->bias);
	else value = _mm512_add_ps(value, to->bias);
	return rectify ? _mm512_add_ps(_mm512_max_ps(zero, value), zero) : value; // in this order NaN stays; and -0 becomes 0
}

// finish_pixels adds the bias, rectifies, rounds, and leaves out the border.
INLINE AMX void finish_pixels(int bytes, int rectify, const struct tiles_convolution *c, const struct form *f, const struct finish *to, const float *sums, int64_t first,
                              int64_t count, bfloat16 *y) {
	const struct sixteen left = sixteen(f, to, 0), right = sixteen(f, to, rows);
	const int64_t across = c->width + tiles_border;
	int64_t column = first % across;
	y += first * tiles_channels;
	for (int64_t p = 0; p < count; p++, sums += block, y += tiles_channels) {
		const __m512 a = features(bytes, rectify, &left, sums), b = features(bytes, rectify, &right, sums + rows);
		if (column < c->width) _mm512_storeu_si512(y, (__m512i)_mm512_cvtne2ps_pbh(b, a));
		if (++column == across) column = 0;
	}
}

AMX static void finish_block(const struct tiles_convolution *c, const struct form *f, const struct finish *to, const float *sums, int64_t first, int64_t count, bfloat16 *y) {
	if (f->bytes && c->rectify) finish_pixels(1, 1, c, f, to, sums, first, count, y);
	else if (f->bytes) finish_pixels(1, 0, c, f, to, sums, first, count, y);
	else if (c->rectify) finish_pixels(0, 1, c, f, to, sums, first, count, y);
	else finish_pixels(0, 0, c, f, to, sums, first, count, y);
}

// pool takes the maxima of 2x2 of rectified numbers, which are in the order of their bits, NaN behind all.
AMX static void pool(int64_t height, int64_t width, const bfloat16 *x, bfloat16 *y) {
	const int64_t row = (width + tiles_border) * tiles_channels, to_row = (width / 2 + tiles_border) * tiles_channels;
	for (int64_t i = 0; i < height / 2; i++)
		for (int64_t j = 0; j < width / 2; j++) {
			const bfloat16 *a = x + 2 * i * row + 2 * j * tiles_channels, *b = a + row;
			const __m512i upper = _mm512_max_epu16(_mm512_loadu_si512(a), _mm512_loadu_si512(a + tiles_channels));
			const __m512i lower = _mm512_max_epu16(_mm512_loadu_si512(b), _mm512_loadu_si512(b + tiles_channels));
			_mm512_storeu_si512(y + i * to_row + j * tiles_channels, _mm512_max_epu16(upper, lower));
		}
}

// convolve_band computes 32 output channels of some rows. Its x is the place that the upper left tap
// of the kernel sees for the first pixel, and y the place of that pixel.
AMX static void convolve_band(const struct tiles_convolution *c, const struct form *f, const char *x, int64_t height, const char *kernel,
                              const struct finish *to, bfloat16 *y, float *sums) {
	const int64_t pixels = counted(c, height), row = (c->width + tiles_border) * f->pixel;
	for (int64_t first = 0; first < pixels; first += strip * block) {
		int64_t at[strip], n = 0;
		for (int64_t p = first; n < strip && p < pixels; p += block) // the last block overlaps the one before
			at[n++] = p + block <= pixels || pixels < block ? p : pixels - block;
		for (int64_t plane = 0; plane < f->planes; plane++) {
			const char *part = kernel + plane * 2 * taps * tile, *from = x + plane * f->plane;
			for (int64_t k = 0; k < n; k++) {
				float *of = sums + k * block_sums;
				if (few(c->in)) few_product(from + at[k] * f->pixel, row, part, of);
				else if (f->bytes) bytes_product(from + at[k] * f->pixel, row, part, plane == 0, of);
				else halves_product(from + at[k] * f->pixel, row, part, plane == 0, of);
			}
		}
		for (int64_t k = 0; k < n; k++)
			finish_block(c, f, to, sums + k * block_sums, at[k], pixels < block ? pixels : block, y);
	}
}

// convolve_picture computes output channels of a picture, from first to last.
AMX static void convolve_picture(const struct tiles_convolution *c, const struct form *f, const char *x, int64_t first, int64_t last,
                                 const bfloat16 *packed, struct finish to, bfloat16 *y, const struct memory *m) {
	const int64_t across = c->width + tiles_border, tall = band_rows(c);
	const int64_t to_height = c->pool ? c->height / 2 : c->height, to_width = c->pool ? c->width / 2 : c->width;
	const int64_t to_plane = plane_values(to_height, to_width, c->out);
	const struct bytes_scales scales = bytes_scales(c->in, c->out, packed);
	const float *bias = to.bias;
	for (int64_t top = 0, height; top < c->height; top += height) {
		const int64_t rest = c->height - top; // no band may be smaller than a block
		height = rest <= tall || counted(c, rest - tall) < block ? rest : tall;
		for (int64_t o = first; o < last; o += block) {
			const char *seen = x + top * across * f->pixel, *kernel = (const char *)packed + o / block * f->part;
			bfloat16 *out = y + o / block * to_plane;
			to.bias = bias + o;
			if (f->bytes) to.steps = scales.steps + o, to.excess = scales.excess + o;
			if (!c->pool) {
				convolve_band(c, f, seen, height, kernel, &to, out + ((top + 1) * across + 1) * tiles_channels, m->sums);
				continue;
			}
			convolve_band(c, f, seen, height, kernel, &to, m->band, m->sums);
			pool(height, c->width, m->band, out + ((top / 2 + 1) * (to_width + tiles_border) + 1) * tiles_channels);
		}
	}
}

AMX void tiles_convolve(const struct tiles_convolution *c, const bfloat16 *x, const bfloat16 *packed, const float *bias, bfloat16 *y,
                        float *work) {
	const struct form f = form_of(c);
	const struct memory m = divide(c, &f, work);
	const int shrink = c->pool ? 2 : 1;
	const int64_t size = tiles_planes(c->in) * plane_values(c->height, c->width, c->in), kept = copies(c, &f);
	const int64_t to_size = c->out / block * plane_values(c->height / shrink, c->width / shrink, c->out);

	tiles_clear_border(c->pictures * tiles_planes(c->out), c->height / shrink, c->width / shrink, c->out, y);
	configure(few(c->in) ? 3 * f.pixel : line);
	for (int64_t first = 0; first < c->out; first += f.by_kernel ? block : c->out)
		for (int64_t picture = 0; picture < c->pictures; picture++) {
			const char *from = (const char *)(x + picture * size);
			if (f.copied) {
				char *copy = m.copies + picture % kept * f.planes * f.plane;
				if (first == 0 || kept < c->pictures) copy_picture(c, &f, x + picture * size, copy, &m.scales[picture]);
				from = copy;
			}
			const struct finish to = {.bias = bias, .scale = f.bytes ? m.scales[picture] : (struct scale){0}};
			convolve_picture(c, &f, from, first, f.by_kernel ? first + block : c->out, packed, to, y + picture * to_size, &m);
		}
	_tile_release();
}
