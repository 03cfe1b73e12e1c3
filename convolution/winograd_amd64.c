#include "winograd.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline))

enum {
	side = 6,      // of a tile that goes in
	step = 4,      // of a tile that comes out
	rows = 6,      // tiles that the innermost product takes together: 12 sums in registers
	line = 16,     // floats of a cache line
	lanes = 8,     // floats of a register
	small_block = 48, // tiles in work at a time, multiples of rows: few where a layer has few channels,
	large_block = 96, // so that all stays in the second cache; many where its kernels are large
	few_channels = 256,
	taps = 9,
};

// Unaligned, because TensorFlow's tensors promise no alignment.
typedef float vector __attribute__((vector_size(32), aligned(4)));

int winograd_supported(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

// Kernels are transformed in double precision, four output channels at a time.
typedef double doubles __attribute__((vector_size(32)));
typedef float singles __attribute__((vector_size(16), aligned(4)));

enum { few = 4 }; // numbers in doubles and in singles

// transform is G of Lavin and Gray, one side of it.
INLINE AVX2 void transform(enum winograd_numbers numbers, const doubles k[3], doubles t[side]) {
	const doubles ends = k[0] + k[2], quarter = k[0] / 4 + k[2], half = k[1] / 2;
	t[0] = k[0] / 4;
	t[1] = (ends + k[1]) * (-1. / 6);
	t[2] = (ends - k[1]) * (-1. / 6);
	t[3] = (quarter + half) * (1. / 6);
	t[4] = (quarter - half) * (1. / 6);
	t[5] = k[2];
	if (numbers == winograd_standard) return;
	const double a = 2. / 3, b = 3. / 2, of_a = 1 / (2 * a * a * (a * a - b * b)), of_b = 1 / (2 * b * b * (b * b - a * a));
	t[0] = k[0];
	t[1] = (k[0] + a * a * k[2] + a * k[1]) * of_a;
	t[2] = (k[0] + a * a * k[2] - a * k[1]) * of_a;
	t[3] = (k[0] + b * b * k[2] + b * k[1]) * of_b;
	t[4] = (k[0] + b * b * k[2] - b * k[1]) * of_b;
}

// transform_panel transforms the kernel of 16 output channels, to matrices at a distance.
INLINE AVX2 void transform_panel(enum winograd_numbers numbers, int64_t in, int64_t out, const float *hwio, float *to, int64_t distance) {
	for (int64_t first = 0; first < in; first += few, to += few * winograd_panel) {
		// The matrices are often a power of two apart, which is the same place of the cache for all:
		// a few rows of each are put together elsewhere, and then copied.
		float parts[winograd_points][few * winograd_panel];
		const int64_t rest = (in - first < few ? in - first : few) * winograd_panel;
		for (int64_t l = 0; l < rest; l += few) {
			const float *from = hwio + (first + l / winograd_panel) * out + l % winograd_panel;
			doubles half[side][3];
			for (int q = 0; q < 3; q++) {
				doubles k[3], t[side];
				for (int r = 0; r < 3; r++) k[r] = __builtin_convertvector(*(const singles *)(from + (r * 3 + q) * in * out), doubles);
				transform(numbers, k, t);
				for (int a = 0; a < side; a++) half[a][q] = t[a];
			}
			for (int a = 0; a < side; a++) {
				doubles t[side];
				transform(numbers, half[a], t);
				for (int b = 0; b < side; b++) *(singles *)(parts[a * side + b] + l) = __builtin_convertvector(t[b], singles);
			}
		}
		for (int p = 0; p < winograd_points; p++)
			for (int64_t l = 0; l < rest; l += lanes) *(vector *)(to + p * distance + l) = *(const vector *)(parts[p] + l);
	}
}

AVX2 void winograd_transform_panel(enum winograd_numbers numbers, int64_t in, int64_t out, const float *hwio, int64_t first, float *transformed) {
	if (numbers == winograd_standard) transform_panel(winograd_standard, in, out, hwio + first, transformed, in * winograd_panel);
	else transform_panel(winograd_balanced, in, out, hwio + first, transformed, in * winograd_panel);
}

static int direct(int64_t in) { return in <= winograd_few_channels; }

int64_t winograd_kernel_points(int64_t in) { return direct(in) ? taps : winograd_points; }

AVX2 void winograd_transform_kernel(int64_t in, int64_t out, const float *hwio, float *transformed) {
	for (int64_t o = 0; o < out; o += winograd_panel) {
		if (!direct(in)) {
			transform_panel(winograd_standard, in, out, hwio + o, transformed + o * in, in * out);
			continue;
		}
		for (int64_t k = 0; k < taps * in; k++, transformed += winograd_panel) memcpy(transformed, hwio + k * out + o, winograd_panel * sizeof *transformed);
	}
}

// block is the number of tiles in work at a time.
static int64_t block(const struct winograd_convolution *c) {
	return c->in + c->out <= few_channels ? small_block : large_block;
}

// matrix is the distance between the 36 matrices of tiles x channels. The odd line keeps them
// from falling onto the same places of the cache, and takes what input_tile writes too far.
static size_t matrix(int64_t tiles, int64_t channels) { return (size_t)tiles * channels + line; }

static size_t padded(int64_t channels) { return (size_t)(channels + line - 1) / line * line; }

// seen_row and direct_row are the sizes of a row of pixels with its border, as products see it, and of their results.
static int64_t seen_row(const struct winograd_convolution *c) { return (c->width + 2 + rows) * c->in; }
static int64_t direct_row(const struct winograd_convolution *c) { return (c->width + rows) * winograd_panel; }

size_t winograd_work_floats(const struct winograd_convolution *c) {
	if (direct(c->in)) return (size_t)(4 * seen_row(c) + 2 * direct_row(c));
	return winograd_points * (matrix(block(c), c->in) + matrix(block(c), c->out)) + padded(c->in);
}

// The transformations B and A of Lavin and Gray, one side of them.

INLINE AVX2 void transform_in(const vector d[side], vector t[side]) {
	const vector a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], e = d[4] - d[2], f = 2 * (d[3] - d[1]);
	t[0] = 4 * d[0] - 5 * d[2] + d[4];
	t[1] = a + b;
	t[2] = a - b;
	t[3] = e + f;
	t[4] = e - f;
	t[5] = 4 * d[1] - 5 * d[3] + d[5];
}

