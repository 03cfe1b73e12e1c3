package jpeg

import (
	"bytes"
	"encoding/binary"

	"fovea/picture/internal/fault"
)

// bitReader reads markers and segments, and the bits of entropy-coded data in between.
//
// Before an interval of such data is read, it is copied without the zeros that are stuffed
// after each 0xff, so that the reader takes eight bytes at once. Bits wait at the top of
// acc. Behind the interval's end zeros are fed; that the real bits ran out is found by
// comparing, so that the reader need not check every bit.
type bitReader struct {
	data []byte
	at   int // in data
	// coded is the current interval, and next the place of the byte in it that the bits in
	// acc lead up to.
	coded []byte
	next  int
	acc   uint64
	n     int  // bits in acc
	bad   bool // a pattern of bits is not a code
}

// interval reads entropy-coded data up to the next marker or the end.
func (b *bitReader) interval() {
	b.coded, b.next, b.acc, b.n, b.bad = sized(b.coded, len(b.data)-b.at)[:0], 0, 0, 0, false
	for {
		rest := b.data[b.at:]
		plain := bytes.IndexByte(rest, 0xff)
		if plain < 0 {
			b.coded = append(b.coded, rest...)
			b.at = len(b.data)
			return
		}
		b.at += plain
		if plain+1 >= len(rest) || rest[plain+1] != 0 { // a marker
			b.coded = append(b.coded, rest[:plain]...)
			return
		}
		b.coded = append(b.coded, rest[:plain+1]...)
		b.at += 2
	}
}

// exhausted says whether bits were taken that the interval doesn't have, or that are no
// code.
func (b *bitReader) exhausted() bool { return b.bad || 8*b.next-b.n > 8*len(b.coded) }

// fill makes sure of at least 56 bits.
func (b *bitReader) fill() { b.acc, b.n, b.next = filled(b.coded, b.acc, b.n, b.next) }

// filled is fill for a reader whose fields are in registers.
func filled(coded []byte, acc uint64, n, next int) (uint64, int, int) {
	if next+8 <= len(coded) {
		acc |= binary.BigEndian.Uint64(coded[next:]) >> n
		return acc, n | 56, next + (63-n)>>3
	}
	for n < 56 {
		if next < len(coded) {
			acc |= uint64(coded[next]) << (56 - n)
		}
		n += 8
		next++
	}
	return acc, n, next
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
// that is not a code gives symbol 0 and counts as exhausted data.
func (b *bitReader) symbol(h *huffman) uint8 {
	if b.n < 32 {
		b.fill()
	}
	symbol, length := h.symbol(b.acc)
	b.bad = b.bad || length == 0
	b.skip(int(length))
	return symbol
}

// nextMarker drops what is left of entropy-coded data and finds the next marker.
func (b *bitReader) nextMarker() (marker uint8, found bool) {
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
		return nil, fault.ErrTruncated
	}
	length := int(binary.BigEndian.Uint16(b.data[b.at:]))
	if length < 2 {
		return nil, fault.Corrupt("segment of %d bytes", length)
	}
	if b.at+length > len(b.data) {
		return nil, fault.ErrTruncated
	}
	body := b.data[b.at+2 : b.at+length]
	b.at += length
	return body, nil
}
