// The screen for any processor, and the choice among the others.

#define TARGET
#define NAME screen_for_any
#define WIDTH 16
#define LEVELS 63
#define OFFSET 64

#include "screen_vectors.h"

// The sums of two products fit into 16 bits.
INLINE void products(int64_t from, int64_t to, const uint8_t *panel, const int8_t *strip, integers sums[screen_rows][parts]) {
	for (int64_t k = from; k < to; k++)
		for (int part = 0; part < parts; part++) {
			const shorts y = ((const shorts *)(panel + k * screen_lanes * screen_step))[part], odd = y >> 8, even = y & 255;
			for (int r = 0; r < screen_rows; r++) {
				const int8_t *x = strip + (k * screen_rows + r) * screen_step;
				const shorts x_even = (shorts)((integers){0} + (int32_t)((uint32_t)(x[2] * 65536) | (uint16_t)x[0]));
				const shorts x_odd = (shorts)((integers){0} + (int32_t)((uint32_t)(x[3] * 65536) | (uint16_t)x[1]));
				const integers two = (integers)(even * x_even + odd * x_odd);
				sums[r][part] += (two >> 16) + ((two << 16) >> 16);
			}
		}
}

#include "screen_body.h"

#if defined(__x86_64__)
extern const struct screen screen_for_avx2, screen_for_vnni;
#endif

const struct screen *screen_with(enum screen_instructions which) {
	switch (which) {
#if defined(__x86_64__)
	case screen_avx2:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &screen_for_avx2 : 0;
	case screen_vnni:
		return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") ? &screen_for_vnni : 0;
#endif
	case screen_portable:
		return &screen_for_any;
	default:
		return 0;
	}
}

void screen_pack_lane(int offset, int64_t cols, const int8_t *q, uint8_t *lane) {
	for (int64_t i = 0; i < cols; i++) lane[i / screen_step * screen_lanes * screen_step + i % screen_step] = (uint8_t)(q[i] + offset);
}

void screen_pack_row(int64_t cols, const int8_t *q, int8_t *row) {
	for (int64_t i = 0; i < cols; i++) row[i / screen_step * screen_rows * screen_step + i % screen_step] = q[i];
}
