// The operations, by TensorFlow's C API for kernels.

#include "operations.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "winograd.h"
#include "kernel_api.h"
#include "tiles.h"

// in_huge_pages asks for large pages behind memory that is about to be written: the system then
// sets it up in 2 MB at a time instead of 4 KB, which took a tenth of a short run.
static void in_huge_pages(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
	const uintptr_t page = 1 << 21, first = ((uintptr_t)memory + page - 1) & ~(page - 1), end = ((uintptr_t)memory + bytes) & ~(page - 1);
	if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
	(void)memory, (void)bytes;
#endif
}

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

// work_memory is NULL when there is not enough.
static float *work_memory(size_t floats) {
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
		w->memory = calloc(floats, sizeof *w->memory);
		w->floats = w->memory == NULL ? 0 : floats;
	}
	return w->memory;
}

static void refuse(TF_OpKernelContext *context, TF_Status *status, TF_Code code, const char *format, ...) {
	char message[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	TF_SetStatus(status, code, message);
	TF_OpKernelContext_Failure(context, status);
}

static int failed(TF_OpKernelContext *context, TF_Status *status) {
	if (TF_GetCode(status) == TF_OK) return 0;
	TF_OpKernelContext_Failure(context, status);
	return 1;
}

// shape reads a tensor's dimensions, if it is of that type and has as many as asked for.
static int shape(const TF_Tensor *tensor, TF_DataType type, int rank, int64_t *dimensions) {
	if (TF_TensorType(tensor) != type || TF_NumDims(tensor) != rank) return 0;
	for (int i = 0; i < rank; i++) dimensions[i] = TF_Dim(tensor, i);
	return 1;
}

static TF_Tensor *allocate(TF_OpKernelContext *context, TF_DataType type, const int64_t *dimensions, int rank, TF_Status *status) {
	size_t size = TF_DataTypeSize(type);
	for (int i = 0; i < rank; i++) size *= (size_t)dimensions[i];
	TF_Tensor *output = TF_AllocateOutput(context, 0, type, dimensions, rank, size, status);
	if (TF_GetCode(status) == TF_OK) in_huge_pages(TF_TensorData(output), size);
	return output;
}

static void transform_kernel(void *unused, TF_OpKernelContext *context) {
	(void)unused;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *kernel = NULL, *transformed = NULL;
	int64_t k[4];

	TF_GetInput(context, 0, &kernel, status);
	if (failed(context, status)) goto done;
	if (!shape(kernel, TF_FLOAT, 4, k) || k[0] != 3 || k[1] != 3 || k[2] < 1 || k[3] < 1 || k[3] % winograd_panel != 0) {
		refuse(context, status, TF_INVALID_ARGUMENT, "a kernel of 3x3 with a multiple of %d output channels is needed", winograd_panel);
		goto done;
	}
	const int64_t to[] = {winograd_points, k[3] / winograd_panel, k[2], winograd_panel};
	transformed = allocate(context, TF_FLOAT, to, 4, status);
	if (failed(context, status)) goto done;
	winograd_transform_kernel(k[2], k[3], TF_TensorData(kernel), TF_TensorData(transformed));
done:
	TF_DeleteTensor(transformed);
	TF_DeleteTensor(kernel);
	TF_DeleteStatus(status);
}

struct attributes {
	int rectify, pool;
};

static void *read_attributes(TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	unsigned char rectify = 0, pool = 0;
	TF_OpKernelConstruction_GetAttrBool(construction, "rectify", &rectify, status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrBool(construction, "pool", &pool, status);
	struct attributes *a = NULL;
	if (TF_GetCode(status) == TF_OK && (a = malloc(sizeof *a)) == NULL)
		TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "out of memory");
	if (a != NULL) *a = (struct attributes){rectify, pool};
	if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
	TF_DeleteStatus(status);
	return a;
}

static void convolve(void *attributes, TF_OpKernelContext *context) {
	const struct attributes *a = attributes;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *inputs[3] = {NULL, NULL, NULL}, *output = NULL;
	int64_t x[4], u[4], b[1];

	for (int i = 0; i < 3; i++) {
		TF_GetInput(context, i, &inputs[i], status);
		if (failed(context, status)) goto done;
	}
	if (!shape(inputs[0], TF_FLOAT, 4, x) || !shape(inputs[1], TF_FLOAT, 4, u) || !shape(inputs[2], TF_FLOAT, 1, b) || u[0] != winograd_points ||
	    u[3] != winograd_panel || u[2] != x[3] || b[0] != u[1] * winograd_panel) {
		refuse(context, status, TF_INVALID_ARGUMENT, "pictures, transformed kernel and bias do not fit each other");
		goto done;
	}
	const struct winograd_convolution c = {
		.pictures = x[0], .height = x[1], .width = x[2], .in = x[3], .out = b[0], .rectify = a->rectify, .pool = a->pool,
	};
	const int64_t to[] = {x[0], a->pool ? x[1] / 2 : x[1], a->pool ? x[2] / 2 : x[2], b[0]};
	output = allocate(context, TF_FLOAT, to, 4, status);
	if (failed(context, status)) goto done;
	if (to[0] == 0 || to[1] == 0 || to[2] == 0) goto done;
	float *work = work_memory(winograd_work_floats(&c));
	if (work == NULL) {
		refuse(context, status, TF_RESOURCE_EXHAUSTED, "no memory for a convolution of %lld to %lld channels", (long long)c.in, (long long)c.out);
		goto done;
	}
	winograd_convolve(&c, TF_TensorData(inputs[0]), TF_TensorData(inputs[1]), TF_TensorData(inputs[2]), TF_TensorData(output), work);
done:
	TF_DeleteTensor(output);
	for (int i = 0; i < 3; i++) TF_DeleteTensor(inputs[i]);
	TF_DeleteStatus(status);
}

// Planes, the form of maps that tiles.h describes, are tensors of [pictures, planes, height + 2, width + 2, channels of a plane].
enum { planes_rank = 5 };

static void planes_shape(int64_t pictures, int64_t height, int64_t width, int64_t channels, int64_t *dimensions) {
	dimensions[0] = pictures;
	dimensions[1] = tiles_planes(channels);
	dimensions[2] = height + tiles_border;
	dimensions[3] = width + tiles_border;
	dimensions[4] = tiles_plane(channels);
}

static void pack_kernel(void *unused, TF_OpKernelContext *context) {
	(void)unused;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *kernel = NULL, *packed = NULL;
	int64_t k[4];

	TF_GetInput(context, 0, &kernel, status);
	if (failed(context, status)) goto done;
	if (!shape(kernel, TF_FLOAT, 4, k) || k[0] != 3 || k[1] != 3 || k[2] < 1 || (k[2] > tiles_few_channels && k[2] % tiles_channels != 0) ||
	    k[3] < 1 || k[3] % tiles_channels != 0) {
		refuse(context, status, TF_INVALID_ARGUMENT, "a kernel of 3x3 with multiples of %d channels is needed", tiles_channels);
		goto done;
	}
	const int64_t to = (int64_t)tiles_kernel_size(k[2], k[3]);
	packed = allocate(context, TF_BFLOAT16, &to, 1, status);
	if (failed(context, status)) goto done;
	tiles_pack_kernel(k[2], k[3], TF_TensorData(kernel), TF_TensorData(packed));
done:
	TF_DeleteTensor(packed);
	TF_DeleteTensor(kernel);
	TF_DeleteStatus(status);
}

static void to_planes(void *unused, TF_OpKernelContext *context) {
	(void)unused;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *pixels = NULL, *planes = NULL;
	int64_t x[4], to[planes_rank];

	TF_GetInput(context, 0, &pixels, status);
	if (failed(context, status)) goto done;
	if (!shape(pixels, TF_FLOAT, 4, x)) {
		refuse(context, status, TF_INVALID_ARGUMENT, "pictures in NHWC order are needed");
		goto done;
	}
	planes_shape(x[0], x[1], x[2], x[3], to);
	planes = allocate(context, TF_BFLOAT16, to, planes_rank, status);
	if (failed(context, status)) goto done;
	if (x[0] > 0 && x[1] > 0 && x[2] > 0) tiles_from_pixels(x[0], x[1], x[2], x[3], TF_TensorData(pixels), TF_TensorData(planes));
done:
	TF_DeleteTensor(planes);
	TF_DeleteTensor(pixels);
	TF_DeleteStatus(status);
}

static void from_planes(void *unused, TF_OpKernelContext *context) {
	(void)unused;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *planes = NULL, *pixels = NULL;
	int64_t p[planes_rank];

	TF_GetInput(context, 0, &planes, status);
	if (failed(context, status)) goto done;
	if (!shape(planes, TF_BFLOAT16, planes_rank, p) || p[2] < tiles_border || p[3] < tiles_border || p[4] != tiles_channels) {
		refuse(context, status, TF_INVALID_ARGUMENT, "planes of %d channels are needed", tiles_channels);
		goto done;
	}
	const int64_t to[] = {p[0], p[2] - tiles_border, p[3] - tiles_border, p[1] * p[4]};
	pixels = allocate(context, TF_FLOAT, to, 4, status);
	if (failed(context, status)) goto done;
	if (to[0] > 0 && to[1] > 0 && to[2] > 0) tiles_to_pixels(to[0], to[1], to[2], to[3], TF_TensorData(planes), TF_TensorData(pixels));
done:
	TF_DeleteTensor(pixels);
	TF_DeleteTensor(planes);
	TF_DeleteStatus(status);
}

static void convolve_planes(void *attributes, TF_OpKernelContext *context) {
	const struct attributes *a = attributes;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *inputs[3] = {NULL, NULL, NULL}, *output = NULL;
	int64_t x[planes_rank], k[1], b[1], to[planes_rank];

	for (int i = 0; i < 3; i++) {
		TF_GetInput(context, i, &inputs[i], status);
		if (failed(context, status)) goto done;
	}
	if (!shape(inputs[0], TF_BFLOAT16, planes_rank, x) || !shape(inputs[1], TF_BFLOAT16, 1, k) || !shape(inputs[2], TF_FLOAT, 1, b) ||
	    x[2] < tiles_border || x[3] < tiles_border || b[0] < 1 || b[0] % tiles_channels != 0 ||
	    k[0] != (int64_t)tiles_kernel_size(x[1] * x[4], b[0]) || (a->pool && !a->rectify)) {
		refuse(context, status, TF_INVALID_ARGUMENT, "planes, packed kernel and bias do not fit each other");
		goto done;
	}
	const struct tiles_convolution c = {
		.pictures = x[0], .height = x[2] - tiles_border, .width = x[3] - tiles_border, .in = x[1] * x[4], .out = b[0], .rectify = a->rectify, .pool = a->pool,
	};
	const int shrink = a->pool ? 2 : 1;
	planes_shape(x[0], c.height / shrink, c.width / shrink, c.out, to);
	output = allocate(context, TF_BFLOAT16, to, planes_rank, status);
	if (failed(context, status)) goto done;
	if (x[0] == 0 || c.height / shrink == 0 || c.width / shrink == 0) {
		memset(TF_TensorData(output), 0, TF_TensorByteSize(output));
		goto done;
	}
	float *work = work_memory(tiles_work_floats(&c));
	if (work == NULL) {
		refuse(context, status, TF_RESOURCE_EXHAUSTED, "no memory for a convolution of %lld to %lld channels", (long long)c.in, (long long)c.out);
		goto done;
	}
	tiles_convolve(&c, TF_TensorData(inputs[0]), TF_TensorData(inputs[1]), TF_TensorData(inputs[2]), TF_TensorData(output), work);
done:
	TF_DeleteTensor(output);
	for (int i = 0; i < 3; i++) TF_DeleteTensor(inputs[i]);
	TF_DeleteStatus(status);
}

// A share of a batch: part index of count.
struct share {
	int32_t index, count;
};

static void *read_share(TF_OpKernelConstruction *construction) {
	TF_Status *status = TF_NewStatus();
	int32_t index = 0, count = 0;
	TF_OpKernelConstruction_GetAttrInt32(construction, "index", &index, status);
	if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt32(construction, "count", &count, status);
	if (TF_GetCode(status) == TF_OK && (index < 0 || index >= count))
		TF_SetStatus(status, TF_INVALID_ARGUMENT, "the index is not below the count");
	struct share *s = NULL;
	if (TF_GetCode(status) == TF_OK && (s = malloc(sizeof *s)) == NULL)
		TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "out of memory");
	if (s != NULL) *s = (struct share){index, count};
	if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
	TF_DeleteStatus(status);
	return s;
}

