package featurestore

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// ipcRecords finds the records of an Arrow file in memory and makes arrays of where they lie:
// Arrow's reader copies them twice. It reads what this package writes, uncompressed columns of
// strings, numbers and lists of numbers, and gives errIrregular for all else.
//
// Footer and records' heads are FlatBuffers. Reading damaged ones may panic: call it through
// guard.
type ipcRecords struct {
	file   []byte
	schema *arrow.Schema
	// blocks are the places of the records: 24 bytes each.
	blocks []byte
}

// newIPCRecords reads the footer of a file that checkIPCFooter has passed.
func newIPCRecords(file []byte, schema *arrow.Schema) (*ipcRecords, error) {
	const magic, slotDictionaries, slotRecords, blockBytes = "ARROW1", 2, 3, 24
	tail := len(file) - 4 - len(magic)
	length := int(binary.LittleEndian.Uint32(file[tail:]))
	w := footerWalk{bytes: file[tail-length : tail]}
	root := w.follow(0)
	dictionaries, err := w.structs(root, slotDictionaries, blockBytes)
	if err != nil {
		return nil, err
	}
	if len(dictionaries) > 0 {
		return nil, errIrregular
	}
	blocks, err := w.structs(root, slotRecords, blockBytes)
	return &ipcRecords{file: file, schema: schema, blocks: blocks}, err
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

// ipcHead is what the head of a record says of its body.
type ipcHead struct {
	rows int64
	// nodes has the length and the number of nulls of each array, buffers the place and the
	// length of each buffer: 16 bytes each. What was read of them is cut off.
	nodes, buffers []byte
	body           []byte
	// from and to are the place of the body in the file.
	from, to int
}

// head reads the head of record i.
func (r *ipcRecords) head(i int) (ipcHead, error) {
	block := r.blocks[24*i:]
	offset, length, body := int64(binary.LittleEndian.Uint64(block)), int64(binary.LittleEndian.Uint32(block[8:])), int64(binary.LittleEndian.Uint64(block[16:]))
	size := int64(len(r.file))
	if offset < 0 || offset%8 != 0 || body < 0 || length < 8 || offset > size || length > size-offset || body > size-offset-length {
		return ipcHead{}, fmt.Errorf("%w: record %d lies outside of the file", ErrCorrupt, i)
	}
	message := r.file[offset : offset+length]
	const continued = 0xffffffff
	if binary.LittleEndian.Uint32(message) != continued {
		return ipcHead{}, errIrregular // of before Arrow 0.15
	}
	const slotKind, slotHead, kindRecord = 1, 2, 3
	const slotLength, slotNodes, slotBuffers, slotCompression = 0, 1, 2, 3
	w := footerWalk{bytes: message[8:]}
	root := w.follow(0)
	if at, ok := w.field(root, slotKind); !ok || w.bytes[at] != kindRecord {
		return ipcHead{}, fmt.Errorf("%w: message %d is no record", ErrCorrupt, i)
	}
	at, ok := w.field(root, slotHead)
	if !ok {
		return ipcHead{}, fmt.Errorf("%w: record %d has no head", ErrCorrupt, i)
	}
	table := w.follow(at)
	if _, compressed := w.field(table, slotCompression); compressed {
		return ipcHead{}, errIrregular
	}
	h := ipcHead{from: int(offset + length), to: int(offset + length + body)}
	h.body = r.file[h.from:h.to:h.to]
	if at, ok := w.field(table, slotLength); ok {
		h.rows = int64(binary.LittleEndian.Uint64(w.bytes[at:]))
	}
	var err error
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

// record makes a record of the arrays where they lie in the file.
func (h ipcHead) record(schema *arrow.Schema) (arrow.Record, error) {
	columns := make([]arrow.Array, 0, schema.NumFields())
	for _, f := range schema.Fields() {
		data, err := h.array(f.Type)
		if err != nil {
			return nil, err
		}
		if int64(data.Len()) != h.rows {
			return nil, fmt.Errorf("%w: column %q has %d rows of %d", ErrCorrupt, f.Name, data.Len(), h.rows)
		}
		columns = append(columns, array.MakeFromData(data))
	}
	// Nothing of it is Arrow's memory, so nothing needs to be released.
	return array.NewRecord(schema, columns, h.rows), nil
}

// array takes the next array of a type, with what it consists of.
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
	add := func(bytes int) error {
		b, err := h.buffer(bytes)
		buffers = append(buffers, b)
		return err
	}
	child := func(t arrow.DataType) error {
		data, err := h.array(t)
		children = append(children, data)
		return err
	}
	switch t := t.(type) {
	case *arrow.StringType:
		if err = add(4 * min(n, 1) * (n + 1)); err == nil {
			err = add(0)
		}
	case *arrow.Int32Type, *arrow.Float32Type, *arrow.Float16Type:
		err = add(n * t.(arrow.FixedWidthDataType).BitWidth() / 8)
	case *arrow.ListType:
		if err = add(4 * min(n, 1) * (n + 1)); err == nil {
			err = child(t.Elem())
		}
	case *arrow.FixedSizeListType:
		err = child(t.Elem())
	default:
		return nil, errIrregular
	}
	if err != nil {
		return nil, err
	}
	return array.NewData(t, n, buffers, children, int(nulls), 0), nil
}

// buffer takes the next buffer, of at least so many bytes.
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
	bytes := h.body[offset : offset+length : offset+length]
	if uintptr(unsafe.Pointer(&bytes[0]))%4 != 0 {
		return nil, errIrregular // numbers cannot be read where they lie
	}
	return memory.NewBufferBytes(bytes), nil
}
