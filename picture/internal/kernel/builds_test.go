package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWithoutAssembly: the package above has Pillow's pixels without assembly, too, and builds
// for other processors.
func TestWithoutAssembly(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the package twice")
	}
	for _, c := range []struct {
		environment string
		arguments   []string
	}{
		{"GOARCH=amd64", []string{"test", "-tags", "purego", "-run", "^TestGolden$", "fovea/picture"}},
		{"GOARCH=arm64", []string{"build", "fovea/picture/..."}},
	} {
		command := exec.Command("go", c.arguments...)
		command.Env = append(os.Environ(), "CGO_ENABLED=0", c.environment)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s go %v: %v\n%s", c.environment, c.arguments, err, out)
		}
	}
}

// TestGenerated: the assembly is what its generator writes.
func TestGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generator")
	}
	if out, err := exec.Command("go", "-C", "generate", "mod", "download").CombinedOutput(); err != nil {
		t.Skipf("the assembler cannot be fetched: %v\n%s", err, out)
	}
	folder := t.TempDir()
	written := filepath.Join(folder, "kernel_amd64.s")
	command := exec.Command("go", "-C", "generate", "run", ".", "-out", written, "-stubs", filepath.Join(folder, "stubs.go"), "-pkg", "kernel")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("kernel_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ = bytes.Cut(got, []byte("\n")) // behind the line that names the command
	_, want, _ = bytes.Cut(want, []byte("\n"))
	if !bytes.Equal(got, want) {
		t.Error("kernel_amd64.s is out of date: run go generate in image/internal/kernel")
	}
}
