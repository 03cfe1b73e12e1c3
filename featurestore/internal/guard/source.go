package guard

import (
	"fmt"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"

	"fovea/internal/budget"
)

// Source is a Parquet file whose column chunks are checked as they are read, before Arrow sees them: Arrow
// allocates what the headers of pages claim. It is for one goroutine.
type Source struct {
	ReadSeeker
	size   int64
	memory *budget.Budget
	// chunks are the column chunks by the place where they begin.
	chunks map[int64]place
	reader *file.Reader
	held   int64
}

// place is a column chunk.
type place struct {
	group, leaf int
	size        int64
}

// NewSource checks the footer of a file of size bytes.
func NewSource(r ReadSeeker, size int64, memory *budget.Budget) (*Source, error) {
	if err := checkFooter(r, size, memory); err != nil {
		return nil, err
	}
	return &Source{ReadSeeker: r, size: size, memory: memory}, nil
}

// chunkPlace is where a column chunk lies.
func chunkPlace(chunk *metadata.ColumnChunkMetaData) (start, size int64) {
	start = chunk.DataPageOffset()
	if chunk.HasDictionaryPage() && chunk.DictionaryPageOffset() > 0 && start > chunk.DictionaryPageOffset() {
		start = chunk.DictionaryPageOffset()
	}
	return start, chunk.TotalCompressedSize()
}

// Watch checks that the column chunks, as the footer tells, lie in the file and are not larger than it together,
// and watches them.
func (s *Source) Watch(reader *file.Reader) error {
	m := reader.MetaData()
	s.reader, s.chunks = reader, map[int64]place{}
	total, columns := int64(0), m.Schema.NumColumns()
	for g, group := range m.RowGroups {
		if len(group.Columns) != columns {
			return fmt.Errorf("%w: row group %d has %d columns of %d", ErrCorrupt, g, len(group.Columns), columns)
		}
		row := m.RowGroup(g)
		for leaf := range columns {
			chunk, err := row.ColumnChunk(leaf)
			if err != nil {
				return err
			}
			start, size := chunkPlace(chunk)
			if start < 0 || size < 0 || start > s.size || size > s.size-start {
				return fmt.Errorf("%w: column %q of row group %d has %d bytes at %d of a file of %d", ErrCorrupt, m.Schema.Column(leaf).Path(), g, size, start, s.size)
			}
			if total += size; total > s.size {
				return fmt.Errorf("%w: its column chunks are larger than the file", ErrCorrupt)
			}
			if chunk.NumValues() < 0 {
				return fmt.Errorf("%w: column %q of row group %d has %d values", ErrCorrupt, m.Schema.Column(leaf).Path(), g, chunk.NumValues())
			}
			if _, twice := s.chunks[start]; twice && size > 0 {
				return fmt.Errorf("%w: two of its column chunks begin at %d", ErrCorrupt, start)
			}
			if size > 0 {
				s.chunks[start] = place{g, leaf, size}
			}
		}
	}
	return nil
}

// ReadAt implements io.ReaderAt. A column chunk that is damaged is not given to Arrow.
func (s *Source) ReadAt(p []byte, at int64) (int, error) {
	n, err := s.ReadSeeker.ReadAt(p, at)
	if c, ok := s.chunks[at]; ok && err == nil && int64(len(p)) >= c.size {
		err = s.check(p, c)
	}
	return n, err
}

func (s *Source) check(data []byte, at place) error {
	chunk, err := s.reader.MetaData().RowGroup(at.group).ColumnChunk(at.leaf)
	if err != nil {
		return err
	}
	c := s.column(chunk, at.leaf)
	c.encodings = chunk.Encodings()
	return c.checkPages(data)
}

// Charge charges memory for what is made of the column chunks that were read.
func (s *Source) Charge(n int64, what string) error {
	err := s.memory.Take(n, what)
	if err == nil {
		s.held += n
	}
	return err
}

// give returns what was charged before its time; Done may already have done so.
func (s *Source) give(n int64) {
	n = min(n, s.held)
	s.memory.Give(n)
	s.held -= n
}

// Done gives back what was charged since the last time.
func (s *Source) Done() {
	s.memory.Give(s.held)
	s.held = 0
}

func (s *Source) column(chunk *metadata.ColumnChunkMetaData, leaf int) *column {
	return &column{descr: s.reader.MetaData().Schema.Column(leaf), codec: chunk.Compression(), values: chunk.NumValues(), file: s}
}
