// The operations, by TensorFlow's C API for kernels: what all share, and those that compute no convolution.

#include "operations.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

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
		{"FoveaSketch", {"layer: float", NULL}, "sketch: float", {NULL}, NULL, sketch_kernel},
		{"FoveaShare", {"pictures: T", NULL}, "share: T", {"T: {float, uint8}", "index: int", "count: int", "fill: bool", NULL}, read_share, take_share_kernel},
	};
	register_operations(operations, sizeof operations / sizeof *operations, status);
	void (*const parts[])(TF_Status *) = {fovea_tiles_register, fovea_wide_register, fovea_pointwise_register, fovea_inverted_register};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (TF_GetCode(status) == TF_OK) parts[i](status);
}
