#ifndef FOVEA_CONVOLUTION_OPERATIONS_H_
#define FOVEA_CONVOLUTION_OPERATIONS_H_

#include "tensorflow/c/tf_status.h"

// fovea_convolution_register makes the operations known to TensorFlow. Call it once.
void fovea_convolution_register(TF_Status *status);

// The parts of it for tiles.h, wide.h, pointwise.h and inverted.h.
void fovea_tiles_register(TF_Status *status);
void fovea_wide_register(TF_Status *status);
void fovea_pointwise_register(TF_Status *status);
void fovea_inverted_register(TF_Status *status);

#endif