static void take_share(void *state, TF_OpKernelContext *context) {
	enum { most = 8 };
	const struct share *s = state;
	TF_Status *status = TF_NewStatus();
	TF_Tensor *all = NULL, *output = NULL;
	int64_t dimensions[most];

	TF_GetInput(context, 0, &all, status);
	if (failed(context, status)) goto done;
	const int rank = TF_NumDims(all);
	if (rank < 1 || rank > most) {
		refuse(context, status, TF_INVALID_ARGUMENT, "a batch of 1 to %d dimensions is needed, not of %d", most, rank);
		goto done;
	}
	for (int i = 0; i < rank; i++) dimensions[i] = TF_Dim(all, i);
	const int64_t pictures = dimensions[0], first = pictures * s->index / s->count;
	const size_t one = pictures == 0 ? 0 : TF_TensorByteSize(all) / (size_t)pictures;
	dimensions[0] = pictures * (s->index + 1) / s->count - first;
	output = TF_AllocateOutput(context, 0, TF_TensorType(all), dimensions, rank, one * (size_t)dimensions[0], status);
	if (failed(context, status)) goto done;
	if (dimensions[0] > 0)
		memcpy(TF_TensorData(output), (const char *)TF_TensorData(all) + one * (size_t)first, one * (size_t)dimensions[0]);
done:
	TF_DeleteTensor(output);
	TF_DeleteTensor(all);
	TF_DeleteStatus(status);
}

