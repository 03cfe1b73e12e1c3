// The operations of tiles.h.

#include "operations.h"
#include "planes.h"
#include "tiles.h"

_Static_assert(planes_border == (int)tiles_border, "planes have one border");

struct attributes {
	enum tiles_numbers numbers;
	int rectify, pool;
};

// read reads the numbers that an operation multiplies and, if it convolves, what follows.
static void *read(TF_OpKernelConstruction *construction, int convolves) {
	static const char *const names[] = {"rectify", "pool"};
	TF_Status *status = TF_NewStatus();
	unsigned char flags[2] = {0};
	int32_t numbers = 0;
	read_flags(construction, names, convolves ? 2 : 0, flags, status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt32(construction, "numbers", &numbers, status);
	const struct attributes a = {(enum tiles_numbers)numbers, flags[0], flags[1]};
	return keep(construction, status, &a, sizeof a);
}

static void *read_attributes(TF_OpKernelConstruction *construction) { return read(construction, 1); }
static void *read_kernel_attributes(TF_OpKernelConstruction *construction) { return read(construction, 0); }

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
	int64_t x[planes_rank], k[1], b[1];
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
	bfloat16 *y = allocate_planes(call, TF_BFLOAT16, x[0], tiles_planes(c.out), c.height / shrink, c.width / shrink, tiles_plane(c.out));
	if (y == NULL) return;
	float *memory = work(call, tiles_work_floats(&c), c.in, c.out);
	if (memory != NULL) tiles_convolve(&c, data(call, 0), data(call, 1), data(call, 2), y, memory);
}
KERNEL(convolve_planes, 3)

void fovea_tiles_register(TF_Status *status) {
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
	};
	register_operations(operations, sizeof operations / sizeof *operations, status);
}
