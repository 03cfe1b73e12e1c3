package guard

import (
	"fmt"

	"github.com/apache/arrow/go/v15/parquet"
)

// RawPage is a page of values as it lies in the file: compressed.
type RawPage struct {
	// Data is the page without its header.
	Data []byte
	// Plain is the number of bytes before compression, levels included.
	Plain, Values int
}

// RawPages reads the pages of a column chunk without unpacking them, and compares their headers with the footer. It
// returns ErrLevels if they are not all of version 1 with plain values and levels in runs. Done gives the memory back.
func (s *Source) RawPages(group, leaf int) ([]RawPage, error) {
	chunk, err := s.reader.MetaData().RowGroup(group).ColumnChunk(leaf)
	if err != nil {
		return nil, err
	}
	if chunk.CryptoMetadata() != nil || chunk.HasDictionaryPage() {
		return nil, ErrLevels
	}
	start, size := chunkPlace(chunk)
	c := s.column(chunk, leaf)
	if err := c.charge(size, "its pages"); err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if n, err := s.ReadSeeker.ReadAt(data, start); int64(n) != size {
		return nil, err
	}
	var pages []RawPage
	plain := int64(0)
	for len(data) > 0 {
		h, _, err := readPageHead(data[:min(len(data), maxPageHeader)])
		if err != nil {
			return nil, c.bad("has a damaged header: %w", err)
		}
		data = data[h.length:]
		if err := c.checkHead(h, int64(len(data))); err != nil {
			return nil, err
		}
		if h.kind != pageData || parquet.Encoding(h.encoding) != parquet.Encodings.Plain || !h.runs() {
			return nil, ErrLevels
		}
		plain += int64(h.length) + h.uncompressed
		pages = append(pages, RawPage{Data: data[:h.compressed:h.compressed], Plain: int(h.uncompressed), Values: int(h.values)})
		data = data[h.compressed:]
	}
	if c.seen != c.values || plain != chunk.TotalUncompressedSize() {
		return nil, fmt.Errorf("%w: the pages of column %q have %d values in %d bytes, but the footer says %d in %d", ErrCorrupt, c.descr.Path(),
			c.seen, plain, c.values, chunk.TotalUncompressedSize())
	}
	return pages, nil
}

// runs reports whether the levels of a page are stored in runs.
func (h pageHead) runs() bool {
	return parquet.Encoding(h.definitions) == parquet.Encodings.RLE && parquet.Encoding(h.repetitions) == parquet.Encodings.RLE
}
