package featurestore

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/flight"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"github.com/x448/float16"
)

// Sizes of what is written at a time. Records are small, because Arrow v15 takes several
// times their size while it encodes them.
const (
	recordBytes = 4 << 20
	recordRows  = 64
)

// recordWriter is what the two formats have in common.
type recordWriter interface {
	write(arrow.Record) error
	close() error
}

// shard is one file of rows that is being written under a temporary name.
type shard struct {
	info    Info
	file    *os.File
	sum     hash.Hash
	bytes   int64
	records recordWriter
	builder *array.RecordBuilder
	pending int // rows in the builder
	perTime int // rows that make a record
	rows    int
}

// newShard creates the file of that name.
func newShard(name string, info Info, format Format, allocator memory.Allocator) (*shard, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("featurestore: %w", err)
	}
	s := &shard{info: info, file: file, sum: sha256.New(), perTime: rowsPerRecord(info)}
	if err := s.open(format, allocator); err != nil {
		return nil, errors.Join(fmt.Errorf("featurestore: begin %s: %w", name, err), file.Close())
	}
	return s, nil
}

func rowBytes(info Info) int {
	size := 0
	for _, l := range info.Recipe.Layers {
		size += l.Size() * info.DType.size()
	}
	return size
}

func rowsPerRecord(info Info) int { return max(1, min(recordRows, recordBytes/rowBytes(info))) }

// Write counts and hashes what goes into the file. It makes the shard the sink that the
// Arrow writers see, without a Close that they would call.
func (s *shard) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.sum.Write(p[:n])
	s.bytes += int64(n)
	return n, err
}

func (s *shard) open(format Format, allocator memory.Allocator) (err error) {
	if format == FormatArrow {
		schema := s.info.schema(fixedLists)
		s.builder = array.NewRecordBuilder(allocator, schema)
		s.records, err = newArrowWriter(s, schema, allocator)
		return err
	}
	schema := s.info.schema(plainLists)
	s.builder = array.NewRecordBuilder(allocator, schema)
	s.records, err = newParquetWriter(s, s.info, schema, allocator)
	return err
}

// append adds a row that has been checked.
func (s *shard) append(row Row) error {
	appendString(s.builder.Field(columnPath), row.Path, false)
	appendString(s.builder.Field(columnLabel), row.Label, true)
	appendString(s.builder.Field(columnSplit), row.Split, true)
	appendString(s.builder.Field(columnSHA256), row.SHA256, false)
	s.builder.Field(columnWidth).(*array.Int32Builder).Append(row.Width)
	s.builder.Field(columnHeight).(*array.Int32Builder).Append(row.Height)
	for i, vector := range row.Features {
		var values array.Builder
		switch list := s.builder.Field(fixedColumns + i).(type) {
		case *array.ListBuilder:
			list.Append(true)
			values = list.ValueBuilder()
		case *array.FixedSizeListBuilder:
			list.Append(true)
			values = list.ValueBuilder()
		}
		appendVector(values, vector)
	}
	s.rows++
	s.pending++
	if s.pending < s.perTime {
		return nil
	}
	return s.flush()
}

func appendString(builder array.Builder, value string, nullable bool) {
	if nullable && value == "" {
		builder.AppendNull()
		return
	}
	builder.(*array.StringBuilder).Append(value)
}

func appendVector(builder array.Builder, vector []float32) {
	switch b := builder.(type) {
	case *array.Float32Builder:
		b.AppendValues(vector, nil)
	case *array.Float16Builder:
		// Arrow's own conversion does not round to nearest.
		raw := make([]byte, 0, 2*len(vector))
		for _, v := range vector {
			bits := float16.Fromfloat32(v).Bits()
			raw = append(raw, byte(bits), byte(bits>>8))
		}
		b.AppendValues(arrow.Float16Traits.CastFromBytes(raw), nil)
	}
}

func (s *shard) flush() error {
	if s.pending == 0 {
		return nil
	}
	s.pending = 0
	record := s.builder.NewRecord()
	defer record.Release()
	return s.records.write(record)
}

// close finishes the file and puts it on disk.
func (s *shard) close() error {
	err := s.flush()
	s.builder.Release()
	return errors.Join(err, s.records.close(), s.file.Sync(), s.file.Close())
}

// abandon gives the file up.
func (s *shard) abandon() {
	s.builder.Release()
	_ = s.records.close() // frees its memory; what it says of a file given up is no matter
	_ = s.file.Close()
}

func (s *shard) sha256() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// parquetWriter writes Parquet, one row group per shard.
type parquetWriter struct{ file *pqarrow.FileWriter }

func newParquetWriter(sink io.Writer, info Info, schema *arrow.Schema, allocator memory.Allocator) (*parquetWriter, error) {
	longest := 0
	properties := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(1),
		parquet.WithDataPageSize(1 << 20),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
		// Shards are closed before this; a row group never ends within a record.
		parquet.WithMaxRowGroupLength(1 << 30),
		// Neither repeats: a dictionary would only be built and thrown away.
		parquet.WithDictionaryFor("path", false),
		parquet.WithDictionaryFor("sha256", false),
	}
	for _, l := range info.Recipe.Layers {
		leaf := l.Name + ".list.element"
		properties = append(properties, parquet.WithDictionaryFor(leaf, false), parquet.WithStatsFor(leaf, false))
		longest = max(longest, l.Size())
	}
	properties = append(properties, parquet.WithBatchSize(int64(longest)))
	file, err := pqarrow.NewFileWriter(schema, struct{ io.Writer }{sink}, parquet.NewWriterProperties(properties...),
		pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, err
	}
	declared := flight.SerializeSchema(info.schema(fixedLists), allocator)
	if err := file.AppendKeyValueMetadata("ARROW:schema", base64.StdEncoding.EncodeToString(declared)); err != nil {
		return nil, err
	}
	metadata := info.metadata()
	for i, key := range metadata.Keys() {
		if err := file.AppendKeyValueMetadata(key, metadata.Values()[i]); err != nil {
			return nil, err
		}
	}
	return &parquetWriter{file}, nil
}

func (w *parquetWriter) write(record arrow.Record) error {
	return guard(func() error { return w.file.WriteBuffered(record) })
}
func (w *parquetWriter) close() error { return guard(w.file.Close) }

// arrowWriter writes Arrow IPC files, uncompressed so that they can be mapped into memory.
type arrowWriter struct{ file *ipc.FileWriter }

// positioned adds what the IPC writer asks for, its position, which is all it uses.
type positioned struct{ *shard }

func (p positioned) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("featurestore: an Arrow file is written from front to back")
	}
	return p.bytes, nil
}

func newArrowWriter(s *shard, schema *arrow.Schema, allocator memory.Allocator) (*arrowWriter, error) {
	file, err := ipc.NewFileWriter(positioned{s}, ipc.WithSchema(schema), ipc.WithAllocator(allocator))
	if err != nil {
		return nil, err
	}
	return &arrowWriter{file}, nil
}

func (w *arrowWriter) write(record arrow.Record) error {
	return guard(func() error { return w.file.Write(record) })
}
func (w *arrowWriter) close() error { return guard(w.file.Close) }

// guard turns a panic of the Arrow library into an error: it panics on some damage and on
// some failed writes.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrFormat, p)
		}
	}()
	return f()
}
