package featurestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// shardReader reads one file of rows. Each reading opens the file anew, so that shards can
// be read side by side.
type shardReader struct {
	name   string
	format Format
	info   Info
	rows   int
}

// maxShardRows bounds what a hostile footer can make the reader allocate.
const maxShardRows = 1 << 28

// openShard reads the footer.
func openShard(name string, format Format) (*shardReader, error) {
	s := &shardReader{name: name, format: format}
	err := s.with(func(source *os.File) error {
		if format == FormatArrow {
			return s.openArrow(source)
		}
		return s.openParquet(source)
	})
	if err == nil && (s.rows < 0 || s.rows > maxShardRows) {
		err = fmt.Errorf("featurestore: %s: %w: its footer says %d rows", name, ErrFormat, s.rows)
	}
	return s, err
}

// with opens the file and gives errors and panics of the Arrow library its name.
func (s *shardReader) with(f func(*os.File) error) error {
	source, err := os.Open(s.name)
	if err != nil {
		return fmt.Errorf("featurestore: %w", err)
	}
	defer source.Close() //nolint:errcheck // opened for reading
	err = guard(func() error { return f(source) })
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, ErrFormat):
		return fmt.Errorf("featurestore: %s: %w", s.name, err)
	}
	return fmt.Errorf("featurestore: %s: %w: %w", s.name, ErrFormat, err)
}

func (s *shardReader) openParquet(source *os.File) error {
	reader, err := file.NewParquetReader(source)
	if err != nil {
		return err
	}
	metadata := reader.MetaData().KeyValueMetadata()
	s.rows = int(reader.NumRows())
	s.info, err = parseMetadata(func(key string) (string, bool) {
		if value := metadata.FindValue(key); value != nil {
			return *value, true
		}
		return "", false
	})
	return err
}

func (s *shardReader) openArrow(source *os.File) error {
	reader, err := ipc.NewFileReader(source)
	if err != nil {
		return err
	}
	defer reader.Close() //nolint:errcheck // nothing is written
	metadata := reader.Schema().Metadata()
	for i := range reader.NumRecords() {
		record, err := reader.Record(i)
		if err != nil {
			return err
		}
		s.rows += int(record.NumRows())
	}
	s.info, err = parseMetadata(metadata.GetValue)
	return err
}

// readBatch is the number of rows that are decoded at a time.
const readBatch = 256

// records calls yield with record after record of the named columns.
func (s *shardReader) records(ctx context.Context, columns []string, yield func(arrow.Record) error) error {
	return s.with(func(source *os.File) error {
		if s.format == FormatArrow {
			return s.arrowRecords(ctx, source, yield)
		}
		return s.parquetRecords(ctx, source, columns, yield)
	})
}

func (s *shardReader) parquetRecords(ctx context.Context, source *os.File, columns []string, yield func(arrow.Record) error) error {
	reader, err := file.NewParquetReader(source)
	if err != nil {
		return err
	}
	schema := reader.MetaData().Schema
	var leaves []int
	for i := range schema.NumColumns() {
		if slices.Contains(columns, schema.Column(i).ColumnPath()[0]) {
			leaves = append(leaves, i)
		}
	}
	if len(leaves) != len(columns) {
		return fmt.Errorf("%w: it has %d of the columns %v", ErrFormat, len(leaves), columns)
	}
	arrowReader, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: readBatch}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	records, err := arrowReader.GetRecordReader(ctx, leaves, nil)
	if err != nil {
		return err
	}
	defer records.Release()
	for records.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := yield(records.Record()); err != nil {
			return err
		}
	}
	if err := records.Err(); err != nil && !errors.Is(err, io.EOF) { // v15 reports the end as an error
		return err
	}
	return nil
}

func (s *shardReader) arrowRecords(ctx context.Context, source *os.File, yield func(arrow.Record) error) error {
	reader, err := ipc.NewFileReader(source)
	if err != nil {
		return err
	}
	defer reader.Close() //nolint:errcheck // nothing is written
	for i := range reader.NumRecords() {
		if err := ctx.Err(); err != nil {
			return err
		}
		record, err := reader.Record(i) // released by the next call
		if err != nil {
			return err
		}
		if err := yield(record); err != nil {
			return err
		}
	}
	return nil
}

// column finds a column of a record by name.
func column(record arrow.Record, name string) (arrow.Array, error) {
	indices := record.Schema().FieldIndices(name)
	if len(indices) != 1 {
		return nil, fmt.Errorf("%w: it has %d columns named %q", ErrFormat, len(indices), name)
	}
	return record.Column(indices[0]), nil
}

