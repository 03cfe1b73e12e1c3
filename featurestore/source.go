package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"fovea/featurestore/internal/guard"
)

// source reads one file. Its methods may panic if the file is damaged: call them through guard.Call.
type source interface {
	schema() *arrow.Schema
	metadata(key string) (string, bool)
	// groups are the numbers of rows, as the file states them, of the parts that can be read
	// separately: the row groups of Parquet, or the whole Arrow file.
	groups() ([]int64, error)
	// scan visits the rows of a group in order, as records of at most recordRows rows. Records have
	// at least the requested columns, and are released after the visit.
	scan(ctx context.Context, group int, columns []string, recordRows int, visit func(arrow.Record) error) error
	close()
}

func openSource(r guard.ReadSeeker, format Format, mem memory.Allocator) (source, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if format == FormatArrow {
		sums, err := readSums(r, size)
		if err != nil {
			return nil, err
		}
		if err := checkIPCFooter(r, size); err != nil {
			return nil, err
		}
		// Nothing in an uncompressed file is larger than the file.
		return openIPC(r, sums, &guard.Allocator{Allocator: mem, Memory: guard.Budget(mem, size), Most: size})
	}
	return openParquet(r, size, &guard.Allocator{Allocator: mem, Memory: guard.Budget(mem, size)})
}

type parquetSource struct {
	// file checks what Arrow reads; buffers are Arrow's memory.
	file    *guard.Source
	buffers *guard.Allocator
	reader  *file.Reader
	arrow   *pqarrow.FileReader
	fields  *arrow.Schema
	keys    metadata.KeyValueMetadata
	// vectorSize is the size of a layer's vectors, 0 for other columns.
	vectorSize func(column string) int
}

func openParquet(r guard.ReadSeeker, size int64, mem *guard.Allocator) (source, error) {
	checked, err := guard.NewSource(r, size, mem.Memory)
	if err != nil {
		return nil, err
	}
	reader, err := file.NewParquetReader(checked, file.WithReadProps(parquet.NewReaderProperties(mem)))
	if err != nil {
		return nil, err
	}
	if err := checked.Watch(reader); err != nil {
		return nil, err
	}
	s := &parquetSource{
		file: checked, buffers: mem, reader: reader, keys: reader.MetaData().KeyValueMetadata(),
		vectorSize: func(string) int { return 0 },
	}
	// Parquet's own types suffice. Arrow's reader must not see the Arrow schema, whose decoder
	// allocates whatever a damaged schema claims.
	reader.MetaData().FileMetaData.KeyValueMetadata = nil
	if s.arrow, err = pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: 1}, mem); err != nil {
		return nil, err
	}
	s.fields, err = s.arrow.Schema()
	return s, err
}

func (s *parquetSource) schema() *arrow.Schema { return s.fields }

func (s *parquetSource) close() {} // the file is the caller's

func (s *parquetSource) metadata(key string) (string, bool) {
	if v := s.keys.FindValue(key); v != nil {
		return *v, true
	}
	return "", false
}

func (s *parquetSource) groups() ([]int64, error) { return guard.RowGroups(s.reader) }

// values is the number of values of a column of numbers or lists in a group, nulls included.
func (s *parquetSource) values(group int, column string) (int64, error) {
	place, err := s.place(column)
	if err != nil {
		return 0, err
	}
	chunk, err := s.reader.MetaData().RowGroup(group).ColumnChunk(place.leaf)
	if err != nil {
		return 0, err
	}
	return chunk.NumValues(), nil
}

// place finds a column that has a single leaf.
func (s *parquetSource) place(column string) (columnPlace, error) {
	at := s.fields.FieldIndices(column)
	if len(at) != 1 {
		return columnPlace{}, fmt.Errorf("%w: it has no column %q", ErrCorrupt, column)
	}
	field := &s.arrow.Manifest.Fields[at[0]]
	for len(field.Children) == 1 {
		field = &field.Children[0]
	}
	if !field.IsLeaf() {
		return columnPlace{}, fmt.Errorf("%w: column %q has parts", ErrCorrupt, column)
	}
	return columnPlace{at[0], field.ColIndex}, nil
}

