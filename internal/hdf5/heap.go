package hdf5

import (
	"fmt"
	"math/bits"
)

// fractalHeap is where a group or an object keeps many links or attributes: blocks of
// doubling size, addressed as one long stretch of bytes.
type fractalHeap struct {
	file                     *File
	offsetWidth, lengthWidth int
	checksums                bool
	columns, start, largest  uint64
	root, rows               uint64
	idLength                 int
}

func (f *File) fractalHeap(address uint64) (*fractalHeap, error) {
	size := uint64(26 + 12*f.lengthSize + 3*f.offsetSize)
	c, err := f.block(address, size, "FRHP")
	if err != nil {
		return nil, err
	}
	if version := c.byte(); version != 0 {
		return nil, fmt.Errorf("%w: a fractal heap of version %d", ErrUnsupported, version)
	}
	h := &fractalHeap{file: f, idLength: int(c.uint16())}
	if filters := c.uint16(); filters != 0 {
		return nil, fmt.Errorf("%w: a compressed fractal heap", ErrUnsupported)
	}
	h.checksums = c.byte()&2 != 0
	largestObject := uint64(c.uint32())
	c.skip(10*f.lengthSize + 2*f.offsetSize)
	h.columns = uint64(c.uint16())
	h.start, h.largest = c.length(), c.length()
	heapBits := int(c.uint16())
	c.skip(2)
	h.root, h.rows = c.address(), uint64(c.uint16())
	if err := c.checksum(); err != nil {
		return nil, err
	}
	power := func(n uint64) bool { return bits.OnesCount64(n) == 1 }
	if c.failed || !power(h.columns) || !power(h.start) || !power(h.largest) || h.start > h.largest || h.largest > 1<<32 || heapBits > 64 || h.rows > 64 {
		return nil, fmt.Errorf("%w: a fractal heap of blocks from %d to %d bytes", ErrFormat, h.start, h.largest)
	}
	h.offsetWidth = (heapBits + 7) / 8
	h.lengthWidth = min((bits.TrailingZeros64(h.largest)+7)/8, width(largestObject))
	return h, nil
}

// object finds what an identifier of the heap stands for.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := cursor{data: id, file: h.file}
	switch kind := c.byte(); {
	case kind>>6 != 0:
		return nil, fmt.Errorf("%w: an identifier of version %d", ErrUnsupported, kind>>6)
	case kind>>4 == 2:
		return nil, fmt.Errorf("%w: a tiny object in a fractal heap", ErrUnsupported)
	case kind>>4 == 1:
		return nil, fmt.Errorf("%w: a huge object in a fractal heap", ErrUnsupported)
	}
	offset, length := c.number(h.offsetWidth), c.number(h.lengthWidth)
	if err := c.err("an identifier"); err != nil {
		return nil, err
	}
	if h.rows == 0 {
		return h.inBlock(h.root, 0, h.start, offset, length)
	}
	return h.inTable(h.root, 0, h.rows, offset, length)
}

// rowSize is the size of the blocks in a row.
func (h *fractalHeap) rowSize(row uint64) uint64 {
	if row < 2 {
		return h.start
	}
	return h.start << min(row-1, 62)
}

// inTable finds an object below an indirect block, whose blocks begin at first.
func (h *fractalHeap) inTable(address, first, rows, offset, length uint64) ([]byte, error) {
	f := h.file
	directRows := uint64(bits.TrailingZeros64(h.largest)-bits.TrailingZeros64(h.start)) + 2
	prefix := uint64(5 + f.offsetSize + h.offsetWidth)
	c, err := f.block(address, prefix+rows*h.columns*uint64(f.offsetSize)+4, "FHIB")
	if err != nil {
		return nil, err
	}
	if f.denseBlocks--; f.denseBlocks < 0 {
		return nil, fmt.Errorf("%w: a fractal heap without end", ErrFormat)
	}
	if version := c.byte(); version != 0 {
		return nil, fmt.Errorf("%w: a heap's block of version %d", ErrUnsupported, version)
	}
	if err := c.endChecksum(); err != nil {
		return nil, err
	}
	c.at = int(prefix)
	for row := range rows {
		size := h.rowSize(row)
		for range h.columns {
			child := c.address()
			if offset-first < size && child != f.undefined {
				if row < directRows {
					return h.inBlock(child, first, size, offset, length)
				}
				below := uint64(bits.TrailingZeros64(size)-bits.TrailingZeros64(h.start*h.columns)) + 1
				if below == 0 || below >= rows+64 || size < h.start*h.columns {
					return nil, fmt.Errorf("%w: a heap's block of %d bytes", ErrFormat, size)
				}
				return h.inTable(child, first, below, offset, length)
			}
			first += size
		}
	}
	return nil, fmt.Errorf("%w: no block of the heap holds its object at %d", ErrFormat, offset)
}

