#include "wide_parts.h"

int wide_supported(enum wide_arithmetic arithmetic, enum wide_instructions instructions) {
	const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
	if (!winograd_supported()) return 0; // by which kernels are transformed
	switch (instructions) {
	case wide_avx512: return avx512 && (arithmetic == wide_float32 || __builtin_cpu_supports("avx512vnni"));
	case wide_avxvnni: return __builtin_cpu_supports("avxvnni") != 0;
	case wide_avx2: return 1;
	default: return 0;
	}
}

static const struct engine *const engines[wide_instruction_sets] = {
	[wide_avx512] = &wide_engine_avx512, [wide_avxvnni] = &wide_engine_avxvnni, [wide_avx2] = &wide_engine_avx2,
};

size_t wide_kernel_floats(enum wide_arithmetic arithmetic, int64_t in, int64_t out) {
	if (wide_few(in)) return (size_t)(taps * in * out);
	return (size_t)(points * (out / lanes) * wide_panel_floats(arithmetic, in) + (arithmetic == wide_int16 ? points * out : 0));
}

int wide_pack_kernel(enum wide_arithmetic arithmetic, enum wide_instructions instructions, int64_t in, int64_t out, const float *hwio, float *packed) {
	if (!wide_few(in) && arithmetic == wide_int16) return engines[instructions]->pack_whole(in, out, hwio, packed);
	winograd_transform_kernel(in, out, hwio, packed);
	return 1;
}

// blocks are the measured choices, by arithmetic and number of input channels: where a layer has few,
// all that is in work stays in the second cache; where its kernels are large, more tiles use what is
// read of them. scripts/bench-kernels.sh measures them.
static const struct {
	int64_t most_in;
	struct block block;
} blocks[wide_arithmetics][3] = {
	[wide_float32] = {{64, {48, 64, 1}}, {256, {48, 64, 1}}, {INT64_MAX, {96, 128, 1}}},
	[wide_int16] = {{64, {48, 64, 4}}, {256, {48, 64, 2}}, {INT64_MAX, {96, 128, 1}}},
};

struct block wide_block(const struct wide_convolution *c) {
	int i = 0;
	while (c->in > blocks[c->arithmetic][i].most_in) i++;
	struct block b = blocks[c->arithmetic][i].block;
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step, all = (c->pictures * down * across + step - 1) / step * step;
	if (b.tiles > all) b.tiles = all;
	if (b.out > c->out) b.out = c->out;
	return b;
}

size_t wide_work_floats(const struct wide_convolution *c) {
	if (wide_few(c->in)) return engines[c->instructions]->direct_floats(c);
	size_t bytes = points * (wide_in_matrix(c) + wide_out_matrix(c)) + line;
	if (c->arithmetic == wide_int16) bytes += wide_floats_bytes(c) + (size_t)(scales_of_tile * wide_block(c).tiles) * sizeof(float);
	return bytes / sizeof(float);
}

static void find_places(const struct wide_convolution *c, int64_t first, int64_t n, struct place *places) {
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step;
	for (int64_t t = 0; t < n; t++) {
		const int64_t tile = first + t;
		places[t] = (struct place){tile / (down * across), tile / across % down * step, tile % across * step};
	}
}

// memory is the parts of the work memory: transformed pixels, products, tiles on their way to whole
// numbers, and the scales of those.
struct memory {
	char *v, *m, *tiles;
	float *scales;
};

static struct memory divide(const struct wide_convolution *c, float *work) {
	struct memory at = {.v = (char *)(((uintptr_t)work + line - 1) & ~(uintptr_t)(line - 1))};
	at.m = at.v + points * wide_in_matrix(c);
	at.tiles = at.m + points * wide_out_matrix(c);
	at.scales = (float *)(at.tiles + (c->arithmetic == wide_int16 ? wide_floats_bytes(c) : 0));
	return at;
}

// multiply computes the products of n tiles and count output channels from a first one, point by point.
static void multiply(const struct wide_convolution *c, const struct memory *at, const float *packed, int64_t n, int64_t first, int64_t count) {
	const int64_t panel = wide_panel_floats(c->arithmetic, c->in), matrix = c->out / lanes * panel;
	const float *of = packed + first / lanes * panel, *columns = packed + points * matrix + first;
	const struct engine *engine = engines[c->instructions];
	for (int64_t p = 0; p < points; p++) {
		// After the last point come other output channels at the first one.
		const int64_t next = p + 1 < points ? p + 1 : 0, other = p + 1 < points ? 0 : count / lanes * panel;
		const struct factors f = {
			.v = at->v + (size_t)p * wide_in_matrix(c), .u = (const char *)(of + p * matrix), .m = at->m + (size_t)p * wide_out_matrix(c),
			.tiles = at->scales + p, .columns = columns + p * c->out, .n = n, .panels = count / lanes,
			.next_v = at->v + (size_t)next * wide_in_matrix(c), .next = (const char *)(of + next * matrix + other),
		};
		if (c->arithmetic == wide_int16) engine->multiply_whole(c, &f);
		else engine->multiply(c, &f);
	}
}

// transform transforms n tiles. The last product may take rows of earlier tiles beyond them, or of
// anything; nobody reads what comes of them.
static void transform(const struct wide_convolution *c, const struct memory *at, const float *x, const struct place *places, int64_t n) {
	const struct engine *engine = engines[c->instructions];
	if (c->arithmetic == wide_int16) engine->transform_whole(c, x, places, n, at->v, at->scales, at->tiles);
	else engine->transform(c, x, places, n, at->v);
}

void wide_convolve(const struct wide_convolution *c, const float *x, const float *packed, const float *bias, float *y, float *work) {
	const struct engine *engine = engines[c->instructions];
	wide_clear_border(c->pictures * wide_planes(c->out), c->pool ? c->height / 2 : c->height, c->pool ? c->width / 2 : c->width, c->out, y);
	if (wide_few(c->in)) {
		engine->convolve_directly(c, x, packed, bias, y, work);
		return;
	}
	const struct block b = wide_block(c);
	const struct memory at = divide(c, work);
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step, all = c->pictures * down * across;
	for (int64_t first = 0; first < all; first += b.tiles) {
		const int64_t n = all - first < b.tiles ? all - first : b.tiles;
		struct place places[most_tiles];
		find_places(c, first, n, places);
		WIDE_STAGE(wide_in, transform(c, &at, x, places, n));
		for (int64_t o = 0; o < c->out; o += b.out) {
			const int64_t count = c->out - o < b.out ? c->out - o : b.out;
			WIDE_STAGE(wide_products, multiply(c, &at, packed, n, o, count));
			WIDE_STAGE(wide_out, engine->finish(c, at.m, places, n, o, count, bias, y));
		}
	}
}
