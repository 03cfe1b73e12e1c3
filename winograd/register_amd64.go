package winograd

/*
#cgo CFLAGS: -O3
#include <stdlib.h>
#include "convolution.h"
#include "operations.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
)

// register makes the operations known to TensorFlow, once a process.
var register = sync.OnceValue(func() error {
	if C.winograd_supported() == 0 {
		return errors.New("winograd: this processor has no AVX2")
	}
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	C.fovea_winograd_register(status)
	if C.TF_GetCode(status) != C.TF_OK {
		return fmt.Errorf("winograd: register the operations: %s", C.GoString(C.TF_Message(status)))
	}
	return nil
})
