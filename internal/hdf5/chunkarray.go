package hdf5

import (
	"fmt"
)

// entries reads count entries of an index's block, the first of which is number first.
func (r *chunkReader) entries(c *cursor, count uint64, size int, first uint64, place func(uint64) []uint64) error {
	for n := range count {
		entry := cursor{data: c.take(size), file: c.file}
		if c.failed {
			break
		}
		s := r.entry(&entry, size)
		if s.address == c.file.undefined {
			continue
		}
		if err := r.chunk(place(first+n), s); err != nil {
			return err
		}
	}
	return c.err("an index of chunks")
}

// fixedArray reads the list of arrays that cannot grow without limit.
func (r *chunkReader) fixedArray() error {
	f := r.d.file
	c, err := f.block(r.d.layout.address, uint64(12+f.lengthSize+f.offsetSize), "FAHD")
	if err != nil {
		return err
	}
	version, client, size, pageBits := c.byte(), c.byte(), int(c.byte()), uint(c.byte())
	count, block := c.length(), c.address()
	if err := c.checksum(); err != nil {
		return err
	}
	if version != 0 || pageBits > 32 || count > f.size {
		return fmt.Errorf("%w: a fixed array of version %d with %d chunks in pages of 2^%d", ErrFormat, version, count, pageBits)
	}
	if err := r.entrySize(client, size); err != nil {
		return err
	}
	grid, err := r.largestGrid()
	if err != nil {
		return err
	}
	if total, err := product(grid); err != nil || total != count {
		return fmt.Errorf("%w: a list of %d chunks for a grid of %v (%v)", ErrFormat, count, grid, err)
	}
	if block == f.undefined {
		return nil
	}
	place := func(n uint64) []uint64 { return coordinates(n, grid) }
	return r.fixedBlock(block, client, pageList{count: count, page: 1 << pageBits, size: size}, place)
}

// fixedBlock reads the entries of a fixed array, which are in pages if there are more than a page of them.
func (r *chunkReader) fixedBlock(address uint64, client byte, l pageList, place func(uint64) []uint64) error {
	offsetSize := r.d.file.offsetSize
	prefix := uint64(6 + offsetSize)
	if l.count <= l.page {
		c, err := r.checked(address, prefix+l.count*uint64(l.size)+4, "FADB", client)
		if err != nil {
			return err
		}
		c.skip(offsetSize)
		return r.entries(c, l.count, l.size, 0, place)
	}
	pages := (l.count + l.page - 1) / l.page
	bitmap := (pages + 7) / 8
	c, err := r.checked(address, prefix+bitmap+4, "FADB", client)
	if err != nil {
		return err
	}
	c.skip(offsetSize)
	l.address, l.bitmap = address+prefix+bitmap+4, c.take(int(bitmap))
	return r.pages(l, 0, place)
}

// checked reads a block with a checksum at its end, and its version and kind.
func (r *chunkReader) checked(address, n uint64, name string, client byte) (*cursor, error) {
	c, err := r.d.file.block(address, n, name)
	if err != nil {
		return nil, err
	}
	if version, kind := c.byte(), c.byte(); version != 0 || kind != client {
		return nil, fmt.Errorf("%w: %s of version %d and kind %d", ErrFormat, name, version, kind)
	}
	return c, c.endChecksum()
}

// pageList is a block's entries in pages, each with a checksum. Those whose bit in the
// bitmap is not set, from bit first on, were never written.
type pageList struct {
	address     uint64
	bitmap      []byte
	first       uint64
	count, page uint64
	size        int
}

func (r *chunkReader) pages(l pageList, first uint64, place func(uint64) []uint64) error {
	address := l.address
	for n := uint64(0); n < l.count; n += l.page {
		count := min(l.page, l.count-n)
		length := count*uint64(l.size) + 4
		bit := l.first + n/l.page
		if l.bitmap[bit/8]&(0x80>>(bit%8)) != 0 {
			data, err := r.d.file.at(address, length)
			if err != nil {
				return err
			}
			c := cursor{data: data, file: r.d.file}
			if err := c.endChecksum(); err != nil {
				return err
			}
			if err := r.entries(&c, count, l.size, first+n, place); err != nil {
				return err
			}
		}
		address += length
	}
	return nil
}
