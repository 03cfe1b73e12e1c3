package mapped

import (
	"runtime/debug"
	"unsafe"
)

// Watch runs a call that reads mapped memory. Where some of it cannot be read, since the disk failed or another program
// truncated the file, the call ends there: faulted, and at is the byte.
func Watch(memory []byte, call func() error) (at int, faulted bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		fault, ok := p.(interface{ Addr() uintptr })
		start := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
		switch {
		case p == nil:
		case ok && fault.Addr() >= start && fault.Addr()-start < uintptr(len(memory)):
			at, faulted = int(fault.Addr()-start), true
		default:
			panic(p)
		}
	}()
	return 0, false, call()
}
