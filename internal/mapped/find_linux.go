package mapped

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"unsafe"

	"github.com/zeebo/xxh3"
	"golang.org/x/sys/unix"
)

// A file is a block and a trailer: magic, the block's bytes as uint64, and its xxh3 of 128 bits, little-endian.
const magic = "fovea block 1\r\n\x00"

const trailerSize = len(magic) + 8 + 16

func trailerOf(block []byte) []byte {
	sum := xxh3.Hash128(block)
	trailer := binary.LittleEndian.AppendUint64([]byte(magic), uint64(len(block)))
	trailer = binary.LittleEndian.AppendUint64(trailer, sum.Hi)
	return binary.LittleEndian.AppendUint64(trailer, sum.Lo)
}

// Find maps a block of so many bytes, which must not be written to. Nil says that it is not there, not in the system's
// memory, or damaged; what is damaged is removed. The caller unmaps it, whole.
func (d Dir) Find(key string, size int) []byte {
	if d.Path == "" || size <= 0 || !suits(d.Path) {
		return nil
	}
	f, err := os.Open(d.file(key))
	if err != nil {
		return nil
	}
	defer f.Close() // the mapping holds it
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil
	}
	trailer := make([]byte, trailerSize)
	if _, err := f.ReadAt(trailer, int64(size)); err != nil || info.Size() != int64(size+trailerSize) {
		_ = os.Remove(f.Name()) // else it is found damaged again
		return nil
	}
	block, err := mapFile(f, size)
	if err != nil {
		return nil
	}
	if !resident(block) {
		Ahead(block) // for the next process
		unmap(block)
		return nil
	}
	whole := false
	_, _, _ = Watch(block, func() error { // a block that cannot be read is not whole either
		whole = bytes.Equal(trailerOf(block), trailer)
		return nil
	})
	if !whole {
		_ = os.Remove(f.Name())
		unmap(block)
		return nil
	}
	return block
}

// mapFile maps the beginning of a file. Unlike unix.Mmap, it does not remember the mapping, which others unmap.
func mapFile(f *os.File, size int) ([]byte, error) {
	memory, err := unix.MmapPtr(int(f.Fd()), 0, nil, uintptr(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(memory), size), nil
}

func unmap(block []byte) {
	_ = unix.MunmapPtr(unsafe.Pointer(&block[0]), uintptr(len(block))) // of a mapping that is there
}

// resident says whether all pages of a mapping are in memory.
func resident(block []byte) bool {
	page := os.Getpagesize()
	pages := make([]byte, (len(block)+page-1)/page)
	_, _, failed := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&block[0])), uintptr(len(block)), uintptr(unsafe.Pointer(&pages[0])))
	if failed != 0 {
		return false
	}
	for _, p := range pages {
		if p&1 == 0 {
			return false
		}
	}
	return true
}

// locals are the file systems from which blocks are mapped: those of this machine. A file of a network may become
// unreadable while it is mapped, which ends the process, if only because another machine has removed it.
var locals = []int64{
	unix.BTRFS_SUPER_MAGIC, unix.EXT4_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.XFS_SUPER_MAGIC,
	0x2fc12fc1, // ZFS
	0xca451a4e, // bcachefs
}

// suits says whether a directory is on a file system of this machine.
func suits(dir string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(dir, &stat) == nil && slices.Contains(locals, int64(uint32(stat.Type)))
}
