package inference

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"

	"fovea/recipe"
)

// DefaultMaxDrift is what PrecisionAuto lets averaged features drift from float32, as 1 - cosine.
const DefaultMaxDrift = 1e-4

// MostMaxDrift bounds SessionConfig.MaxDrift: what drifts further is no feature of the model any more. It also
// catches cosines given in its place.
const MostMaxDrift = 1e-2

// wide says whether the processor has the AVX-512 that package convolution uses in all precisions.
func wide() bool {
	x := &cpu.X86
	return x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL
}

// narrow says whether it has the AVX2 that package convolution uses otherwise.
func narrow() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA }

// instructions say whether this processor has what an Arithmetic needs.
var instructions = map[recipe.Instructions]func() bool{
	recipe.AnyCPU:     func() bool { return true },
	recipe.AVX512BF16: func() bool { return cpu.X86.HasAVX512BF16 || cpu.X86.HasAMXBF16 },
	recipe.AVX512VNNI: func() bool { return wide() && cpu.X86.HasAVX512VNNI },
	recipe.AVXVNNI:    func() bool { return narrow() && cpu.X86.HasAVXVNNI },
	recipe.AVX2:       func() bool { return narrow() && !wide() },
	recipe.AMX:        func() bool { return AMX() == nil },
}

// canCompute says whether this machine's processor can compute in an arithmetic.
func canCompute(a recipe.Arithmetic) bool {
	has := instructions[a.Instructions]
	return has != nil && has()
}

// UsedFor is the row of recipe.Arithmetics by whose instructions this machine's processor computes in an arithmetic
// of that name.
func UsedFor(name string) (recipe.Arithmetic, bool) {
	i := slices.IndexFunc(recipe.Arithmetics, func(a recipe.Arithmetic) bool { return a.Name() == name && canCompute(a) })
	if i < 0 {
		return recipe.Arithmetic{}, false
	}
	return recipe.Arithmetics[i], true
}

// Arithmetics are those that this machine's processor can compute in, the fastest first; of each precision the one
// that is used. Experimental ones are among them.
func Arithmetics() []recipe.Arithmetic {
	var all []recipe.Arithmetic
	for _, a := range recipe.Arithmetics {
		if used, found := UsedFor(a.Name()); found && used == a {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b recipe.Arithmetic) int { return cmp.Compare(b.Speed, a.Speed) })
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(a recipe.Arithmetic) bool {
		defer func() { seen[a.Precision] = true }()
		return seen[a.Precision]
	})
}

// of are a precision's arithmetics, on any CPU; none for those of GPUs.
func (p Precision) of() (all []recipe.Arithmetic) {
	for _, a := range recipe.Arithmetics {
		if a.Precision == string(p) {
			all = append(all, a)
		}
	}
	return all
}

// lowOnCPU says whether it is a precision of CPUs alone.
func (p Precision) lowOnCPU() bool { return p != Float32 && len(p.of()) > 0 }

// OwnConvolutions says whether only package convolution computes in this precision, not TensorFlow.
func (p Precision) OwnConvolutions() bool {
	all := p.of()
	return len(all) > 0 && !slices.ContainsFunc(all, func(a recipe.Arithmetic) bool { return a.Convolutions == "" || a.Precision == string(Float32) })
}

// ofCPUs are the names of all precisions for CPUs.
func ofCPUs() string {
	var names []string
	for _, a := range recipe.Arithmetics {
		if !slices.Contains(names, a.Precision) {
			names = append(names, a.Precision)
		}
	}
	return strings.Join(names, ", ")
}

// checkCPU is an error if this processor cannot compute in a precision of CPUs.
func (p Precision) checkCPU() error {
	var needed []string
	for _, a := range p.of() {
		if canCompute(a) {
			return nil
		}
		needed = append(needed, string(a.Instructions))
	}
	missing := "no " + needed[0]
	if len(needed) > 1 {
		missing = "neither " + strings.Join(needed, " nor ")
	}
	return fmt.Errorf("inference: precision %s: %w: this CPU has %s; use %s", p, ErrDevice, missing, fasterThan(0))
}

// fasterThan names the precisions of this CPU that are faster than such a one and not slower than float32, the
// fastest first.
func fasterThan(speed float64) string {
	var names []string
	for _, a := range Arithmetics() {
		if a.Speed > speed && a.Speed >= 1 && !a.Experimental {
			names = append(names, a.Precision)
		}
	}
	return strings.Join(names, " or ")
}

// Slower says that this CPU computes float32 faster than the configuration's precision, and what to
// use instead; it is nil where that is not so. What was computed in that precision before is a
// reason to use it all the same.
func (c SessionConfig) Slower() error {
	if !c.Precision.lowOnCPU() {
		return nil
	}
	all := Arithmetics()
	i := slices.IndexFunc(all, func(a recipe.Arithmetic) bool { return a.Precision == string(c.Precision) })
	if i < 0 || all[i].Speed >= 1 {
		return nil
	}
	return fmt.Errorf("inference: %s is slower than float32 on this CPU, which has no %s: use --precision %s", c.Precision, fast(c.Precision), fasterThan(all[i].Speed))
}

// fast are the instructions that make a precision faster than float32.
func fast(p Precision) string {
	var names []string
	for _, a := range p.of() {
		if a.Speed >= 1 {
			names = append(names, string(a.Instructions))
		}
	}
	return strings.Join(names, " or ")
}

// OnGPU says whether the session would run on a GPU, as far as its configuration and the library tell.
func (c SessionConfig) OnGPU() bool {
	wanted, err := parseDevices(c.Device)
	return err == nil && wanted.kind != DeviceCPU && (wanted.gpu() || LoadedLibrary().GPU)
}

// Drift is the configured MaxDrift, or its default.
func (c SessionConfig) Drift() float64 { return cmp.Or(c.MaxDrift, DefaultMaxDrift) }

// validateDrift refuses a MaxDrift that makes no sense.
func (c SessionConfig) validateDrift() error {
	switch {
	case c.MaxDrift == 0:
		return nil
	case c.Precision != PrecisionAuto:
		return errors.New("inference: a largest drift is for precision auto, which chooses by it: use --precision auto, or leave out --max-drift")
	case !(c.MaxDrift > 0 && c.MaxDrift <= MostMaxDrift):
		return fmt.Errorf("inference: a largest drift of %g: use a number above 0, up to %g: it is 1 - cosine, such as 1e-4 for a cosine of 0.9999", c.MaxDrift, MostMaxDrift)
	}
	return nil
}

// Candidates are the arithmetics that PrecisionAuto may take on this CPU, the fastest first: not experimental, faster
// than float32, and with a published drift of at most MaxDrift. Without any, why says the reason.
func (c SessionConfig) Candidates() (candidates []recipe.Arithmetic, why string) {
	least := recipe.Arithmetic{}
	for _, a := range Arithmetics() {
		if a.Experimental || a.Speed <= 1 {
			continue
		}
		if a.Averaged <= c.Drift() {
			candidates = append(candidates, a)
		} else if least.Averaged == 0 || a.Averaged < least.Averaged {
			least = a
		}
	}
	switch {
	case len(candidates) > 0:
	case least.Averaged > 0:
		why = fmt.Sprintf("--max-drift is %.1e, and the next faster precision of this CPU, %s, drifts by %.1e", c.Drift(), least.Name(), least.Averaged)
	default:
		why = "nothing is faster on this CPU"
	}
	return candidates, why
}
