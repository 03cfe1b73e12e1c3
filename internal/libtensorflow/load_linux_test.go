package libtensorflow

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
)

// The library's functions are found by their names once it is loaded, and others are not.
func TestSymbol(t *testing.T) {
	if err := Load(); err != nil {
		t.Fatal(err)
	}
	if Symbol("TF_Version") == nil || Symbol("TF_NoSuchFunction") != nil {
		t.Error("TF_Version is not found, or what is not there is")
	}
}

// While the library is being loaded no thread can be made, so that there must be enough before.
func TestMakeThreads(t *testing.T) {
	makeThreads()
	if got, want := pprof.Lookup("threadcreate").Count(), runtime.GOMAXPROCS(0)+spareThreads; got < want {
		t.Errorf("there are %d threads, want %d", got, want)
	}
}

// The file that is looked at is the one that is loaded.
func TestFile(t *testing.T) {
	if err := Load(); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.EvalSymlinks(file())
	if err != nil {
		t.Fatalf("the library's file %q: %v", file(), err)
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err != nil || !strings.Contains(string(maps), path) {
		t.Errorf("%s is not loaded; %v", path, err)
	}
}

// Files that were cut off are told from whole ones, and from what the linker will refuse.
func TestWhole(t *testing.T) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "library")
	for n, want := range map[int]string{len(program): "", len(program) / 2: "was cut off", 100: "", 10: "", 0: ""} {
		if err := os.WriteFile(path, program[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := whole(path); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d of %d bytes: %v, want %q", n, len(program), err, want)
		}
	}
}
