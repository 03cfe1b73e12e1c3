package hdf5

import (
	"fmt"
	"math"
	"math/bits"
)

// chunkReader puts the chunks of a dataset in their places.
type chunkReader struct {
	d        *Dataset
	out      []byte
	grid     []uint64 // how many chunks lie along each dimension
	seen     []uint64 // a bit for each chunk
	undo     unfilterer
	raw      []byte
	elements uint64 // bytes of an element
}

// readChunks fills data with what the chunks hold.
func (d *Dataset) readChunks(data []byte) error {
	k, f := d.layout.chunk, d.file
	if len(k.dims) == 0 || k.size > math.MaxInt32 {
		return fmt.Errorf("%w: chunks of %d bytes in an array of %d dimensions", ErrUnsupported, k.size, len(k.dims))
	}
	elements, err := product(k.dims)
	if err != nil {
		return err
	}
	if elements*uint64(d.Type.Size) != k.size {
		return fmt.Errorf("%w: a chunk of %v elements has %d bytes", ErrFormat, k.dims, k.size)
	}
	// As it is in the file, and before and after the last filter.
	if err := f.reserve(3*k.size, "a chunk"); err != nil {
		return err
	}
	defer f.release(3 * k.size)
	r := chunkReader{d: d, out: data, elements: uint64(d.Type.Size)}
	r.undo = unfilterer{filters: d.filters, size: int(k.size)}
	r.grid = make([]uint64, len(k.dims))
	for i := range r.grid {
		r.grid[i] = (d.space.shape[i] + k.dims[i] - 1) / k.dims[i]
	}
	total, err := product(r.grid)
	if err != nil {
		return err
	}
	r.seen = make([]uint64, (total+63)/64)
	if d.layout.address == f.undefined {
		return nil // no chunk was ever written
	}
	return r.index()
}

// index goes through the list of chunks.
func (r *chunkReader) index() error {
	l := r.d.layout
	switch l.chunk.index {
	case indexOldTree:
		return r.oldTree()
	case indexSingle:
		size := l.chunk.size
		if len(r.d.filters) > 0 {
			size = l.chunk.storedSize
		}
		return r.chunk(make([]uint64, len(r.grid)), stored{l.address, size, l.chunk.mask})
	case indexImplicit:
		return r.implicit()
	case indexFixed:
		return r.fixedArray()
	case indexExtensible:
		return r.extensibleArray()
	case indexNewTree:
		return r.newTree()
	}
	return fmt.Errorf("%w: chunks with index %d", ErrUnsupported, l.chunk.index)
}

// stored is where a chunk is, how many bytes it takes there, and the filters that it skipped.
type stored struct {
	address, size uint64
	mask          uint32
}

// chunk reads one chunk and copies it to its place, which is given in chunks.
func (r *chunkReader) chunk(at []uint64, s stored) error {
	f := r.d.file
	if s.address == f.undefined {
		return nil // it was never written
	}
	number := uint64(0)
	for i, n := range r.grid {
		if at[i] >= n {
			return nil // it lies beyond the edge to which the array was cut
		}
		number = number*n + at[i]
	}
	if r.seen[number/64]>>(number%64)&1 != 0 {
		return fmt.Errorf("%w: two chunks at %v", ErrFormat, at)
	}
	r.seen[number/64] |= 1 << (number % 64)
	place, err := f.place(s.address)
	if err != nil {
		return err
	}
	if s.size > f.size {
		return fmt.Errorf("%w: a chunk of %d bytes", ErrFormat, s.size)
	}
	if uint64(cap(r.raw)) < s.size {
		r.raw = make([]byte, s.size)
	}
	raw := r.raw[:s.size]
	if err := f.readInto(raw, place); err != nil {
		return err
	}
	if r.d.layout.chunk.wholeEdges && r.atEdge(at) {
		s.mask = math.MaxUint32
	}
	data, err := r.undo.chunk(raw, s.mask)
	if err != nil {
		return fmt.Errorf("chunk %v: %w", at, err)
	}
	r.copy(at, data)
	return nil
}

func (r *chunkReader) atEdge(at []uint64) bool {
	for i, dim := range r.d.layout.chunk.dims {
		if (at[i]+1)*dim > r.d.space.shape[i] {
			return true
		}
	}
	return false
}

