package cli

import (
	"strconv"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"fovea/inference"
)

// SessionFlags choose the device and precision of commands that run a model.
type SessionFlags struct {
	Device, Precision string
	GPUMemoryFraction float64
	// Batch is the number of images computed together, 0 for the device's default.
	// BatchVar defines its flag.
	Batch int
}

// Help of the flags of a session.
const (
	DeviceHelp    = "compute on `DEVICE`: auto (a GPU if there is one), cpu, gpu:N, several as gpu:0,gpu:1, or gpu:all"
	PrecisionHelp = "compute in `ARITHMETIC`: float32, bfloat16 or int16 (CPUs), tf32 or float16 (GPUs), or auto (bfloat16 on CPUs with AMX, float32 elsewhere)"
	BatchHelp     = "compute `N` images together (default: two per CPU, but 8 to 64; 64 on a GPU)"
	MemoryHelp    = "use at most this `SHARE`, up to 1, of a GPU's memory (default: what is needed)"
)

// Config is the session that the flags ask for.
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

// TrustVar defines --trust-model, of commands that open a model.
func TrustVar(f *pflag.FlagSet, trust *bool) {
	f.BoolVar(trust, "trust-model", false, "let a SavedModel do more than compute, such as reading files: only if you know who made it; see docs/models.md")
}

// BatchVar defines --batch. Without it the batch is 0, the device's default; 0 cannot be given.
func BatchVar(f *pflag.FlagSet, batch *int) {
	f.Var((*batchValue)(batch), "batch", BatchHelp)
}

type batchValue int

func (v *batchValue) String() string { return strconv.Itoa(int(*v)) }

func (v *batchValue) Type() string { return "int" }

func (v *batchValue) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > inference.MaxBatch {
		return Usagef("give a whole number from 1 to %d", inference.MaxBatch)
	}
	*v = batchValue(n)
	return nil
}
