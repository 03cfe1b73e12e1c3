package imagetable

import (
	"fmt"
	"math/bits"
	"strconv"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"fovea/featurestore/internal/guard"
)

// openColumn opens a column, which must not be a list, for reading value by value.
func (p *Table) openColumn(group, leaf int) (file.ColumnChunkReader, error) {
	pages, err := p.file.Pages(group, leaf, bufferBytes, p.mem)
	if err != nil {
		return nil, err
	}
	column := p.reader.MetaData().Schema.Column(leaf)
	pool := &sync.Pool{New: func() any { return memory.NewResizableBuffer(p.mem) }}
	return file.NewColumnReader(column, &soundPages{PageReader: pages, column: column}, p.mem, pool), nil
}

// soundPages rejects pages that have fewer definition levels than the values they claim: Arrow's
// column readers would wait for the missing ones forever.
type soundPages struct {
	file.PageReader
	column *schema.Column
	err    error
}

// Next implements file.PageReader.
func (s *soundPages) Next() bool {
	if s.err != nil || !s.PageReader.Next() {
		return false
	}
	s.err = s.check(s.Page())
	return s.err == nil
}

// Err implements file.PageReader.
func (s *soundPages) Err() error {
	if s.err != nil {
		return s.err
	}
	return s.PageReader.Err()
}

func (s *soundPages) check(page file.Page) error {
	most := int(s.column.MaxDefinitionLevel())
	if most == 0 {
		return guard.CheckValues(page, s.column)
	}
	width := bits.Len(uint(most))
	possible := func(level, _ int) bool { return level <= most }
	var err error
	switch p := page.(type) {
	case *file.DataPageV1:
		if p.DefinitionLevelEncoding() != parquet.Encodings.RLE {
			return fmt.Errorf("column %q has levels in the encoding %s", s.column.Path(), p.DefinitionLevelEncoding())
		}
		_, err = guard.ReadLevels(p.Data(), width, int(p.NumValues()), possible)
	case *file.DataPageV2:
		from, length := int64(p.RepetitionLevelByteLen()), int64(p.DefinitionLevelByteLen())
		if from < 0 || length < 0 || from+length > int64(len(p.Data())) {
			return fmt.Errorf("%w: a page of column %q is shorter than its levels", ErrCorrupt, s.column.Path())
		}
		err = guard.ReadRuns(p.Data()[from:from+length], width, int(p.NumValues()), possible)
	}
	if err != nil {
		return fmt.Errorf("%w: the levels of a page of column %q do not match its values", ErrCorrupt, s.column.Path())
	}
	return guard.CheckValues(page, s.column)
}

// keptText bounds the texts that are copied: longer ones are not used; see Row.
const keptText = maxPath + 1

// batchOf reads at least one and at most n values of a column that is not a list, nulls included.
// levels and values have room for n. Value i is not null if levels[i] is the column's maximal
// definition level; values holds those that are not null. It returns the number of levels read.
func batchOf[T any](n int, levels []int16, column file.ColumnChunkReader,
	read func(n int64, values []T, definitions, repetitions []int16) (int64, int, error), values []T,
) (total int, err error) {
	got, _, err := read(int64(n), values[:n], levels[:n], nil)
	switch {
	case err != nil:
		return 0, err
	case column.Err() != nil:
		return 0, column.Err()
	case got <= 0 || got > int64(n):
		return 0, fmt.Errorf("%w: column %q has fewer rows than its row group", ErrCorrupt, column.Descriptor().Path())
	}
	return int(got), nil
}

// readTexts reads the next n values of a column as texts, "" for nulls. The column must hold texts,
// numbers or booleans.
func readTexts(column file.ColumnChunkReader, n int) ([]string, error) {
	var out []string
	levels := make([]int16, n)
	for len(out) < n {
		var err error
		switch c := column.(type) {
		case *file.ByteArrayColumnChunkReader:
			out, err = appendTexts(out, n-len(out), levels, column, c.ReadBatch, func(v parquet.ByteArray) string { return string(v[:min(len(v), keptText)]) })
		case *file.Int32ColumnChunkReader:
			out, err = appendTexts(out, n-len(out), levels, column, c.ReadBatch, func(v int32) string { return strconv.Itoa(int(v)) })
		case *file.Int64ColumnChunkReader:
			out, err = appendTexts(out, n-len(out), levels, column, c.ReadBatch, func(v int64) string { return strconv.FormatInt(v, 10) })
		case *file.Float32ColumnChunkReader:
			out, err = appendTexts(out, n-len(out), levels, column, c.ReadBatch, func(v float32) string { return numberLabel(float64(v), 32) })
		case *file.Float64ColumnChunkReader:
			out, err = appendTexts(out, n-len(out), levels, column, c.ReadBatch, func(v float64) string { return numberLabel(v, 64) })
		case *file.BooleanColumnChunkReader:
			out, err = appendTexts(out, n-len(out), levels, column, c.ReadBatch, strconv.FormatBool)
		default:
			err = fmt.Errorf("column %q is of another type", column.Descriptor().Path())
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func appendTexts[T any](out []string, n int, levels []int16, column file.ColumnChunkReader,
	read func(n int64, values []T, definitions, repetitions []int16) (int64, int, error), text func(T) string,
) ([]string, error) {
	values := make([]T, n)
	total, err := batchOf(n, levels, column, read, values)
	if err != nil {
		return nil, err
	}
	defined, next := column.Descriptor().MaxDefinitionLevel(), 0
	for i := range total {
		if defined > 0 && levels[i] < defined {
			out = append(out, "")
			continue
		}
		out = append(out, text(values[next]))
		next++
	}
	return out, nil
}

// cells reads a column of bytes value by value.
type cells struct {
	column file.ColumnChunkReader
	values [256]parquet.ByteArray
	levels [256]int16
}

func (c *cells) batch(n int) (int, error) {
	column, ok := c.column.(*file.ByteArrayColumnChunkReader)
	if !ok {
		return 0, fmt.Errorf("column %q is of another type", c.column.Descriptor().Path())
	}
	return batchOf(n, c.levels[:], c.column, column.ReadBatch, c.values[:])
}

// skip skips at most n values and returns how many it skipped.
func (c *cells) skip(n int64) (int64, error) {
	total, err := c.batch(int(min(n, int64(len(c.values)))))
	return int64(total), err
}

// bytes is the next value, nil for a null. It lies in the page's memory.
func (c *cells) bytes() ([]byte, error) {
	if _, err := c.batch(1); err != nil {
		return nil, err
	}
	if defined := c.column.Descriptor().MaxDefinitionLevel(); defined > 0 && c.levels[0] < defined {
		return nil, nil
	}
	if c.values[0] == nil {
		return []byte{}, nil
	}
	return c.values[0], nil
}