// copy puts a chunk's rows into the array's.
func (r *chunkReader) copy(at []uint64, chunk []byte) {
	dims, shape := r.d.layout.chunk.dims, r.d.space.shape
	rank := len(dims)
	count := make([]uint64, rank) // of the chunk's elements that lie in the array
	to, toStride, fromStride := uint64(0), make([]uint64, rank), make([]uint64, rank)
	outer, inner := r.elements, r.elements
	for i := rank - 1; i >= 0; i-- {
		count[i] = min(dims[i], shape[i]-at[i]*dims[i])
		toStride[i], fromStride[i] = outer, inner
		to += at[i] * dims[i] * outer
		outer *= shape[i]
		inner *= dims[i]
	}
	row := count[rank-1] * r.elements
	index, from := make([]uint64, rank), uint64(0)
	for {
		copy(r.out[to:to+row], chunk[from:from+row])
		i := rank - 2
		for ; i >= 0; i-- {
			index[i]++
			to, from = to+toStride[i], from+fromStride[i]
			if index[i] < count[i] {
				break
			}
			to, from = to-toStride[i]*count[i], from-fromStride[i]*count[i]
			index[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// oldTree reads the list of files up to HDF5 1.8.
func (r *chunkReader) oldTree() error {
	dims := r.d.layout.chunk.dims
	rank := len(dims)
	return r.d.file.oldTree(r.d.layout.address, 1, 8+8*(rank+1), func(key *cursor, child uint64) error {
		s := stored{address: child, size: uint64(key.uint32()), mask: key.uint32()}
		at := make([]uint64, rank)
		for i := range at {
			offset := key.number(8)
			if offset%dims[i] != 0 {
				return fmt.Errorf("%w: a chunk of %v elements at %d", ErrFormat, dims, offset)
			}
			at[i] = offset / dims[i]
		}
		return r.chunk(at, s)
	})
}

// newTree reads the list of arrays that may grow along several dimensions.
func (r *chunkReader) newTree() error {
	f, rank := r.d.file, len(r.grid)
	kind := byte(indexChunks)
	if len(r.d.filters) > 0 {
		kind = indexFiltered
	}
	return f.records(r.d.layout.address, kind, func(record *cursor) error {
		s := r.entry(record, len(record.data)-8*rank)
		at := make([]uint64, rank)
		for i := range at {
			at[i] = record.number(8)
		}
		if err := record.err("a record"); err != nil {
			return err
		}
		return r.chunk(at, s)
	})
}

// entry reads an index's entry of size bytes: an address, and for filtered chunks the bytes
// that they take and the filters that they skipped.
func (r *chunkReader) entry(c *cursor, size int) stored {
	s := stored{address: c.address(), size: r.d.layout.chunk.size}
	if len(r.d.filters) > 0 {
		s.size = c.number(size - c.file.offsetSize - 4)
		s.mask = c.uint32()
	}
	return s
}

// entrySize checks how large an index says its entries are.
func (r *chunkReader) entrySize(client byte, size int) error {
	least, want := r.d.file.offsetSize, byte(0)
	most := least
	if len(r.d.filters) > 0 {
		least, most, want = least+5, least+12, 1
	}
	if client != want || size < least || size > most {
		return fmt.Errorf("%w: an index of kind %d with entries of %d bytes", ErrFormat, client, size)
	}
	return nil
}

// implicit chunks lie one after another.
func (r *chunkReader) implicit() error {
	size := r.d.layout.chunk.size
	if len(r.d.filters) > 0 {
		return fmt.Errorf("%w: filters on chunks without an index", ErrFormat)
	}
	grid, err := r.largestGrid()
	if err != nil {
		return err
	}
	total, err := product(grid)
	if err != nil {
		return err
	}
	if total > r.d.file.size/size {
		return fmt.Errorf("%w: %d chunks of %d bytes: is it truncated?", ErrFormat, total, size)
	}
	for n := range total {
		if err := r.chunk(coordinates(n, grid), stored{address: r.d.layout.address + n*size, size: size}); err != nil {
			return err
		}
	}
	return nil
}

// largestGrid is the grid of chunks of the largest array that this may become. Chunks are
// numbered by it.
func (r *chunkReader) largestGrid() ([]uint64, error) {
	grid := make([]uint64, len(r.grid))
	for i, most := range r.d.space.most {
		if most == unlimited {
			return nil, fmt.Errorf("%w: an array of this layout cannot grow without limit", ErrFormat)
		}
		grid[i] = (most-1)/r.d.layout.chunk.dims[i] + 1
	}
	return grid, nil
}

// coordinates turns a chunk's number into its place in the grid.
func coordinates(n uint64, grid []uint64) []uint64 {
	at := make([]uint64, len(grid))
	for i := len(grid) - 1; i >= 0; i-- {
		at[i] = n % grid[i]
		n /= grid[i]
	}
	return at
}

func log2(n uint64) int { return bits.Len64(n) - 1 }
