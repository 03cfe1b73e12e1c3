package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// failureSchema is that of errors.parquet, which is Parquet in every dataset.
var failureSchema = arrow.NewSchema([]arrow.Field{
	{Name: "path", Type: arrow.BinaryTypes.String},
	{Name: "label", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "split", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "stage", Type: arrow.BinaryTypes.String},
	{Name: "reason", Type: arrow.BinaryTypes.String},
}, nil)

func (f Failure) fields() [5]string { return [5]string{f.Path, f.Label, f.Split, f.Stage, f.Reason} }

// writeFailures writes the table, with no rows where nothing failed.
func (w *Writer) writeFailures() error {
	temporary := filepath.Join(w.dir, temporaryDir, errorsFile)
	err := w.writeFailuresTo(temporary)
	if err == nil {
		err = publish(temporary, filepath.Join(w.dir, errorsFile))
	}
	if err != nil {
		return fmt.Errorf("featurestore: write %s: %w", errorsFile, err)
	}
	return nil
}

func (w *Writer) writeFailuresTo(name string) error {
	builder := array.NewRecordBuilder(w.options.allocator, failureSchema)
	defer builder.Release()
	for _, failure := range w.failures {
		for i, value := range failure.fields() {
			appendString(builder.Field(i), value, failureSchema.Field(i).Nullable)
		}
	}
	record := builder.NewRecord()
	defer record.Release()
	sink, err := os.Create(name)
	if err != nil {
		return err
	}
	err = guard(func() error {
		writer, err := pqarrow.NewFileWriter(failureSchema, struct{ io.Writer }{sink},
			parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd),
				parquet.WithRootRepetition(parquet.Repetitions.Required)),
			pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
		if err != nil {
			return err
		}
		return errors.Join(writer.Write(record), writer.Close())
	})
	return errors.Join(err, sink.Sync(), sink.Close())
}

// Failures are the pictures that gave no row, in the order of their paths.
func (d *Dataset) Failures() (failures []Failure, err error) {
	name := filepath.Join(d.dir, errorsFile)
	source, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && d.manifest.Status == StatusWriting {
		return nil, nil // its writer died before it could be written
	} else if err != nil {
		return nil, fmt.Errorf("featurestore: %w", err)
	}
	defer source.Close() //nolint:errcheck // opened for reading
	err = guard(func() error {
		reader, err := file.NewParquetReader(source)
		if err != nil {
			return err
		}
		arrowReader, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: 1024}, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		table, err := arrowReader.ReadTable(context.Background())
		if err != nil {
			return err
		}
		defer table.Release()
		failures, err = failuresOf(table)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("featurestore: %s: %w: %w", name, ErrFormat, err)
	}
	return failures, nil
}

func failuresOf(table arrow.Table) ([]Failure, error) {
	failures := make([]Failure, table.NumRows())
	into := func(f *Failure) [5]*string { return [5]*string{&f.Path, &f.Label, &f.Split, &f.Stage, &f.Reason} }
	if int(table.NumCols()) != failureSchema.NumFields() {
		return nil, fmt.Errorf("%d columns, not %d", table.NumCols(), failureSchema.NumFields())
	}
	for c := range failureSchema.NumFields() {
		row := 0
		for _, chunk := range table.Column(c).Data().Chunks() {
			texts, ok := chunk.(*array.String)
			if !ok {
				return nil, fmt.Errorf("column %d is of type %s", c, chunk.DataType())
			}
			for i := range texts.Len() {
				if texts.IsValid(i) {
					*into(&failures[row])[c] = texts.Value(i)
				}
				row++
			}
		}
	}
	return failures, nil
}
