#include "crew.h"
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

// many_tiles is how many tiles there are in all pictures.
static int64_t many_tiles(const struct wide_convolution *c) { return c->pictures * ((c->height + step - 1) / step) * ((c->width + step - 1) / step); }

// wide_block is the measured choice: where a layer has few channels, all that is in work stays in the second cache; where
// its kernels are large, more tiles use what is read of them. Blocks are of equal size, in steps of 4: a last one of a few
// tiles would read all kernels for these alone. scripts/bench-kernels.sh measures it.
struct block wide_block(const struct wide_convolution *c) {
	const struct block most = c->in <= 256 ? (struct block){48, 64} : (struct block){most_tiles, 128};
	const int64_t all = many_tiles(c), blocks = crew_parts(all, most.tiles), each = crew_parts(all, blocks);
	return (struct block){crew_parts(each, step) * step, c->out < most.out ? c->out : most.out};
}

size_t wide_work_floats(const struct wide_convolution *c) {
	if (wide_few(c->in)) return engines[c->instructions]->direct_floats(c);
	size_t bytes = points * (wide_in_matrix(c) + wide_out_matrix(c)) + line;
	if (c->arithmetic == wide_int16) bytes += wide_floats_bytes(c) + (size_t)(scales_of_tile * wide_block(c).tiles) * sizeof(float);
	return bytes / sizeof(float);
}

// find_places finds those of n tiles, and of those that are fetched meanwhile, which after the last one is that again.
static void find_places(const struct wide_convolution *c, int64_t first, int64_t n, struct place *places) {
	const int64_t last = many_tiles(c) - 1;
	const int64_t down = (c->height + step - 1) / step, across = (c->width + step - 1) / step;
	for (int64_t t = 0; t < n + tiles_ahead; t++) {
		const int64_t tile = first + t < last ? first + t : last;
		places[t] = (struct place){tile / (down * across), tile / across % down * step, tile % across * step};
	}
}

// memory is the parts of the work memory: transformed pixels, products, a tile on its way to whole
// numbers, and the scales of all tiles.
struct memory {
	char *v, *m, *tile;
	float *scales;
};

static struct memory divide(const struct wide_convolution *c, float *work) {
	struct memory at = {.v = (char *)(((uintptr_t)work + line - 1) & ~(uintptr_t)(line - 1))};
	at.m = at.v + points * wide_in_matrix(c);
	at.tile = at.m + points * wide_out_matrix(c);
	at.scales = (float *)(at.tile + (c->arithmetic == wide_int16 ? wide_floats_bytes(c) : 0));
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
	if (c->arithmetic == wide_int16) engine->transform_whole(c, x, places, n, at->v, at->scales, at->tile);
	else engine->transform(c, x, places, n, at->v);
}

// convolve_block computes output channels from a first one up to a last one of a block of tiles.
static void convolve_block(const struct wide_convolution *c, int64_t tile, int64_t first, int64_t last, const float *x, const float *packed, const float *bias, float *y, float *work) {
	const struct block b = wide_block(c);
	const struct memory at = divide(c, work);
	const int64_t all = many_tiles(c), n = all - tile < b.tiles ? all - tile : b.tiles;
	struct place places[most_tiles + tiles_ahead];
	find_places(c, tile, n, places);
	WIDE_STAGE(wide_in, transform(c, &at, x, places, n));
	for (int64_t o = first; o < last; o += b.out) {
		const int64_t count = last - o < b.out ? last - o : b.out;
		WIDE_STAGE(wide_products, multiply(c, &at, packed, n, o, count));
		WIDE_STAGE(wide_out, engines[c->instructions]->finish(c, at.m, places, n, o, count, bias, y));
	}
}

void wide_convolve(const struct wide_convolution *c, const float *x, const float *packed, const float *bias, float *y, float *work) {
	for (int64_t plane = 0; plane < wide_border_parts(c); plane++) wide_clear_border_part(c, plane, y);
	if (wide_few(c->in)) {
		engines[c->instructions]->convolve_directly(c, 0, c->height, x, packed, bias, y, work);
		return;
	}
	for (int64_t tile = 0; tile < many_tiles(c); tile += wide_block(c).tiles) convolve_block(c, tile, 0, c->out, x, packed, bias, y, work);
}

