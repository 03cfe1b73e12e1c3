package libtensorflow

import (
	"runtime"
	"runtime/pprof"
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
