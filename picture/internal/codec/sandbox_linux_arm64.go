package codec

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_AARCH64

var forbiddenHere = []uint32{unix.SYS_RENAMEAT}
