#ifndef FOVEA_CONVOLUTION_OPERATIONS_H_
#define FOVEA_CONVOLUTION_OPERATIONS_H_

#include "tensorflow/c/tf_status.h"

// fovea_convolution_register makes the operations known to TensorFlow. Call it once.
void fovea_convolution_register(TF_Status *status);

// fovea_pointwise_register is the part of it for pointwise.h.
void fovea_pointwise_register(TF_Status *status);

// fovea_inverted_register is the part of it for inverted.h.
void fovea_inverted_register(TF_Status *status);

#endif
