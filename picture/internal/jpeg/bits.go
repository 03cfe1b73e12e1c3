package jpeg

import (
	"bytes"
	"encoding/binary"
)

// bitReader reads markers and segments, and the bits of entropy-coded data in between.
//
// Bits wait at the top of acc. At a marker or at the file's end, zeros are fed and counted
// in pad; that the real bits ran out is found by comparing, so that the reader need not
// check every bit.
type bitReader struct {
	data []byte
	at   int
	acc  uint64
	n    int // bits in acc, with the padding
	pad  int // bits of padding among all that were fed
}

// exhausted says whether bits were taken that the file doesn't have.
func (b *bitReader) exhausted() bool { return b.n < b.pad }

// fill makes sure of more than 48 bits.
func (b *bitReader) fill() {
	if b.at+8 <= len(b.data) {
		next := binary.BigEndian.Uint64(b.data[b.at:])
		// Eight bytes without 0xff are taken at once: the sum carries out of such a byte.
		if inverse := ^next; (inverse-0x0101010101010101)&^inverse&0x8080808080808080 == 0 {
			b.acc |= next >> b.n
			taken := (63 - b.n) >> 3
			b.at += taken
			b.n += taken << 3
			return
		}
	}
	b.fillSlowly()
}

func (b *bitReader) fillSlowly() {
	for b.n <= 56 {
		var next byte
		switch {
		case b.at >= len(b.data):
			b.pad += 8
		case b.data[b.at] != 0xff:
			next = b.data[b.at]
			b.at++
		case b.at+1 < len(b.data) && b.data[b.at+1] == 0: // a stuffed 0xff
			next = 0xff
			b.at += 2
		default: // a marker
			b.pad += 8
		}
		b.acc |= uint64(next) << (56 - b.n)
		b.n += 8
	}
}

// skip drops n bits.
func (b *bitReader) skip(n int) {
	b.acc <<= n & 63
	b.n -= n
}

// take gives the next n bits, 0 to 16.
func (b *bitReader) take(n int) uint64 {
	if b.n < 16 {
		b.fill()
	}
	value := b.acc >> 1 >> (63 - n&63)
	b.skip(n)
	return value
}

// bit gives the next bit.
func (b *bitReader) bit() bool {
	if b.n < 1 {
		b.fill()
	}
	one := int64(b.acc) < 0
	b.skip(1)
	return one
}

// symbol decodes the next symbol. Afterwards at least 16 bits are ready. A bit pattern
// that is no code gives symbol 0 and counts as exhausted data.
func (b *bitReader) symbol(h *huffman) uint8 {
	if b.n < 32 {
		b.fill()
	}
	if entry := h.quick[b.acc>>(64-quickBits)]; entry != 0 {
		b.skip(int(entry >> 8))
		return uint8(entry)
	}
	return b.longSymbol(h)
}

func (b *bitReader) longSymbol(h *huffman) uint8 {
	start := uint32(b.acc >> 48)
	length := quickBits + 1
	for start >= h.limit[length] {
		length++
	}
	if length > 16 {
		b.pad = 1 << 30
		return 0
	}
	code := int32(b.acc >> (64 - length))
	b.skip(length)
	return h.symbols[uint8(code+h.offset[length])]
}

// nextMarker drops what is left of entropy-coded data and finds the next marker.
func (b *bitReader) nextMarker() (marker uint8, found bool) {
	b.acc, b.n, b.pad = 0, 0, 0
	for {
		skip := bytes.IndexByte(b.data[b.at:], 0xff)
		if skip < 0 || b.at+skip+1 >= len(b.data) {
			b.at = len(b.data)
			return 0, false
		}
		b.at += skip + 1
		switch marker = b.data[b.at]; marker {
		case 0xff: // a fill byte
		case 0:
			b.at++ // a stuffed 0xff
		default:
			b.at++
			return marker, true
		}
	}
}

// segment reads the body of a segment.
func (b *bitReader) segment() ([]byte, error) {
	if b.at+2 > len(b.data) {
		return nil, ErrTruncated
	}
	length := int(binary.BigEndian.Uint16(b.data[b.at:]))
	if length < 2 {
		return nil, corrupt("segment of %d bytes", length)
	}
	if b.at+length > len(b.data) {
		return nil, ErrTruncated
	}
	body := b.data[b.at+2 : b.at+length]
	b.at += length
	return body, nil
}
