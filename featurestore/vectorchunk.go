package featurestore

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"golang.org/x/sync/errgroup"

	"fovea/featurestore/internal/guard"
)

// vectorChunk collects a layer's column of one row group as compressed pages. Arrow's writer encodes the
// levels of every value and makes a new compressor for every page, which takes several times as long as
// the compression itself. Here levels follow from the size of the vectors, and pages are compressed on
// all CPUs. vectorPages reads them: version 1, plain values, whole vectors only.
type vectorChunk struct {
	meta *metadata.ColumnChunkMetaDataBuilder
	size int // values of a vector
	// width is the number of bytes of a value.
	width int
	codec compress.Compression
	pages []vectorPage
}

// vectorPage is one page: levels and values, compressed.
type vectorPage struct {
	data []byte
	// plain is the number of bytes before compression.
	plain, values int
}

// append compresses whole vectors, given as the bytes of their values, into pages of about pageBytes.
// The page boundaries depend only on the number of rows, so that equal rows give equal bytes on any
// machine.
func (v *vectorChunk) append(values []byte, pageBytes int, compress compressFunc) error {
	row := v.size * v.width
	rows := len(values) / row
	count := min(rows, max(1, (len(values)+pageBytes/2)/pageBytes))
	pages := make([]vectorPage, count)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range pages {
		from, to := i*rows/count, (i+1)*rows/count
		group.Go(func() error {
			// This is another goroutine, in which a panic would end the process.
			return guard.Call(func() error {
				b := pageBuffers.Get().(*pageBuffer)
				defer pageBuffers.Put(b)
				b.plain = append(v.levels(b.plain[:0], to-from), values[from*row:to*row]...)
				data, err := compress(b.compressed[:0], b.plain)
				b.compressed = data
				pages[i] = vectorPage{data: bytes.Clone(data), plain: len(b.plain), values: (to - from) * v.size}
				return err
			})
		})
	}
	err := group.Wait()
	v.pages = append(v.pages, pages...)
	return err
}

// pageBuffer is the memory for building and compressing a page.
type pageBuffer struct{ plain, compressed []byte }

var pageBuffers = sync.Pool{New: func() any { return new(pageBuffer) }}

// levels writes the start of a page with a number of vectors: the repetition levels, 0 at the start of a
// vector and 1 within it, and the definition levels, which say that no value is null. Each is 4 bytes of
// length, followed by runs of a count and a level.
func (v *vectorChunk) levels(page []byte, rows int) []byte {
	page = append(page, 0, 0, 0, 0)
	run := func(count int, level byte) {
		page = append(binary.AppendUvarint(page, uint64(count)<<1), level)
	}
	if v.size == 1 {
		run(rows, 0)
	} else {
		for range rows {
			run(1, 0)
			run(v.size-1, 1)
		}
	}
	binary.LittleEndian.PutUint32(page, uint32(len(page)-4))
	start := len(page)
	page = append(page, 0, 0, 0, 0)
	run(rows*v.size, byte(v.meta.Descr().MaxDefinitionLevel()))
	binary.LittleEndian.PutUint32(page[start:], uint32(len(page)-start-4))
	return page
}

// flush writes the pages and releases their memory. It returns their size.
func (v *vectorChunk) flush(pager file.PageWriter) (written int64, err error) {
	for _, p := range v.pages {
		page := file.NewDataPageV1(memory.NewBufferBytes(p.data), int32(p.values), parquet.Encodings.Plain, parquet.Encodings.RLE, parquet.Encodings.RLE, int32(p.plain))
		n, err := pager.WriteDataPage(page)
		written += n
		if err != nil {
			return written, err
		}
	}
	v.pages = nil
	return written, pager.Close(false, false)
}

// compressFunc appends a page, compressed, to dst.
type compressFunc func(dst, page []byte) ([]byte, error)

// newCompressor returns a function that compresses the pages of a column. It may be called concurrently,
// and equal pages always become equal bytes.
func newCompressor(properties *parquet.WriterProperties, column string) (compressFunc, error) {
	codec, level := properties.CompressionFor(column), properties.CompressionLevelFor(column)
	switch codec {
	case compress.Codecs.Uncompressed:
		return func(dst, page []byte) ([]byte, error) { return append(dst, page...), nil }, nil
	case compress.Codecs.Zstd:
		return func(dst, page []byte) ([]byte, error) { return compressZstd(dst, page, level) }, nil
	}
	other, err := compress.GetCodec(codec)
	if err != nil {
		return nil, err
	}
	return func(dst, page []byte) ([]byte, error) {
		return other.EncodeLevel(slices.Grow(dst, int(other.CompressBound(int64(len(page))))), page, level), nil
	}, nil
}
