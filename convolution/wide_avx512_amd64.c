// The engine of wide.h with registers of 512 bits.

#include "wide_direct.h"
#include "wide_products.h"
#include "wide_round.h"
#include "wide_transform.h"

const struct engine wide_engine_avx512 = {pack_whole, transform, transform_whole, multiply, multiply_whole, finish, direct_floats, convolve_directly};
