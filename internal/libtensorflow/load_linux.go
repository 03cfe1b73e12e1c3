package libtensorflow

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "load.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Load loads the library, or waits until it is loaded. It is called before the C API is, which ends the program
// if there is no library.
func Load() error {
	if why := C.fovea_libtensorflow_load(); why != nil {
		return fmt.Errorf("load TensorFlow's C library: %w: it belongs in the directory lib beside the program, where make build puts it, or in LD_LIBRARY_PATH", errors.New(C.GoString(why)))
	}
	return nil
}

// Symbol is the address of a function of the library, nil if it has none of that name.
func Symbol(name string) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.fovea_libtensorflow_symbol(c)
}
