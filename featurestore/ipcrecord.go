package featurestore

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// ipcRecords finds the records of an Arrow file in memory and makes arrays that point to them, which
// Arrow's reader copies twice. It reads what this package writes: uncompressed columns of strings,
// numbers and lists of numbers. Everything else is errIrregular.
//
// The footer and the records' headers are FlatBuffers. Reading damaged ones may panic: call it
// through guard.Call.
type ipcRecords struct {
	file   []byte
	schema *arrow.Schema
	// blocks are the positions of the records: 24 bytes each.
	blocks []byte
	// sums are the file's checksums, nil if it has none. They are compared before anything is read.
	sums *fileSums
}

const (
	ipcBlockBytes = 24
	// slotDictionaries and slotRecords are the places of the lists of messages in the footer.
	slotDictionaries, slotRecords = 2, 3
	// ipcContinued begins a message since Arrow 0.15.
	ipcContinued = 0xffffffff
)

// newIPCRecords reads the footer of a file that checkIPCFooter has passed.
func newIPCRecords(file []byte, schema *arrow.Schema, sums *fileSums) (*ipcRecords, error) {
	tail := len(file) - ipcTailBytes
	footer := tail - int(binary.LittleEndian.Uint32(file[tail:]))
	w := footerWalk{bytes: file[footer:tail]}
	root := w.follow(0)
	dictionaries, err := w.structs(root, slotDictionaries, ipcBlockBytes)
	if err != nil {
		return nil, err
	}
	if len(dictionaries) > 0 {
		return nil, errIrregular
	}
	r := &ipcRecords{file: file, schema: schema, sums: sums}
	if r.blocks, err = w.structs(root, slotRecords, ipcBlockBytes); err != nil || sums != nil || len(r.blocks) == 0 {
		return r, err
	}
	return r, r.ends(int64(footer))
}

// ends fails if a file without checksums has bytes before its footer that could be damaged checksums.
func (r *ipcRecords) ends(footer int64) error {
	place, err := r.place(len(r.blocks)/ipcBlockBytes - 1)
	if err != nil {
		return err
	}
	if gap := footer - place.end; gap < 0 || gap >= int64(len(ipcEnd)+sumTrailerBytes) {
		return fmt.Errorf("%w: the %d bytes between its records and its footer are neither", ErrCorrupt, gap)
	}
	return nil
}

// ipcPlace is the position of a record in the file: of its header, its body and the byte after that.
type ipcPlace struct{ head, body, end int64 }

// place finds record i.
func (r *ipcRecords) place(i int) (ipcPlace, error) { return placeOf(r.blocks, i, int64(len(r.file))) }

// placeOf finds message i of a list in a file of some size.
func placeOf(blocks []byte, i int, size int64) (ipcPlace, error) {
	block := blocks[ipcBlockBytes*i:]
	offset, length, body := int64(binary.LittleEndian.Uint64(block)), int64(binary.LittleEndian.Uint32(block[8:])), int64(binary.LittleEndian.Uint64(block[16:]))
	if offset < 0 || offset%8 != 0 || body < 0 || length < 8 || offset > size || length > size-offset || body > size-offset-length {
		return ipcPlace{}, fmt.Errorf("%w: record %d is outside of the file", ErrCorrupt, i)
	}
	return ipcPlace{offset, offset + length, offset + length + body}, nil
}

// structs returns the bytes of a list of structs in a slot of the table.
func (w *footerWalk) structs(table, slot, size int) ([]byte, error) {
	at, ok := w.field(table, slot)
	if !ok {
		return nil, nil
	}
	start := w.follow(at)
	n := int(binary.LittleEndian.Uint32(w.bytes[start:]))
	start += 4
	if n > (len(w.bytes)-start)/size {
		return nil, fmt.Errorf("%w: it claims a list of %d parts", ErrCorrupt, n)
	}
	return w.bytes[start : start+n*size], nil
}

// ipcHead is what the header of a record says about its body.
type ipcHead struct {
	rows int64
	// nodes holds the length and the number of nulls of each array, buffers the position and the
	// length of each buffer: 16 bytes each. Both are shortened as they are read.
	nodes, buffers []byte
	body           []byte
	// verify compares a part of the body with its checksum.
	verify func(offset, length int64) error
}

// head reads the header of record i.
func (r *ipcRecords) head(i int) (ipcHead, error) {
	place, err := r.place(i)
	if err != nil {
		return ipcHead{}, err
	}
	if err := r.sums.verify(r.file, place.head, place.body); err != nil {
		return ipcHead{}, err
	}
	message := r.file[place.head:place.body]
	if binary.LittleEndian.Uint32(message) != ipcContinued {
		return ipcHead{}, errIrregular // from before Arrow 0.15
	}
	h, err := parseIPCHead(message[8:], i)
	h.body = r.file[place.body:place.end:place.end]
	h.verify = func(offset, length int64) error {
		return r.sums.verify(r.file, place.body+offset, place.body+offset+length)
	}
	return h, err
}

