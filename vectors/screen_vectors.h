// Numbers in registers, for what compilers can write in the instructions of any processor.

#ifndef FOVEA_VECTORS_SCREEN_VECTORS_H_
#define FOVEA_VECTORS_SCREEN_VECTORS_H_

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "screen.h"

#define INLINE static inline __attribute__((always_inline))

// Whoever includes this defines WIDTH, the number of bytes in a register.
enum { lanes = WIDTH / 4, wide = WIDTH / 8, parts = screen_lanes / lanes };

typedef float floats __attribute__((vector_size(WIDTH), aligned(4), may_alias));
typedef int32_t integers __attribute__((vector_size(WIDTH), may_alias));
typedef int16_t shorts __attribute__((vector_size(WIDTH), aligned(2), may_alias));
typedef int64_t longs __attribute__((vector_size(WIDTH), may_alias));
typedef float few_floats __attribute__((vector_size(WIDTH / 2), aligned(4), may_alias));
typedef double doubles __attribute__((vector_size(WIDTH), may_alias));

#define part_of(values, part) (((const floats *)(values))[part])
#define widened(values) __builtin_convertvector(*(const few_floats *)(values), doubles)

#endif
