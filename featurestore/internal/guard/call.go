package guard

import (
	"fmt"
	"io"
	"runtime/debug"
)

// Call runs a call into Arrow and turns a panic into an error. It does the same for a memory fault,
// which is what accessing a mapped file causes if the disk cannot be read.
func Call(call func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if cause, ok := p.(error); ok {
				err = fmt.Errorf("arrow: %w", cause)
			} else {
				err = fmt.Errorf("arrow: %v", p)
			}
		}
	}()
	return call()
}

// WriterOnly hides everything but Write from Arrow's writers, which close whatever can be closed.
type WriterOnly struct{ io.Writer }
