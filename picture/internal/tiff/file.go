package tiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"fovea/picture/internal/fault"
)

// File is an open file. It is for one goroutine, and keeps the memory of blocks for the next.
type File struct {
	// Codec decodes the compressions that the package leaves to others; nil for none.
	Codec Codec
	// Spend, if set, hears of work that was done, in pixels or as much, and reports whether to go on.
	Spend func(work int) bool

	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	big   bool
	first int64 // directory
	raw   []byte
	block []byte
	lists [2]listCache

	inflate io.ReadCloser
}

// Open reads a file's header.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size}
	head, err := f.bytes(0, min(16, size))
	if err != nil {
		return nil, err
	}
	if len(head) < 8 {
		return nil, fault.Truncated("it has %d bytes", len(head))
	}
	switch string(head[:2]) {
	case "II":
		f.order = binary.LittleEndian
	case "MM":
		f.order = binary.BigEndian
	default:
		return nil, fault.Corrupt("no TIFF")
	}
	switch version := f.order.Uint16(head[2:]); {
	case version == 42:
		f.first = int64(f.order.Uint32(head[4:]))
	case version != 43:
		return nil, fault.Corrupt("version %d", version)
	case len(head) < 16:
		return nil, fault.Truncated("it has %d bytes", len(head))
	case f.order.Uint16(head[4:]) != 8:
		return nil, fault.Unsupported("BigTIFF with places of %d bytes: save it again as TIFF", f.order.Uint16(head[4:]))
	default:
		f.big, f.first = true, int64(f.order.Uint64(head[8:]))
	}
	return f, nil
}

// bytes reads n bytes at a place into new memory.
func (f *File) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > f.size || n > f.size-at {
		return nil, fault.Truncated("%d bytes at %d, the file has %d", n, at, f.size)
	}
	out := make([]byte, n)
	return out, f.fill(out, at)
}

// fill reads bytes that are within the file.
func (f *File) fill(dst []byte, at int64) error {
	n, err := f.r.ReadAt(dst, at)
	switch {
	case n == len(dst):
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return fault.Truncated("%d bytes at %d cannot be read", len(dst), at)
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(dst), at, err)
}

// spend counts work.
func (f *File) spend(work int) error {
	if f.Spend != nil && !f.Spend(work) {
		return fault.ErrStopped
	}
	return nil
}

// mostEntries bounds the entries of a directory that are read. The standard and its extensions have some 600 tags.
const mostEntries = 1000

// Page reads the directory of the first page.
func (f *File) Page() (*Directory, error) {
	d, _, err := f.directory(f.first)
	return d, err
}

// Pages reads the directories of pages, as many as there are, up to most.
func (f *File) Pages(most int) ([]*Directory, error) {
	var pages []*Directory
	seen := map[int64]bool{}
	for at := f.first; at != 0 && len(pages) < most; {
		if seen[at] {
			return nil, fault.Corrupt("the chain of its directories is a loop")
		}
		seen[at] = true
		d, next, err := f.directory(at)
		if err != nil {
			return pages, err
		}
		pages, at = append(pages, d), next
	}
	return pages, nil
}

// directory reads a directory and where the next one is, 0 if there is none.
func (f *File) directory(at int64) (*Directory, int64, error) {
	countBytes, entryBytes, placeBytes := int64(2), int64(12), int64(4)
	if f.big {
		countBytes, entryBytes, placeBytes = 8, 20, 8
	}
	head, err := f.bytes(at, countBytes)
	if err != nil || at < 8 {
		return nil, 0, fault.Truncated("no directory at %d", at)
	}
	count := int64(f.number(head, int(countBytes)))
	d := &Directory{file: f, Whole: true}
	room := (f.size - at - countBytes) / entryBytes
	if count < 0 || count > room {
		d.Whole = false
		count = room
	}
	listed := min(count, mostEntries)
	entries, err := f.bytes(at+countBytes, listed*entryBytes)
	if err != nil {
		return nil, 0, err
	}
	for ; len(entries) > 0; entries = entries[entryBytes:] {
		d.add(entries[:entryBytes])
	}
	next := int64(0)
	if place, err := f.bytes(at+countBytes+count*entryBytes, placeBytes); err == nil && d.Whole {
		next = int64(f.number(place, int(placeBytes)))
	}
	return d, next, nil
}

// number is a whole number of some bytes.
func (f *File) number(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(f.order.Uint16(b))
	case 4:
		return uint64(f.order.Uint32(b))
	}
	return f.order.Uint64(b)
}
