//go:build !linux

package libtensorflow

// #define _GNU_SOURCE
// #include <dlfcn.h>
// #include <stdlib.h>
// static void* fovea_libtensorflow_symbol(const char* name) { return dlsym(RTLD_DEFAULT, name); }
import "C"

import "unsafe"

// Load does nothing: programs are linked with the library.
func Load() error { return nil }

// Symbol is the address of a function of the library, nil if it has none of that name.
func Symbol(name string) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.fovea_libtensorflow_symbol(c)
}
