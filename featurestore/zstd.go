package featurestore

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/DataDog/zstd"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/cespare/xxhash/v2"
	zstdgo "github.com/klauspost/compress/zstd"
)

// zstdContexts are compression contexts, each for one goroutine at a time.
var zstdContexts = sync.Pool{New: func() any { return zstd.NewCtx() }}

// compressZstd compresses a page with a checksum, into the memory of dst if that suffices. It uses the
// reference library in C: at level 1 that takes half the time of the Go implementation and makes
// vectors a tenth smaller. Equal pages become equal bytes.
func compressZstd(dst, page []byte, level int) ([]byte, error) {
	context := zstdContexts.Get().(zstd.Ctx)
	defer zstdContexts.Put(context)
	if bound := zstd.CompressBound(len(page)) + frameSumBytes; cap(dst) < bound {
		dst = make([]byte, 0, bound)
	}
	frame, err := context.CompressLevel(dst[:0:cap(dst)-frameSumBytes], page, level)
	if err != nil {
		return dst, err
	}
	return addFrameSum(frame, page), nil
}

// frameSumBytes is the length of the checksum at the end of a frame.
const frameSumBytes = 4

// addFrameSum adds the checksum of its content to a frame, the lower half of the XXH64 (RFC 8878, section
// 3.1.1), so that decoders notice changed bits. The binding has no option for it.
func addFrameSum(frame, content []byte) []byte {
	const magicBytes, sumFlag = 4, 1 << 2
	frame[magicBytes] |= sumFlag
	return binary.LittleEndian.AppendUint32(frame, uint32(xxhash.Sum64(content)))
}

// goEncoders are idle encoders of the Go implementation, by level, each for one goroutine at a time.
var goEncoders [zstdgo.SpeedBestCompression + 1]sync.Pool

// pageWriter is Arrow's, which compresses columns other than vectors, but for making a new encoder, which takes some
// megabytes, for every page. The bytes are the same.
type pageWriter struct {
	file.PageWriter
	level zstdgo.EncoderLevel
}

// withEncoders returns a writer of the same pages that keeps the encoders.
func withEncoders(w file.PageWriter, properties *parquet.WriterProperties, column string) file.PageWriter {
	level := properties.CompressionLevelFor(column)
	if properties.CompressionFor(column) != compress.Codecs.Zstd || level == compress.DefaultCompressionLevel {
		return w
	}
	return &pageWriter{w, zstdgo.EncoderLevelFromZstd(level)}
}

// Compress compresses a page into the memory of buf, if that suffices.
func (w *pageWriter) Compress(buf *bytes.Buffer, page []byte) []byte {
	encoder, ok := goEncoders[w.level].Get().(*zstdgo.Encoder)
	if !ok {
		var err error
		if encoder, err = zstdgo.NewWriter(nil, zstdgo.WithZeroFrames(true), zstdgo.WithEncoderLevel(w.level), zstdgo.WithEncoderConcurrency(1)); err != nil {
			return w.PageWriter.Compress(buf, page)
		}
	}
	defer goEncoders[w.level].Put(encoder)
	return encoder.EncodeAll(page, buf.AvailableBuffer())
}
