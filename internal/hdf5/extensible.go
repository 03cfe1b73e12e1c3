package hdf5

import (
	"fmt"
	"math/bits"
)

// extensible is the geometry of an extensible array: a block of entries and of addresses
// of data blocks, of which the later ones are larger and are listed in blocks of their own.
type extensible struct {
	r                              *chunkReader
	client                         byte
	size                           int
	offsetBytes                    int
	inIndex, least, pointers, page uint64
	superBlocks                    int
	count                          uint64 // of entries that were ever set
	place                          func(uint64) []uint64
}

// extensibleArray reads the list of arrays that may grow along one dimension.
func (r *chunkReader) extensibleArray() error {
	f := r.d.file
	c, err := f.block(r.d.layout.address, uint64(16+6*f.lengthSize+f.offsetSize), "EAHD")
	if err != nil {
		return err
	}
	e := extensible{r: r}
	version := c.byte()
	e.client, e.size = c.byte(), int(c.byte())
	mostBits := int(c.byte())
	e.inIndex, e.least, e.pointers = uint64(c.byte()), uint64(c.byte()), uint64(c.byte())
	pageBits := c.byte()
	c.skip(4 * f.lengthSize)
	e.count = c.length()
	c.skip(f.lengthSize)
	index := c.address()
	if err := c.checksum(); err != nil {
		return err
	}
	power := func(n uint64) bool { return bits.OnesCount64(n) == 1 }
	if version != 0 || mostBits > 64 || pageBits > 32 || !power(e.least) || !power(e.pointers) || log2(e.least) > mostBits {
		return fmt.Errorf("%w: an extensible array of version %d, blocks of %d, %d pointers", ErrFormat, version, e.least, e.pointers)
	}
	if err := r.entrySize(e.client, e.size); err != nil {
		return err
	}
	e.page, e.offsetBytes = 1<<pageBits, (mostBits+7)/8
	e.superBlocks = 1 + mostBits - log2(e.least)
	if e.place, err = r.growingPlace(); err != nil || index == f.undefined {
		return err
	}
	return e.readIndex(index)
}

// growingPlace says where a chunk lies in an array that may grow along one dimension, which
// counts as the first where chunks are numbered.
func (r *chunkReader) growingPlace() (func(uint64) []uint64, error) {
	grows, order := -1, []int{}
	for i, most := range r.d.space.most {
		if most != unlimited {
			order = append(order, i)
		} else if grows < 0 {
			grows = i
		} else {
			return nil, fmt.Errorf("%w: two dimensions without limit", ErrFormat)
		}
	}
	if grows < 0 {
		return nil, fmt.Errorf("%w: no dimension is without limit", ErrFormat)
	}
	dims := r.d.layout.chunk.dims
	return func(n uint64) []uint64 {
		at := make([]uint64, len(dims))
		for i := len(order) - 1; i >= 0; i-- {
			along := (r.d.space.most[order[i]]-1)/dims[order[i]] + 1
			at[order[i]] = n % along
			n /= along
		}
		at[grows] = n
		return at
	}, nil
}

// readIndex reads the first block, and the data blocks that follow from it.
func (e *extensible) readIndex(address uint64) error {
	f := e.r.d.file
	// The data blocks of the first super blocks are listed in the index itself.
	direct := 2 * log2(e.pointers)
	blocks := 2 * (e.pointers - 1)
	supers := uint64(max(0, e.superBlocks-direct))
	size := uint64(6+f.offsetSize) + e.inIndex*uint64(e.size) + (blocks+supers)*uint64(f.offsetSize) + 4
	c, err := e.r.checked(address, size, "EAIB", e.client)
	if err != nil {
		return err
	}
	c.skip(f.offsetSize)
	if err := e.r.entries(c, e.inIndex, e.size, 0, e.place); err != nil {
		return err
	}
	first := e.inIndex
	for super := range e.superBlocks {
		count, each := e.geometry(super)
		if first >= e.count {
			return nil
		}
		if super >= direct {
			if err := e.super(c.address(), super, first); err != nil {
				return err
			}
			first += count * each
			continue
		}
		for range count {
			if err := e.data(c.address(), first, each, nil, 0); err != nil {
				return err
			}
			first += each
		}
	}
	return c.err("an index of chunks")
}

// geometry says how many data blocks a super block has, and of how many entries.
func (e *extensible) geometry(super int) (count, each uint64) {
	return 1 << (super / 2), e.least << ((super + 1) / 2)
}

// super reads a block that lists data blocks, whose entries begin at number first.
func (e *extensible) super(address uint64, super int, first uint64) error {
	f := e.r.d.file
	if address == f.undefined {
		return nil
	}
	count, each := e.geometry(super)
	// There is room for whole bytes for the bitmap of each block, but the bits of the blocks
	// follow one another without gaps.
	pages, room := uint64(0), uint64(0)
	if each > e.page {
		pages = each / e.page
		room = (pages + 7) / 8
	}
	if count > f.size || room > f.size {
		return fmt.Errorf("%w: %d blocks of %d chunks", ErrFormat, count, each)
	}
	size := uint64(6+f.offsetSize+e.offsetBytes) + count*(room+uint64(f.offsetSize)) + 4
	c, err := e.r.checked(address, size, "EASB", e.client)
	if err != nil {
		return err
	}
	c.skip(f.offsetSize + e.offsetBytes)
	bitmap := c.take(int(count * room))
	for n := range count {
		if err := e.data(c.address(), first+n*each, each, bitmap, n*pages); err != nil {
			return err
		}
	}
	return c.err("an index of chunks")
}

// data reads a block of entries, in pages where they are many.
func (e *extensible) data(address, first, count uint64, bitmap []byte, bit uint64) error {
	f := e.r.d.file
	if address == f.undefined {
		return nil
	}
	if count > f.size {
		return fmt.Errorf("%w: a block of %d chunks", ErrFormat, count)
	}
	prefix := uint64(6 + f.offsetSize + e.offsetBytes)
	if count > e.page {
		if bitmap == nil {
			return fmt.Errorf("%w: pages in an index's first blocks", ErrUnsupported)
		}
		if _, err := e.r.checked(address, prefix+4, "EADB", e.client); err != nil {
			return err
		}
		return e.r.pages(pageList{address + prefix + 4, bitmap, bit, count, e.page, e.size}, first, e.place)
	}
	c, err := e.r.checked(address, prefix+count*uint64(e.size)+4, "EADB", e.client)
	if err != nil {
		return err
	}
	c.skip(f.offsetSize + e.offsetBytes)
	return e.r.entries(c, count, e.size, first, e.place)
}
