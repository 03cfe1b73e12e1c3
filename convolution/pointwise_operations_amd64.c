// The operations of pointwise.h, by TensorFlow's C API for kernels.

#include "call.h"
#include "crew.h"
#include "maps.h"
#include "operations.h"

static void pack_kernel(void *unused, struct call *call) {
	(void)unused;
	int64_t k[4];
	if (!shape(call, 0, TF_FLOAT, 4, k) || k[0] < 1 || k[1] < 1 || k[2] < 1 || k[3] < 1) {
		refuse(call, TF_INVALID_ARGUMENT, "a kernel of four dimensions is needed");
		return;
	}
	const int64_t to[] = {(k[3] + lanes - 1) / lanes, pointwise_lines(k[0], k[1], k[2]), lanes, lanes};
	float *packed = allocate_own(call, TF_FLOAT, to, 4);
	if (packed != NULL) pointwise_pack_kernel(k[0], k[1], k[2], k[3], data(call, 0), packed);
}
KERNEL(pack_kernel, 1)

// The attributes of a convolution, all numbers.
struct settings {
	struct window window;
	int32_t activation, planes, wide;
};

static void *read_settings(TF_OpKernelConstruction *construction) {
	static const char *const names[] = {WINDOW_NAMES, "activation", "planes", "wide"};
	enum { count = sizeof names / sizeof *names };
	_Static_assert(sizeof(struct settings) == count * sizeof(int32_t), "each has its name");
	int32_t values[count] = {0};
	TF_Status *status = TF_NewStatus();
	read_numbers(construction, names, count, values, status);
	struct settings s;
	memcpy(&s, values, sizeof s);
	if (TF_GetCode(status) == TF_OK && (!window_fits(&s.window) || !activation_fits(s.activation)))
		TF_SetStatus(status, TF_INVALID_ARGUMENT, "an attribute of the convolution is out of range");
	return keep(construction, status, &s, sizeof s);
}

// clear_borders sets the borders of planes to zero.
static void clear_borders(const int64_t nhwc[4], float *planes) {
	const int64_t row = (nhwc[2] + border) * lanes;
	for (int64_t p = 0; p < nhwc[0] * nhwc[3] / lanes; p++, planes += (nhwc[1] + border) * row) {
		memset(planes, 0, (size_t)row * sizeof *planes);
		for (int64_t i = 1; i <= nhwc[1]; i++) {
			memset(planes + i * row, 0, lanes * sizeof *planes);
			memset(planes + (i + 1) * row - lanes, 0, lanes * sizeof *planes);
		}
		memset(planes + (nhwc[1] + 1) * row, 0, (size_t)row * sizeof *planes);
	}
}

static struct pointwise_convolution convolution_of(const struct settings *s, const int64_t x[4], int64_t out) {
	return seen_through(&s->window, x, out, (enum pointwise_activation)s->activation);
}

// product_job is a convolution of one picture, for a crew.
struct product_job {
	enum pointwise_instructions instructions;
	const struct pointwise_convolution *c;
	struct pointwise_map x, residual, y;
	const float *packed, *bias;
};

static void product_part(const void *job, int64_t part, float *memory) {
	const struct product_job *j = job;
	pointwise_convolve_part(j->instructions, j->c, part, j->x, j->packed, j->bias, j->residual, j->y, memory);
}

