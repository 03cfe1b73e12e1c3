package featurestore

import (
	"encoding/binary"
	"sync"

	"github.com/DataDog/zstd"
	"github.com/cespare/xxhash/v2"
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
