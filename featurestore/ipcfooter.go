package featurestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	ipcMagic = "ARROW1"
	// ipcTailBytes is the size of what follows the footer: its length and the magic.
	ipcTailBytes = 4 + len(ipcMagic)
)

// ipcFooterAt is where the footer of an Arrow file begins.
func ipcFooterAt(r io.ReaderAt, size int64) (int64, error) {
	if size < 2*int64(ipcTailBytes) {
		return 0, fmt.Errorf("%w: %d bytes are not an Arrow file", ErrCorrupt, size)
	}
	tail := make([]byte, ipcTailBytes)
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil {
		return 0, err
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if string(tail[4:]) != ipcMagic || length > size-int64(len(tail)) {
		return 0, fmt.Errorf("%w: it does not end like an Arrow file", ErrCorrupt)
	}
	return size - int64(len(tail)) - length, nil
}

// checkIPCFooter walks the schema in the footer of an Arrow file and fails if one of its lists claims
// to be longer than the footer. Arrow allocates what they claim, so a single changed byte could get
// the process killed for lack of memory.
//
// The footer is a FlatBuffer. Like everything that reads one, this may panic: call it through
// guard.Call.
func checkIPCFooter(r io.ReaderAt, size int64) error {
	start, err := ipcFooterAt(r, size)
	if err != nil {
		return err
	}
	footer := make([]byte, size-int64(ipcTailBytes)-start)
	if _, err := r.ReadAt(footer, start); err != nil {
		return err
	}
	w := footerWalk{bytes: footer}
	const footerSchema, schemaFields, schemaMetadata = 1, 1, 2
	schema, ok := w.field(w.follow(0), footerSchema)
	if !ok {
		return fmt.Errorf("%w: its footer has no schema", ErrCorrupt)
	}
	at := w.follow(schema)
	if err := w.metadata(at, schemaMetadata); err != nil {
		return err
	}
	return w.fields(at, schemaFields)
}

const (
	// maxFooterFields and maxFooterPairs bound the fields and the pairs of metadata visited: lists may refer to one of
	// them many times.
	maxFooterFields = 1 << 16
	maxFooterPairs  = 4 * maxFooterFields
	// maxFooterTexts bounds the names and the metadata, each as often as it is referred to, by the size of the footer.
	maxFooterTexts = 2
)

type footerWalk struct {
	bytes                 []byte
	visited, pairs, texts int
}

// follow returns the position that the reference at a position leads to.
func (w *footerWalk) follow(at int) int {
	return at + int(binary.LittleEndian.Uint32(w.bytes[at:]))
}

// field finds the field in the given slot of the table at a position.
func (w *footerWalk) field(table, slot int) (at int, ok bool) {
	layout := table - int(int32(binary.LittleEndian.Uint32(w.bytes[table:])))
	entry := 4 + 2*slot
	if entry >= int(binary.LittleEndian.Uint16(w.bytes[layout:])) {
		return 0, false
	}
	offset := int(binary.LittleEndian.Uint16(w.bytes[layout+entry:]))
	return table + offset, offset != 0
}

// list returns the positions of the elements of a list of references.
func (w *footerWalk) list(table, slot int) ([]int, error) {
	at, ok := w.field(table, slot)
	if !ok {
		return nil, nil
	}
	start := w.follow(at)
	n := int(binary.LittleEndian.Uint32(w.bytes[start:]))
	start += 4
	if n > (len(w.bytes)-start)/4 {
		return nil, fmt.Errorf("%w: its footer claims a list of %d elements", ErrCorrupt, n)
	}
	elements := make([]int, n)
	for i := range elements {
		elements[i] = w.follow(start + 4*i)
	}
	return elements, nil
}

// fields checks the lists of fields in a slot, and those below them.
func (w *footerWalk) fields(table, slot int) error {
	const fieldChildren, fieldMetadata = 5, 6
	fields, err := w.list(table, slot)
	if err != nil {
		return err
	}
	if w.visited += len(fields); w.visited > maxFooterFields {
		return fmt.Errorf("%w: its footer has more than %d fields", ErrCorrupt, maxFooterFields)
	}
	for _, f := range fields {
		if err := errors.Join(w.text(f, 0), w.metadata(f, fieldMetadata)); err != nil {
			return err
		}
		if err := w.fields(f, fieldChildren); err != nil {
			return err
		}
	}
	return nil
}

// metadata checks the keys and values in a slot.
func (w *footerWalk) metadata(table, slot int) error {
	pairs, err := w.list(table, slot)
	if w.pairs += len(pairs); w.pairs > maxFooterPairs {
		return fmt.Errorf("%w: its footer has more than %d pairs of metadata", ErrCorrupt, maxFooterPairs)
	}
	for _, pair := range pairs {
		if err == nil {
			err = errors.Join(w.text(pair, 0), w.text(pair, 1))
		}
	}
	return err
}

// text counts a text, of which Arrow makes a copy for each that refers to it.
func (w *footerWalk) text(table, slot int) error {
	at, ok := w.field(table, slot)
	if !ok {
		return nil
	}
	w.texts += int(binary.LittleEndian.Uint32(w.bytes[w.follow(at):]))
	if w.texts > maxFooterTexts*len(w.bytes) {
		return fmt.Errorf("%w: its footer of %d bytes has texts of %d or more", ErrCorrupt, len(w.bytes), w.texts)
	}
	return nil
}
