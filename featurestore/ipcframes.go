package featurestore

import (
	"encoding/binary"
	"io"
	"math"

	"fovea/featurestore/internal/guard"
)

// ipcFrames checks the compressed buffers of an Arrow file before Arrow's reader unpacks them. This package does not
// write such files, but others do.
//
// Reading damaged headers may panic: call it through guard.Call.
type ipcFrames struct {
	file   io.ReaderAt
	size   int64
	memory *guard.Allocator
	// dictionaries and records are the positions of the messages: 24 bytes each.
	dictionaries, records []byte
}

// newIPCFrames reads the footer of a file that checkIPCFooter has passed, and checks the dictionaries, which Arrow
// reads when it opens the file.
func newIPCFrames(r io.ReaderAt, size int64, memory *guard.Allocator) (*ipcFrames, error) {
	start, err := ipcFooterAt(r, size)
	if err != nil {
		return nil, err
	}
	w := footerWalk{bytes: make([]byte, size-int64(ipcTailBytes)-start)}
	if _, err := r.ReadAt(w.bytes, start); err != nil {
		return nil, err
	}
	f := &ipcFrames{file: r, size: size, memory: memory}
	root := w.follow(0)
	if f.dictionaries, err = w.structs(root, slotDictionaries, ipcBlockBytes); err != nil {
		return nil, err
	}
	if f.records, err = w.structs(root, slotRecords, ipcBlockBytes); err != nil {
		return nil, err
	}
	for i := range len(f.dictionaries) / ipcBlockBytes {
		if err := f.check(f.dictionaries, i); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// check looks at message i of a list.
func (f *ipcFrames) check(blocks []byte, i int) error {
	place, err := placeOf(blocks, i, f.size)
	if err != nil {
		return err
	}
	message := make([]byte, place.body-place.head)
	if _, err := f.file.ReadAt(message, place.head); err != nil {
		return err
	}
	const slotKind, slotHead, slotData, slotBuffers, slotCompression, slotCodec = 1, 2, 1, 2, 3, 0
	const kindDictionary, codecZstd = 2, 1
	w := footerWalk{bytes: message[8:]}
	root := w.follow(0)
	kind, hasKind := w.field(root, slotKind)
	at, hasHead := w.field(root, slotHead)
	if binary.LittleEndian.Uint32(message) != ipcContinued || !hasKind || !hasHead {
		return nil // nothing that could be compressed
	}
	table := w.follow(at)
	if w.bytes[kind] == kindDictionary {
		if at, ok := w.field(table, slotData); ok {
			table = w.follow(at)
		}
	}
	at, compressed := w.field(table, slotCompression)
	if !compressed {
		return nil
	}
	f.memory.Most = 0 // parts may be larger than the file
	if at, ok := w.field(w.follow(at), slotCodec); !ok || w.bytes[at] != codecZstd {
		return nil // LZ4, whose blocks have 4 MiB at most
	}
	buffers, err := w.structs(table, slotBuffers, 16)
	if err != nil {
		return err
	}
	return f.checkBuffers(buffers, place)
}

// checkBuffers looks at the buffers of a message: each has its length when unpacked, and frames.
func (f *ipcFrames) checkBuffers(buffers []byte, place ipcPlace) error {
	for ; len(buffers) >= 16; buffers = buffers[16:] {
		offset, length := int64(binary.LittleEndian.Uint64(buffers)), int64(binary.LittleEndian.Uint64(buffers[8:]))
		if offset < 0 || length < 8 || offset > place.end-place.body || length > place.end-place.body-offset {
			continue // empty, or refused by Arrow
		}
		buffer := make([]byte, length)
		if _, err := f.file.ReadAt(buffer, place.body+offset); err != nil {
			return err
		}
		if binary.LittleEndian.Uint64(buffer) == math.MaxUint64 { // it is not compressed
			continue
		}
		if err := guard.CheckWindows(buffer[8:], f.memory.Memory); err != nil {
			return err
		}
	}
	return nil
}
