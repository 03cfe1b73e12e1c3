// The operations, by TensorFlow's C API for kernels.

#include "operations.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "crew.h"
#include "ready.h"
#include "tiles.h"
#include "wide.h"

enum { line = 64 }; // bytes of the cache

// Each thread of TensorFlow's pool keeps the memory it works in: asking the system for it anew
// costs as much as some convolutions.
struct workspace {
	size_t floats;
	float *memory;
};

static pthread_key_t workspace_key;
static pthread_once_t workspace_once = PTHREAD_ONCE_INIT;

static void free_workspace(void *w) {
	free(((struct workspace *)w)->memory);
	free(w);
}

static void make_workspace_key(void) { pthread_key_create(&workspace_key, free_workspace); }

float *fovea_convolution_work_memory(size_t floats) {
	pthread_once(&workspace_once, make_workspace_key);
	struct workspace *w = pthread_getspecific(workspace_key);
	if (w == NULL) {
		w = calloc(1, sizeof *w);
		if (w == NULL || pthread_setspecific(workspace_key, w) != 0) {
			free(w);
			return NULL;
		}
	}
	if (w->floats < floats) {
		free(w->memory);
		w->floats = 0;
		w->memory = NULL;
		void *memory;
		if (floats > SIZE_MAX / sizeof *w->memory || posix_memalign(&memory, line, floats * sizeof *w->memory) != 0) return NULL;
		in_huge_pages(memory, floats * sizeof *w->memory);
		w->memory = memory;
		w->floats = floats;
	}
	return w->memory;
}

struct attributes {
	int rectify, pool;
	enum tiles_numbers numbers; // of the operations of tiles.h
	// Of the operations of wide.h:
	int rectify_first;
	enum wide_arithmetic arithmetic;
	enum wide_instructions instructions;
};

// The flags that an operation may have.
enum flag { rectify, pool, whole, rectify_first, flags };

