package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"fovea/internal/budget"
)

// ErrFormat marks a file that is damaged or not an HDF5 file.
var ErrFormat = errors.New("not a valid HDF5 file")

// ErrUnsupported marks an apparently valid file with a feature that is not supported.
var ErrUnsupported = errors.New("not supported")

const signature = "\x89HDF\r\n\x1a\n"

// maxUserBlock bounds the search for the signature, which follows a user's own header of
// 0, 512, 1024, 2048 ... bytes.
const maxUserBlock = 1 << 20

// File is an HDF5 file, open for reading.
type File struct {
	r           io.ReaderAt
	size        uint64
	offsetSize  int // bytes of an address in the file
	lengthSize  int // bytes of a length in the file
	base        uint64
	root        uint64
	undefined   uint64 // the address that stands for none
	memory      *budget.Budget
	toRead      uint64 // how many more bytes may be read
	heaps       map[uint64]globalHeap
	denseBlocks int // how many more blocks of fractal heaps may be read
}

const (
	// maxBlocks bounds the blocks of fractal heaps that are read.
	maxBlocks = 1 << 16
	// freeReads and readsPerByte bound what is read of a file in all: structures may refer to the same parts
	// again and again.
	freeReads    = 4 << 30
	readsPerByte = 64
	// objectBytes is about what an array or a group takes besides its elements, linkBytes a link.
	objectBytes = 1024
	linkBytes   = 128
)

// Open reads the superblock of a file of size bytes. What is read of the file is charged to memory: arrays may be
// larger than the file, by compression or because they were never written.
func Open(r io.ReaderAt, size int64, memory *budget.Budget) (*File, error) {
	f := &File{r: r, size: uint64(max(size, 0)), heaps: map[uint64]globalHeap{}, denseBlocks: maxBlocks, memory: memory}
	f.toRead = freeReads + f.size*readsPerByte
	at := uint64(0)
	for {
		head, err := f.bytes(at, uint64(len(signature)))
		if err == nil && string(head) == signature {
			break
		}
		if at = max(512, 2*at); err != nil || at > maxUserBlock {
			return nil, fmt.Errorf("%w: it has no HDF5 signature", ErrFormat)
		}
	}
	if err := f.superblock(at); err != nil {
		return nil, fmt.Errorf("superblock: %w", err)
	}
	return f, nil
}

// superblock reads the block at the beginning, of which the old and the new kind differ.
func (f *File) superblock(at uint64) error {
	head, err := f.bytes(at, min(96, f.size-at))
	if err != nil {
		return err
	}
	c := cursor{data: head, at: len(signature), file: f}
	old, err := f.sizes(&c)
	if err != nil {
		return err
	}
	f.base = c.address()
	if f.base == f.undefined || f.base > f.size {
		return fmt.Errorf("%w: base address %d", ErrFormat, f.base)
	}
	c.skip(f.offsetSize) // free space, or the extension
	end := c.address()
	if old {
		c.skip(2 * f.offsetSize) // the driver's block, and the name of the root
	}
	f.root = c.address()
	if !old {
		if err := c.checksum(); err != nil {
			return err
		}
	}
	if c.failed {
		return fmt.Errorf("%w: it ends within", ErrFormat)
	}
	if end != f.undefined && end > f.size-f.base && end > f.size {
		return fmt.Errorf("%w: it has %d bytes, but %d were written: is it truncated?", ErrFormat, f.size, end)
	}
	return nil
}

// sizes reads how long addresses and lengths are. old says that more addresses follow, without a checksum.
func (f *File) sizes(c *cursor) (old bool, err error) {
	version := c.byte()
	switch version {
	case 0, 1:
		c.skip(4)
		f.offsetSize, f.lengthSize = int(c.byte()), int(c.byte())
		c.skip(9)
		if version == 1 {
			c.skip(4)
		}
		old = true
	case 2, 3:
		f.offsetSize, f.lengthSize = int(c.byte()), int(c.byte())
		c.skip(1)
	default:
		return false, fmt.Errorf("%w: version %d", ErrUnsupported, version)
	}
	if !validSize(f.offsetSize) || !validSize(f.lengthSize) {
		return false, fmt.Errorf("%w: addresses of %d and lengths of %d bytes", ErrFormat, f.offsetSize, f.lengthSize)
	}
	f.undefined = 1<<(8*f.offsetSize-1)<<1 - 1
	return old, nil
}

