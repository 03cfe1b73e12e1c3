#ifndef FOVEA_WINOGRAD_OPERATIONS_H_
#define FOVEA_WINOGRAD_OPERATIONS_H_

#include "tensorflow/c/tf_status.h"

// fovea_winograd_register makes the operations known to TensorFlow. Call it once.
void fovea_winograd_register(TF_Status *status);

#endif
