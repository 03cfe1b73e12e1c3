package featurestore

import (
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"fovea/featurestore/internal/guard"
)

// errIrregular means that a column of vectors is not stored as this package stores it, so that
// Arrow's own reader must read it.
var errIrregular = guard.ErrLevels

// vectorPages reads a column of vectors page by page. Arrow's reader decodes the levels of every value,
// which takes more time than everything else; here they are only compared with what they must be if
// every vector has the same size and no nulls.
//
// It reads pages of version 1 with plain values; everything else is errIrregular.
type vectorPages struct {
	pages file.PageReader
	size  int         // values of a vector
	field arrow.Field // a list
	width int         // bytes of a value
	// defined is the definition level of a value that is not null.
	defined int
	// most bounds the bytes of values in the column, by the footer. charge charges memory for them.
	most   int64
	charge func(n int64, what string) error
	// page is the rest of the values of the current page; next is the index of the page's first value
	// in its vector.
	page []byte
	next int
	// values and offsets are reused for each record.
	values  []byte
	offsets []int32
}

// vectorPages returns nil if the column is not a list of numbers as stored by this package.
func (s *parquetSource) vectorPages(group, leaf int, field arrow.Field) (*vectorPages, error) {
	reader, size := s.reader, s.vectorSize(field.Name)
	list, ok := field.Type.(*arrow.ListType)
	column := reader.MetaData().Schema.Column(leaf)
	if !ok || size < 1 || column.MaxRepetitionLevel() != 1 {
		return nil, nil
	}
	v := &vectorPages{size: size, field: field, defined: int(column.MaxDefinitionLevel()), charge: s.file.Charge}
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
	v.most = chunk.TotalUncompressedSize()
	v.pages, err = reader.RowGroup(group).GetColumnPageReader(leaf)
	return v, err
}

// read returns the next vectors, as many as rows says, in memory that the next call reuses.
func (v *vectorPages) read(rows int) (arrow.Array, error) {
	want := rows * v.size * v.width
	if int64(want) > v.most {
		return nil, errIrregular
	}
	if cap(v.values) < want {
		if err := v.charge(int64(want-cap(v.values)), "vectors"); err != nil {
			return nil, err
		}
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
			return errIrregular // too few values: Arrow's reader decides what that means
		}
		page, ok := v.pages.Page().(*file.DataPageV1)
		if !ok {
			return errIrregular
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

// checkValues checks what pages of differences claim before Arrow's reader reads them.
func (s *parquetSource) checkValues(group, leaf int) error {
	chunk, err := s.reader.MetaData().RowGroup(group).ColumnChunk(leaf)
	if err != nil || !slices.ContainsFunc(chunk.Encodings(), guard.IsDelta) {
		return err
	}
	pages, err := s.reader.RowGroup(group).GetColumnPageReader(leaf)
	if err != nil {
		return err
	}
	for pages.Next() {
		if err := guard.CheckValues(pages.Page(), s.reader.MetaData().Schema.Column(leaf)); err != nil {
			return err
		}
	}
	return pages.Err()
}

// open checks the levels of a page of n values.
func (v *vectorPages) open(data []byte, n int) error {
	// A repetition level of 0 starts a vector, 1 continues it.
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
