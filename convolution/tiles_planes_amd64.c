#include "tiles_planes.h"

#include <math.h>

int64_t tiles_plane(int64_t channels) { return channels <= tiles_few_channels ? tiles_few_channels : tiles_channels; }

int64_t tiles_planes(int64_t channels) { return (channels + tiles_plane(channels) - 1) / tiles_plane(channels); }

void tiles_from_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *nhwc, bfloat16 *planes) {
	const int64_t plane = tiles_plane(channels), size = plane_values(height, width, channels);
	tiles_clear_border(pictures * tiles_planes(channels), height, width, channels, planes);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size)
			for (int64_t i = 0; i < height; i++) {
				const float *from = nhwc + (picture * height + i) * width * channels + first;
				bfloat16 *to = planes + ((i + 1) * (width + tiles_border) + 1) * plane;
				for (int64_t j = 0; j < width; j++, from += channels, to += plane)
					for (int64_t k = 0; k < plane; k++) to[k] = first + k < channels ? rounded(from[k]) : 0;
			}
}

void tiles_to_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const bfloat16 *planes, float *nhwc) {
	const int64_t plane = tiles_plane(channels), size = plane_values(height, width, channels);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size)
			for (int64_t i = 0; i < height; i++) {
				const bfloat16 *from = planes + ((i + 1) * (width + tiles_border) + 1) * plane;
				float *to = nhwc + (picture * height + i) * width * channels + first;
				for (int64_t j = 0; j < width; j++, from += plane, to += channels)
					for (int64_t k = 0; k < plane && first + k < channels; k++) to[k] = widened(from[k]);
			}
}

void tiles_clear_border(int64_t planes, int64_t height, int64_t width, int64_t channels, bfloat16 *at) {
	const size_t pixel = (size_t)tiles_plane(channels), row = (size_t)(width + tiles_border) * pixel;
	for (int64_t p = 0; p < planes; p++) {
		memset(at, 0, (row + pixel) * sizeof *at); // the first row, and the next one's first pixel
		for (int64_t i = 1; i < height; i++) memset(at + (size_t)(i + 1) * row - pixel, 0, 2 * pixel * sizeof *at);
		memset(at + (size_t)(height + 1) * row - pixel, 0, (row + pixel) * sizeof *at);
		at += (size_t)(height + tiles_border) * row;
	}
}

// depth is the number of products that a tile's row holds, and steps how many rows of tiles a sum takes.
static int64_t depth(int64_t in) { return few(in) ? 3 * tiles_few_channels : tiles_channels; }
static int64_t steps(int64_t in) { return few(in) ? 3 : taps * (in / tiles_channels); }

size_t tiles_kernel_size(enum tiles_numbers numbers, int64_t in, int64_t out) {
	if (!in_bytes(numbers, in)) return (size_t)(steps(in) * depth(in) * out);
	return (size_t)(taps * in * out) / sizeof(bfloat16) + (size_t)out * (sizeof(float) + sizeof(int32_t)) / sizeof(bfloat16);
}

// A packed kernel is, for every 32 output channels and every step, two tiles. A tile's row holds
// two products for each of 16 output channels, side by side.
static void pack_halves(int64_t in, int64_t out, const float *hwio, bfloat16 *packed) {
	for (int64_t o = 0; o < out; o += block)
		for (int64_t s = 0; s < steps(in); s++)
			for (int64_t half = 0; half < block; half += rows)
				for (int64_t d = 0; d < depth(in); d += 2)
					for (int64_t n = 0; n < rows; n++)
						for (int64_t k = d; k < d + 2; k++) {
							const int64_t down = few(in) ? s : s % taps / 3, across = few(in) ? k / tiles_few_channels : s % 3;
							const int64_t channel = few(in) ? k % tiles_few_channels : s / taps * tiles_channels + k;
							*packed++ = channel < in ? rounded(hwio[((down * 3 + across) * in + channel) * out + o + half + n]) : 0;
						}
}

// step is the size of an output channel's step: 127 of them are its largest value.
static float step(int64_t in, int64_t out, const float *hwio) {
	float most = 0;
	for (int64_t k = 0; k < taps * in; k++) {
		const float size = hwio[k * out] < 0 ? -hwio[k * out] : hwio[k * out];
		if (!(size <= most)) most = size; // NaN stays
		if (most != most) break;
	}
	return most / 127;
}

// whole rounds to the nearest whole number, halves to even. Of what is no number, its step makes the sums none.
static int8_t whole(float value, float step) {
	const float shift = 12582912, steps = step > 0 && step < INFINITY ? value / step : 0;
	return (int8_t)(steps + shift - shift);
}

// In bytes, a tile's row holds four products for each of 16 output channels.
static void pack_bytes(int64_t in, int64_t out, const float *hwio, bfloat16 *packed) {
	const struct bytes_scales behind = bytes_scales(in, out, packed);
	float *scales = (float *)behind.steps;
	int32_t *excess = (int32_t *)behind.excess;
	for (int64_t o = 0; o < out; o++) scales[o] = step(in, out, hwio + o);
	memset(excess, 0, (size_t)out * sizeof *excess);
	int8_t *to = (int8_t *)packed;
	for (int64_t o = 0; o < out; o += block)
		for (int64_t s = 0; s < taps * (in / bytes_channels); s++)
			for (int64_t half = o; half < o + block; half += rows)
				for (int64_t d = 0; d < bytes_channels; d += 4)
					for (int64_t n = half; n < half + rows; n++)
						for (int64_t k = d; k < d + 4; k++) {
							const int64_t channel = s / taps * bytes_channels + k;
							*to = whole(hwio[(s % taps * in + channel) * out + n], scales[n]);
							excess[n] += bytes_middle * *to++;
						}
}

void tiles_pack_kernel(enum tiles_numbers numbers, int64_t in, int64_t out, const float *hwio, bfloat16 *packed) {
	if (in_bytes(numbers, in)) pack_bytes(in, out, hwio, packed);
	else pack_halves(in, out, hwio, packed);
}
