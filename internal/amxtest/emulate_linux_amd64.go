package amxtest

/*
#cgo CFLAGS: -O2
#include "emulate.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"golang.org/x/sys/cpu"
)

// Emulate lets this process use AMX's tiles for bfloat16 and bytes, in software where the processor has none or the
// system forbids them. It returns an error if the processor has not got the AVX-512 that the software, and code that
// uses AMX, needs.
var Emulate = sync.OnceValue(func() error {
	if x := &cpu.X86; !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512VL || !x.HasAVX512BF16 || !x.HasAVX512VNNI {
		return errors.New("amxtest: this CPU has no AVX-512 with BF16 and VNNI")
	}
	if errno := C.fovea_amx_emulate(); errno != 0 {
		return fmt.Errorf("amxtest: handle SIGILL: %w", syscall.Errno(errno))
	}
	return nil
})
