// What the operations of pointwise.h and inverted.h share: maps of tensors, and where kernels see them.

#ifndef FOVEA_CONVOLUTION_MAPS_H_
#define FOVEA_CONVOLUTION_MAPS_H_

#include "planes.h"
#include "pointwise.h"

// Planes are those of wide.h, of 16 channels.
enum { border = planes_border, lanes = pointwise_lanes };

// maps_of finds the dimensions of maps in NHWC order or in planes: pictures, height, width, channels.
HELPER int maps_of(const struct call *call, int input, int64_t nhwc[4]) {
	int64_t p[planes_rank];
	if (shape(call, input, TF_FLOAT, 4, nhwc)) return 1;
	if (!shape(call, input, TF_FLOAT, planes_rank, p) || p[2] < border || p[3] < border || p[4] != lanes) return 0;
	nhwc[0] = p[0];
	nhwc[1] = p[2] - border;
	nhwc[2] = p[3] - border;
	nhwc[3] = p[1] * lanes;
	return 1;
}

HELPER struct pointwise_map pixels_map(const float *first, const int64_t nhwc[4]) {
	return (struct pointwise_map){(float *)first, nhwc[1] * nhwc[2] * nhwc[3], nhwc[2] * nhwc[3], nhwc[3], lanes};
}

HELPER struct pointwise_map planes_map(const float *first, const int64_t nhwc[4]) {
	const int64_t row = (nhwc[2] + border) * lanes, plane = (nhwc[1] + border) * row;
	return (struct pointwise_map){(float *)first + row + lanes, nhwc[3] / lanes * plane, row, lanes, plane};
}

HELPER struct pointwise_map map_of(const struct call *call, int input, const int64_t nhwc[4]) {
	return (TF_NumDims(call->inputs[input]) == 4 ? pixels_map : planes_map)(data(call, input), nhwc);
}

// window is how a kernel sees a map: its size and strides, and the zeros around the map. With same, these are as many as
// TensorFlow's padding of that name has, and top to right are 0.
struct window {
	int32_t kernel_height, kernel_width, down, across, same, top, left, bottom, right;
};

#define WINDOW_NAMES "kernel_height", "kernel_width", "down", "across", "same", "top", "left", "bottom", "right"
#define WINDOW_ATTRIBUTES "kernel_height: int", "kernel_width: int", "down: int", "across: int", "same: int", "top: int", "left: int", "bottom: int", "right: int"

HELPER int window_fits(const struct window *w) {
	enum { most = 1 << 20 };
	const int sizes = w->kernel_height >= 1 && w->kernel_width >= 1 && w->down >= 1 && w->across >= 1, zeros = w->top >= 0 && w->left >= 0 && w->bottom >= 0 && w->right >= 0;
	return sizes && zeros && w->kernel_height <= most && w->kernel_width <= most && w->top <= most && w->left <= most && w->bottom <= most && w->right <= most;
}

HELPER int activation_fits(int32_t activation) { return activation >= 0 && activation < pointwise_activations; }

// along finds the output's size and the zeros before the input, in one dimension.
HELPER int64_t along(int same, int64_t size, int64_t kernel, int64_t stride, int64_t *before, int64_t after) {
	if (!same) return *before + size + after < kernel ? 0 : (*before + size + after - kernel) / stride + 1;
	const int64_t out = (size + stride - 1) / stride, beyond = (out - 1) * stride + kernel - size;
	*before = beyond > 0 ? beyond / 2 : 0;
	return out;
}

// seen_through is a convolution of maps of such dimensions.
HELPER struct pointwise_convolution seen_through(const struct window *w, const int64_t x[4], int64_t out, enum pointwise_activation activation) {
	struct pointwise_convolution c = {
		.pictures = x[0], .height = x[1], .width = x[2], .in = x[3], .out = out, .kernel_height = w->kernel_height, .kernel_width = w->kernel_width,
		.down = w->down, .across = w->across, .top = w->top, .left = w->left, .activation = activation,
	};
	c.out_height = along(w->same, x[1], w->kernel_height, w->down, &c.top, w->bottom);
	c.out_width = along(w->same, x[2], w->kernel_width, w->across, &c.left, w->right);
	return c;
}

// read_numbers reads attributes that are numbers.
HELPER void read_numbers(TF_OpKernelConstruction *construction, const char *const *names, int count, int32_t *values, TF_Status *status) {
	for (int i = 0; i < count && TF_GetCode(status) == TF_OK; i++) TF_OpKernelConstruction_GetAttrInt32(construction, names[i], &values[i], status);
}

#endif
