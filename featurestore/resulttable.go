package featurestore

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"fovea/featurestore/internal/guard"
)

// ResultColumn is a column of a table of results. One of the slices has a value for each row.
type ResultColumn struct {
	Name string
	// Texts are null where they are empty. They are valid UTF-8, as EscapeText spells them.
	Texts   []string
	Floats  []float64
	Numbers []int64
	Flags   []bool
}

// field is the column's type.
func (c ResultColumn) field() arrow.Field {
	f := arrow.Field{Name: c.Name}
	switch {
	case c.Floats != nil:
		f.Type = arrow.PrimitiveTypes.Float64
	case c.Numbers != nil:
		f.Type = arrow.PrimitiveTypes.Int64
	case c.Flags != nil:
		f.Type = arrow.FixedWidthTypes.Boolean
	default:
		f.Type, f.Nullable = arrow.BinaryTypes.String, true
	}
	return f
}

// fill appends the values. It returns how many there are.
func (c ResultColumn) fill(builder array.Builder) int {
	switch b := builder.(type) {
	case *array.Float64Builder:
		b.AppendValues(c.Floats, nil)
	case *array.Int64Builder:
		b.AppendValues(c.Numbers, nil)
	case *array.BooleanBuilder:
		b.AppendValues(c.Flags, nil)
	default:
		for _, t := range c.Texts {
			appendOptional(builder, t)
		}
	}
	return builder.Len()
}

// WriteResults writes a Parquet file with the given columns, which are of one length.
func WriteResults(sink io.Writer, columns []ResultColumn) error {
	var fields []arrow.Field
	for _, c := range columns {
		fields = append(fields, c.field())
	}
	schema := arrow.NewSchema(fields, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	rows := -1
	for i, c := range columns {
		n := c.fill(builder.Field(i))
		if rows >= 0 && n != rows {
			return fmt.Errorf("featurestore: write the results: column %s has %d values, others have %d", c.Name, n, rows)
		}
		rows = n
	}
	return writeRecord(sink, schema, builder, "results")
}

// writeRecord writes what a builder has as a Parquet file.
func writeRecord(sink io.Writer, schema *arrow.Schema, builder *array.RecordBuilder, what string) error {
	record := builder.NewRecord()
	defer record.Release()
	err := guard.Call(func() error {
		writer, err := pqarrow.NewFileWriter(schema, guard.WriterOnly{Writer: sink},
			parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithRootRepetition(parquet.Repetitions.Required)),
			pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
		if err != nil {
			return err
		}
		return errors.Join(writer.Write(record), writer.Close())
	})
	if err != nil {
		return fmt.Errorf("featurestore: write the %s: %w", what, err)
	}
	return nil
}
