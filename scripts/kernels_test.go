package scripts_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The benchmark of kernels is C that nothing else compiles: it is built and run once, on one image.
func TestBenchKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("computes VGG16's convolutions")
	}
	for _, program := range []string{"gcc", "taskset"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	command := exec.Command("./bench-kernels.sh")
	command.Env = append(os.Environ(), "PICTURES=1", "RUNS=1")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	said := string(output)
	if !strings.Contains(said, "FMA (AVX2)") {
		t.Skip("this processor has no AVX2:", said)
	}
	if layers := strings.Count(said, "\nconv"); layers == 0 || layers%13 != 0 || strings.Contains(said, "nan") {
		t.Errorf("it measured %d layers, not 13 of each arithmetic by each instruction set:\n%s", layers, said)
	}
}
