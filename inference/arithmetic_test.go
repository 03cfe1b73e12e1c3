package inference

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"

	"fovea/recipe"
)

// onCPU makes the test see a CPU with these instructions and no others.
func onCPU(t *testing.T, has ...recipe.Instructions) {
	t.Helper()
	before := instructions
	t.Cleanup(func() { instructions = before })
	instructions = map[recipe.Instructions]func() bool{}
	for name := range before {
		instructions[name] = func() bool { return name == recipe.AnyCPU || slices.Contains(has, name) }
	}
}

// with adds rows to the table.
func withRows(t *testing.T, rows ...recipe.Arithmetic) {
	t.Helper()
	before := recipe.Arithmetics
	t.Cleanup(func() { recipe.Arithmetics = before })
	recipe.Arithmetics = slices.Concat(before, rows)
}

// What auto may take depends on the CPU and on how far features may drift; what is experimental is not for it.
func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		has   []recipe.Instructions
		drift float64
		want  string // the candidates, or the reason why there are none
	}{
		{nil, 0, "nothing is faster on this CPU"},
		{[]recipe.Instructions{recipe.AVX512BF16}, 0, "nothing is faster on this CPU"}, // its bfloat16 is slower
		{[]recipe.Instructions{recipe.AVX512VNNI, recipe.AVX512BF16}, 0, "int16"},
		{[]recipe.Instructions{recipe.AVXVNNI}, 0, "int16"},
		{[]recipe.Instructions{recipe.AVX2}, 0, "int16"},
		{[]recipe.Instructions{recipe.AVXVNNI, recipe.AVX2}, 1e-7, "int16 (Winograd F(4x4)), drifts by 1.1e-06"},
		{[]recipe.Instructions{recipe.AVX512VNNI, recipe.AVX512BF16, recipe.AMX}, 0, "bfloat16 int16"},
		{[]recipe.Instructions{recipe.AVX512VNNI, recipe.AVX512BF16, recipe.AMX}, 5e-5, "int16"},
		{[]recipe.Instructions{recipe.AVX512VNNI, recipe.AVX512BF16, recipe.AMX}, 1e-7, "the next faster precision of this CPU, int16 (Winograd F(4x4)), drifts by 1.1e-06"},
		{[]recipe.Instructions{recipe.AVX512BF16, recipe.AMX}, 1e-5, "bfloat16 (AMX tiles), drifts by 8.7e-05"},
	} {
		onCPU(t, c.has...)
		candidates, why := SessionConfig{Precision: PrecisionAuto, MaxDrift: c.drift}.Candidates()
		if got := names(candidates); got != c.want && (why == "" || !strings.Contains(why, c.want)) {
			t.Errorf("%v, %g: %q, %q, want %q", c.has, c.drift, got, why, c.want)
		}
	}
	withRows(t,
		recipe.Arithmetic{Precision: "int6", Method: "untried", Convolutions: "i", Instructions: recipe.AVX512VNNI, Speed: 9, Experimental: true},
		recipe.Arithmetic{Precision: "bfloat16", Method: "Winograd", Convolutions: "b", Instructions: recipe.AVX512BF16, Averaged: 6e-5, Whole: 1e-4, Speed: 1.7},
	)
	onCPU(t, recipe.AVX512VNNI, recipe.AVX512BF16)
	if candidates, _ := (SessionConfig{Precision: PrecisionAuto}).Candidates(); names(candidates) != "bfloat16 int16" {
		t.Errorf("with more rows, the candidates are %v", candidates)
	}
	if err := (SessionConfig{Precision: BFloat16}).Slower(); err != nil {
		t.Errorf("bfloat16 with a fast method: %v", err)
	}
	if err := (SessionConfig{Precision: "int6"}).Validate(); err != nil {
		t.Errorf("a precision that is only in the table: %v", err)
	}
	if !Precision("int6").OwnConvolutions() || BFloat16.OwnConvolutions() || !Int16.OwnConvolutions() || Float32.OwnConvolutions() || TF32.OwnConvolutions() {
		t.Error("what TensorFlow cannot compute is not told right")
	}
	onCPU(t, recipe.AVX512BF16)
	err := SessionConfig{Precision: "int6"}.Validate()
	if !errors.Is(err, ErrDevice) || !strings.Contains(err.Error(), "no AVX-512 VNNI; use bfloat16 or float32") {
		t.Errorf("the error is %v", err)
	}
}

// Of several instructions for one arithmetic, the first in the table that the CPU has are used, whatever the speeds,
// which are relative to float32 by such instructions.
func TestUsedFor(t *testing.T) {
	const name = "int16 (Winograd F(4x4))"
	all := []recipe.Instructions{recipe.AVX512VNNI, recipe.AVXVNNI, recipe.AVX2}
	for i, want := range all {
		onCPU(t, all[i:]...)
		used, found := UsedFor(name)
		if !found || used.Instructions != want {
			t.Errorf("a CPU with %v uses %q", all[i:], used.Instructions)
		}
		if got := Arithmetics(); len(got) != 2 || got[0] != used || got[1].Precision != string(Float32) {
			t.Errorf("a CPU with %v computes in %+v", all[i:], got)
		}
	}
	onCPU(t)
	if used, found := UsedFor(name); found {
		t.Errorf("a CPU without instructions uses %q", used.Instructions)
	}
}

func names(arithmetics []recipe.Arithmetic) string {
	var all []string
	for _, a := range arithmetics {
		all = append(all, a.Precision)
	}
	return strings.Join(all, " ")
}

// The instructions of every row are known here, and are those that the processor reports.
func TestInstructions(t *testing.T) {
	for _, a := range recipe.Arithmetics {
		if instructions[a.Instructions] == nil {
			t.Errorf("%s needs %q, which nothing looks for", a.Name(), a.Instructions)
		}
	}
	t.Logf("this CPU computes in %v", names(Arithmetics()))
	without(t, &cpu.X86.HasAVX512BF16, &cpu.X86.HasAMXBF16, &cpu.X86.HasAVX512VNNI, &cpu.X86.HasAVXVNNI, &cpu.X86.HasAVX2)
	for _, name := range []recipe.Instructions{recipe.AVX512BF16, recipe.AVX512VNNI, recipe.AVXVNNI, recipe.AVX2} {
		if instructions[name]() {
			t.Errorf("a CPU without %s has it", name)
		}
	}
	with(t, &cpu.X86.HasAVX2, &cpu.X86.HasFMA, &cpu.X86.HasAVXVNNI)
	without(t, &cpu.X86.HasAVX512F)
	if !instructions[recipe.AVXVNNI]() || !instructions[recipe.AVX2]() {
		t.Error("a CPU with AVX2 and AVX-VNNI has not got them")
	}
	with(t, &cpu.X86.HasAVX512F, &cpu.X86.HasAVX512BW, &cpu.X86.HasAVX512DQ, &cpu.X86.HasAVX512VL)
	if instructions[recipe.AVX2]() { // float32 is faster there
		t.Error("a CPU with AVX-512 is taken for one without")
	}
	if canCompute(recipe.Arithmetic{Instructions: "of a later version"}) {
		t.Error("unknown instructions are there")
	}
}
