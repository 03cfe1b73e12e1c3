package guard

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// pageStream reads a column chunk page by page, each of which is checked before Arrow sees it. At most one
// page is in memory.
type pageStream struct {
	column *column
	// at is where the file is read next, end the end of the column chunk.
	at, end int64
	// read is how much is read at once.
	read int
	// ahead is what was read, of which the first page bytes are checked.
	ahead []byte
	page  int
	// large is what was charged for a page that is larger than read.
	large int64
}

// Pages reads the pages of a column chunk one by one, reading so many bytes of the file at once.
func (s *Source) Pages(group, leaf, read int, buffers memory.Allocator) (file.PageReader, error) {
	chunk, err := s.reader.MetaData().RowGroup(group).ColumnChunk(leaf)
	if err != nil {
		return nil, err
	}
	if chunk.CryptoMetadata() != nil {
		return nil, errors.New("the column is encrypted")
	}
	start, size := chunkPlace(chunk)
	stream := &pageStream{column: s.column(chunk, leaf), at: start, end: start + size, read: read}
	return file.NewPageReader(stream, chunk.NumValues(), chunk.Compression(), buffers, nil)
}

// Peek shows the beginning of the current page.
func (s *pageStream) Peek(n int) ([]byte, error) {
	if s.page == 0 {
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	if n > s.page {
		return s.ahead[:s.page], io.EOF
	}
	return s.ahead[:n], nil
}

// Discard skips a part of the current page.
func (s *pageStream) Discard(n int) (int, error) {
	n = min(n, s.page)
	s.ahead, s.page = s.ahead[n:], s.page-n
	return n, nil
}

// Read reads from the current page.
func (s *pageStream) Read(p []byte) (int, error) {
	n := copy(p, s.ahead[:s.page])
	s.ahead, s.page = s.ahead[n:], s.page-n
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// next reads the next page and checks it.
func (s *pageStream) next() error {
	s.column.file.give(s.large)
	s.large = 0
	if len(s.ahead) == 0 && s.at == s.end {
		return io.EOF
	}
	var h pageHead
	for want := 1; ; want = 2 * len(s.ahead) {
		if err := s.fill(want); err != nil {
			return err
		}
		head, short, err := readPageHead(s.ahead)
		if err == nil {
			h = head
			break
		}
		if !short || s.at == s.end || len(s.ahead) >= maxPageHeader {
			return s.column.bad("has a damaged header: %w", err)
		}
	}
	if err := s.column.checkHead(h, int64(len(s.ahead)-h.length)+s.end-s.at); err != nil {
		return err
	}
	page := h.length + int(h.compressed)
	if page > s.read {
		if err := s.column.charge(int64(page), "a page"); err != nil {
			return err
		}
		s.large = int64(page)
	}
	if err := s.fill(page); err != nil {
		return err
	}
	s.page = page
	return s.column.checkPayload(h, s.ahead[h.length:page])
}

// fill reads until n bytes are there, or all of the column chunk.
func (s *pageStream) fill(n int) error {
	if len(s.ahead) >= n || s.at == s.end {
		return nil
	}
	more := min(int64(max(n-len(s.ahead), s.read)), s.end-s.at)
	ahead := make([]byte, len(s.ahead)+int(more))
	copy(ahead, s.ahead)
	got, err := s.column.file.ReadSeeker.ReadAt(ahead[len(s.ahead):], s.at)
	if int64(got) == more {
		err = nil
	}
	if err != nil {
		return err
	}
	s.ahead, s.at = ahead, s.at+more
	return nil
}
