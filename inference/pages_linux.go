package inference

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// inHugePages asks for large pages behind memory that is about to be written for the first time: the system then sets
// it up in 2 MB at a time instead of 4 KB. A refusal costs time only.
func inHugePages(memory []byte) {
	const page = 2 << 20
	if len(memory) < 2*page {
		return
	}
	skip := -uintptr(unsafe.Pointer(&memory[0])) % page
	whole := (uintptr(len(memory)) - skip) / page * page
	_ = unix.Madvise(memory[skip:skip+whole], unix.MADV_HUGEPAGE)
}
