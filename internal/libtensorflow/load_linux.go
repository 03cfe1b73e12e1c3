package libtensorflow

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "load.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

var threads sync.Once

// makeThreads makes the threads that others may need while the library is being loaded. glibc holds a lock meanwhile
// that creating one takes, so that a goroutine that needs a new one would stand still, and whoever waits for it.
func makeThreads() {
	count := runtime.GOMAXPROCS(0) + spareThreads
	var ready sync.WaitGroup
	done := make(chan struct{})
	ready.Add(count)
	for range count {
		go func() {
			runtime.LockOSThread() // so that each has one of its own, which the runtime keeps afterwards
			defer runtime.UnlockOSThread()
			ready.Done()
			<-done
		}()
	}
	ready.Wait()
	close(done)
}

// spareThreads are for goroutines in system calls and in C, the loading one among them.
const spareThreads = 6

// Load loads the library, or waits until it is loaded. It is called before the C API is, which ends the program
// if there is no library.
func Load() error {
	if err := checked(); err != nil {
		return fmt.Errorf("load TensorFlow's C library: %w", err)
	}
	threads.Do(makeThreads)
	if why := C.fovea_libtensorflow_load(); why != nil {
		return fmt.Errorf("load TensorFlow's C library: %w: it belongs in the directory lib beside the program, where make build puts it, or in LD_LIBRARY_PATH", errors.New(C.GoString(why)))
	}
	return nil
}

// fovea_libtensorflow_missing is the text of Load's error, nil for none.
//
//export fovea_libtensorflow_missing
func fovea_libtensorflow_missing() *C.char {
	err := Load()
	if err == nil {
		return nil
	}
	return C.CString(err.Error())
}

// Symbol is the address of a function of the library, nil if it has none of that name.
func Symbol(name string) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.fovea_libtensorflow_symbol(c)
}
