package featurestore

import (
	"fmt"
	"math/bits"
	"slices"

	"fovea/featurestore/internal/guard"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// errIrregular means that a column of vectors is not stored as this package stores it, so that
// Arrow's own reader must read it.
var errIrregular = guard.ErrLevels

// vectorPages reads a column of vectors page by page. Arrow's reader takes apart and puts
// together the levels of every value, which takes more time than all else; here they are only
// compared with what they must be when every vector has the same size and no nulls.
//
// It reads pages of version 1 with plain values, and gives errIrregular for all else.
type vectorPages struct {
	pages file.PageReader
	size  int         // values of a vector
	field arrow.Field // a list
	width int         // bytes of a value
	// defined is the definition level of a value that is there.
	defined int
	// encodings are those of the column's pages, as the footer says.
	encodings []parquet.Encoding
	// most is the number of bytes of values that the column can have: more is a damaged
	// file's claim, which must not be given memory.
	most int64
	// page is what is left of the values of the current page; next is the place within its
	// vector of the page's first value.
	page []byte
	next int
	// values and offsets are used again for each record.
	values  []byte
	offsets []int32
}

// newVectorPages is nil if the column is not a list of numbers as stored here.
func newVectorPages(reader *file.Reader, group, leaf int, field arrow.Field, size int) (*vectorPages, error) {
	list, ok := field.Type.(*arrow.ListType)
	column := reader.MetaData().Schema.Column(leaf)
	if !ok || size < 1 || column.MaxRepetitionLevel() != 1 {
		return nil, nil
	}
	v := &vectorPages{size: size, field: field, defined: int(column.MaxDefinitionLevel())}
	switch {
	case list.Elem().ID() == arrow.FLOAT32 && column.PhysicalType() == parquet.Types.Float:
		v.width = 4
	case list.Elem().ID() == arrow.FLOAT16 && column.PhysicalType() == parquet.Types.FixedLenByteArray && column.TypeLength() == 2:
		v.width = 2
	default:
		return nil, nil
	}
	chunk, err := reader.MetaData().RowGroup(group).ColumnChunk(leaf)
	if err != nil {
		return nil, err
	}
	v.most, v.encodings = min(chunk.TotalUncompressedSize(), guard.MaxParquetBuffer), chunk.Encodings()
	v.pages, err = reader.RowGroup(group).GetColumnPageReader(leaf)
	return v, err
}

// read returns the next rows vectors. They lie in memory that the next call uses again.
func (v *vectorPages) read(rows int) (arrow.Array, error) {
	want := rows * v.size * v.width
	if int64(want) > v.most {
		return nil, errIrregular
	}
	if cap(v.values) < want {
		v.values = make([]byte, want)
		v.offsets = make([]int32, rows+1)
		for i := range v.offsets {
			v.offsets[i] = int32(i * v.size)
		}
	}
	v.values = v.values[:want]
	for filled := 0; filled < want; {
		if len(v.page) == 0 {
			if err := v.turn(); err != nil {
				return nil, err
			}
		}
		n := copy(v.values[filled:], v.page)
		v.page = v.page[n:]
		filled += n
	}
	element := v.field.Type.(*arrow.ListType).Elem()
	child := array.NewData(element, rows*v.size, []*memory.Buffer{nil, memory.NewBufferBytes(v.values)}, nil, 0, 0)
	defer child.Release()
	offsets := memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(v.offsets[:rows+1]))
	data := array.NewData(v.field.Type, rows, []*memory.Buffer{nil, offsets}, []arrow.ArrayData{child}, 0, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// turn loads the next page that has values.
func (v *vectorPages) turn() error {
	for len(v.page) == 0 {
		if !v.pages.Next() {
			if err := v.pages.Err(); err != nil {
				return err
			}
			return errIrregular // too few values: Arrow's reader says what it thinks of that
		}
		page, ok := v.pages.Page().(*file.DataPageV1)
		if !ok {
			return errIrregular
		}
		if err := knownEncoding(page, v.encodings, v.field.Name); err != nil {
			return err
		}
		if parquet.Encoding(page.Encoding()) != parquet.Encodings.Plain ||
			page.RepetitionLevelEncoding() != parquet.Encodings.RLE || page.DefinitionLevelEncoding() != parquet.Encodings.RLE {
			return errIrregular
		}
		if err := v.open(page.Data(), int(page.NumValues())); err != nil {
			return err
		}
	}
	return nil
}

// knownEncoding fails if a page has another encoding than the column's pages have by the footer.
// Arrow's reader passes over the error and gives zeros, or once more what stood before, for values
// of such a page, unless it is the first.
func knownEncoding(page file.Page, known []parquet.Encoding, column string) error {
	if encoding := parquet.Encoding(page.Encoding()); !slices.Contains(known, encoding) {
		return fmt.Errorf("%w: a page of column %q has the encoding %d, of which its footer does not know", ErrCorrupt, column, encoding)
	}
	return nil
}

// checkEncodings is knownEncoding for a column of a group that Arrow's reader is going to read. Columns
// that fit one page are passed over.
func (s *parquetSource) checkEncodings(group, leaf int, column string) error {
	chunk, err := s.reader.MetaData().RowGroup(group).ColumnChunk(leaf)
	if err != nil || chunk.TotalUncompressedSize() <= dataPageBytes {
		return err
	}
	pages, err := s.reader.RowGroup(group).GetColumnPageReader(leaf)
	if err != nil {
		return err
	}
	for pages.Next() {
		if _, dictionary := pages.Page().(*file.DictionaryPage); dictionary {
			continue
		}
		if err := knownEncoding(pages.Page(), chunk.Encodings(), column); err != nil {
			return err
		}
	}
	return pages.Err()
}

// open checks the levels of a page of n values.
func (v *vectorPages) open(data []byte, n int) error {
	// A repetition level of 0 begins a vector, 1 goes on with it.
	at := v.next
	data, err := guard.ReadLevels(data, 1, n, func(level, count int) bool {
		switch {
		case level == 0:
			if v.size > 1 && (count > 1 || at != 0) {
				return false
			}
			at = (at + count) % v.size
			return true
		case at == 0 || count > v.size-at:
			return false
		}
		at = (at + count) % v.size
		return true
	})
	if err != nil {
		return err
	}
	data, err = guard.ReadLevels(data, bits.Len(uint(v.defined)), n, func(level, _ int) bool { return level == v.defined })
	if err != nil {
		return err
	}
	if len(data) != n*v.width {
		return errIrregular
	}
	v.next, v.page = at, data
	return nil
}