static void multiply(const struct settings *s, struct call *call, int sum) {
	int64_t x[4], k[4], b[1], added[4] = {0};
	if (!maps_of(call, 0, x) || !shape(call, 1, TF_FLOAT, 4, k) || !shape(call, 2, TF_FLOAT, 1, b) || k[0] != (b[0] + lanes - 1) / lanes ||
	    k[1] != pointwise_lines(s->window.kernel_height, s->window.kernel_width, x[3]) || (s->planes && b[0] % lanes != 0) || (sum && !maps_of(call, 3, added))) {
		refuse(call, TF_INVALID_ARGUMENT, "pictures, packed kernel and bias do not fit each other");
		return;
	}
	const struct pointwise_convolution c = convolution_of(s, x, b[0]);
	const int64_t to[] = {x[0], c.out_height, c.out_width, b[0]};
	if (c.out_height < 1 || c.out_width < 1 || (sum && memcmp(added, to, sizeof to) != 0)) {
		refuse(call, TF_INVALID_ARGUMENT, "the maps are smaller than the kernel, or of another size than what is added");
		return;
	}
	int64_t planes[planes_rank];
	planes_shape(x[0], b[0] / lanes, c.out_height, c.out_width, lanes, planes);
	float *y = s->planes ? allocate(call, TF_FLOAT, planes, planes_rank) : allocate(call, TF_FLOAT, to, 4);
	if (!succeeded(call) || x[0] == 0) return;
	const enum pointwise_instructions instructions = s->wide ? pointwise_avx512 : pointwise_avx2;
	const size_t floats = pointwise_work_floats(instructions, &c);
	float *memory = work(call, floats, c.in, c.out);
	if (memory == NULL) return;
	if (s->planes) clear_borders(to, y);
	const struct product_job job = {
		.instructions = instructions, .c = &c, .x = map_of(call, 0, x), .residual = sum ? map_of(call, 3, added) : (struct pointwise_map){0},
		.y = s->planes ? planes_map(y, to) : pixels_map(y, to), .packed = data(call, 1), .bias = data(call, 2),
	};
	if (c.pictures == 1) crew_work(product_part, &job, pointwise_parts(instructions, &c), floats, memory);
	else pointwise_convolve(instructions, &c, job.x, job.packed, job.bias, job.residual, job.y, memory);
}

static void product(void *settings, struct call *call) { multiply(settings, call, 0); }
KERNEL(product, 3)

static void product_sum(void *settings, struct call *call) { multiply(settings, call, 1); }
KERNEL(product_sum, 4)

// depthwise_job is a depthwise convolution of one picture, for a crew, whose parts are so many rows.
struct depthwise_job {
	enum pointwise_instructions instructions;
	const struct pointwise_convolution *c;
	const float *x, *kernel, *bias;
	float *y;
};

enum { depthwise_rows = 4 };

static void depthwise_part(const void *job, int64_t part, float *memory) {
	const struct depthwise_job *j = job;
	(void)memory;
	const int64_t rows = j->c->out_height, first = part * depthwise_rows;
	depthwise_convolve(j->instructions, j->c, first, rows - first < depthwise_rows ? rows : first + depthwise_rows, j->x, j->kernel, j->bias, j->y, NULL);
}

static void depthwise(void *settings, struct call *call) {
	const struct settings *s = settings;
	int64_t x[4], k[4], b[1];
	if (!shape(call, 0, TF_FLOAT, 4, x) || !shape(call, 1, TF_FLOAT, 4, k) || !shape(call, 2, TF_FLOAT, 1, b) || k[0] != s->window.kernel_height || k[1] != s->window.kernel_width ||
	    k[2] != x[3] || k[3] != 1 || b[0] != x[3]) {
		refuse(call, TF_INVALID_ARGUMENT, "pictures, kernel and bias of a depthwise convolution do not fit each other");
		return;
	}
	const struct pointwise_convolution c = convolution_of(s, x, x[3]);
	if (c.out_height < 1 || c.out_width < 1) {
		refuse(call, TF_INVALID_ARGUMENT, "the maps are smaller than the kernel");
		return;
	}
	const int64_t to[] = {x[0], c.out_height, c.out_width, x[3]};
	float *y = allocate(call, TF_FLOAT, to, 4);
	if (!succeeded(call) || x[0] == 0) return;
	const struct depthwise_job job = {s->wide ? pointwise_avx512 : pointwise_avx2, &c, data(call, 0), data(call, 1), data(call, 2), y};
	if (c.pictures == 1) crew_work(depthwise_part, &job, crew_parts(c.out_height, depthwise_rows), 0, NULL);
	else depthwise_convolve(job.instructions, &c, 0, c.pictures * c.out_height, job.x, job.kernel, job.bias, y, NULL);
}
KERNEL(depthwise, 3)

