package convolution

/*
#cgo CFLAGS: -O3
#include <malloc.h>
#include <stdlib.h>
#include "operations.h"
#include "ready.h"
#include "wide.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// The numbers of instructions are those of wide.h, or this is an index out of range.
var _ = [1]struct{}{}[(avx512-C.wide_avx512)|(avxVNNI-C.wide_avxvnni)|(avx2-C.wide_avx2)]

func (e engine) arithmetic() C.enum_wide_arithmetic {
	if e.whole {
		return C.wide_int16
	}
	return C.wide_float32
}

func supported(e engine) error {
	if C.wide_supported(e.arithmetic(), C.enum_wide_instructions(e.instructions)) == 0 {
		return fmt.Errorf("convolution: this processor has no %s", e)
	}
	return nil
}

// packReady transforms a kernel in HWIO order, and keeps it under the number that it returns, 0 if memory is short.
func packReady(e engine, in, out int, values []float32) int64 {
	return int64(C.ready_pack(e.arithmetic(), C.enum_wide_instructions(e.instructions), C.int64_t(in), C.int64_t(out), (*C.float)(&values[0])))
}

// packedSize is how many bytes a transformed kernel takes.
func packedSize(e engine, in, out int) int {
	return int(C.wide_kernel_floats(e.arithmetic(), C.int64_t(in), C.int64_t(out))) * C.sizeof_float
}

// keepReady keeps a transformed kernel that lies in memory of its own, of whole pages, under the number that it returns.
func keepReady(packed []byte) int64 {
	return int64(C.ready_keep((*C.float)(unsafe.Pointer(&packed[0])), C.int64_t(len(packed)/C.sizeof_float)))
}

// lookReady is the memory of the kernel of that number, until a graph takes it.
func lookReady(number int64) []byte {
	var floats C.int64_t
	memory := C.ready_look(C.int64_t(number), &floats)
	return unsafe.Slice((*byte)(unsafe.Pointer(memory)), int(floats)*C.sizeof_float)
}

// dropReady frees the kernel of that number, unless a graph took it.
func dropReady(number int64) { C.ready_drop(C.int64_t(number)) }

// trim returns memory that was freed but is still held by the C library to the system: a session
// and its graphs leave a hundred megabytes.
func trim() { C.malloc_trim(0) }

// register registers the operations with TensorFlow, once per process.
var register = sync.OnceValue(func() error {
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	C.fovea_convolution_register(status)
	if C.TF_GetCode(status) != C.TF_OK {
		return fmt.Errorf("convolution: register the operations: %s", C.GoString(C.TF_Message(status)))
	}
	return nil
})
