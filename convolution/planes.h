// Planes, the forms of maps that tiles.h and wide.h describe, are tensors of [pictures, planes, height + 2, width + 2, channels of a plane].

#ifndef FOVEA_CONVOLUTION_PLANES_H_
#define FOVEA_CONVOLUTION_PLANES_H_

#include "call.h"

enum { planes_rank = 5, planes_border = 2 };

HELPER void planes_shape(int64_t pictures, int64_t planes, int64_t height, int64_t width, int64_t plane, int64_t *dimensions) {
	dimensions[0] = pictures;
	dimensions[1] = planes;
	dimensions[2] = height + planes_border;
	dimensions[3] = width + planes_border;
	dimensions[4] = plane;
}

// allocate_planes makes the output, planes of maps of that size. It is NULL if that failed, or if there is nothing to
// compute: then they are zeros.
HELPER void *allocate_planes(struct call *call, TF_DataType type, int64_t pictures, int64_t planes, int64_t height, int64_t width, int64_t plane) {
	int64_t to[planes_rank];
	planes_shape(pictures, planes, height, width, plane, to);
	void *y = allocate(call, type, to, planes_rank);
	if (!succeeded(call)) return NULL;
	if (pictures > 0 && height > 0 && width > 0) return y;
	memset(y, 0, TF_TensorByteSize(call->output));
	return NULL;
}

// read_flags reads so many attributes that are flags, unless an error is known.
HELPER void read_flags(TF_OpKernelConstruction *construction, const char *const *names, int count, unsigned char *flags, TF_Status *status) {
	for (int i = 0; i < count; i++)
		if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrBool(construction, names[i], &flags[i], status);
}

#endif