// The attributes of a normalization.
struct normalization {
	float epsilon;
	int32_t wide;
};

static void *read_normalization(TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	struct normalization n = {0};
	TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &n.epsilon, status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt32(construction, "wide", &n.wide, status);
	return keep(construction, status, &n, sizeof n);
}

static void normalize(void *settings, struct call *call) {
	const struct normalization *n = settings;
	int64_t x[4], scale[1], shift[1];
	if (!shape(call, 0, TF_FLOAT, 4, x) || !shape(call, 1, TF_FLOAT, 1, scale) || !shape(call, 2, TF_FLOAT, 1, shift) || x[3] < 1 || scale[0] != x[3] || shift[0] != x[3]) {
		refuse(call, TF_INVALID_ARGUMENT, "pictures and numbers of a normalization do not fit each other");
		return;
	}
	float *y = allocate(call, TF_FLOAT, x, 4);
	if (succeeded(call) && x[0] > 0)
		layer_normalize(n->wide ? pointwise_avx512 : pointwise_avx2, x[0] * x[1] * x[2], x[3], data(call, 0), data(call, 1), data(call, 2), n->epsilon, y);
}
KERNEL(normalize, 3)

static void *read_wide(TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	int32_t wide = 0;
	TF_OpKernelConstruction_GetAttrInt32(construction, "wide", &wide, status);
	return keep(construction, status, &wide, sizeof wide);
}

static void scale(void *settings, struct call *call) {
	const int32_t *wide = settings;
	int64_t x[4], by[1], shift[1];
	if (!shape(call, 0, TF_FLOAT, 4, x) || !shape(call, 1, TF_FLOAT, 1, by) || !shape(call, 2, TF_FLOAT, 1, shift) || x[3] < 1 || x[3] > scaled_channels || by[0] != x[3] || shift[0] != x[3]) {
		refuse(call, TF_INVALID_ARGUMENT, "pictures and the numbers to scale them with do not fit each other");
		return;
	}
	float *y = allocate(call, TF_FLOAT, x, 4);
	if (succeeded(call) && x[0] > 0) scale_channels(*wide ? pointwise_avx512 : pointwise_avx2, x[0] * x[1] * x[2], x[3], data(call, 0), data(call, 1), data(call, 2), y);
}
KERNEL(scale, 3)

#define SETTINGS {WINDOW_ATTRIBUTES, "activation: int", "planes: int", "wide: int", NULL}

void fovea_pointwise_register(TF_Status *status) {
	static const struct operation operations[] = {
		{"FoveaProductKernel", {"kernel: float", NULL}, "packed: float", {NULL}, NULL, pack_kernel_kernel},
		{"FoveaProduct", {"pictures: float", "packed: float", "bias: float", NULL}, "features: float", SETTINGS, read_settings, product_kernel},
		{"FoveaProductSum", {"pictures: float", "packed: float", "bias: float", "residual: float", NULL}, "features: float", SETTINGS, read_settings, product_sum_kernel},
		{"FoveaDepthwise", {"pictures: float", "kernel: float", "bias: float", NULL}, "features: float", SETTINGS, read_settings, depthwise_kernel},
		{"FoveaNormalize", {"pictures: float", "scale: float", "shift: float", NULL}, "features: float", {"epsilon: float", "wide: int", NULL}, read_normalization, normalize_kernel},
		{"FoveaScale", {"pictures: float", "scale: float", "shift: float", NULL}, "features: float", {"wide: int", NULL}, read_wide, scale_kernel},
	};
	register_operations(operations, sizeof operations / sizeof *operations, status);
}
