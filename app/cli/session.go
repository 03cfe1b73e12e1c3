package cli

import (
	"github.com/sirupsen/logrus"

	"fovea/inference"
)

// SessionFlags choose devices and precision, for commands that run a model.
type SessionFlags struct {
	Device, Precision string
	GPUMemoryFraction float64
	// Batch is 0 for the device's default.
	Batch int
}

// Help of the flags that commands have in common.
const (
	DeviceHelp    = "`DEVICE`: auto (a GPU if there is one), cpu, gpu:N, several as gpu:0,gpu:1, or gpu:all"
	PrecisionHelp = "`ARITHMETIC`: float32, bfloat16 (CPUs), tf32 or float16 (GPUs), or auto: bfloat16 on CPUs with AMX, else float32"
	BatchHelp     = "`N` images are computed together (default: 8 on a CPU, or two a core; 64 on a GPU)"
	MemoryHelp    = "`SHARE`, up to 1, of a GPU's memory that may be used (default: what is needed)"
)

// Config is the session that the flags ask for; wrong ones are a UsageError.
func (f SessionFlags) Config() (inference.SessionConfig, error) {
	config := inference.SessionConfig{Device: f.Device, Precision: inference.Precision(f.Precision), GPUMemoryFraction: f.GPUMemoryFraction}
	if f.Batch < 0 || f.Batch > inference.MaxBatch {
		return config, Usagef("--batch %d: use 1 to %d", f.Batch, inference.MaxBatch)
	}
	config, why := config.Fastest()
	if why != "" {
		logrus.Infof("--precision auto: computing in %s (%s)", config.Precision, why)
	}
	return config, config.Validate()
}