INLINE AVX2 void transform_out(const vector m[side], vector s[step]) {
	const vector a = m[1] + m[2], b = m[1] - m[2], e = m[3] + m[4], f = m[3] - m[4];
	s[0] = m[0] + a + e;
	s[1] = b + 2 * f;
	s[2] = a + 4 * e;
	s[3] = b + 8 * f + m[5];
}

// input_line transforms 16 channels of a tile, a whole line of the cache: two registers.
INLINE AVX2 void input_line(const float *const pixels[side * side], int64_t offset, float *v, size_t distance) {
	vector half[side][side][2];
	for (int r = 0; r < side; r++)
		for (int k = 0; k < 2; k++) {
			vector d[side], t[side];
			for (int q = 0; q < side; q++) d[q] = *(const vector *)(pixels[r * side + q] + offset + lanes * k);
			transform_in(d, t);
			for (int q = 0; q < side; q++) half[q][r][k] = t[q];
		}
	for (int q = 0; q < side; q++)
		for (int k = 0; k < 2; k++) {
			vector t[side], d[side];
			for (int r = 0; r < side; r++) d[r] = half[q][r][k];
			transform_in(d, t);
			for (int r = 0; r < side; r++) *(vector *)(v + (r * side + q) * distance + lanes * k) = t[r];
		}
}

// fetch_pixels asks for the pixels at an offset from a tile's, of those that its neighbours do not read:
// its rows are too short for the processor to see them coming.
INLINE AVX2 void fetch_pixels(const float *const pixels[side * side], int64_t offset) {
	for (int r = 0; r < side; r++)
		for (int q = side - step; q < side; q++) _mm_prefetch((const char *)(pixels[r * side + q] + offset), _MM_HINT_T1);
}

// input_tile transforms all channels of a tile, given where each of its pixels is. Up to 15
// numbers after the tile's own are overwritten: the next tile's, which is yet to come.
AVX2 static void input_tile(const float *const pixels[side * side], int64_t in, float *v, size_t distance) {
	int64_t c = 0;
	for (; c + line <= in; c += line) {
		fetch_pixels(pixels, c + 2 * step * in);
		input_line(pixels, c, v + c, distance);
	}
	if (c == in) return;
	float rest[side * side][line];
	const float *copies[side * side];
	memset(rest, 0, sizeof rest);
	for (int i = 0; i < side * side; i++) {
		for (int64_t k = c; k < in; k++) rest[i][k - c] = pixels[i][k];
		copies[i] = rest[i];
	}
	input_line(copies, 0, v + c, distance);
}

// place is where a tile comes out: at most 4x4 pixels, less at the right and lower border.
struct place {
	float *y;
	int64_t row, pixel; // distances
	int height, width;
};

// rectified keeps NaN, of which the instruction takes the second number, and makes -0 to 0.
INLINE AVX2 vector rectified(vector x) {
	const __m256 zero = _mm256_setzero_ps();
	return (vector)_mm256_add_ps(_mm256_max_ps(zero, (__m256)x), zero);
}

// larger is for rectified numbers, which are in the order of their bits, NaN behind all.
INLINE AVX2 vector larger(vector a, vector b) { return (vector)_mm256_max_epu32((__m256i)a, (__m256i)b); }

