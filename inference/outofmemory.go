package inference

import (
	"errors"
	"runtime"
	"strings"
)

// halve makes further batches of an input half as large.
func (e *Extractor) halve(in *input) error {
	if err := e.resize(in, (in.size+1)/2); err != nil {
		return err
	}
	runtime.GC() // returns the larger tensor
	if e.halved != nil {
		e.halved(in.size)
	}
	return nil
}

// ErrMemory says that the device's memory does not suffice.
var ErrMemory = errors.New("out of memory on the device")

// outOfMemory recognizes by its text that TensorFlow ran out of memory: the binding does not expose
// the error's code. The first text is the allocator's own, the others come from CUDA, cuDNN and
// cuBLAS.
func outOfMemory(err error) bool {
	text := err.Error()
	for _, known := range []string{"OOM when allocating", "RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED"} {
		if strings.Contains(text, known) {
			return true
		}
	}
	return false
}

// releaseBytes is how much memory of dead output tensors may pile up.
const releaseBytes = 64 << 20

// release lets the garbage collector finalize dead output tensors, whose C memory it does not count
// and would otherwise leave for long.
func (e *Extractor) release() {
	if n := e.unreleased.Load(); n >= releaseBytes && e.unreleased.CompareAndSwap(n, 0) {
		runtime.GC()
	}
}
