package jpegls

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"fovea/picture/internal/fault"
)

// bitReader reads markers and segments, and the bits of entropy-coded data in between. A byte after
// 0xff has seven bits there: its first is 0, by which it is told from a marker.
type bitReader struct {
	data []byte
	at   int // in data; within entropy-coded data, that of the next byte to take
	// acc has n bits at its top. Behind the end of the data are zeros, of which made counts those in acc or taken.
	acc   uint64
	n     int
	made  int
	after bool // the last byte was 0xff
	bad   bool // a pattern of bits is not a code
}

// start begins an interval of entropy-coded data.
func (b *bitReader) start() { b.acc, b.n, b.made, b.after, b.bad = 0, 0, 0, false, false }

// exhausted says whether bits were taken that the data don't have, or that are not a code.
func (b *bitReader) exhausted() bool { return b.bad || b.made > b.n }

// fill makes sure of at least 48 bits.
func (b *bitReader) fill() {
	if b.at+8 <= len(b.data) && !b.after {
		// Bytes that are not 0xff have eight bits, all of them.
		if word := binary.BigEndian.Uint64(b.data[b.at:]); (^word-0x0101010101010101)&word&0x8080808080808080 == 0 {
			b.acc |= word >> b.n
			b.at += (63 - b.n) >> 3
			b.n |= 56
			return
		}
	}
	for b.n <= 56 {
		b.byte()
	}
}

// byte takes a byte, or zeros if a marker or the end comes.
func (b *bitReader) byte() {
	size, next := 8, uint64(0)
	if b.at < len(b.data) {
		next = uint64(b.data[b.at])
	}
	switch {
	case b.at == len(b.data) || b.after && next >= 0x80 || next == 0xff && b.marker():
		b.made += 8
		next = 0
	case b.after:
		size = 7
		fallthrough
	default:
		b.at++
		b.after = next == 0xff
	}
	b.acc |= next << (64 - size) >> b.n
	b.n += size
}

// marker says whether 0xff, the next byte, is one.
func (b *bitReader) marker() bool { return b.at+1 == len(b.data) || b.data[b.at+1] >= 0x80 }

// take gives the next n bits, 0 to 32.
func (b *bitReader) take(n int) int32 {
	if b.n < 32 {
		b.fill()
	}
	value := b.acc >> 1 >> (63 - n&63)
	b.acc <<= n & 63
	b.n -= n
	return int32(value)
}

// zeros counts zeros up to a one, which is dropped; there are most at most, and no one after as many.
func (b *bitReader) zeros(most int) int {
	count := 0
	for {
		if b.n < 32 {
			b.fill()
		}
		run := min(bits.LeadingZeros64(b.acc), b.n)
		if run >= most-count {
			b.acc <<= uint(most - count)
			b.n -= most - count
			return most
		}
		if run < b.n {
			b.acc <<= uint(run + 1)
			b.n -= run + 1
			return count + run
		}
		count += run
		b.acc, b.n = 0, 0
	}
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
		if marker = b.data[b.at]; marker >= 0x80 && marker != 0xff {
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