AVX2 static void output_tile(const struct winograd_convolution *c, const float *m, size_t distance, const float *bias,
                             struct place to) {
	for (int64_t o = 0; o < c->out; o += line) {
		vector half[step][side][2], s[step][step][2];
		for (int r = 0; r < side; r++)
			for (int k = 0; k < 2; k++) {
				vector d[side], t[step];
				for (int q = 0; q < side; q++) d[q] = *(const vector *)(m + (r * side + q) * distance + o + lanes * k);
				transform_out(d, t);
				for (int q = 0; q < step; q++) half[q][r][k] = t[q];
			}
		for (int q = 0; q < step; q++)
			for (int k = 0; k < 2; k++) {
				vector d[side], t[step];
				for (int r = 0; r < side; r++) d[r] = half[q][r][k];
				transform_out(d, t);
				const vector b = *(const vector *)(bias + o + lanes * k);
				for (int r = 0; r < step; r++) s[r][q][k] = c->rectify ? rectified(t[r] + b) : t[r] + b;
			}
		if (!c->pool) {
			for (int r = 0; r < to.height; r++)
				for (int q = 0; q < to.width; q++)
					for (int k = 0; k < 2; k++) *(vector *)(to.y + r * to.row + q * to.pixel + o + lanes * k) = s[r][q][k];
			continue;
		}
		for (int r = 0; r + 1 < to.height; r += 2)
			for (int q = 0; q + 1 < to.width; q += 2)
				for (int k = 0; k < 2; k++)
					*(vector *)(to.y + r / 2 * to.row + q / 2 * to.pixel + o + lanes * k) =
						larger(larger(s[r][q][k], s[r][q + 1][k]), larger(s[r + 1][q][k], s[r + 1][q + 1][k]));
	}
}

