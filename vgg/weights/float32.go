package weights

import (
	"slices"
	"unsafe"
)

// Float32Tensor views values as a tensor's bytes without copying them. They are in the machine's
// byte order, which is little-endian wherever libtensorflow runs.
func Float32Tensor(shape []int, values []float32) Tensor {
	return Tensor{Shape: slices.Clone(shape), DType: F32, Raw: unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))}
}
