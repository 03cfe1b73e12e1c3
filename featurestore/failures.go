package featurestore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

const (
	columnStage  = "stage"
	columnReason = "reason"
	// failureRows is the number of rows of a record of errors.parquet.
	failureRows = 4096
)

// failureColumns are the columns of errors.parquet, with the place of each in a Failure.
var failureColumns = []struct {
	name     string
	nullable bool
	// prose is for people only: what is no UTF-8 is replaced, not escaped.
	prose bool
	of    func(*Failure) *string
}{
	{columnPath, false, false, func(f *Failure) *string { return &f.Path }},
	{columnLabel, true, false, func(f *Failure) *string { return &f.Label }},
	{columnSplit, true, false, func(f *Failure) *string { return &f.Split }},
	{columnStage, false, true, func(f *Failure) *string { return &f.Stage }},
	{columnReason, false, true, func(f *Failure) *string { return &f.Reason }},
}

func failureSchema() *arrow.Schema {
	var fields []arrow.Field
	for _, c := range failureColumns {
		fields = append(fields, arrow.Field{Name: c.name, Type: arrow.BinaryTypes.String, Nullable: c.nullable})
	}
	return arrow.NewSchema(fields, nil)
}

// writeFailures writes errors.parquet, replacing an earlier one.
func writeFailures(c *writerConfig, failures []Failure) error {
	temp, err := createTemp(filepath.Join(c.dir, tempDir, failuresFile), c.options.hooks.wrap)
	if err != nil {
		return fmt.Errorf("write %q: %w", failuresFile, err)
	}
	err = guard(func() error { return encodeFailures(temp, failures, c.options.hooks.mem) })
	if temp.err != nil {
		err = temp.err
	}
	if err != nil {
		temp.discard()
		return fmt.Errorf("write %q: %w", failuresFile, err)
	}
	if err := temp.commit(filepath.Join(c.dir, failuresFile)); err != nil {
		return fmt.Errorf("write %q: %w", failuresFile, err)
	}
	return nil
}

func encodeFailures(t *tempFile, failures []Failure, mem memory.Allocator) error {
	schema := failureSchema()
	properties := parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1),
		parquet.WithRootRepetition(parquet.Repetitions.Required))
	w, err := pqarrow.NewFileWriter(schema, writerOnly{t}, properties,
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return err
	}
	for len(failures) > 0 {
		n := min(len(failures), failureRows)
		record := failureRecord(schema, failures[:n], mem)
		err := w.Write(record)
		record.Release()
		if err != nil {
			return err
		}
		failures = failures[n:]
	}
	return w.Close()
}

func failureRecord(schema *arrow.Schema, failures []Failure, mem memory.Allocator) arrow.Record {
	builder := array.NewRecordBuilder(mem, schema)
	defer builder.Release()
	for i, c := range failureColumns {
		column := builder.Field(i).(*array.StringBuilder)
		for j := range failures {
			text := *c.of(&failures[j])
			switch {
			case text == "" && c.nullable:
				column.AppendNull()
			case c.prose:
				column.Append(strings.ToValidUTF8(text, "\uFFFD"))
			default:
				column.Append(EscapeText(text))
			}
		}
	}
	return builder.NewRecord()
}

// readFailures reads errors.parquet.
func readFailures(ctx context.Context, dir string, mem memory.Allocator) ([]Failure, error) {
	f, err := os.Open(filepath.Join(dir, failuresFile))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", failuresFile, err)
	}
	defer f.Close() //nolint:errcheck // only read from
	var failures []Failure
	err = guard(func() error {
		src, err := openSource(f, FormatParquet, mem)
		if err != nil {
			return err
		}
		failures, err = decodeFailures(ctx, src)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %q: %w: %w", failuresFile, ErrCorrupt, err)
	}
	return failures, nil
}

func decodeFailures(ctx context.Context, src source) ([]Failure, error) {
	groups, err := src.groups()
	if err != nil {
		return nil, err
	}
	var failures []Failure
	visit := func(r arrow.Record) error {
		c := chunk{rows: int(r.NumRows()), record: r}
		part := make([]Failure, c.rows)
		for _, column := range failureColumns {
			keep := func(s string) string { return strings.Clone(UnescapeText(s)) }
			if column.prose {
				keep = strings.Clone
			}
			values, err := c.texts(nil, column.name, keep)
			if err != nil {
				return err
			}
			for i, v := range values {
				*column.of(&part[i]) = v
			}
		}
		failures = append(failures, part...)
		return nil
	}
	for group := range groups {
		if err := src.scan(ctx, group, failureSchemaNames(), failureRows, visit); err != nil {
			return nil, err
		}
	}
	return failures, nil
}

func failureSchemaNames() []string {
	names := make([]string, len(failureColumns))
	for i, c := range failureColumns {
		names[i] = c.name
	}
	return names
}
