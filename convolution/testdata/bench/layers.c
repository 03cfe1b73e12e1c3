// How long VGG16's layers take on one core, layer by layer and stage by stage, beside the limit that
// loops of nothing but the products' instruction set. scripts/bench-kernels.sh builds and runs it.
// Times are those of the thread's processor time, the least of some runs: other work on the machine
// takes turns with this, and hardly shows.

#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../../wide.h"

double wide_stage_seconds[wide_stages];

double wide_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// LOOP defines a function that does nothing but an instruction, on 24 registers.
#define LOOP(name, instruction)                                                                                      \
	__attribute__((target("avx512f,avx512vnni,avx512bf16"))) static double name(void) {                          \
		double best = 1e9;                                                                                    \
		for (int run = 0; run < 20; run++) {                                                                  \
			const double start = wide_now();                                                              \
			for (int i = 0; i < 100000; i++)                                                              \
				__asm__ volatile(EACH24(instruction)::: CLOBBERED);                                   \
			const double seconds = wide_now() - start;                                                    \
			best = seconds < best ? seconds : best;                                                       \
		}                                                                                                     \
		return 100000. * 24 / best;                                                                           \
	}
#define ONE(i, n) i " %%zmm31, %%zmm30, %%zmm" #n "\n"
#define EACH24(i)                                                                                                        \
	ONE(i, 0) ONE(i, 1) ONE(i, 2) ONE(i, 3) ONE(i, 4) ONE(i, 5) ONE(i, 6) ONE(i, 7) ONE(i, 8) ONE(i, 9) ONE(i, 10) ONE(i, 11) ONE(i, 12) \
	ONE(i, 13) ONE(i, 14) ONE(i, 15) ONE(i, 16) ONE(i, 17) ONE(i, 18) ONE(i, 19) ONE(i, 20) ONE(i, 21) ONE(i, 22) ONE(i, 23)
#define CLOBBERED_LOW \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define CLOBBERED CLOBBERED_LOW, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23"
#define PAIR(n) "vpmaddwd %%ymm15, %%ymm14, %%ymm13\nvpaddd %%ymm13, %%ymm" #n ", %%ymm" #n "\n"
LOOP(float32_fma, "vfmadd231ps")
LOOP(bfloat16_dot, "vdpbf16ps")
LOOP(int16_dot, "vpdpwssd")
LOOP(int8_dot, "vpdpbusd")

// whole_pairs is the same on 12 registers of 256 bits: without VNNI, a product and a sum are two instructions.
__attribute__((target("avx2"))) static double whole_pairs(void) {
	double best = 1e9;
	for (int run = 0; run < 20; run++) {
		const double start = wide_now();
		for (int i = 0; i < 100000; i++)
			__asm__ volatile(PAIR(0) PAIR(1) PAIR(2) PAIR(3) PAIR(4) PAIR(5) PAIR(6) PAIR(7) PAIR(8) PAIR(9) PAIR(10) PAIR(11)::: CLOBBERED_LOW);
		const double seconds = wide_now() - start;
		best = seconds < best ? seconds : best;
	}
	return 100000. * 12 / best;
}

struct layer {
	const char *name;
	int64_t side, in, out;
	int pool;
};

static const struct layer vgg16[] = {
	{"conv1_1", 224, 3, 64, 0}, {"conv1_2", 224, 64, 64, 1}, {"conv2_1", 112, 64, 128, 0}, {"conv2_2", 112, 128, 128, 1},
	{"conv3_1", 56, 128, 256, 0}, {"conv3_2", 56, 256, 256, 0}, {"conv3_3", 56, 256, 256, 1}, {"conv4_1", 28, 256, 512, 0},
	{"conv4_2", 28, 512, 512, 0}, {"conv4_3", 28, 512, 512, 1}, {"conv5_1", 14, 512, 512, 0}, {"conv5_2", 14, 512, 512, 0}, {"conv5_3", 14, 512, 512, 1},
};

static float *map(size_t floats) {
	float *m = aligned_alloc(1 << 21, (floats * sizeof *m + (1 << 21) - 1) >> 21 << 21);
	if (m == NULL) exit(1);
	madvise(m, floats * sizeof *m, MADV_HUGEPAGE);
	memset(m, 0, floats * sizeof *m);
	return m;
}

static void fill(float *at, size_t n, float low, float high) {
	static uint32_t state = 1;
	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		at[i] = low + (high - low) * (float)(state >> 8) / 16777216.f;
	}
}

static size_t plane_floats(const struct wide_convolution *c, int64_t channels, int64_t side) {
	return (size_t)(c->pictures * wide_planes(channels) * (side + wide_border) * (side + wide_border) * wide_plane(channels));
}

