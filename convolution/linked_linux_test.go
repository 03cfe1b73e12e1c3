package convolution

import (
	"debug/elf"
	"os"
	"strings"
	"testing"
)

// All functions of TensorFlow's C API that are called are in internal/libtensorflow, which finds them when they are
// called first: a program that names the library loads it at its start, whatever it does.
func TestLibraryIsNotLinked(t *testing.T) {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	libraries, err := program.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, library := range libraries {
		if strings.HasPrefix(library, "libtensorflow") {
			t.Errorf("%s is linked with %s: run go generate ./internal/libtensorflow", name, library)
		}
	}
}
