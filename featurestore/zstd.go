package featurestore

import (
	"encoding/binary"
	"sync"

	"github.com/DataDog/zstd"
	"github.com/cespare/xxhash/v2"
)

// zstdContexts are the memory of compressions, for one goroutine at a time each.
var zstdContexts = sync.Pool{New: func() any { return zstd.NewCtx() }}

// compressZstd compresses a page into the memory of dst, if it is enough, with a checksum, by
// the reference library, which is bound as C: at level 1 it takes half the time of the one in
// Go and makes vectors a tenth smaller. Equal pages become equal bytes.
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

// addFrameSum gives a frame without checksum the one of its content, the lower half of its
// XXH64 (RFC 8878, section 3.1.1): decoders then notice a changed bit. The binding has no option for it.
func addFrameSum(frame, content []byte) []byte {
	const magicBytes, sumFlag = 4, 1 << 2
	frame[magicBytes] |= sumFlag
	return binary.LittleEndian.AppendUint32(frame, uint32(xxhash.Sum64(content)))
}
