// Kernels that are transformed before there is a graph, and handed to it later.

#ifndef FOVEA_CONVOLUTION_READY_H_
#define FOVEA_CONVOLUTION_READY_H_

#include "wide.h"

// ready_pack transforms a kernel as wide_pack_kernel does, and keeps it. Returns its number, or 0 when
// there is not enough memory.
int64_t ready_pack(enum wide_arithmetic arithmetic, enum wide_instructions instructions, int64_t in, int64_t out, const float *hwio);

// ready_keep keeps a kernel that was transformed in another process, in memory of whole pages, which is
// unmapped in the end. Returns its number, or 0 when there is not enough memory.
int64_t ready_keep(float *memory, int64_t floats);

// ready_look is the kernel of that number, which stays. Returns NULL if there is none.
const float *ready_look(int64_t number, int64_t *floats);

// ready_take gives the kernel of that number away, once: it is unmapped by who takes it. Returns NULL if
// there is none.
float *ready_take(int64_t number, int64_t *floats);

// ready_drop frees the kernel of that number, unless it was taken.
void ready_drop(int64_t number);

#endif
