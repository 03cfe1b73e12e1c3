// What the operations' kernels share: calls by TensorFlow, with their inputs, output and errors.

#ifndef FOVEA_CONVOLUTION_CALL_H_
#define FOVEA_CONVOLUTION_CALL_H_

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel_api.h"
#include "pages.h"

#define HELPER static __attribute__((unused))

// fovea_convolution_work_memory is memory that the thread keeps, or NULL when there is not enough.
float *fovea_convolution_work_memory(size_t floats);

enum { most_inputs = 12 };

// A call of an operation's kernel, with what has to be given back at its end.
struct call {
	TF_OpKernelContext *context;
	TF_Status *status;
	TF_Tensor *inputs[most_inputs], *output; // NULL: not there
};

// KERNEL makes of a function, which is given its state and a call with so many inputs, the one that TensorFlow calls.
#define KERNEL(function, count)                                               \
	static void function##_kernel(void *state, TF_OpKernelContext *context) { \
		struct call call = {.context = context, .status = TF_NewStatus()};    \
		if (take_inputs(&call, count)) function(state, &call);                \
		end_call(&call);                                                      \
	}

// succeeded tells of the last step and, if it failed, hands its error to TensorFlow.
HELPER int succeeded(struct call *call) {
	if (TF_GetCode(call->status) == TF_OK) return 1;
	TF_OpKernelContext_Failure(call->context, call->status);
	return 0;
}

HELPER int take_inputs(struct call *call, int count) {
	for (int i = 0; i < count; i++) {
		TF_GetInput(call->context, i, &call->inputs[i], call->status);
		if (!succeeded(call)) return 0;
	}
	return 1;
}

HELPER void end_call(struct call *call) {
	TF_DeleteTensor(call->output);
	for (int i = 0; i < most_inputs; i++) TF_DeleteTensor(call->inputs[i]);
	TF_DeleteStatus(call->status);
}

HELPER void refuse(struct call *call, TF_Code code, const char *format, ...) {
	char message[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	TF_SetStatus(call->status, code, message);
	TF_OpKernelContext_Failure(call->context, call->status);
}

// shape reads an input's dimensions, if it is of that type and has as many as asked for.
HELPER int shape(const struct call *call, int input, TF_DataType type, int rank, int64_t *dimensions) {
	const TF_Tensor *tensor = call->inputs[input];
	if (TF_TensorType(tensor) != type || TF_NumDims(tensor) != rank) return 0;
	for (int i = 0; i < rank; i++) dimensions[i] = TF_Dim(tensor, i);
	return 1;
}

// data is that of an input.
HELPER const void *data(const struct call *call, int input) { return TF_TensorData(call->inputs[input]); }

// allocate makes the output and returns its data, which may be NULL if it is empty: succeeded tells.
HELPER void *allocate(struct call *call, TF_DataType type, const int64_t *dimensions, int rank) {
	size_t size = TF_DataTypeSize(type);
	for (int i = 0; i < rank; i++) size *= (size_t)dimensions[i];
	call->output = TF_AllocateOutput(call->context, 0, type, dimensions, rank, size, call->status);
	if (TF_GetCode(call->status) != TF_OK) return NULL;
	in_huge_pages(TF_TensorData(call->output), size);
	return TF_TensorData(call->output);
}

HELPER void unmap(void *memory, size_t bytes, void *unused) {
	(void)unused;
	munmap(memory, bytes);
}

// give makes the output of memory of its own, which is unmapped with it.
HELPER int give(struct call *call, TF_DataType type, const int64_t *dimensions, int rank, void *memory, size_t size) {
	call->output = TF_NewTensor(type, dimensions, rank, memory, size, unmap, NULL);
	TF_SetOutput(call->context, 0, call->output, call->status);
	return succeeded(call);
}

// allocate_own is allocate in memory of its own. It is for the transformed kernels, which are large and long-lived.
HELPER void *allocate_own(struct call *call, TF_DataType type, const int64_t *dimensions, int rank) {
	size_t size = TF_DataTypeSize(type);
	for (int i = 0; i < rank; i++) size *= (size_t)dimensions[i];
	void *memory = own_pages(size);
	if (memory == NULL) {
		refuse(call, TF_RESOURCE_EXHAUSTED, "no memory for %zu bytes of a transformed kernel", size);
		return NULL;
	}
	return give(call, type, dimensions, rank, memory, size) ? memory : NULL;
}

// work is memory to compute in, or NULL if there is not enough.
HELPER float *work(struct call *call, size_t floats, int64_t in, int64_t out) {
	float *memory = fovea_convolution_work_memory(floats);
	if (memory == NULL)
		refuse(call, TF_RESOURCE_EXHAUSTED, "no memory for a convolution of %lld to %lld channels", (long long)in, (long long)out);
	return memory;
}

// keep returns a copy of an operation's attributes, which release frees, or NULL after it has told TensorFlow what the
// status of reading them says. It deletes the status.
HELPER void *keep(TF_OpKernelConstruction *construction, TF_Status *status, const void *attributes, size_t size) {
	void *kept = NULL;
	if (TF_GetCode(status) == TF_OK && (kept = malloc(size)) == NULL) TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "out of memory");
	if (kept != NULL) memcpy(kept, attributes, size);
	else TF_OpKernelConstruction_Failure(construction, status);
	TF_DeleteStatus(status);
	return kept;
}

HELPER void release(void *state) { free(state); }

HELPER void unknown_shape(TF_ShapeInferenceContext *context, TF_Status *status) {
	TF_ShapeInferenceContextSetUnknownShape(context, status);
}

struct operation {
	const char *name;
	const char *inputs[most_inputs + 1], *output, *attributes[20]; // ended by NULL
	void *(*create)(TF_OpKernelConstruction *);
	void (*compute)(void *, TF_OpKernelContext *);
	int once; // it does not give the same each time, so that it must not be computed in advance
};

HELPER void register_operation(const struct operation *o, TF_Status *status) {
	TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(o->name);
	for (const char *const *a = o->attributes; *a != NULL; a++) TF_OpDefinitionBuilderAddAttr(definition, *a);
	for (const char *const *i = o->inputs; *i != NULL; i++) TF_OpDefinitionBuilderAddInput(definition, *i);
	TF_OpDefinitionBuilderAddOutput(definition, o->output);
	TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknown_shape);
	if (o->once) TF_OpDefinitionBuilderSetIsStateful(definition, 1);
	TF_RegisterOpDefinition(definition, status); // frees it
	if (TF_GetCode(status) != TF_OK) return;
	TF_KernelBuilder *kernel = TF_NewKernelBuilder(o->name, "CPU", o->create, o->compute, release);
	TF_RegisterKernelBuilder(o->name, kernel, status); // frees it
}

// register_operations registers some, up to the first that fails.
HELPER void register_operations(const struct operation *operations, size_t count, TF_Status *status) {
	for (size_t i = 0; i < count; i++) {
		register_operation(&operations[i], status);
		if (TF_GetCode(status) != TF_OK) return;
	}
}

#endif