// least is the milliseconds for a layer's products alone. Those of few channels are float32 in each arithmetic.
static double least(const struct layer *l, enum wide_arithmetic arithmetic, const double *limits) {
	const int few = l->in <= 4;
	const int64_t tiles = (l->side + 3) / 4, products = few ? 9 * l->side * l->side : 36 * tiles * tiles;
	return 1e3 * 2 * (double)(products * l->in * l->out) / limits[few ? wide_float32 : arithmetic];
}

// measure prints a layer's least time and its stages, per picture, and returns its milliseconds.
static double measure(const struct layer *l, enum wide_arithmetic arithmetic, int64_t pictures, const double *limits, int runs) {
	const struct wide_convolution c = {.arithmetic = arithmetic, .pictures = pictures, .height = l->side, .width = l->side, .in = l->in, .out = l->out, .rectify = 1, .pool = l->pool};
	const int64_t to = l->pool ? l->side / 2 : l->side;
	const size_t kernel = (size_t)(9 * l->in * l->out), pixels = (size_t)(pictures * l->side * l->side * l->in);
	float *hwio = map(kernel), *nhwc = map(pixels), *x = map(plane_floats(&c, l->in, l->side)), *y = map(plane_floats(&c, l->out, to)), *bias = map((size_t)l->out);
	float *packed = map(wide_kernel_floats(arithmetic, l->in, l->out)), *work = map(wide_work_floats(&c));
	fill(hwio, kernel, -.1f, .1f);
	fill(nhwc, pixels, 0, 100);
	wide_from_pixels(pictures, l->side, l->side, l->in, nhwc, x);
	if (!wide_pack_kernel(arithmetic, l->in, l->out, hwio, packed)) exit(1);
	double best = 1e9, stages[wide_stages] = {0};
	for (int run = 0; run < runs; run++) {
		memset(wide_stage_seconds, 0, sizeof wide_stage_seconds);
		const double start = wide_now();
		wide_convolve(&c, x, packed, bias, y, work);
		const double seconds = wide_now() - start;
		if (seconds < best) {
			best = seconds;
			memcpy(stages, wide_stage_seconds, sizeof stages);
		}
	}
	const double each = 1e3 / (double)pictures, of_products = least(l, arithmetic, limits);
	printf("%-8s %8.2f", l->name, best * each);
	for (int s = 0; s < wide_stages; s++) printf(" %8.2f", stages[s] * each);
	printf(" %8.2f %5.0f %%\n", of_products, 100 * of_products / (best * each));
	float *all[] = {hwio, nhwc, x, y, bias, packed, work};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
	return best * each;
}

int main(int count, char **arguments) {
	const int64_t pictures = count > 1 ? atoi(arguments[1]) : 4;
	const int runs = count > 2 ? atoi(arguments[2]) : 7;
	const char *const only = count > 3 ? arguments[3] : "";
	double limits[wide_arithmetics] = {0};
	if (!wide_supported(wide_float32)) {
		puts("this processor has no AVX-512");
		return 0;
	}
	printf("%-34s %6.0f Gop/s\n", "FMA (AVX-512), float32", (limits[wide_float32] = float32_fma() * 32) / 1e9);
	if (__builtin_cpu_supports("avx512bf16")) printf("%-34s %6.0f Gop/s\n", "VDPBF16PS, bfloat16", bfloat16_dot() * 64 / 1e9);
	if (wide_supported(wide_int16)) {
		printf("%-34s %6.0f Gop/s\n", "VPDPWSSD, int16", (limits[wide_int16] = int16_dot() * 64) / 1e9);
		printf("%-34s %6.0f Gop/s\n", "VPDPBUSD, int8", int8_dot() * 128 / 1e9);
	}
	printf("%-34s %6.0f Gop/s\n", "VPMADDWD and VPADDD (AVX2), int16", whole_pairs() * 32 / 1e9);
	for (int a = 0; a < wide_arithmetics; a++) {
		double sum = 0;
		if (!wide_supported((enum wide_arithmetic)a)) continue;
		if (*only != 0 && strcmp(only, wide_names[a]) != 0) continue;
		printf("\n%s, ms a picture, %lld at a time on one core\n%-8s %8s %8s %8s %8s %8s %7s\n", wide_names[a], (long long)pictures, "layer", "all", "in", "products", "out", "least", "share");
		for (size_t i = 0; i < sizeof vgg16 / sizeof *vgg16; i++) sum += measure(&vgg16[i], (enum wide_arithmetic)a, pictures, limits, runs);
		printf("%-8s %8.2f\n", "all", sum);
	}
	return 0;
}