func (s *parquetSource) scan(ctx context.Context, group int, columns []string, recordRows int, visit func(arrow.Record) error) error {
	leaves := make([]columnPlace, len(columns))
	fields := make([]arrow.Field, len(columns))
	for i, name := range columns {
		place, err := s.place(name)
		if err != nil {
			return err
		}
		leaves[i], fields[i] = place, s.fields.Field(place.field)
	}
	return s.scanGroup(ctx, group, arrow.NewSchema(fields, nil), leaves, recordRows, visit)
}

// columnPlace is a column's index among the fields and among the leaves of the schema.
type columnPlace struct{ field, leaf int }

// scanGroup reads columns in the calling goroutine. Arrow's own record reader starts others, in which a
// panic over a damaged file would end the process.
func (s *parquetSource) scanGroup(ctx context.Context, group int, schema *arrow.Schema, places []columnPlace, recordRows int, visit func(arrow.Record) error) error {
	defer s.buffers.Reset()
	defer s.file.Done()
	visited := int64(0)
	err := s.scanColumns(ctx, group, schema, places, recordRows, true, func(r arrow.Record) error {
		visited += r.NumRows()
		return visit(r)
	})
	if !errors.Is(err, errIrregular) {
		return err
	}
	// Again with Arrow's reader, skipping the records that were visited.
	return s.scanColumns(ctx, group, schema, places, recordRows, false, func(r arrow.Record) error {
		if visited > 0 {
			visited -= r.NumRows()
			return nil
		}
		return visit(r)
	})
}

// scanColumns reads vectors with vectorPages, if direct is set and they have that form, and everything
// else with Arrow's reader.
func (s *parquetSource) scanColumns(ctx context.Context, group int, schema *arrow.Schema, places []columnPlace, recordRows int, direct bool, visit func(arrow.Record) error) error {
	readers := make([]func(rows int64) (arrow.Array, error), len(places))
	for i, p := range places {
		if direct {
			pages, err := s.vectorPages(group, p.leaf, schema.Field(i))
			if err != nil {
				return err
			}
			if pages != nil {
				readers[i] = func(rows int64) (arrow.Array, error) { return pages.read(int(rows)) }
				continue
			}
		}
		if err := s.checkValues(group, p.leaf); err != nil {
			return err
		}
		reader, err := s.arrow.GetFieldReader(ctx, p.field, map[int]bool{p.leaf: true}, []int{group})
		if err != nil {
			return err
		}
		defer reader.Release()
		readers[i] = func(rows int64) (arrow.Array, error) { return readArray(reader, schema.Field(i).Name, rows) }
	}
	for rows := s.reader.MetaData().RowGroups[group].GetNumRows(); rows > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(rows, int64(recordRows))
		if err := readRecord(readers, schema, n, visit); err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

// readArray reads the next n rows of a column with Arrow's reader.
func readArray(reader *pqarrow.ColumnReader, name string, n int64) (arrow.Array, error) {
	data, err := reader.NextBatch(n)
	if err != nil {
		return nil, err
	}
	defer data.Release()
	if int64(data.Len()) != n || len(data.Chunks()) != 1 {
		return nil, fmt.Errorf("%w: column %q has %d rows in %d parts instead of %d", ErrCorrupt, name, data.Len(), len(data.Chunks()), n)
	}
	a := data.Chunk(0)
	a.Retain()
	return a, nil
}

// readRecord reads the next n rows.
func readRecord(readers []func(rows int64) (arrow.Array, error), schema *arrow.Schema, n int64, visit func(arrow.Record) error) error {
	columns := make([]arrow.Array, len(readers))
	for i, read := range readers {
		a, err := read(n)
		if err != nil {
			return err
		}
		defer a.Release()
		columns[i] = a
	}
	record := array.NewRecord(schema, columns, n)
	defer record.Release()
	return visit(record)
}
