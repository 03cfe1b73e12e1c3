package hdf5

import (
	"encoding/binary"
	"fmt"
)

// Dataset is one array of the file.
type Dataset struct {
	// Shape is the number of elements along each dimension, none for a single element.
	Shape []uint64
	// Type is that of the elements.
	Type Type

	file    *File
	header  header
	space   space
	layout  layout
	filters []filter
	fill    []byte // of elements that were never written, as in the file; nil is zero
}

// layout is where the elements are.
type layout struct {
	class   byte
	compact []byte
	address uint64
	size    uint64
	chunk   chunking
}

const (
	layoutCompact    = 0
	layoutContiguous = 1
	layoutChunked    = 2
	layoutVirtual    = 3
)

func (f *File) dataset(h header) (*Dataset, error) {
	d := &Dataset{file: f, header: h}
	kind, hasKind, err := f.one(h, messageDatatype)
	if err != nil {
		return nil, err
	}
	extent, hasExtent, err := f.one(h, messageDataspace)
	if err != nil {
		return nil, err
	}
	if !hasKind || !hasExtent {
		return nil, fmt.Errorf("%w: it lacks a type or a shape", ErrFormat)
	}
	if d.Type, err = f.datatype(kind); err != nil {
		return nil, err
	}
	if d.space, err = f.dataspace(extent); err != nil {
		return nil, err
	}
	d.Shape = d.space.shape
	if d.space.null {
		d.Shape = []uint64{0}
	}
	return d, nil
}

// Text is the text of one of the dataset's attributes, and whether there is one.
func (d *Dataset) Text(name string) (string, bool, error) { return d.file.text(d.header, name) }

// Read reads all elements in row-major order, each little-endian. They stay charged to the file's memory.
func (d *Dataset) Read() ([]byte, error) {
	if d.Type.Class == ClassOther {
		return nil, fmt.Errorf("%w: elements of type %s", ErrUnsupported, d.Type.Name)
	}
	count, err := d.space.elements()
	if err != nil {
		return nil, err
	}
	if count > 1<<48/uint64(d.Type.Size) {
		return nil, fmt.Errorf("%w: dimensions %v are too large", ErrFormat, d.Shape)
	}
	if count == 0 {
		return nil, nil
	}
	if err := d.describe(); err != nil {
		return nil, err
	}
	data, err := d.read(count * uint64(d.Type.Size))
	if err != nil {
		return nil, err
	}
	if d.Type.BigEndian {
		swap(data, d.Type.Size)
	}
	return data, nil
}

// describe reads the messages that say where and how the elements are stored.
func (d *Dataset) describe() error {
	f := d.file
	if d.header.has(messageExternal) {
		return fmt.Errorf("%w: its elements lie in other files", ErrUnsupported)
	}
	data, _, err := f.one(d.header, messageLayout)
	if err != nil {
		return fmt.Errorf("layout: %w", err)
	}
	if d.layout, err = f.layout(data, len(d.space.shape)); err != nil {
		return fmt.Errorf("layout: %w", err)
	}
	list, ok, err := f.one(d.header, messageFilters)
	if err != nil {
		return err
	}
	if ok {
		if d.filters, err = f.filters(list); err != nil {
			return err
		}
		if len(d.filters) > 0 && d.layout.class != layoutChunked {
			return fmt.Errorf("%w: filters without chunks", ErrFormat)
		}
	}
	d.fill, err = d.fillValue()
	return err
}

// read fills n bytes.
func (d *Dataset) read(n uint64) ([]byte, error) {
	f := d.file
	if err := f.reserve(n, "an array"); err != nil {
		return nil, err
	}
	if d.layout.class == layoutCompact {
		if uint64(len(d.layout.compact)) != n {
			return nil, fmt.Errorf("%w: %d bytes for elements of %d", ErrFormat, len(d.layout.compact), n)
		}
		return append([]byte(nil), d.layout.compact...), nil
	}
	if d.layout.class == layoutChunked || d.layout.address == f.undefined {
		data := make([]byte, n)
		d.fillIn(data)
		if d.layout.class == layoutChunked {
			return data, d.readChunks(data)
		}
		return data, nil
	}
	if d.layout.size != n {
		return nil, fmt.Errorf("%w: %d bytes for elements of %d", ErrFormat, d.layout.size, n)
	}
	return f.at(d.layout.address, n)
}

// fillIn writes what elements are that nobody has written.
func (d *Dataset) fillIn(data []byte) {
	if d.fill == nil {
		return
	}
	for n := copy(data, d.fill); n < len(data); n *= 2 {
		copy(data[n:], data[:n])
	}
}

// fillValue reads the message of that name.
func (d *Dataset) fillValue() ([]byte, error) {
	f := d.file
	data, ok, err := f.one(d.header, messageFill)
	if err != nil {
		return nil, err
	}
	if !ok {
		if d.header.has(messageOldFill) {
			return nil, fmt.Errorf("%w: a fill value as HDF5 wrote it before 1.6: write the file again with h5repack", ErrUnsupported)
		}
		return nil, nil
	}
	c := cursor{data: data, file: f}
	switch version := c.byte(); version {
	case 2:
		c.skip(2)
		if defined := c.byte(); defined == 0 {
			return nil, c.err("a fill value")
		}
	case 3:
		if flags := c.byte(); flags&0x20 == 0 {
			return nil, c.err("a fill value")
		}
	default:
		return nil, fmt.Errorf("%w: a fill value of version %d", ErrUnsupported, version)
	}
	return d.fillOf(&c)
}

func (d *Dataset) fillOf(c *cursor) ([]byte, error) {
	size := int(int32(c.uint32()))
	if size <= 0 {
		return nil, c.err("a fill value")
	}
	value := c.take(size)
	if err := c.err("a fill value"); err != nil {
		return nil, err
	}
	if size != d.Type.Size {
		return nil, fmt.Errorf("%w: a fill value of %d bytes for elements of %d", ErrFormat, size, d.Type.Size)
	}
	for _, b := range value {
		if b != 0 {
			return value, nil
		}
	}
	return nil, nil
}

// swap turns the bytes of each element round.
func swap(data []byte, size int) {
	switch size {
	case 2:
		for ; len(data) >= 2; data = data[2:] {
			binary.LittleEndian.PutUint16(data, binary.BigEndian.Uint16(data))
		}
	case 4:
		for ; len(data) >= 4; data = data[4:] {
			binary.LittleEndian.PutUint32(data, binary.BigEndian.Uint32(data))
		}
	case 8:
		for ; len(data) >= 8; data = data[8:] {
			binary.LittleEndian.PutUint64(data, binary.BigEndian.Uint64(data))
		}
	}
}