// inBlock takes an object from a direct block. Offsets count the block's own head too.
func (h *fractalHeap) inBlock(address, first, size, offset, length uint64) ([]byte, error) {
	f := h.file
	prefix := uint64(5 + f.offsetSize + h.offsetWidth)
	if h.checksums {
		prefix += 4
	}
	from := offset - first
	if from < prefix || from > size || length > size-from {
		return nil, fmt.Errorf("%w: an object of %d bytes at %d in a heap's block of %d", ErrFormat, length, from, size)
	}
	if f.denseBlocks--; f.denseBlocks < 0 {
		return nil, fmt.Errorf("%w: a fractal heap without end", ErrFormat)
	}
	c, err := f.block(address, size, "FHDB")
	if err != nil {
		return nil, err
	}
	if h.checksums {
		// The sum is taken with zeros in its own place.
		sum := cursor{data: c.data, at: int(prefix) - 4, file: f}
		stored := sum.uint32()
		copy(c.data[prefix-4:prefix], []byte{0, 0, 0, 0})
		if lookup3(c.data) != stored {
			return nil, fmt.Errorf("%w: a checksum is wrong: it is damaged", ErrFormat)
		}
	}
	return c.data[from : from+length], nil
}

// dense visits what a fractal heap holds, as a B-tree lists it. An identifier follows
// skip bytes of the record, and flags, where the records have them, follow that.
func (f *File) dense(heap, index uint64, kind byte, skip int, visit func(data []byte, flags byte) error) error {
	h, err := f.fractalHeap(heap)
	if err != nil {
		return err
	}
	return f.records(index, kind, func(record *cursor) error {
		record.skip(skip)
		id, flags := record.take(h.idLength), byte(0)
		if kind == indexAttributeName {
			flags = record.byte()
		}
		if err := record.err("a record"); err != nil {
			return err
		}
		data, err := h.object(id)
		if err != nil {
			return err
		}
		return visit(data, flags)
	})
}

// globalHeap are the objects of one collection, by number.
type globalHeap map[uint16][]byte

// globalObject finds an object of variable length.
func (f *File) globalObject(address uint64, number uint32) ([]byte, error) {
	heap, ok := f.heaps[address]
	if !ok {
		var err error
		if heap, err = f.readGlobalHeap(address); err != nil {
			return nil, err
		}
		f.heaps[address] = heap
	}
	object, ok := heap[uint16(number)]
	if !ok || number > 0xffff {
		return nil, fmt.Errorf("%w: no object %d in the heap at %#x", ErrFormat, number, address)
	}
	return object, nil
}

func (f *File) readGlobalHeap(address uint64) (globalHeap, error) {
	c, err := f.block(address, uint64(8+f.lengthSize), "GCOL")
	if err != nil {
		return nil, err
	}
	if version := c.byte(); version != 1 {
		return nil, fmt.Errorf("%w: a global heap of version %d", ErrUnsupported, version)
	}
	c.skip(3)
	size := c.length()
	// With the table of its objects, of 16 bytes each at least.
	if err := f.reserve(4*min(size, f.size), "a heap"); err != nil {
		return nil, err
	}
	if c, err = f.block(address, size, "GCOL"); err != nil {
		return nil, err
	}
	c.skip(4 + f.lengthSize)
	heap := globalHeap{}
	for c.left() >= 8+f.lengthSize {
		number := c.uint16()
		c.skip(6)
		length := c.length()
		if number == 0 {
			break // what is left is free
		}
		if length > uint64(c.left()) {
			return nil, fmt.Errorf("%w: an object of %d bytes in a heap of %d", ErrFormat, length, size)
		}
		heap[number] = c.take(int(length))
		c.skip(min(int(-length&7), c.left()))
	}
	return heap, nil
}
