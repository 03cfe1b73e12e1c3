package featurestore

import (
	"bytes"
	"encoding/base64"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
)

// encoder writes records to one file. It may panic, and may drop errors of its sink: call it through
// guard.Call, and ask the sink for errors.
type encoder interface {
	schema() *arrow.Schema
	write(arrow.Record) error
	// endGroup ends a row group, if the format has row groups.
	endGroup() error
	// close writes the footer and leaves the sink open.
	close() error
}

func newEncoder(w io.WriteSeeker, info Info, o Options) (encoder, error) {
	info.tensors = o.TensorExtension
	md, err := footerMetadata(info)
	if err != nil {
		return nil, err
	}
	mem, schema := o.hooks.mem, fixedSchema(info, md)
	if o.TensorExtension {
		if schema, err = tensorSchema(info, md); err != nil {
			return nil, err
		}
	}
	if o.Format == FormatArrow {
		// Compression would keep readers from mapping the file.
		sink := &sumSink{w: w}
		writer, err := ipc.NewFileWriter(sink, ipc.WithSchema(schema), ipc.WithAllocator(mem))
		return &ipcEncoder{writer: writer, sink: sink, fields: schema}, err
	}
	logical, err := serializeSchema(schema, mem)
	if err != nil {
		return nil, err
	}
	return newParquetEncoder(w, listSchema(info, md), logical, vectorProperties(info, o.hooks.properties...))
}

// dataPageBytes is the size at which a page ends.
const dataPageBytes = 1 << 20

// vectorProperties are the settings of the Parquet writer.
//
//   - zstd level 1: two thirds smaller than uncompressed for rectified features; higher levels
//     gain a few percent and cost most of the speed.
//   - No statistics for vectors: they cost time and never help. Labels, splits and groups repeat, so
//     they get a dictionary.
//   - Go's allocator for its own buffers: it leaves their release to the garbage collector.
func vectorProperties(info Info, more ...parquet.WriterProperty) *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1),
		parquet.WithDictionaryDefault(false),
		parquet.WithDataPageSize(dataPageBytes),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
	}
	for _, c := range plainColumns(info.Extra) {
		if c.repeats {
			options = append(options, parquet.WithDictionaryFor(c.name, true))
		}
	}
	for _, l := range info.Recipe.Layers {
		options = append(options, parquet.WithStatsFor(l.Name+".list.element", false))
	}
	return parquet.NewWriterProperties(append(options, more...)...)
}

// serializeSchema encodes a schema as readers expect it under "ARROW:schema".
func serializeSchema(schema *arrow.Schema, mem memory.Allocator) (string, error) {
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(schema), ipc.WithAllocator(mem))
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(stream.Bytes()), nil
}

type ipcEncoder struct {
	writer *ipc.FileWriter
	sink   *sumSink
	fields *arrow.Schema
}

func (e *ipcEncoder) schema() *arrow.Schema { return e.fields }

func (e *ipcEncoder) write(r arrow.Record) error { return e.writer.Write(r) }

func (e *ipcEncoder) endGroup() error { return nil }

func (e *ipcEncoder) close() error { return e.sink.finish(e.writer.Close) }
