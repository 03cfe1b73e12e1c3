#include "winograd.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline))

enum {
	side = 6,  // of a transformed tile
	lanes = 8, // floats of a register
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

AVX2 void winograd_transform_kernel(int64_t in, int64_t out, const float *hwio, float *transformed) {
	for (int64_t o = 0; o < out; o += winograd_panel) {
		if (in > winograd_few_channels) {
			transform_panel(winograd_standard, in, out, hwio + o, transformed + o * in, in * out);
			continue;
		}
		for (int64_t k = 0; k < taps * in; k++, transformed += winograd_panel) memcpy(transformed, hwio + k * out + o, winograd_panel * sizeof *transformed);
	}
}
