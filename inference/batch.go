package inference

import "runtime"

// MaxBatch is the largest batch.
const MaxBatch = 256

// DefaultBatch is 8 images, or two per core where that is more: on CPUs speed is flat from there
// on, while memory grows with the batch.
func DefaultBatch() int { return min(max(8, 2*runtime.NumCPU()), 64) }

// defaultGPUBatch is larger, because GPUs need more work at a time; a batch that does not fit their
// memory is halved.
const defaultGPUBatch = 64

// DefaultBatchOn is the default for a device, as Model.Device names it.
func DefaultBatchOn(device string) int {
	if device == "" || device == DeviceCPU {
		return DefaultBatch()
	}
	return defaultGPUBatch
}
