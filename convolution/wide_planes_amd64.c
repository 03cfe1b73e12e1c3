// Maps in planes.

#include <string.h>

#include "wide_parts.h"

int64_t wide_plane(int64_t channels) { return wide_few(channels) ? channels : lanes; }

int64_t wide_planes(int64_t channels) { return planes_of(channels); }

// plane_values is the number of values of a plane.
static int64_t plane_values(int64_t height, int64_t width, int64_t channels) {
	return (height + wide_border) * (width + wide_border) * wide_plane(channels);
}

void wide_clear_border(int64_t planes, int64_t height, int64_t width, int64_t channels, float *at) {
	const size_t pixel = (size_t)wide_plane(channels), row = (size_t)(width + wide_border) * pixel;
	for (int64_t p = 0; p < planes; p++, at += (size_t)(height + wide_border) * row) {
		memset(at, 0, (row + pixel) * sizeof *at); // the first row, and the next one's first pixel
		for (int64_t i = 1; i < height; i++) memset(at + (size_t)(i + 1) * row - pixel, 0, 2 * pixel * sizeof *at);
		memset(at + (size_t)(height + 1) * row - pixel, 0, (row + pixel) * sizeof *at);
	}
}

void wide_from_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *nhwc, float *planes) {
	const int64_t plane = wide_plane(channels), size = plane_values(height, width, channels);
	wide_clear_border(pictures * wide_planes(channels), height, width, channels, planes);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size) {
			const int64_t there = channels - first < plane ? channels - first : plane;
			for (int64_t i = 0; i < height; i++) {
				const float *from = nhwc + (picture * height + i) * width * channels + first;
				float *to = planes + ((i + 1) * (width + wide_border) + 1) * plane;
				for (int64_t j = 0; j < width; j++, from += channels, to += plane) {
					memcpy(to, from, (size_t)there * sizeof *to);
					if (there < plane) memset(to + there, 0, (size_t)(plane - there) * sizeof *to);
				}
			}
		}
}

void wide_to_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *planes, float *nhwc) {
	const int64_t plane = wide_plane(channels), size = plane_values(height, width, channels);
	for (int64_t picture = 0; picture < pictures; picture++)
		for (int64_t first = 0; first < channels; first += plane, planes += size) {
			const int64_t there = channels - first < plane ? channels - first : plane;
			for (int64_t i = 0; i < height; i++) {
				const float *from = planes + ((i + 1) * (width + wide_border) + 1) * plane;
				float *to = nhwc + (picture * height + i) * width * channels + first;
				for (int64_t j = 0; j < width; j++, from += plane, to += channels) memcpy(to, from, (size_t)there * sizeof *to);
			}
		}
}
