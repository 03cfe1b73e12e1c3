// The innermost products of tiles.h, by AMX's instructions.

#ifndef FOVEA_CONVOLUTION_TILES_PRODUCTS_H_
#define FOVEA_CONVOLUTION_TILES_PRODUCTS_H_

#include <immintrin.h>

#include "tiles_planes.h"

#define AMX __attribute__((target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512vl,avx512bf16")))

enum {
	block_sums = block * block,
	sums_line = block * 4, // bytes
};

// Tiles 0 to 3 are the sums of 32 pixels and 32 output channels, 4 and 5 the pixels, 6 and 7 the kernel.
struct tile_configuration {
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

// configure sets the sizes of tiles, given the bytes of a row of pixels.
AMX static void configure(int64_t pixels_line) {
	struct tile_configuration t = {.palette = 1};
	for (int i = 0; i < 8; i++) {
		t.row_bytes[i] = line;
		t.rows[i] = rows;
	}
	t.row_bytes[4] = t.row_bytes[5] = (uint16_t)pixels_line;
	t.rows[6] = t.rows[7] = (uint8_t)(pixels_line / 4);
	// Not the compiler's own _tile_loadconfig, which reads only 8 bytes, as it tells gcc 12: the rest may be left out.
	__asm__ volatile("ldtilecfg %0" ::"m"(t));
}

// The compiler's own _tile_loadd and _tile_stored take no displacement, and so a register more
// for each of 36 addresses.
#define LOAD(number, from, distance, displacement) \
	__asm__ volatile("tileloadd %c2(%0,%1,1), %%tmm" #number ::"r"(from), "r"((int64_t)(distance)), "i"(displacement) : "memory")
#define STORE(number, to, distance, displacement) \
	__asm__ volatile("tilestored %%tmm" #number ", %c2(%0,%1,1)" ::"r"(to), "r"((int64_t)(distance)), "i"(displacement) : "memory")

// MULTIPLY is one step: 32 pixels, at x and a place further, with two tiles of the kernel.
#define MULTIPLY(multiply, x, distance, place, kernel, part, size) \
	LOAD(6, kernel, line, part);                                   \
	LOAD(4, x, distance, place);                                   \
	multiply(0, 4, 6);                                             \
	LOAD(5, x, distance, (place) + rows * (distance));             \
	multiply(2, 5, 6);                                             \
	LOAD(7, kernel, line, (part) + (size));                        \
	multiply(1, 4, 7);                                             \
	multiply(3, 5, 7)

INLINE AMX void begin_sums(const float *sums, int first) {
	if (first) {
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
		return;
	}
	LOAD(0, sums, sums_line, 0);
	LOAD(1, sums, sums_line, line);
	LOAD(2, sums, sums_line, rows * sums_line);
	LOAD(3, sums, sums_line, rows * sums_line + line);
}

INLINE AMX void end_sums(float *sums) {
	STORE(0, sums, sums_line, 0);
	STORE(1, sums, sums_line, line);
	STORE(2, sums, sums_line, rows * sums_line);
	STORE(3, sums, sums_line, rows * sums_line + line);
}

// few_product takes all of a block's sums: three steps. Rows of pixels are that many bytes apart.
INLINE AMX void few_product(const char *x, int64_t row, const char *kernel, float *sums) {
	enum { pixel = tiles_few_channels * sizeof(bfloat16), size = 3 * tiles_few_channels / 2 * line };
	begin_sums(sums, 1);
	MULTIPLY(_tile_dpbf16ps, x, pixel, 0, kernel, 0, size);
	MULTIPLY(_tile_dpbf16ps, x + row, pixel, 0, kernel, 2 * size, size);
	MULTIPLY(_tile_dpbf16ps, x + 2 * row, pixel, 0, kernel, 4 * size, size);
	end_sums(sums);
}

// PRODUCT defines a function that adds what one plane gives to a block's sums: nine steps.
#define PRODUCT(name, multiply)                                                                        \
	INLINE AMX void name(const char *x, int64_t row, const char *kernel, int first, float *sums) { \
		begin_sums(sums, first);                                                               \
		for (int i = 0; i < 3; i++) {                                                          \
			MULTIPLY(multiply, x, line, 0, kernel, 0, tile);                               \
			MULTIPLY(multiply, x, line, line, kernel, 2 * tile, tile);                     \
			MULTIPLY(multiply, x, line, 2 * line, kernel, 4 * tile, tile);                 \
			x += row;                                                                      \
			kernel += 6 * tile;                                                            \
		}                                                                                      \
		end_sums(sums);                                                                        \
	}
PRODUCT(halves_product, _tile_dpbf16ps)
PRODUCT(bytes_product, _tile_dpbusd) // pixels are without a sign, kernels with one

#endif
