package inference

// #include "quiet_linux.h"
import "C"

// TensorFlow logs to standard error in two ways, of which an environment variable reaches
// only one, and starts before main does. So the C library's stderr is filtered from the
// start: information and warnings are held back, errors and the last words before an abort
// come through. The descriptor, and with it all that Go writes, stays untouched.

// Verbose lets TensorFlow's information and warnings through to standard error.
func Verbose() { C.fovea_verbose() }