// read reads the attributes that an operation has: some flags, each a bit, and a number.
static void *read(TF_OpKernelConstruction *construction, unsigned with, const char *number) {
	static const char *const names[flags] = {"rectify", "pool", "whole", "rectify_first"};
	TF_Status *status = TF_NewStatus();
	unsigned char set[flags] = {0};
	int32_t value = 0;
	for (int i = 0; i < flags; i++)
		if ((with >> i & 1) && TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrBool(construction, names[i], &set[i], status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt32(construction, number, &value, status);
	struct attributes a = {.rectify = set[rectify], .pool = set[pool], .rectify_first = set[rectify_first], .arithmetic = set[whole] ? wide_int16 : wide_float32};
	if (with >> whole & 1) a.instructions = (enum wide_instructions)value;
	else a.numbers = (enum tiles_numbers)value;
	if ((with >> whole & 1) && TF_GetCode(status) == TF_OK && !wide_supported(a.arithmetic, a.instructions))
		TF_SetStatus(status, TF_UNIMPLEMENTED, "this processor has not got these instructions");
	return keep(construction, status, &a, sizeof a);
}

static void *read_attributes(TF_OpKernelConstruction *construction) { return read(construction, 1 << rectify | 1 << pool, "numbers"); }
static void *read_kernel_attributes(TF_OpKernelConstruction *construction) { return read(construction, 0, "numbers"); }
static void *read_wide_attributes(TF_OpKernelConstruction *construction) { return read(construction, 1 << rectify | 1 << pool | 1 << whole, "instructions"); }
static void *read_wide_pair_attributes(TF_OpKernelConstruction *construction) { return read(construction, 1 << rectify | 1 << pool | 1 << whole | 1 << rectify_first, "instructions"); }
static void *read_wide_kernel_attributes(TF_OpKernelConstruction *construction) { return read(construction, 1 << whole, "instructions"); }

// Planes, the forms of maps that tiles.h and wide.h describe, are tensors of [pictures, planes, height + 2, width + 2, channels of a plane].
enum { planes_rank = 5, planes_border = 2, cache_line = 64 };
_Static_assert(planes_border == (int)tiles_border && planes_border == (int)wide_border, "planes have one border");

static void planes_shape(int64_t pictures, int64_t planes, int64_t height, int64_t width, int64_t plane, int64_t *dimensions) {
	dimensions[0] = pictures;
	dimensions[1] = planes;
	dimensions[2] = height + planes_border;
	dimensions[3] = width + planes_border;
	dimensions[4] = plane;
}

static void pack_kernel(void *attributes, struct call *call) {
	const struct attributes *a = attributes;
	int64_t k[4];
	if (!shape(call, 0, TF_FLOAT, 4, k) || k[0] != 3 || k[1] != 3 || k[2] < 1 || (k[2] > tiles_few_channels && k[2] % tiles_channels != 0) ||
	    k[3] < 1 || k[3] % tiles_channels != 0) {
		refuse(call, TF_INVALID_ARGUMENT, "a kernel of 3x3 with multiples of %d channels is needed", tiles_channels);
		return;
	}
	const int64_t to = (int64_t)tiles_kernel_size(a->numbers, k[2], k[3]);
	bfloat16 *packed = allocate_own(call, TF_BFLOAT16, &to, 1);
	if (packed != NULL) tiles_pack_kernel(a->numbers, k[2], k[3], data(call, 0), packed);
}
KERNEL(pack_kernel, 1)

static void to_planes(void *unused, struct call *call) {
	(void)unused;
	int64_t x[4], to[planes_rank];
	if (!shape(call, 0, TF_FLOAT, 4, x)) {
		refuse(call, TF_INVALID_ARGUMENT, "pictures in NHWC order are needed");
		return;
	}
	planes_shape(x[0], tiles_planes(x[3]), x[1], x[2], tiles_plane(x[3]), to);
	bfloat16 *planes = allocate(call, TF_BFLOAT16, to, planes_rank);
	if (succeeded(call) && x[0] > 0 && x[1] > 0 && x[2] > 0) tiles_from_pixels(x[0], x[1], x[2], x[3], data(call, 0), planes);
}
KERNEL(to_planes, 1)

static void from_planes(void *unused, struct call *call) {
	(void)unused;
	int64_t p[planes_rank];
	if (!shape(call, 0, TF_BFLOAT16, planes_rank, p) || p[2] < tiles_border || p[3] < tiles_border || p[4] != tiles_channels) {
		refuse(call, TF_INVALID_ARGUMENT, "planes of %d channels are needed", tiles_channels);
		return;
	}
	const int64_t to[] = {p[0], p[2] - tiles_border, p[3] - tiles_border, p[1] * p[4]};
	float *pixels = allocate(call, TF_FLOAT, to, 4);
	if (succeeded(call) && to[0] > 0 && to[1] > 0 && to[2] > 0) tiles_to_pixels(to[0], to[1], to[2], to[3], data(call, 0), pixels);
}
KERNEL(from_planes, 1)

static void convolve_planes(void *attributes, struct call *call) {
	const struct attributes *a = attributes;
	int64_t x[planes_rank], k[1], b[1], to[planes_rank];
	if (!shape(call, 0, TF_BFLOAT16, planes_rank, x) || !shape(call, 1, TF_BFLOAT16, 1, k) || !shape(call, 2, TF_FLOAT, 1, b) ||
	    x[2] < tiles_border || x[3] < tiles_border || b[0] < 1 || b[0] % tiles_channels != 0 ||
	    k[0] != (int64_t)tiles_kernel_size(a->numbers, x[1] * x[4], b[0]) || (a->pool && !a->rectify)) {
		refuse(call, TF_INVALID_ARGUMENT, "planes, packed kernel and bias do not fit each other");
		return;
	}
	const struct tiles_convolution c = {
		.numbers = a->numbers, .pictures = x[0], .height = x[2] - tiles_border, .width = x[3] - tiles_border, .in = x[1] * x[4], .out = b[0], .rectify = a->rectify, .pool = a->pool,
	};
	const int shrink = a->pool ? 2 : 1;
	planes_shape(x[0], tiles_planes(c.out), c.height / shrink, c.width / shrink, tiles_plane(c.out), to);
	bfloat16 *y = allocate(call, TF_BFLOAT16, to, planes_rank);
	if (!succeeded(call)) return;
	if (x[0] == 0 || c.height / shrink == 0 || c.width / shrink == 0) {
		memset(y, 0, TF_TensorByteSize(call->output));
		return;
	}
	float *memory = work(call, tiles_work_floats(&c), c.in, c.out);
	if (memory != NULL) tiles_convolve(&c, data(call, 0), data(call, 1), data(call, 2), y, memory);
}
KERNEL(convolve_planes, 3)

static void pack_wide_kernel(void *attributes, struct call *call) {
	const struct attributes *a = attributes;
	int64_t k[4];
	if (!shape(call, 0, TF_FLOAT, 4, k) || k[0] != 3 || k[1] != 3 || k[2] < 1 || k[3] < 1 || k[3] % wide_channels != 0) {
		refuse(call, TF_INVALID_ARGUMENT, "a kernel of 3x3 with a multiple of %d output channels is needed", wide_channels);
		return;
	}
	const int64_t to = (int64_t)wide_kernel_floats(a->arithmetic, k[2], k[3]);
	float *packed = allocate_own(call, TF_FLOAT, &to, 1);
	if (packed != NULL && !wide_pack_kernel(a->arithmetic, a->instructions, k[2], k[3], data(call, 0), packed))
		refuse(call, TF_RESOURCE_EXHAUSTED, "no memory to transform a kernel of %lld to %lld channels", (long long)k[2], (long long)k[3]);
}
KERNEL(pack_wide_kernel, 1)

// read_number reads which kernel is ready.
static void *read_number(TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	int64_t number = 0;
	TF_OpKernelConstruction_GetAttrInt64(construction, "number", &number, status);
	return keep(construction, status, &number, sizeof number);
}

static void take_ready_kernel(void *number, struct call *call) {
	int64_t floats = 0;
	float *packed = ready_take(*(const int64_t *)number, &floats);
	if (packed == NULL) refuse(call, TF_FAILED_PRECONDITION, "there is no ready kernel %lld", (long long)*(const int64_t *)number);
	else give(call, TF_FLOAT, &floats, 1, packed, (size_t)floats * sizeof *packed);
}
KERNEL(take_ready_kernel, 0)

static void to_wide_planes(void *unused, struct call *call) {
	(void)unused;
	int64_t x[4], to[planes_rank];
	if (!shape(call, 0, TF_FLOAT, 4, x)) {
		refuse(call, TF_INVALID_ARGUMENT, "pictures in NHWC order are needed");
		return;
	}
	planes_shape(x[0], wide_planes(x[3]), x[1], x[2], wide_plane(x[3]), to);
	float *planes = allocate(call, TF_FLOAT, to, planes_rank);
	if (succeeded(call) && x[0] > 0 && x[1] > 0 && x[2] > 0) wide_from_pixels(x[0], x[1], x[2], x[3], data(call, 0), planes);
}
KERNEL(to_wide_planes, 1)

static void from_wide_planes(void *unused, struct call *call) {
	(void)unused;
	int64_t p[planes_rank];
	if (!shape(call, 0, TF_FLOAT, planes_rank, p) || p[2] < planes_border || p[3] < planes_border || p[4] != wide_channels) {
		refuse(call, TF_INVALID_ARGUMENT, "planes of %d channels are needed", wide_channels);
		return;
	}
	const int64_t to[] = {p[0], p[2] - planes_border, p[3] - planes_border, p[1] * p[4]};
	float *pixels = allocate(call, TF_FLOAT, to, 4);
	if (succeeded(call) && to[0] > 0 && to[1] > 0 && to[2] > 0) wide_to_pixels(to[0], to[1], to[2], to[3], data(call, 0), pixels);
}
KERNEL(from_wide_planes, 1)

// input_channels is the number of channels, of those that fit so many planes, whose packed kernel has that size; 0 if there is none.
static int64_t input_channels(enum wide_arithmetic arithmetic, int64_t planes, int64_t plane, int64_t out, int64_t size) {
	for (int64_t in = plane < wide_channels ? plane : (planes - 1) * plane + 1; in <= planes * plane; in++)
		if (wide_planes(in) == planes && wide_plane(in) == plane && (int64_t)wide_kernel_floats(arithmetic, in, out) == size) return in;
	return 0;
}

// wide_job is a convolution of one picture, for a crew.
struct wide_job {
	const struct wide_convolution *c;
	const float *x, *packed, *bias;
	float *y;
};

static void clear_part(const void *job, int64_t part, float *memory) {
	const struct wide_job *j = job;
	(void)memory;
	wide_clear_border_part(j->c, part, j->y);
}

static void convolve_part(const void *job, int64_t part, float *memory) {
	const struct wide_job *j = job;
	wide_convolve_part(j->c, part, j->x, j->packed, j->bias, j->y, memory);
}

// convolve_picture computes one picture with a crew.
static void convolve_picture(const struct wide_layer *l, const float *x, float *y, size_t floats, float *memory) {
	const struct wide_job job = {&l->c, x, l->packed, l->bias, y};
	crew_work(clear_part, &job, wide_border_parts(&l->c), floats, memory);
	crew_work(convolve_part, &job, wide_parts(&l->c), floats, memory);
}

// wide_layer_of reads a layer's packed kernel and bias, from some inputs on, and tells whether they fit the map that it reads.
static int wide_layer_of(const struct call *call, const struct attributes *a, int input, const int64_t *x, struct wide_layer *l) {
	int64_t k[1], b[1];
	if (!shape(call, input, TF_FLOAT, 1, k) || !shape(call, input + 1, TF_FLOAT, 1, b) || x[2] < planes_border || x[3] < planes_border || x[4] < 1 || b[0] < 1 ||
	    b[0] % wide_channels != 0 || (a->pool && !a->rectify))
		return 0;
	*l = (struct wide_layer){
		.c = {.arithmetic = a->arithmetic, .instructions = a->instructions, .pictures = x[0], .height = x[2] - planes_border, .width = x[3] - planes_border,
	              .in = input_channels(a->arithmetic, x[1], x[4], b[0], k[0]), .out = b[0], .rectify = a->rectify, .pool = a->pool},
		.packed = data(call, input), .bias = data(call, input + 1),
	};
	return l->c.in != 0;
}

// allocate_wide makes the output of a convolution; it is NULL if there is none, or nothing to compute.
static float *allocate_wide(struct call *call, const struct wide_convolution *c) {
	const int shrink = c->pool ? 2 : 1;
	int64_t to[planes_rank];
	planes_shape(c->pictures, wide_planes(c->out), c->height / shrink, c->width / shrink, wide_plane(c->out), to);
	float *y = allocate(call, TF_FLOAT, to, planes_rank);
	if (!succeeded(call)) return NULL;
	if (c->pictures > 0 && c->height / shrink > 0 && c->width / shrink > 0) return y;
	memset(y, 0, TF_TensorByteSize(call->output));
	return NULL;
}

static void convolve_wide_planes(void *attributes, struct call *call) {
	int64_t x[planes_rank];
	struct wide_layer l;
	if (!shape(call, 0, TF_FLOAT, planes_rank, x) || !wide_layer_of(call, attributes, 1, x, &l)) {
		refuse(call, TF_INVALID_ARGUMENT, "planes of pictures, a packed kernel and a bias that fit each other are needed");
		return;
	}
	float *y = allocate_wide(call, &l.c);
	if (y == NULL) return;
	const size_t floats = wide_work_floats(&l.c);
	float *memory = work(call, floats, l.c.in, l.c.out);
	if (memory == NULL) return;
	if (l.c.pictures > 1) wide_convolve(&l.c, data(call, 0), l.packed, l.bias, y, memory);
	else convolve_picture(&l, data(call, 0), y, floats, memory);
}
KERNEL(convolve_wide_planes, 3)

static void convolve_wide_pair(void *attributes, struct call *call) {
	const struct attributes *a = attributes;
	struct attributes of_first = *a;
	of_first.rectify = a->rectify_first;
	of_first.pool = 0;
	int64_t x[planes_rank], between[planes_rank];
	struct wide_layer first, second;
	int fit = shape(call, 0, TF_FLOAT, planes_rank, x) && wide_layer_of(call, &of_first, 1, x, &first);
	if (fit) {
		planes_shape(x[0], wide_planes(first.c.out), first.c.height, first.c.width, wide_plane(first.c.out), between);
		fit = first.c.in == x[4] && wide_layer_of(call, a, 3, between, &second);
	}
	if (!fit) {
		refuse(call, TF_INVALID_ARGUMENT, "a plane of few channels, and two packed kernels and biases that fit each other, are needed");
		return;
	}
	float *y = allocate_wide(call, &second.c);
	if (y == NULL) return;
	const size_t map = wide_between_floats(&first.c), floats = wide_pair_floats(&first.c, &second.c);
	float *memory = work(call, map + floats + cache_line / sizeof *memory, first.c.in, second.c.out);
	if (memory == NULL) return;
	memory = (float *)(((uintptr_t)memory + cache_line - 1) & ~(uintptr_t)(cache_line - 1)); // as maps begin elsewhere
	if (x[0] > 1) {
		wide_convolve_pair(&first, &second, data(call, 0), y, memory, memory + map);
		return;
	}
	convolve_picture(&first, data(call, 0), memory, floats, memory + map);
	convolve_picture(&second, memory, y, floats, memory + map);
}
KERNEL(convolve_wide_pair, 5)

// A share of a batch: part index of count. With fill, a share that would be empty has the last picture,
// whose results are cut off after the shares have been joined.
struct share {
	int32_t index, count;
	bool fill;
};

static void *read_share(TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	int32_t index = 0, count = 0;
	unsigned char fill = 0;
	TF_OpKernelConstruction_GetAttrInt32(construction, "index", &index, status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrBool(construction, "fill", &fill, status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt32(construction, "count", &count, status);
	if (TF_GetCode(status) == TF_OK && (index < 0 || index >= count))
		TF_SetStatus(status, TF_INVALID_ARGUMENT, "the index is not below the count");
	const struct share s = {index, count, fill != 0};
	return keep(construction, status, &s, sizeof s);
}

static void take_share(void *state, struct call *call) {
	enum { most = 8 };
	const struct share *s = state;
	const TF_Tensor *all = call->inputs[0];
	int64_t dimensions[most];
	const int rank = TF_NumDims(all);
	if (rank < 1 || rank > most) {
		refuse(call, TF_INVALID_ARGUMENT, "a batch of 1 to %d dimensions is needed, not of %d", most, rank);
		return;
	}
	for (int i = 0; i < rank; i++) dimensions[i] = TF_Dim(all, i);
	const int64_t pictures = dimensions[0];
	int64_t first = pictures * s->index / s->count;
	const size_t one = pictures == 0 ? 0 : TF_TensorByteSize(all) / (size_t)pictures;
	dimensions[0] = pictures * (s->index + 1) / s->count - first;
	if (s->fill && pictures > 0 && pictures < s->count) {
		first = s->index < pictures ? s->index : pictures - 1;
		dimensions[0] = 1;
	}
	void *share = allocate(call, TF_TensorType(all), dimensions, rank);
	if (succeeded(call) && dimensions[0] > 0)
		memcpy(share, (const char *)data(call, 0) + one * (size_t)first, one * (size_t)dimensions[0]);
}
KERNEL(take_share, 1)

// A layer's sketch is what it is compared by with the same layer computed in another way: so much
// smaller than the layer that those of all layers can be kept. It is the largest absolute value, and
// sums of some neighbours with signs in an order that no layer has. A value that is wrong shows in its
// sum, and NaN in both.
enum { sketched = 16 };

static void sketch(void *unused, struct call *call) {
	static const float signs[sketched] = {1, -1, 1, 1, -1, 1, -1, -1, 1, 1, 1, -1, -1, -1, 1, -1};
	(void)unused;
	if (TF_TensorType(call->inputs[0]) != TF_FLOAT) {
		refuse(call, TF_INVALID_ARGUMENT, "only float32 is sketched");
		return;
	}
	const size_t values = TF_TensorByteSize(call->inputs[0]) / sizeof(float), sums = (values + sketched - 1) / sketched;
	const int64_t size = (int64_t)sums + 1;
	float *results = allocate(call, TF_FLOAT, &size, 1);
	if (!succeeded(call)) return;
	const float *x = data(call, 0);
	int32_t most = 0; // absolute values of floats are ordered as their bits are, and NaN is above all
	for (size_t i = 0; i < values; i++) {
		int32_t bits;
		memcpy(&bits, &x[i], sizeof bits);
		bits &= INT32_MAX;
		most = bits > most ? bits : most;
	}
	memcpy(&results[0], &most, sizeof most);
	typedef float four __attribute__((vector_size(16)));
	size_t s = 0;
	for (; (s + 1) * sketched <= values; s++) { // four sums at a time
		four sum = {0};
		for (size_t i = 0; i < sketched; i += sizeof sum / sizeof *x) {
			four sign, some;
			memcpy(&sign, signs + i, sizeof sign);
			memcpy(&some, x + s * sketched + i, sizeof some);
			sum += sign * some;
		}
		results[1 + s] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
	}
	for (; s < sums; s++) {
		float sum = 0;
		for (size_t i = s * sketched; i < values; i++) sum += signs[i % sketched] * x[i];
		results[1 + s] = sum;
	}
}
KERNEL(sketch, 1)

void fovea_convolution_register(TF_Status *status) {
	static const struct operation operations[] = {
		{"FoveaTilesKernel", {"kernel: float", NULL}, "packed: bfloat16", {"numbers: int", NULL}, read_kernel_attributes, pack_kernel_kernel},
		{"FoveaTilesPlanes", {"pictures: float", NULL}, "planes: bfloat16", {NULL}, NULL, to_planes_kernel},
		{"FoveaTilesConvolution",
		 {"pictures: bfloat16", "packed: bfloat16", "bias: float", NULL},
		 "features: bfloat16",
		 {"rectify: bool", "pool: bool", "numbers: int", NULL},
		 read_attributes,
		 convolve_planes_kernel},
		{"FoveaTilesPixels", {"planes: bfloat16", NULL}, "features: float", {NULL}, NULL, from_planes_kernel},
		{"FoveaWideKernel", {"kernel: float", NULL}, "packed: float", {"whole: bool", "instructions: int", NULL}, read_wide_kernel_attributes, pack_wide_kernel_kernel},
		{"FoveaReadyKernel", {NULL}, "packed: float", {"number: int", NULL}, read_number, take_ready_kernel_kernel, 1},
		{"FoveaWidePlanes", {"pictures: float", NULL}, "planes: float", {NULL}, NULL, to_wide_planes_kernel},
		{"FoveaWideConvolution",
		 {"pictures: float", "packed: float", "bias: float", NULL},
		 "features: float",
		 {"rectify: bool", "pool: bool", "whole: bool", "instructions: int", NULL},
		 read_wide_attributes,
		 convolve_wide_planes_kernel},
		{"FoveaWidePair",
		 {"pictures: float", "first_packed: float", "first_bias: float", "packed: float", "bias: float", NULL},
		 "features: float",
		 {"rectify_first: bool", "rectify: bool", "pool: bool", "whole: bool", "instructions: int", NULL},
		 read_wide_pair_attributes,
		 convolve_wide_pair_kernel},
		{"FoveaWidePixels", {"planes: float", NULL}, "features: float", {NULL}, NULL, from_wide_planes_kernel},
		{"FoveaSketch", {"layer: float", NULL}, "sketch: float", {NULL}, NULL, sketch_kernel},
		{"FoveaShare", {"pictures: T", NULL}, "share: T", {"T: {float, uint8}", "index: int", "count: int", "fill: bool", NULL}, read_share, take_share_kernel},
	};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		register_operation(&operations[i], status);
		if (TF_GetCode(status) != TF_OK) return;
	}
	fovea_pointwise_register(status);
	if (TF_GetCode(status) == TF_OK) fovea_inverted_register(status);
}
