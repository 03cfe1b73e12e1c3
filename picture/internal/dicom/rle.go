package dicom

import (
	"encoding/binary"

	"fovea/picture/internal/fault"
)

// DecodeRLE unpacks a frame's segments into dst, which gets a plane for each byte of a pixel: of each sample in turn,
// the highest byte first. spend hears of bytes and says whether to go on.
func DecodeRLE(dst, frame []byte, planes int, spend func(work int) bool) error {
	const header = 64
	if len(frame) < header {
		return fault.Truncated("an RLE frame of %d bytes", len(frame))
	}
	if count := binary.LittleEndian.Uint32(frame); count != uint32(planes) || planes > 15 {
		return fault.Corrupt("an RLE frame of %d segments, which need be %d", count, planes)
	}
	size := len(dst) / planes
	for p := range planes {
		start, end := int64(binary.LittleEndian.Uint32(frame[4+4*p:])), int64(len(frame))
		if p+1 < planes {
			end = int64(binary.LittleEndian.Uint32(frame[8+4*p:]))
		}
		if start < header || start > end || end > int64(len(frame)) {
			return fault.Corrupt("RLE segment %d is from byte %d to %d of %d", p+1, start, end, len(frame))
		}
		if err := unpack(dst[p*size:(p+1)*size], frame[start:end], spend); err != nil {
			return err
		}
	}
	return nil
}

// unpack unpacks a segment. What stands after the last pixel is passed over.
func unpack(dst, src []byte, spend func(work int) bool) error {
	const often = 64 << 10
	done := 0
	for len(dst) > 0 {
		if len(src) < 2 {
			return fault.Truncated("an RLE segment lacks %d pixels", len(dst))
		}
		n := int(int8(src[0]))
		switch {
		case n >= 0:
			if n+1 > len(src)-1 {
				return fault.Truncated("an RLE segment lacks %d pixels", len(dst))
			}
			n = copy(dst, src[1:n+2])
			dst, src, done = dst[n:], src[min(len(src), int(src[0])+2):], done+n
		case n == -128:
			src, done = src[1:], done+1
		default:
			n = min(1-n, len(dst))
			for i := range n {
				dst[i] = src[1]
			}
			dst, src, done = dst[n:], src[2:], done+n
		}
		if done >= often && spend != nil {
			if !spend(done) {
				return fault.ErrStopped
			}
			done = 0
		}
	}
	return nil
}
