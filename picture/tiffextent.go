package picture

import "math"

// tiffExtent is that of a TIFF of whose header the decoder approves. Strips and tiles are unpacked
// one at a time, to up to eight bytes a pixel whatever they should have, and tiles may stand over
// the edges.
func tiffExtent(data []byte, width, height int) (extent, error) {
	l := layoutOf(data)
	if l == nil {
		return extent{}, nil
	}
	wide, high, across := width, height, 1
	tile := int(l.first(tagTileWidth, 0))
	tiled := tile > 0
	if tiled {
		wide, high = tile, max(1, int(l.first(tagTileHeight, 0)))
		across = divided(width, wide)
	} else if rows := int(l.first(tagRowsPerStrip, 0)); rows > 0 {
		high = min(high, rows)
	}
	blocks := times(across, divided(height, high))
	// The decoder has read these numbers as well: all are below 2^32.
	block, most := times(wide, high), times(wide, high, 8)
	row := times(min(wide, width), len(l.bits), int(l.bits[0])) / 8
	file := int64(len(data))
	e := extent{bytes: times(width, height, l.decodedBytes())}
	if tiled {
		e.pixels = times(int(min(blocks, math.MaxInt32)), wide, high)
	}
	raw := times(min(high, height)-1, int(row))
	var buffer int64
	switch l.compression {
	case uncompressed:
		e.least, buffer = raw, times(int(min(blocks, math.MaxInt32)), high, int(times(wide, len(l.bits), int(l.bits[0]))/8)) // each block in memory of its own
		if most > 10<<20 {                                                                                                   // read in pieces
			buffer = plus(buffer, bufferOf(min(most, file)))
		}
	case lzw:
		e.least, buffer = raw/mostOfLZW, bufferOf(min(most, times(len(data), mostOfLZW)))+lzwBytes
	case packBits:
		e.least, buffer = raw/64, bufferOf(min(most, times(len(data), 64)))
	case group3, group4:
		buffer = bufferOf(block/8 + int64(high))
	default:
		e.least, buffer = raw/mostOfDeflate, bufferOf(min(most, times(len(data), mostOfDeflate)))
		buffer = plus(buffer, min(blocks, 64)*inflaterBytes)
	}
	const entry = 12 // the place or the length of a block, as read and as a number
	e.least = max(e.least, blocks-4)
	e.bytes = plus(e.bytes, buffer, 2*entry*min(blocks, 4*file), 64<<10)
	return e, nil
}

// bufferOf is what a buffer of n bytes takes that doubles as it grows.
func bufferOf(n int64) int64 { return plus(n, n, n, n, 64<<10) }

// decodedBytes is the size of a decoded pixel.
func (l *tiffLayout) decodedBytes() int {
	switch deep := l.bits[0] > 8; {
	case l.photometric == rgbColours && deep:
		return 8
	case l.photometric == rgbColours:
		return 4
	case deep:
		return 2
	}
	return 1
}