size_t wide_between_floats(const struct wide_convolution *first) {
	return (size_t)(planes_of(first->out) * (first->height + wide_border) * (first->width + wide_border) * lanes);
}

size_t wide_pair_floats(const struct wide_convolution *first, const struct wide_convolution *second) {
	struct wide_convolution a = *first, b = *second;
	a.pictures = b.pictures = 1;
	const size_t one = wide_work_floats(&a), two = wide_work_floats(&b);
	return one > two ? one : two;
}

void wide_convolve_pair(const struct wide_layer *first, const struct wide_layer *second, const float *x, float *y, float *between, float *work) {
	struct wide_convolution a = first->c, b = second->c;
	for (int64_t plane = 0; plane < wide_border_parts(&b); plane++) wide_clear_border_part(&b, plane, y);
	a.pictures = b.pictures = 1;
	for (int64_t plane = 0; plane < wide_border_parts(&a); plane++) wide_clear_border_part(&a, plane, between);
	const int64_t shrink = b.pool ? 2 : 1, across = (b.width + step - 1) / step, tiles = wide_block(&b).tiles;
	const int64_t to = planes_of(b.out) * (b.height / shrink + wide_border) * (b.width / shrink + wide_border) * lanes;
	for (int64_t picture = 0; picture < second->c.pictures; picture++, y += to) {
		const float *from = x + picture * (a.height + wide_border) * (a.width + wide_border) * a.in;
		for (int64_t tile = 0, done = 0; tile < many_tiles(&b); tile += tiles) {
			const int64_t last = tile + tiles < many_tiles(&b) ? tile + tiles - 1 : many_tiles(&b) - 1;
			const int64_t seen = (last / across + 1) * step + 1, rows = seen < a.height ? seen : a.height;
			if (rows > done) engines[a.instructions]->convolve_directly(&a, done, rows, from, first->packed, first->bias, between, work);
			done = rows;
			convolve_block(&b, tile, 0, b.out, between, second->packed, second->bias, y, work);
		}
	}
}

// Parts are blocks of tiles or, where there are only a few blocks, output channels of them, for which the tiles are
// transformed again.
enum { few_blocks = 16, direct_rows = 16 };

static int64_t channel_parts(const struct wide_convolution *c) {
	const struct block b = wide_block(c);
	return crew_parts(many_tiles(c), b.tiles) < few_blocks ? crew_parts(c->out, b.out) : 1;
}

int64_t wide_parts(const struct wide_convolution *c) {
	if (wide_few(c->in)) return crew_parts(c->height, direct_rows);
	return crew_parts(many_tiles(c), wide_block(c).tiles) * channel_parts(c);
}

void wide_convolve_part(const struct wide_convolution *c, int64_t part, const float *x, const float *packed, const float *bias, float *y, float *work) {
	if (wide_few(c->in)) {
		const int64_t first = part * direct_rows, last = first + direct_rows < c->height ? first + direct_rows : c->height;
		engines[c->instructions]->convolve_directly(c, first, last, x, packed, bias, y, work);
		return;
	}
	const struct block b = wide_block(c);
	const int64_t channels = channel_parts(c), first = part % channels * b.out;
	const int64_t last = channels > 1 && first + b.out < c->out ? first + b.out : c->out;
	convolve_block(c, part / channels * b.tiles, first, last, x, packed, bias, y, work);
}

int64_t wide_border_parts(const struct wide_convolution *c) { return c->pictures * wide_planes(c->out); }

void wide_clear_border_part(const struct wide_convolution *c, int64_t part, float *y) {
	const int64_t height = c->pool ? c->height / 2 : c->height, width = c->pool ? c->width / 2 : c->width;
	wide_clear_border(1, height, width, c->out, y + part * (height + wide_border) * (width + wide_border) * wide_plane(c->out));
}
