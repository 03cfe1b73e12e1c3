// Winograd's minimal filtering F(4x4, 3x3) with AVX-512 or AVX2, in float32 or with products of 16-bit
// integers; doc.go tells how. All instructions give the same results.
//
// Maps are float32 in planes of 16 channels, each of (height + 2) x (width + 2) x 16 with zeros at
// its border. A map of up to 4 channels has one plane of as many.

#ifndef FOVEA_CONVOLUTION_WIDE_H_
#define FOVEA_CONVOLUTION_WIDE_H_

#include <stddef.h>
#include <stdint.h>

enum {
	wide_channels = 16, // of a plane
	wide_border = 2,    // what a plane has more of rows and of columns
};

enum wide_arithmetic {
	wide_float32,
	wide_int16,   // products of whole numbers, whose scales follow the pixels
	wide_arithmetics,
};

enum wide_instructions {
	wide_avx512,  // with VNNI for whole numbers
	wide_avxvnni, // AVX2, and VNNI on its registers
	wide_avx2,
	wide_instruction_sets,
};

// A convolution with kernels of 3x3, stride 1, and a border of zeros that keeps the size.
struct wide_convolution {
	enum wide_arithmetic arithmetic;
	enum wide_instructions instructions;
	int64_t pictures, height, width;
	int64_t in, out; // channels: up to winograd_few_channels or a multiple of 16 (the rest zeros); a multiple of 16
	int rectify;     // max(0, x) at the end
	int pool;        // then the maximum of every 2x2, an odd last row or column left out; needs rectify
};

// wide_supported tells whether this processor has the instructions.
int wide_supported(enum wide_arithmetic arithmetic, enum wide_instructions instructions);

// wide_plane is the number of channels in a plane of a map of so many, and wide_planes how many planes it has.
int64_t wide_plane(int64_t channels);
int64_t wide_planes(int64_t channels);

// wide_kernel_floats is the size of a kernel as wide_pack_kernel writes it from HWIO. Of int16 it
// holds whole numbers and their scales.
size_t wide_kernel_floats(enum wide_arithmetic arithmetic, int64_t in, int64_t out);
// wide_pack_kernel returns 0 when there is not enough memory. What it packs is the same for all instructions.
int wide_pack_kernel(enum wide_arithmetic arithmetic, enum wide_instructions instructions, int64_t in, int64_t out, const float *hwio, float *packed);

// wide_from_pixels copies maps in NHWC to planes, wide_to_pixels is the way back.
void wide_from_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *nhwc, float *planes);
void wide_to_pixels(int64_t pictures, int64_t height, int64_t width, int64_t channels, const float *planes, float *nhwc);

// wide_work_floats is the size of the memory that wide_convolve works in.
size_t wide_work_floats(const struct wide_convolution *c);

// wide_convolve computes on one thread, from planes to planes. The work memory may hold anything.
void wide_convolve(const struct wide_convolution *c, const float *x, const float *packed, const float *bias, float *y, float *work);

// wide_convolve_pair computes a convolution of few input channels, without pooling, and one of its map. The map is
// that of one picture at a time, in memory of its own, whose rows are computed when they are needed: they
// come from the second cache, and a map of all pictures would take eight times as much memory as the result.
struct wide_layer {
	struct wide_convolution c;
	const float *packed, *bias;
};
size_t wide_between_floats(const struct wide_convolution *first);
size_t wide_pair_floats(const struct wide_convolution *first, const struct wide_convolution *second); // of the work memory
void wide_convolve_pair(const struct wide_layer *first, const struct wide_layer *second, const float *x, float *y, float *between, float *work);

// wide_parts is the number of parts of a convolution, of which wide_convolve_part computes one, the same as wide_convolve,
// but for the border of the planes: wide_clear_border_part clears that of one of so many.
int64_t wide_parts(const struct wide_convolution *c);
void wide_convolve_part(const struct wide_convolution *c, int64_t part, const float *x, const float *packed, const float *bias, float *y, float *work);
int64_t wide_border_parts(const struct wide_convolution *c);
void wide_clear_border_part(const struct wide_convolution *c, int64_t part, float *y);

// Where testdata/bench measures, it counts the seconds of each stage.
#ifdef WIDE_STAGES
enum { wide_in, wide_products, wide_out, wide_stages };
extern double wide_stage_seconds[wide_stages];
double wide_now(void);
#define WIDE_STAGE(stage, ...)                                    \
	do {                                                      \
		const double wide_start = wide_now();             \
		__VA_ARGS__;                                      \
		wide_stage_seconds[stage] += wide_now() - wide_start; \
	} while (0)
#else
#define WIDE_STAGE(stage, ...) __VA_ARGS__
#endif

#endif
