// The headers of the functions that are called. With SWIG defined, TensorFlow's leave the visibility of
// functions to who includes them.
#define SWIG
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

#include "../../convolution/kernel_api.h" // in place of kernels.h and ops.h, which do not compile as C
