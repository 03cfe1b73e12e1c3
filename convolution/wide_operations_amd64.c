// The operations of wide.h.

#include "operations.h"

#include "crew.h"
#include "planes.h"
#include "ready.h"
#include "wide.h"

_Static_assert(planes_border == (int)wide_border, "planes have one border");

struct attributes {
	enum wide_arithmetic arithmetic;
	enum wide_instructions instructions;
	int rectify, pool, rectify_first;
};

// read reads what an operation computes with and, of one that convolves, what follows: some of the flags.
static void *read(TF_OpKernelConstruction *construction, int count) {
	static const char *const names[] = {"whole", "rectify", "pool", "rectify_first"};
	TF_Status *status = TF_NewStatus();
	unsigned char flags[4] = {0};
	int32_t instructions = 0;
	read_flags(construction, names, count, flags, status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt32(construction, "instructions", &instructions, status);
	const struct attributes a = {flags[0] ? wide_int16 : wide_float32, (enum wide_instructions)instructions, flags[1], flags[2], flags[3]};
	if (TF_GetCode(status) == TF_OK && !wide_supported(a.arithmetic, a.instructions))
		TF_SetStatus(status, TF_UNIMPLEMENTED, "this processor has not got these instructions");
	return keep(construction, status, &a, sizeof a);
}

static void *read_kernel_attributes(TF_OpKernelConstruction *construction) { return read(construction, 1); }
static void *read_attributes(TF_OpKernelConstruction *construction) { return read(construction, 3); }
static void *read_pair_attributes(TF_OpKernelConstruction *construction) { return read(construction, 4); }

static void pack_kernel(void *attributes, struct call *call) {
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
KERNEL(pack_kernel, 1)

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

static void to_planes(void *unused, struct call *call) {
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
KERNEL(to_planes, 1)

static void from_planes(void *unused, struct call *call) {
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
KERNEL(from_planes, 1)

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

// layer_of reads a layer's packed kernel and bias, from some inputs on, and tells whether they fit the map that it reads.
static int layer_of(const struct call *call, const struct attributes *a, int input, const int64_t *x, struct wide_layer *l) {
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

// allocate_features makes the output of a convolution; it is NULL if there is none, or nothing to compute.
static float *allocate_features(struct call *call, const struct wide_convolution *c) {
	const int shrink = c->pool ? 2 : 1;
	return allocate_planes(call, TF_FLOAT, c->pictures, wide_planes(c->out), c->height / shrink, c->width / shrink, wide_plane(c->out));
}

static void convolve_planes(void *attributes, struct call *call) {
	int64_t x[planes_rank];
	struct wide_layer l;
	if (!shape(call, 0, TF_FLOAT, planes_rank, x) || !layer_of(call, attributes, 1, x, &l)) {
		refuse(call, TF_INVALID_ARGUMENT, "planes of pictures, a packed kernel and a bias that fit each other are needed");
		return;
	}
	float *y = allocate_features(call, &l.c);
	if (y == NULL) return;
	const size_t floats = wide_work_floats(&l.c);
	float *memory = work(call, floats, l.c.in, l.c.out);
	if (memory == NULL) return;
	if (l.c.pictures > 1) wide_convolve(&l.c, data(call, 0), l.packed, l.bias, y, memory);
	else convolve_picture(&l, data(call, 0), y, floats, memory);
}
KERNEL(convolve_planes, 3)

static void convolve_pair(void *attributes, struct call *call) {
	const struct attributes *a = attributes;
	struct attributes of_first = *a;
	of_first.rectify = a->rectify_first;
	of_first.pool = 0;
	int64_t x[planes_rank], between[planes_rank];
	struct wide_layer first, second;
	int fit = shape(call, 0, TF_FLOAT, planes_rank, x) && layer_of(call, &of_first, 1, x, &first);
	if (fit) {
		planes_shape(x[0], wide_planes(first.c.out), first.c.height, first.c.width, wide_plane(first.c.out), between);
		fit = first.c.in == x[4] && layer_of(call, a, 3, between, &second);
	}
	if (!fit) {
		refuse(call, TF_INVALID_ARGUMENT, "a plane of few channels, and two packed kernels and biases that fit each other, are needed");
		return;
	}
	float *y = allocate_features(call, &second.c);
	if (y == NULL) return;
	const size_t map = wide_between_floats(&first.c), floats = wide_pair_floats(&first.c, &second.c);
	float *memory = work(call, map + floats, first.c.in, second.c.out);
	if (memory == NULL) return;
	if (x[0] > 1) {
		wide_convolve_pair(&first, &second, data(call, 0), y, memory, memory + map);
		return;
	}
	convolve_picture(&first, data(call, 0), memory, floats, memory + map);
	convolve_picture(&second, memory, y, floats, memory + map);
}
KERNEL(convolve_pair, 5)

void fovea_wide_register(TF_Status *status) {
	static const struct operation operations[] = {
		{"FoveaWideKernel", {"kernel: float", NULL}, "packed: float", {"whole: bool", "instructions: int", NULL}, read_kernel_attributes, pack_kernel_kernel},
		{"FoveaReadyKernel", {NULL}, "packed: float", {"number: int", NULL}, read_number, take_ready_kernel_kernel, 1},
		{"FoveaWidePlanes", {"pictures: float", NULL}, "planes: float", {NULL}, NULL, to_planes_kernel},
		{"FoveaWideConvolution",
		 {"pictures: float", "packed: float", "bias: float", NULL},
		 "features: float",
		 {"rectify: bool", "pool: bool", "whole: bool", "instructions: int", NULL},
		 read_attributes,
		 convolve_planes_kernel},
		{"FoveaWidePair",
		 {"pictures: float", "first_packed: float", "first_bias: float", "packed: float", "bias: float", NULL},
		 "features: float",
		 {"rectify_first: bool", "rectify: bool", "pool: bool", "whole: bool", "instructions: int", NULL},
		 read_pair_attributes,
		 convolve_pair_kernel},
		{"FoveaWidePixels", {"planes: float", NULL}, "features: float", {NULL}, NULL, from_planes_kernel},
	};
	register_operations(operations, sizeof operations / sizeof *operations, status);
}
