package cli

import (
	"strconv"

	"github.com/spf13/pflag"

	"fovea/inference"
)

// SessionFlags choose the device and precision of commands that run a model.
type SessionFlags struct {
	Device, Precision string
	// MaxDrift is that of inference.SessionConfig, 0 for its default.
	MaxDrift          float64
	GPUMemoryFraction float64
	// Batch is the number of images computed together, 0 for the device's default.
	// BatchVar defines its flag.
	Batch int
}

// Help of the flags of a session.
const (
	DeviceHelp    = "compute on `DEVICE`: auto (a GPU if there is one), cpu or gpu:N"
	DevicesHelp   = "compute on `DEVICE`: auto (a GPU if there is one), cpu, gpu:N, several as gpu:0,gpu:1, or gpu:all"
	precisionHelp = "compute in `ARITHMETIC`: float32, bfloat16, int16 or int8 (CPUs), tf32 or float16 (GPUs), or auto (the fastest of this CPU within --max-drift)"
	driftHelp     = "with --precision auto, let averaged features differ from those in float32 by 1 - cosine = `DRIFT` at most (default: 1e-4)"
	BatchHelp     = "compute `N` images together (default: two per CPU, but 8 to 64; 64 on a GPU)"
	MemoryHelp    = "use at most this `SHARE`, up to 1, of a GPU's memory (default: what is needed)"
)

// Config is the session that the flags ask for.
func (f SessionFlags) Config() (inference.SessionConfig, error) {
	config := inference.SessionConfig{Device: f.Device, Precision: inference.Precision(f.Precision), MaxDrift: f.MaxDrift, GPUMemoryFraction: f.GPUMemoryFraction}
	if f.Batch < 0 || f.Batch > inference.MaxBatch {
		return config, Usagef("--batch %d: use 1 to %d", f.Batch, inference.MaxBatch)
	}
	if f.MaxDrift != 0 && config.Precision != inference.PrecisionAuto {
		return config, Usagef("--max-drift requires --precision auto, which chooses by it")
	}
	return config, config.Validate()
}

// PrecisionVar defines --precision and --max-drift. Without a precision the help says which one it stands for.
func (f *SessionFlags) PrecisionVar(flags *pflag.FlagSet, precision, standsFor string) {
	flags.StringVar(&f.Precision, "precision", precision, precisionHelp+standsFor)
	flags.Var((*driftValue)(&f.MaxDrift), "max-drift", driftHelp)
}

type driftValue float64

func (v *driftValue) String() string {
	if *v == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*v), 'g', -1, 64)
}

func (v *driftValue) Type() string { return "float" }

func (v *driftValue) Set(text string) error {
	drift, err := strconv.ParseFloat(text, 64)
	if err != nil || !(drift > 0 && drift <= inference.MostMaxDrift) {
		return Usagef("give 1 - cosine, a number above 0 and up to %g, such as 1e-4 for a cosine of 0.9999; --precision float32 does not drift", inference.MostMaxDrift)
	}
	*v = driftValue(drift)
	return nil
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
