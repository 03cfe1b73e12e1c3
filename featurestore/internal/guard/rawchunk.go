package guard

import (
	"fmt"

	"github.com/apache/arrow/go/v15/parquet"
)

// RawChunk is a column chunk as it lies in the file: pages, compressed, each after its header.
type RawChunk struct {
	Bytes []byte
	// Pages is their number.
	Pages int32
}

// RawChunk reads a column chunk without unpacking it, and compares the headers of its pages with the footer. It returns
// ErrLevels if they are not all of version 1 with plain values and levels in runs. Done gives the memory back.
func (s *Source) RawChunk(group, leaf int) (RawChunk, error) {
	chunk, err := s.reader.MetaData().RowGroup(group).ColumnChunk(leaf)
	if err != nil {
		return RawChunk{}, err
	}
	if chunk.CryptoMetadata() != nil || chunk.HasDictionaryPage() {
		return RawChunk{}, ErrLevels
	}
	start, size := chunkPlace(chunk)
	c := s.column(chunk, leaf)
	if err := c.charge(size, "its pages"); err != nil {
		return RawChunk{}, err
	}
	raw := RawChunk{Bytes: make([]byte, size)}
	if n, err := s.ReadSeeker.ReadAt(raw.Bytes, start); int64(n) != size {
		return RawChunk{}, err
	}
	plain := int64(0)
	for data := raw.Bytes; len(data) > 0; raw.Pages++ {
		h, _, err := readPageHead(data[:min(len(data), maxPageHeader)])
		if err != nil {
			return RawChunk{}, c.bad("has a damaged header: %w", err)
		}
		data = data[h.length:]
		if err := c.checkHead(h, int64(len(data))); err != nil {
			return RawChunk{}, err
		}
		if h.kind != pageData || parquet.Encoding(h.encoding) != parquet.Encodings.Plain || !h.runs() {
			return RawChunk{}, ErrLevels
		}
		plain += int64(h.length) + h.uncompressed
		data = data[h.compressed:]
	}
	if c.seen != c.values || plain != chunk.TotalUncompressedSize() {
		return RawChunk{}, fmt.Errorf("%w: the pages of column %q have %d values in %d bytes, but the footer says %d in %d", ErrCorrupt, c.descr.Path(),
			c.seen, plain, c.values, chunk.TotalUncompressedSize())
	}
	return raw, nil
}

// runs reports whether the levels of a page are stored in runs.
func (h pageHead) runs() bool {
	return parquet.Encoding(h.definitions) == parquet.Encodings.RLE && parquet.Encoding(h.repetitions) == parquet.Encodings.RLE
}
