// The engine of wide.h with registers of 256 bits, with and without the VNNI instructions for them.

#define WIDE_AVX2

#include "wide_direct.h"
#include "wide_products.h"
#include "wide_round.h"
#include "wide_transform.h"

const struct engine wide_engine_avxvnni = {pack_whole, transform, transform_whole, multiply, multiply_whole, finish, direct_floats, convolve_directly};
const struct engine wide_engine_avx2 = {pack_whole, transform, transform_whole, multiply, multiply_pairs, finish, direct_floats, convolve_directly};