func validSize(n int) bool { return n == 2 || n == 4 || n == 8 }

// bytes reads n bytes at an absolute place in the file.
func (f *File) bytes(at, n uint64) ([]byte, error) {
	if at > f.size || n > f.size-at {
		return nil, fmt.Errorf("%w: %d bytes at %d lie beyond its end at %d: is it truncated?", ErrFormat, n, at, f.size)
	}
	data := make([]byte, n)
	if err := f.readInto(data, at); err != nil {
		return nil, err
	}
	return data, nil
}

func (f *File) readInto(data []byte, at uint64) error {
	if at > f.size || uint64(len(data)) > f.size-at {
		return fmt.Errorf("%w: %d bytes at %d lie beyond its end at %d: is it truncated?", ErrFormat, len(data), at, f.size)
	}
	if uint64(len(data)) > f.toRead {
		return fmt.Errorf("%w: its parts refer to each other without end", ErrFormat)
	}
	f.toRead -= uint64(len(data))
	if n, err := f.r.ReadAt(data, int64(at)); n < len(data) {
		return fmt.Errorf("read %d bytes at %d: %w", len(data), at, err)
	}
	return nil
}

// at reads n bytes at an address, which counts from the base.
func (f *File) at(address, n uint64) ([]byte, error) {
	place, err := f.place(address)
	if err != nil {
		return nil, err
	}
	return f.bytes(place, n)
}

func (f *File) place(address uint64) (uint64, error) {
	if address == f.undefined || address > f.size-f.base {
		return 0, fmt.Errorf("%w: address %#x lies beyond its end: is it truncated?", ErrFormat, address)
	}
	return f.base + address, nil
}

// block reads n bytes at an address that begin with a name of four letters.
func (f *File) block(address, n uint64, name string) (*cursor, error) {
	data, err := f.at(address, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) < 4 || string(data[:4]) != name {
		return nil, fmt.Errorf("%w: no %s at %#x", ErrFormat, name, address)
	}
	return &cursor{data: data, at: 4, file: f}, nil
}

// reserve charges n bytes that are about to be allocated.
func (f *File) reserve(n uint64, what string) error {
	if n > 1<<62 {
		return fmt.Errorf("%w: %s of %d bytes", ErrFormat, what, n)
	}
	return f.memory.Take(int64(n), what)
}

// release returns what was reserved.
func (f *File) release(n uint64) { f.memory.Give(int64(n)) }

// cursor takes numbers from bytes. Reading beyond the end gives zero and sets failed.
type cursor struct {
	data   []byte
	at     int
	file   *File
	failed bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.data)-c.at {
		c.failed = true
		return make([]byte, max(0, min(n, 8)))
	}
	c.at += n
	return c.data[c.at-n : c.at]
}

func (c *cursor) skip(n int)      { c.take(n) }
func (c *cursor) byte() byte      { return c.take(1)[0] }
func (c *cursor) uint16() uint16  { return binary.LittleEndian.Uint16(c.take(2)) }
func (c *cursor) uint32() uint32  { return binary.LittleEndian.Uint32(c.take(4)) }
func (c *cursor) address() uint64 { return c.number(c.file.offsetSize) }
func (c *cursor) length() uint64  { return c.number(c.file.lengthSize) }
func (c *cursor) left() int       { return len(c.data) - c.at }

// number is little-endian, of up to eight bytes.
func (c *cursor) number(n int) uint64 {
	var wide [8]byte
	if n > 8 {
		c.failed = true
		return 0
	}
	copy(wide[:], c.take(n))
	return binary.LittleEndian.Uint64(wide[:])
}

// err reports whether more was taken than was there.
func (c *cursor) err(what string) error {
	if c.failed {
		return fmt.Errorf("%w: %s ends too early", ErrFormat, what)
	}
	return nil
}

// endChecksum compares the sum at the end with that of everything before.
func (c *cursor) endChecksum() error {
	end := cursor{data: c.data, at: len(c.data) - 4, file: c.file}
	return end.checksum()
}

// checksum compares the sum that follows with that of everything before.
func (c *cursor) checksum() error {
	sum := lookup3(c.data[:c.at])
	if stored := c.uint32(); !c.failed && stored != sum {
		return fmt.Errorf("%w: a checksum is wrong: it is damaged", ErrFormat)
	}
	return nil
}
