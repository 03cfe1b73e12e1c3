package hdf5

import "fmt"

// The indexes by which chunks are found: a version 1 B-tree in layouts of version 3, one of
// the others in those of versions 4 and 5.
const (
	indexOldTree    = 0
	indexSingle     = 1
	indexImplicit   = 2
	indexFixed      = 3
	indexExtensible = 4
	indexNewTree    = 5
)

// chunking is how an array is cut into chunks, and where they are listed.
type chunking struct {
	dims  []uint64
	size  uint64 // bytes of a whole chunk
	index byte
	// wholeEdges tells that chunks that reach over the array's edges are not filtered.
	wholeEdges bool
	// Of a single chunk that is filtered.
	storedSize uint64
	mask       uint32
}

// layout reads the message of an array of rank dimensions.
func (f *File) layout(data []byte, rank int) (layout, error) {
	c := cursor{data: data, file: f}
	version := c.byte()
	if version < 3 || version > 5 {
		// Versions 1 and 2 were written before HDF5 1.6.3, of 2004.
		return layout{}, fmt.Errorf("%w: version %d: write the file again with h5repack", ErrUnsupported, version)
	}
	l := layout{class: c.byte()}
	var err error
	switch l.class {
	case layoutCompact:
		l.compact = c.take(int(c.uint16()))
	case layoutContiguous:
		l.address, l.size = c.address(), c.length()
	case layoutChunked:
		if version == 3 {
			err = c.oldChunking(&l, rank)
		} else {
			err = c.newChunking(&l, rank)
		}
	case layoutVirtual:
		return l, fmt.Errorf("%w: a virtual dataset: write the file again with h5repack", ErrUnsupported)
	default:
		return l, fmt.Errorf("%w: class %d", ErrFormat, l.class)
	}
	if err == nil {
		err = c.err("a layout")
	}
	return l, err
}

func (c *cursor) oldChunking(l *layout, rank int) error {
	if n := int(c.byte()); n != rank+1 {
		return fmt.Errorf("%w: chunks of %d dimensions in an array of %d", ErrFormat, n-1, rank)
	}
	l.address = c.address()
	return c.chunkDims(&l.chunk, rank, 4)
}

func (c *cursor) newChunking(l *layout, rank int) error {
	flags := c.byte()
	if flags&^3 != 0 {
		return fmt.Errorf("%w: flags %#x", ErrUnsupported, flags)
	}
	l.chunk.wholeEdges = flags&1 != 0
	if n := int(c.byte()); n != rank+1 {
		return fmt.Errorf("%w: chunks of %d dimensions in an array of %d", ErrFormat, n-1, rank)
	}
	if err := c.chunkDims(&l.chunk, rank, int(c.byte())); err != nil {
		return err
	}
	switch l.chunk.index = c.byte(); l.chunk.index {
	case indexSingle:
		if flags&2 != 0 {
			l.chunk.storedSize, l.chunk.mask = c.length(), c.uint32()
		}
	case indexImplicit:
	case indexFixed:
		c.skip(1)
	case indexExtensible:
		c.skip(5)
	case indexNewTree:
		c.skip(6)
	default:
		return fmt.Errorf("%w: chunks with index %d", ErrUnsupported, l.chunk.index)
	}
	l.address = c.address()
	return nil
}

// chunkDims reads the dimensions of a chunk, the last of which is an element's size.
func (c *cursor) chunkDims(k *chunking, rank, width int) error {
	if width < 1 || width > 8 {
		return fmt.Errorf("%w: dimensions of %d bytes", ErrFormat, width)
	}
	all := make([]uint64, rank+1)
	for i := range all {
		if all[i] = c.number(width); all[i] == 0 {
			return fmt.Errorf("%w: chunks of %v elements", ErrFormat, all[:i+1])
		}
	}
	var err error
	k.dims = all[:rank]
	k.size, err = product(all)
	return err
}