// parseIPCHead reads what the message of record i says, without its body.
func parseIPCHead(message []byte, i int) (h ipcHead, err error) {
	const slotKind, slotHead, kindRecord = 1, 2, 3
	const slotLength, slotNodes, slotBuffers, slotCompression = 0, 1, 2, 3
	w := footerWalk{bytes: message}
	root := w.follow(0)
	if at, ok := w.field(root, slotKind); !ok || w.bytes[at] != kindRecord {
		return ipcHead{}, fmt.Errorf("%w: message %d is not a record", ErrCorrupt, i)
	}
	at, ok := w.field(root, slotHead)
	if !ok {
		return ipcHead{}, fmt.Errorf("%w: record %d has no header", ErrCorrupt, i)
	}
	table := w.follow(at)
	if _, compressed := w.field(table, slotCompression); compressed {
		return ipcHead{}, errIrregular
	}
	if at, ok := w.field(table, slotLength); ok {
		h.rows = int64(binary.LittleEndian.Uint64(w.bytes[at:]))
	}
	if h.nodes, err = w.structs(table, slotNodes, 16); err != nil {
		return ipcHead{}, err
	}
	if h.buffers, err = w.structs(table, slotBuffers, 16); err != nil {
		return ipcHead{}, err
	}
	if h.rows < 0 {
		return ipcHead{}, fmt.Errorf("%w: record %d has %d rows", ErrCorrupt, i, h.rows)
	}
	return h, nil
}

// record makes a record of the requested arrays, which point into the file.
func (h ipcHead) record(schema *arrow.Schema, wanted columnSet) (arrow.Record, error) {
	columns := make([]arrow.Array, 0, wanted.schema.NumFields())
	verify := h.verify
	for i, f := range schema.Fields() {
		h.verify = verify
		if !wanted.has[i] { // nobody sees it
			h.verify = func(int64, int64) error { return nil }
		}
		data, err := h.array(f.Type)
		if err != nil {
			return nil, err
		}
		if int64(data.Len()) != h.rows {
			return nil, fmt.Errorf("%w: column %q has %d rows of %d", ErrCorrupt, f.Name, data.Len(), h.rows)
		}
		if wanted.has[i] {
			columns = append(columns, array.MakeFromData(data))
		}
	}
	// None of it is Arrow's memory, so nothing needs to be released.
	return array.NewRecord(wanted.schema, columns, h.rows), nil
}

// columnSet is a subset of the columns of a schema.
type columnSet struct {
	has    []bool
	schema *arrow.Schema
	// vectors reports whether one of them is a layer's.
	vectors bool
}

func newColumnSet(schema *arrow.Schema, names []string) columnSet {
	s := columnSet{has: make([]bool, schema.NumFields())}
	var fields []arrow.Field
	for i, f := range schema.Fields() {
		if s.has[i] = slices.Contains(names, f.Name); s.has[i] {
			fields = append(fields, f)
			_, list := f.Type.(arrow.ListLikeType)
			s.vectors = s.vectors || list
		}
	}
	s.schema = arrow.NewSchema(fields, nil)
	return s
}

// array takes the next array of a type, with its children.
func (h *ipcHead) array(t arrow.DataType) (arrow.ArrayData, error) {
	if len(h.nodes) < 16 {
		return nil, fmt.Errorf("%w: a record has too few columns", ErrCorrupt)
	}
	length, nulls := int64(binary.LittleEndian.Uint64(h.nodes)), int64(binary.LittleEndian.Uint64(h.nodes[8:]))
	h.nodes = h.nodes[16:]
	if length < 0 || length > int64(len(h.body))*8 || nulls < 0 || nulls > length {
		return nil, fmt.Errorf("%w: an array of %d values, %d of them null", ErrCorrupt, length, nulls)
	}
	n := int(length)
	valid, err := h.buffer((n + 7) / 8 * min(1, int(nulls)))
	if err != nil {
		return nil, err
	}
	buffers, children := []*memory.Buffer{valid}, []arrow.ArrayData(nil)
	if nulls == 0 {
		buffers[0] = nil
	}
	sizes, elements, err := ipcLayout(t, n)
	if err != nil {
		return nil, err
	}
	for _, size := range sizes {
		b, err := h.buffer(size)
		if err != nil {
			return nil, err
		}
		buffers = append(buffers, b)
	}
	if elements != nil {
		child, err := h.array(elements)
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return array.NewData(t, n, buffers, children, int(nulls), 0), nil
}

// ipcLayout gives the least bytes of each buffer of an array of n values, besides that of nulls, and the type of the
// elements of lists.
func ipcLayout(t arrow.DataType, n int) (sizes []int, elements arrow.DataType, err error) {
	offsets := 4 * min(n, 1) * (n + 1)
	switch t := t.(type) {
	case *arrow.StringType:
		return []int{offsets, 0}, nil, nil
	case *arrow.Int32Type, *arrow.Float32Type, *arrow.Float16Type, *arrow.Float64Type:
		return []int{n * t.(arrow.FixedWidthDataType).BitWidth() / 8}, nil, nil
	case *arrow.ListType:
		return []int{offsets}, t.Elem(), nil
	case *arrow.FixedSizeListType:
		return nil, t.Elem(), nil
	}
	return nil, nil, errIrregular
}

// buffer takes the next buffer, which must have at least size bytes.
func (h *ipcHead) buffer(least int) (*memory.Buffer, error) {
	if len(h.buffers) < 16 {
		return nil, fmt.Errorf("%w: a record has too few buffers", ErrCorrupt)
	}
	offset, length := int64(binary.LittleEndian.Uint64(h.buffers)), int64(binary.LittleEndian.Uint64(h.buffers[8:]))
	h.buffers = h.buffers[16:]
	size := int64(len(h.body))
	if offset < 0 || length < int64(least) || offset > size || length > size-offset {
		return nil, fmt.Errorf("%w: a buffer of %d bytes at %d in a record of %d", ErrCorrupt, length, offset, size)
	}
	if length == 0 {
		return memory.NewBufferBytes(nil), nil
	}
	if err := h.verify(offset, length); err != nil {
		return nil, err
	}
	bytes := h.body[offset : offset+length : offset+length]
	if uintptr(unsafe.Pointer(&bytes[0]))%8 != 0 {
		return nil, errIrregular // numbers cannot be read in place
	}
	return memory.NewBufferBytes(bytes), nil
}
