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

// LOOP defines a function that does nothing but some instructions, on so many registers.
#define LOOP(name, count, all, clobbered)                                                                            \
	__attribute__((target("avx512f,avx512vnni,avx512bf16"))) static double name(void) {                          \
		double best = 1e9;                                                                                    \
		for (int run = 0; run < 20; run++) {                                                                  \
			const double start = wide_now();                                                              \
			for (int i = 0; i < 100000; i++)                                                              \
				__asm__ volatile(all::: clobbered);                                                   \
			const double seconds = wide_now() - start;                                                    \
			best = seconds < best ? seconds : best;                                                       \
		}                                                                                                     \
		return 100000. * count / best;                                                                        \
	}
#define ONE(i, n) i " %%zmm31, %%zmm30, %%zmm" #n "\n"
#define EACH24(i)                                                                                                        \
	ONE(i, 0) ONE(i, 1) ONE(i, 2) ONE(i, 3) ONE(i, 4) ONE(i, 5) ONE(i, 6) ONE(i, 7) ONE(i, 8) ONE(i, 9) ONE(i, 10) ONE(i, 11) ONE(i, 12) \
	ONE(i, 13) ONE(i, 14) ONE(i, 15) ONE(i, 16) ONE(i, 17) ONE(i, 18) ONE(i, 19) ONE(i, 20) ONE(i, 21) ONE(i, 22) ONE(i, 23)
#define CLOBBERED_LOW \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define CLOBBERED CLOBBERED_LOW, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23"
#define HALF(i, n) i " %%ymm15, %%ymm14, %%ymm" #n "\n"
#define PAIR(i, n) i "vpmaddwd %%ymm15, %%ymm14, %%ymm13\nvpaddd %%ymm13, %%ymm" #n ", %%ymm" #n "\n"
#define EACH12(o, i) o(i, 0) o(i, 1) o(i, 2) o(i, 3) o(i, 4) o(i, 5) o(i, 6) o(i, 7) o(i, 8) o(i, 9) o(i, 10) o(i, 11)
LOOP(float32_fma, 24, EACH24("vfmadd231ps"), CLOBBERED)
LOOP(bfloat16_dot, 24, EACH24("vdpbf16ps"), CLOBBERED)
LOOP(int16_dot, 24, EACH24("vpdpwssd"), CLOBBERED)
LOOP(int8_dot, 24, EACH24("vpdpbusd"), CLOBBERED)
LOOP(float32_half, 12, EACH12(HALF, "vfmadd231ps"), CLOBBERED_LOW)
LOOP(int16_half, 12, EACH12(HALF, "%{vex%} vpdpwssd"), CLOBBERED_LOW)
LOOP(int16_pairs, 12, EACH12(PAIR, ""), CLOBBERED_LOW) // without VNNI, a product and a sum are two instructions

// A way to compute, and how many additions and multiplications a second its instruction allows.
struct way {
	const char *name, *instruction;
	enum wide_arithmetic arithmetic;
	enum wide_instructions instructions;
	double (*loop)(void);
	int operations; // of an instruction
	double limit;
};

static struct way ways[] = {
	{"float32", "FMA (AVX-512)", wide_float32, wide_avx512, float32_fma, 32, 0},
	{"int16", "VPDPWSSD (AVX-512)", wide_int16, wide_avx512, int16_dot, 64, 0},
	{"float32-avx2", "FMA (AVX2)", wide_float32, wide_avx2, float32_half, 16, 0},
	{"int16-avxvnni", "VPDPWSSD (AVX-VNNI)", wide_int16, wide_avxvnni, int16_half, 32, 0},
	{"int16-avx2", "VPMADDWD and VPADDD (AVX2)", wide_int16, wide_avx2, int16_pairs, 32, 0},
};

enum { count_ways = sizeof ways / sizeof *ways };

// floats is the limit of float32 with the same registers.
static double floats(const struct way *w) {
	for (int i = 0; i < count_ways; i++)
		if (ways[i].arithmetic == wide_float32 && (ways[i].instructions == wide_avx512) == (w->instructions == wide_avx512)) return ways[i].limit;
	return 0;
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
static double least(const struct layer *l, const struct way *w) {
	const int few = l->in <= 4;
	const int64_t tiles = (l->side + 3) / 4, products = few ? 9 * l->side * l->side : 36 * tiles * tiles;
	return 1e3 * 2 * (double)(products * l->in * l->out) / (few ? floats(w) : w->limit);
}

// measure prints a layer's least time and its stages, per picture, and returns its milliseconds.
static double measure(const struct layer *l, const struct way *w, int64_t pictures, int runs) {
	const struct wide_convolution c = {.arithmetic = w->arithmetic, .instructions = w->instructions, .pictures = pictures, .height = l->side, .width = l->side, .in = l->in, .out = l->out, .rectify = 1, .pool = l->pool};
	const int64_t to = l->pool ? l->side / 2 : l->side;
	const size_t kernel = (size_t)(9 * l->in * l->out), pixels = (size_t)(pictures * l->side * l->side * l->in);
	float *hwio = map(kernel), *nhwc = map(pixels), *x = map(plane_floats(&c, l->in, l->side)), *y = map(plane_floats(&c, l->out, to)), *bias = map((size_t)l->out);
	float *packed = map(wide_kernel_floats(w->arithmetic, l->in, l->out)), *work = map(wide_work_floats(&c));
	fill(hwio, kernel, -.1f, .1f);
	fill(nhwc, pixels, 0, 100);
	wide_from_pixels(pictures, l->side, l->side, l->in, nhwc, x);
	if (!wide_pack_kernel(w->arithmetic, w->instructions, l->in, l->out, hwio, packed)) exit(1);
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
	const double each = 1e3 / (double)pictures, of_products = least(l, w);
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
	for (int i = 0; i < count_ways; i++)
		if (wide_supported(ways[i].arithmetic, ways[i].instructions))
			printf("%-34s %-8s %6.0f Gop/s\n", ways[i].instruction, ways[i].arithmetic == wide_int16 ? "int16" : "float32", (ways[i].limit = ways[i].loop() * ways[i].operations) / 1e9);
	if (__builtin_cpu_supports("avx512bf16")) printf("%-34s %-8s %6.0f Gop/s\n", "VDPBF16PS", "bfloat16", bfloat16_dot() * 64 / 1e9);
	if (__builtin_cpu_supports("avx512vnni")) printf("%-34s %-8s %6.0f Gop/s\n", "VPDPBUSD", "int8", int8_dot() * 128 / 1e9);
	for (int i = 0; i < count_ways; i++) {
		double sum = 0;
		if (ways[i].limit == 0 || (*only != 0 && strcmp(only, ways[i].name) != 0)) continue;
		printf("\n%s, ms a picture, %lld at a time on one core\n%-8s %8s %8s %8s %8s %8s %7s\n", ways[i].name, (long long)pictures, "layer", "all", "in", "products", "out", "least", "share");
		for (size_t j = 0; j < sizeof vgg16 / sizeof *vgg16; j++) sum += measure(&vgg16[j], &ways[i], pictures, runs);
		printf("%-8s %8.2f\n", "all", sum);
	}
	return 0;
}