// texts copies a column of strings, null as empty.
func texts(dst []string, record arrow.Record, name string) error {
	values, err := column(record, name)
	if err != nil {
		return err
	}
	strings, ok := values.(*array.String)
	if !ok {
		return fmt.Errorf("%w: column %s is of type %s", ErrFormat, name, values.DataType())
	}
	for i := range strings.Len() {
		if strings.IsValid(i) {
			dst[i] = string([]byte(strings.Value(i))) // the record's memory is used again
		}
	}
	return nil
}

func integers(dst []int32, record arrow.Record, name string) error {
	values, err := column(record, name)
	if err != nil {
		return err
	}
	numbers, ok := values.(*array.Int32)
	if !ok {
		return fmt.Errorf("%w: column %s is of type %s", ErrFormat, name, values.DataType())
	}
	copy(dst, numbers.Int32Values())
	return nil
}

// vectors copies a column of vectors of the given size into dst, row after row, in one go
// for the whole record.
func vectors(dst []float32, record arrow.Record, name string, size int) error {
	values, err := column(record, name)
	if err != nil {
		return err
	}
	rows := values.Len()
	var elements arrow.Array
	var first, last int64
	switch lists := values.(type) {
	case *array.FixedSizeList:
		elements = lists.ListValues()
		first, last = int64(lists.Offset())*int64(size), int64(lists.Offset()+rows)*int64(size)
		if n := lists.DataType().(*arrow.FixedSizeListType).Len(); int(n) != size {
			return fmt.Errorf("%w: the vectors of column %s have %d values, not %d", ErrFormat, name, n, size)
		}
	case *array.List:
		elements = lists.ListValues()
		for i := range rows {
			if start, end := lists.ValueOffsets(i); end-start != int64(size) {
				return fmt.Errorf("%w: a vector of column %s has %d values, not %d", ErrFormat, name, end-start, size)
			}
		}
		if rows > 0 {
			first, _ = lists.ValueOffsets(0)
			_, last = lists.ValueOffsets(rows - 1)
		}
	default:
		return fmt.Errorf("%w: column %s is of type %s, not a list", ErrFormat, name, values.DataType())
	}
	if values.NullN() > 0 || last-first != int64(rows*size) || last > int64(elements.Len()) || len(dst) != rows*size {
		return fmt.Errorf("%w: column %s has missing vectors", ErrFormat, name)
	}
	switch e := elements.(type) {
	case *array.Float32:
		copy(dst, e.Float32Values()[first:last])
	case *array.Float16:
		for i, v := range e.Values()[first:last] {
			dst[i] = v.Float32()
		}
	default:
		return fmt.Errorf("%w: the values of column %s are of type %s", ErrFormat, name, elements.DataType())
	}
	return nil
}

// readRows reads the whole shard, with or without the vectors.
func (s *shardReader) readRows(withVectors bool) ([]Row, error) {
	columns := []string{"path", "label", "split", "sha256", "width", "height"}
	layers := s.info.Recipe.Layers
	if withVectors {
		columns = append(columns, s.info.Recipe.LayerNames()...)
	}
	var rows []Row
	err := s.records(context.Background(), columns, func(record arrow.Record) error {
		n := int(record.NumRows())
		fields := [4][]string{}
		for i := range fields {
			fields[i] = make([]string, n)
			if err := texts(fields[i], record, columns[i]); err != nil {
				return err
			}
		}
		width, height := make([]int32, n), make([]int32, n)
		if err := errors.Join(integers(width, record, "width"), integers(height, record, "height")); err != nil {
			return err
		}
		features := make([][]float32, len(layers))
		for l := range features {
			if !withVectors {
				break
			}
			features[l] = make([]float32, n*layers[l].Size())
			if err := vectors(features[l], record, layers[l].Name, layers[l].Size()); err != nil {
				return err
			}
		}
		for i := range n {
			row := Row{Path: fields[0][i], Label: fields[1][i], Split: fields[2][i], SHA256: fields[3][i], Width: width[i], Height: height[i]}
			for l := range layers {
				if withVectors {
					size := layers[l].Size()
					row.Features = append(row.Features, features[l][i*size:(i+1)*size])
				}
			}
			rows = append(rows, row)
		}
		return nil
	})
	if err == nil && len(rows) != s.rows {
		err = fmt.Errorf("featurestore: %s: %w: %d rows, its footer says %d", s.name, ErrFormat, len(rows), s.rows)
	}
	return rows, err
}

// describe is the shard's entry in the manifest.
func (s *shardReader) describe() (ShardInfo, error) {
	source, err := os.Open(s.name)
	if err != nil {
		return ShardInfo{}, fmt.Errorf("featurestore: %w", err)
	}
	defer source.Close() //nolint:errcheck // opened for reading
	sum := sha256.New()
	n, err := io.Copy(sum, source)
	if err != nil {
		return ShardInfo{}, fmt.Errorf("featurestore: %w", err)
	}
	return ShardInfo{File: filepath.Base(s.name), Rows: s.rows, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