static void release(void *state) { free(state); }

static void unknown_shape(TF_ShapeInferenceContext *context, TF_Status *status) {
	TF_ShapeInferenceContextSetUnknownShape(context, status);
}

struct operation {
	const char *name;
	const char *inputs[4], *output, *attributes[4]; // ended by NULL
	void *(*create)(TF_OpKernelConstruction *);
	void (*compute)(void *, TF_OpKernelContext *);
};

static void register_operation(const struct operation *o, TF_Status *status) {
	TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(o->name);
	for (const char *const *a = o->attributes; *a != NULL; a++) TF_OpDefinitionBuilderAddAttr(definition, *a);
	for (const char *const *i = o->inputs; *i != NULL; i++) TF_OpDefinitionBuilderAddInput(definition, *i);
	TF_OpDefinitionBuilderAddOutput(definition, o->output);
	TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknown_shape);
	TF_RegisterOpDefinition(definition, status); // frees it
	if (TF_GetCode(status) != TF_OK) return;
	TF_KernelBuilder *kernel = TF_NewKernelBuilder(o->name, "CPU", o->create, o->compute, release);
	TF_RegisterKernelBuilder(o->name, kernel, status); // frees it
}

void fovea_convolution_register(TF_Status *status) {
	static const struct operation operations[] = {
		{"FoveaWinogradKernel", {"kernel: float", NULL}, "transformed: float", {NULL}, NULL, transform_kernel},
		{"FoveaWinogradConvolution",
		 {"pictures: float", "transformed: float", "bias: float", NULL},
		 "features: float",
		 {"rectify: bool", "pool: bool", NULL},
		 read_attributes,
		 convolve},
		{"FoveaTilesKernel", {"kernel: float", NULL}, "packed: bfloat16", {NULL}, NULL, pack_kernel},
		{"FoveaTilesPlanes", {"pictures: float", NULL}, "planes: bfloat16", {NULL}, NULL, to_planes},
		{"FoveaTilesConvolution",
		 {"pictures: bfloat16", "packed: bfloat16", "bias: float", NULL},
		 "features: bfloat16",
		 {"rectify: bool", "pool: bool", NULL},
		 read_attributes,
		 convolve_planes},
		{"FoveaTilesPixels", {"planes: bfloat16", NULL}, "features: float", {NULL}, NULL, from_planes},
		{"FoveaShare", {"pictures: T", NULL}, "share: T", {"T: {float, uint8}", "index: int", "count: int", NULL}, read_share, take_share},
	};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		register_operation(&operations[i], status);
		if (TF_GetCode(status) != TF_OK) return;
	}
}
