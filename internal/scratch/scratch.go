package scratch

import (
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Memory hands out tables of numbers. The zero value takes all from ordinary memory. It may be
// used by several goroutines.
type Memory struct {
	// Dir is where files are made; "" is the system's directory for temporary files.
	Dir string
	// Above is the number of bytes from which a table lies in a file; 0 means never.
	Above int64

	mutex  sync.Mutex
	mapped map[*float32][]byte // by their first number
}

// Floats returns room for so many numbers, all 0. A disk that has not enough room is an error
// here, not later when the numbers are written.
func (m *Memory) Floats(values int) ([]float32, error) {
	size := int64(values) * 4
	if m == nil || m.Above == 0 || size < m.Above || values == 0 {
		return make([]float32, values), nil
	}
	bytes, err := m.create(size)
	if err != nil {
		dir := m.Dir
		if dir == "" {
			dir = os.TempDir()
		}
		return nil, fmt.Errorf("a table of %.1f GB, too large for memory, needs a file in %s (TMPDIR chooses another place): %w", float64(size)/1e9, dir, err)
	}
	floats := unsafe.Slice((*float32)(unsafe.Pointer(&bytes[0])), values)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.mapped == nil {
		m.mapped = map[*float32][]byte{}
	}
	m.mapped[&floats[0]] = bytes
	return floats, nil
}

func (m *Memory) create(size int64) (_ []byte, err error) {
	f, err := os.CreateTemp(m.Dir, "fovea-*")
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping holds it
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	// Without this a full disk would end the process by a signal.
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		return nil, fmt.Errorf("reserve %d bytes: %w", size, err)
	}
	bytes, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", size, err)
	}
	return bytes, nil
}

// Free gives room that Floats has returned back at once, if it lies in a file: whoever looks at
// it after that ends the process. Ordinary memory is left to the garbage collector.
func (m *Memory) Free(floats []float32) {
	if m == nil || cap(floats) == 0 {
		return
	}
	first := &floats[:1][0]
	m.mutex.Lock()
	bytes, ok := m.mapped[first]
	delete(m.mapped, first)
	m.mutex.Unlock()
	if ok {
		_ = unix.Munmap(bytes) // of a mapping that is there
	}
}
