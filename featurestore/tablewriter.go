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

// ColumnType is the type of the values of a TableColumn.
type ColumnType int

const (
	// TextColumn has strings.
	TextColumn ColumnType = iota
	// NumberColumn has values of type float64.
	NumberColumn
	// CountColumn has values of type int64.
	CountColumn
	// TruthColumn has values of type bool.
	TruthColumn
)

var arrowTypes = map[ColumnType]arrow.DataType{
	TextColumn: arrow.BinaryTypes.String, NumberColumn: arrow.PrimitiveTypes.Float64,
	CountColumn: arrow.PrimitiveTypes.Int64, TruthColumn: arrow.FixedWidthTypes.Boolean,
}

// TableColumn is a column of a table of results.
type TableColumn struct {
	Name string
	Type ColumnType
	// Required says that no value is null.
	Required bool
}

// groupValues is the number of values in a row group of such tables, at most 65,536 rows: 64 MB of numbers.
const groupValues = 8 << 20

// TableWriter writes a table of results, such as predictions, as one Parquet file. It keeps one row group in memory.
type TableWriter struct {
	columns []TableColumn
	builder *array.RecordBuilder
	writer  *pqarrow.FileWriter
	rows    int // in the builder
	group   int // the most of them
}

// NewTableWriter starts a file. Close must be called.
func NewTableWriter(sink io.Writer, columns []TableColumn) (*TableWriter, error) {
	var fields []arrow.Field
	for _, c := range columns {
		fields = append(fields, arrow.Field{Name: c.Name, Type: arrowTypes[c.Type], Nullable: !c.Required})
	}
	schema := arrow.NewSchema(fields, nil)
	// Numbers hardly repeat. There may be thousands of columns, each of which sets up its codec anew: Zstandard's takes a
	// millisecond for that, Snappy's nothing.
	properties := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryDefault(false), parquet.WithRootRepetition(parquet.Repetitions.Required),
	}
	for _, c := range columns {
		if c.Type == TextColumn && !c.Required {
			properties = append(properties, parquet.WithDictionaryFor(c.Name, true))
		}
	}
	w := &TableWriter{columns: columns, group: min(1<<16, max(1, groupValues/max(1, len(columns))))}
	err := guard.Call(func() (err error) {
		w.writer, err = pqarrow.NewFileWriter(schema, guard.WriterOnly{Writer: sink},
			parquet.NewWriterProperties(properties...),
			pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("featurestore: write the table: %w", err)
	}
	w.builder = array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return w, nil
}

// Append adds a row: for each column a value of its type, or nil for null.
func (w *TableWriter) Append(values ...any) error {
	if len(values) != len(w.columns) {
		return fmt.Errorf("featurestore: a row of %d values for %d columns", len(values), len(w.columns))
	}
	for i, c := range w.columns { // before anything is appended
		ok := values[i] == nil && !c.Required
		switch values[i].(type) {
		case string:
			ok = c.Type == TextColumn
		case float64:
			ok = c.Type == NumberColumn
		case int64:
			ok = c.Type == CountColumn
		case bool:
			ok = c.Type == TruthColumn
		}
		if !ok {
			return fmt.Errorf("featurestore: a value of type %T for the column %s", values[i], c.Name)
		}
	}
	for i := range w.columns {
		switch v := values[i].(type) {
		case nil:
			w.builder.Field(i).AppendNull()
		case string:
			w.builder.Field(i).(*array.StringBuilder).Append(v)
		case float64:
			w.builder.Field(i).(*array.Float64Builder).Append(v)
		case int64:
			w.builder.Field(i).(*array.Int64Builder).Append(v)
		case bool:
			w.builder.Field(i).(*array.BooleanBuilder).Append(v)
		}
	}
	if w.rows++; w.rows < w.group {
		return nil
	}
	return w.flush()
}

// flush writes a row group.
func (w *TableWriter) flush() error {
	record := w.builder.NewRecord()
	defer record.Release()
	w.rows = 0
	if err := guard.Call(func() error { return w.writer.Write(record) }); err != nil {
		return fmt.Errorf("featurestore: write the table: %w", err)
	}
	return nil
}

// Close ends the file; it does not close what it goes to.
func (w *TableWriter) Close() error {
	defer w.builder.Release()
	var last error
	if w.rows > 0 {
		last = w.flush()
	}
	if err := errors.Join(last, guard.Call(w.writer.Close)); err != nil {
		return fmt.Errorf("featurestore: write the table: %w", err)
	}
	return nil
}
