package codec

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// statm says what memory the process has; it is opened before no more files can be.
var statm *os.File

// limitMemory bounds what the process may take from now on.
func limitMemory(bytes int64) {
	used, err := dataBytes()
	if err != nil {
		return // the decoders' own limits remain
	}
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: uint64(used + bytes), Max: unix.RLIM_INFINITY})
}

// dataBytes is the memory that RLIMIT_DATA counts.
func dataBytes() (int64, error) {
	var text [200]byte
	n, err := statm.ReadAt(text[:], 0)
	if n == 0 {
		return 0, err
	}
	fields := bytes.Fields(text[:n])
	if len(fields) < 6 {
		return 0, os.ErrInvalid
	}
	pages, err := strconv.ParseInt(string(fields[5]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// prepare opens what limitMemory needs.
func prepare() { statm, _ = os.Open("/proc/self/statm") }

// widen makes a pipe hold as much as the system lets it, so that pixels come in few pieces.
func widen(pipe *os.File) {
	if raw, err := pipe.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
	}
}
