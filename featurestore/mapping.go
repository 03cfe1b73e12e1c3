package featurestore

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"fovea/internal/mapped"
)

// mapping is a file mapped into memory. It has a number of holders, and ends when the last one
// releases it; accessing it after that kills the process.
type mapping struct {
	bytes   []byte
	holders atomic.Int32
	// ordinary memory, which the garbage collector frees.
	ordinary bool
}

// heldBytes makes ordinary memory look like a mapping.
func heldBytes(bytes []byte) *mapping {
	m := &mapping{bytes: bytes, ordinary: true}
	m.hold()
	return m
}

// mapFile maps a file. Writing to the mapping does not change the file.
func mapFile(f *os.File) (*mapping, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if size == 0 || int64(int(size)) != size {
		return nil, fmt.Errorf("a file of %d bytes cannot be mapped", size)
	}
	// Private and writable, since rows are handed out as slices: a caller who writes to one changes
	// a copy of the page instead of crashing.
	bytes, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map the file: %w", err)
	}
	m := &mapping{bytes: bytes}
	m.hold()
	return m, nil
}

func (m *mapping) hold() { m.holders.Add(1) }

func (m *mapping) release() {
	if m.holders.Add(-1) == 0 && !m.ordinary {
		_ = unix.Munmap(m.bytes) // cannot fail for a valid mapping
	}
}

// load advises the system to start reading a part from disk. What cannot be read causes a fault on
// access; see watch.
func (m *mapping) load(from, to int) {
	if m.ordinary || from == to {
		return
	}
	from &^= os.Getpagesize() - 1
	mapped.Ahead(m.bytes[from:to])
}

// watch runs a call that accesses the mapping, and turns a fault into an error: the disk failed, or
// the file was truncated.
func (m *mapping) watch(call func() error) error {
	at, faulted, err := mapped.Watch(m.bytes, call)
	if faulted {
		return fmt.Errorf("%w: it cannot be read at byte %d: the disk failed, or another program truncated the file", ErrCorrupt, at)
	}
	return err
}