// product multiplies 6 rows of v, a distance apart, with a panel of 16 columns. A row's numbers are in
// some parts of equal length. Written out, because the compiler keeps the sums in registers only so. At
// each step it fetches what comes so many bytes later.
AVX2 static void product(const float *v, int64_t row, int64_t parts, int64_t part, int64_t length, const float *panel, float *m, int64_t out, const char *ahead, int64_t pace) {
	__m256 s00 = _mm256_setzero_ps(), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00;
	__m256 s30 = s00, s31 = s00, s40 = s00, s41 = s00, s50 = s00, s51 = s00;
	for (int64_t p = 0; p < parts; p++) {
		const float *x = v + p * part, *w = x + 3 * row;
		for (int64_t c = 0; c < length; c++) {
			const __m256 left = _mm256_loadu_ps(panel), right = _mm256_loadu_ps(panel + lanes);
			__m256 one;
			_mm_prefetch(ahead, _MM_HINT_T1);
			ahead += pace;
#define ROW(from, sum)                                  \
	one = _mm256_broadcast_ss(from);                \
	sum##0 = _mm256_fmadd_ps(one, left, sum##0);    \
	sum##1 = _mm256_fmadd_ps(one, right, sum##1)
			ROW(x, s0);
			ROW(x + row, s1);
			ROW(x + 2 * row, s2);
			ROW(w, s3);
			ROW(w + row, s4);
			ROW(w + 2 * row, s5);
#undef ROW
			panel += winograd_panel;
			x++;
			w++;
		}
	}
#define PUT(row, sum)                            \
	_mm256_storeu_ps(m + (row) * out, sum##0);   \
	_mm256_storeu_ps(m + (row) * out + lanes, sum##1)
	PUT(0, s0);
	PUT(1, s1);
	PUT(2, s2);
	PUT(3, s3);
	PUT(4, s4);
	PUT(5, s5);
#undef PUT
}

// products multiplies n rows of v, and those beyond them that fill a block, with all panels.
static void products(const float *v, int64_t n, int64_t in, const float *panels, float *m, int64_t out) {
	// Each panel's products fetch a part of the next panel, which follows in memory.
	const int64_t pace = winograd_panel * (int64_t)sizeof *panels * rows / (n + rows - 1);
	for (int64_t o = 0; o < out; o += winograd_panel)
		for (int64_t t = 0; t < n; t += rows) {
			const char *ahead = (const char *)(panels + (o + winograd_panel) * in) + t / rows * pace * in;
			product(v + t * in, in, 1, 0, in, panels + o * in, m + t * out + o, out, ahead, pace);
		}
}

// put_row adds the bias to 16 channels of a row of results, rectifies, and writes them, or the maxima of
// 2x2 of two rows.
AVX2 static void put_row(const struct winograd_convolution *c, const float *upper, const float *lower, const float *bias, float *y) {
	for (int64_t j = 0; j < (c->pool ? c->width / 2 : c->width); j++, y += c->out)
		for (int64_t k = 0; k < winograd_panel; k += lanes) {
			const vector b = *(const vector *)(bias + k);
			if (!c->pool) {
				const vector x = *(const vector *)(upper + j * winograd_panel + k) + b;
				*(vector *)(y + k) = c->rectify ? rectified(x) : x;
				continue;
			}
			const float *l = upper + 2 * j * winograd_panel + k, *d = lower + 2 * j * winograd_panel + k;
			const vector s[] = {*(const vector *)l, *(const vector *)(l + winograd_panel), *(const vector *)d, *(const vector *)(d + winograd_panel)};
			*(vector *)(y + k) = larger(larger(rectified(s[0] + b), rectified(s[1] + b)), larger(rectified(s[2] + b), rectified(s[3] + b)));
		}
}

// convolve_directly is for few input channels: three pixels in a row are one row of a product.
AVX2 static void convolve_directly(const struct winograd_convolution *c, const float *x, const float *kernel, const float *bias, float *y, float *work) {
	const int64_t seen = seen_row(c), at_once = c->pool ? 2 : 1;
	float *m = work + 4 * seen;
	memset(work, 0, (size_t)(4 * seen) * sizeof *work);
	for (int64_t picture = 0; picture < c->pictures; picture++, x += c->height * c->width * c->in)
		for (int64_t top = 0; top + at_once <= c->height; top += at_once) {
			for (int64_t r = 0; r < at_once + 2; r++) {
				const int64_t i = top + r - 1;
				if (i < 0 || i >= c->height) memset(work + r * seen, 0, (size_t)seen * sizeof *work);
				else memcpy(work + r * seen + c->in, x + i * c->width * c->in, (size_t)(c->width * c->in) * sizeof *work);
			}
			for (int64_t o = 0; o < c->out; o += winograd_panel) {
				for (int64_t r = 0; r < at_once; r++) {
					float *results = m + r * direct_row(c);
					for (int64_t j = 0; j < c->width; j += rows)
						product(work + r * seen + j * c->in, c->in, 3, seen, 3 * c->in, kernel + o * taps * c->in, results + j * winograd_panel, winograd_panel, (const char *)kernel, 0);
				}
				put_row(c, m, m + direct_row(c), bias + o, y + o);
			}
			y += (c->pool ? c->width / 2 : c->width) * c->out;
		}
}

void winograd_convolve(const struct winograd_convolution *c, const float *x, const float *transformed,
                       const float *bias, float *y, float *work) {
	if (direct(c->in)) {
		convolve_directly(c, x, transformed, bias, y, work);
		return;
	}
	const int64_t at_once = block(c);
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step;
	const int64_t tiles = c->pictures * down * across;
	const int shrink = c->pool ? 2 : 1;
	const int64_t out_height = c->height / shrink, out_width = c->width / shrink;
	const size_t v_distance = matrix(at_once, c->in), m_distance = matrix(at_once, c->out);
	float *v = work, *m = v + winograd_points * v_distance, *zeros = m + winograd_points * m_distance;
	memset(zeros, 0, padded(c->in) * sizeof *zeros);

	for (int64_t first = 0; first < tiles; first += at_once) {
		const int64_t n = tiles - first < at_once ? tiles - first : at_once;
		for (int64_t t = 0; t < n; t++) {
			const int64_t tile = first + t, picture = tile / (down * across);
			const int64_t top = tile / across % down * step - 1, left = tile % across * step - 1;
			const float *pixels[side * side];
			for (int r = 0; r < side; r++)
				for (int q = 0; q < side; q++) {
					const int64_t i = top + r, j = left + q;
					const int outside = i < 0 || j < 0 || i >= c->height || j >= c->width;
					pixels[r * side + q] = outside ? zeros : x + ((picture * c->height + i) * c->width + j) * c->in;
				}
			input_tile(pixels, c->in, v + t * c->in, v_distance);
		}
		// The last product may take rows of earlier tiles beyond n; nobody reads what comes of them.
		for (int64_t p = 0; p < winograd_points; p++)
			products(v + p * v_distance, n, c->in, transformed + p * c->out * c->in, m + p * m_distance, c->out);
		for (int64_t t = 0; t < n; t++) {
			const int64_t tile = first + t, picture = tile / (down * across);
			const int64_t top = tile / across % down * step, left = tile % across * step;
			const struct place to = {
				.y = y + ((picture * out_height + top / shrink) * out_width + left / shrink) * c->out,
				.row = out_width * c->out,
				.pixel = c->out,
				.height = (int)(c->height - top < step ? c->height - top : step),
				.width = (int)(c->width - left < step ? c->width - left : step),
			};
			output_tile(c, m + t * c->out, m_distance, bias, to);
		}
	}
}
