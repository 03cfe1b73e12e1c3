package guard

import (
	"fmt"
	"io"
	"runtime/debug"
)

// Call runs a call into Arrow and turns a panic into an error. So does it a memory fault, which is
// how a mapped file reports that the disk cannot be read.
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

// WriterOnly hides everything but Write from Arrow's writers, which close what can be closed.
type WriterOnly struct{ io.Writer }
