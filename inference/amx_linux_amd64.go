package inference

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// AMX is nil if this process can use AMX tiles: the processor has them, and the system, which has
// to save 8 KB more for each thread, allows it (Linux 5.16).
var AMX = sync.OnceValue(func() error {
	x := &cpu.X86
	if !x.HasAMXTile || !x.HasAMXBF16 || !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512VL || !x.HasAVX512BF16 {
		return errors.New("inference: this CPU has no AMX")
	}
	const requestPermission, tileData = 0x1023, 18 // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA
	if _, _, errno := unix.Syscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0); errno != 0 {
		return fmt.Errorf("inference: the system does not let programs use AMX: %w", errno)
	}
	return nil
})
