package inference

// #include "quiet_linux.h"
import "C"

// TensorFlow logs to standard error in two ways, only one of which an environment variable
// controls, and it starts before main does. So the C library's stderr is filtered from the start:
// information and warnings are held back, errors and the last words before an abort come through.
// The file descriptor, and with it everything that Go writes, is left alone.

// Verbose lets TensorFlow's information and warnings through to standard error.
func Verbose() { C.fovea_verbose() }
