package jpeg2000

import (
	"encoding/binary"

	"fovea/picture/internal/fault"
)

// Markers.
const (
	markSize    = 0xff51
	markCoding  = 0xff52
	markTile    = 0xff90
	mostOfImage = 1<<31 - 1
)

// codestream reads one that begins at a place of the file.
func (f *File) codestream(data []byte, place int) error {
	if len(data) < len(start) {
		return fault.Truncated("the file ends within its codestream's first bytes")
	}
	if string(data[:len(start)]) != start {
		return fault.Corrupt("the codestream does not begin with a size")
	}
	var h mainHeader
	at := 2
	for {
		if at+4 > len(data) {
			return fault.Truncated("the file ends within the main header")
		}
		marker, size := binary.BigEndian.Uint16(data[at:]), int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == markTile {
			break
		}
		if marker < 0xff01 || size < 2 {
			return fault.Corrupt("the main header has something else where a marker should be")
		}
		if at+2+size > len(data) {
			return fault.Truncated("the file ends within the main header")
		}
		if err := f.segment(&h, marker, data[at+4:at+2+size]); err != nil {
			return err
		}
		at += 2 + size
	}
	if !h.coded {
		return fault.Corrupt("the main header does not say how it is coded")
	}
	f.End = place + at
	return checkTiles(data[at:], h.tiles)
}

// mainHeader is what a codestream's main header has said so far.
type mainHeader struct {
	tiles int64
	coded bool
}

// segment reads a segment of the main header.
func (f *File) segment(h *mainHeader, marker uint16, content []byte) (err error) {
	switch marker {
	case markSize:
		h.tiles, err = f.size(content)
		return err
	case markCoding:
		h.coded = true
		if len(content) < 10 || content[6] > 8 || content[7] > 8 {
			return fault.Corrupt("how it is coded makes no sense")
		}
		f.Blocks = 1 << (content[6] + content[7] + 4)
		f.HighThroughput = content[8]&0x40 != 0
	}
	return nil
}

// size reads the sizes of the image, its tiles and its components.
func (f *File) size(content []byte) (tiles int64, err error) {
	if len(content) < 36 {
		return 0, fault.Corrupt("the size is incomplete")
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint32(content[2+4*i:])) }
	x1, y1, x0, y0 := number(0), number(1), number(2), number(3)
	tileWidth, tileHeight, tileX, tileY := number(4), number(5), number(6), number(7)
	count := int(binary.BigEndian.Uint16(content[34:]))
	switch {
	case x0 >= x1 || y0 >= y1 || x1 > mostOfImage || y1 > mostOfImage:
		return 0, fault.Corrupt("the header says %dx%d pixels", x1-x0, y1-y0)
	case tileWidth < 1 || tileHeight < 1 || tileX > x0 || tileY > y0 || tileX+tileWidth <= x0 || tileY+tileHeight <= y0:
		return 0, fault.Corrupt("tiles of %dx%d pixels that do not cover the image", tileWidth, tileHeight)
	case count < 1 || len(content) < 36+3*count:
		return 0, fault.Corrupt("the size is incomplete")
	}
	f.Components = make([]Component, count)
	for i := range f.Components {
		c := content[36+3*i:]
		f.Components[i] = Component{Bits: int(c[0]&0x7f) + 1, Signed: c[0]&0x80 != 0, DX: int(c[1]), DY: int(c[2])}
		if c[1] == 0 || c[2] == 0 || f.Components[i].Bits > 38 {
			return 0, fault.Corrupt("component %d has no samples", i)
		}
	}
	first := f.Components[0]
	f.Width = int(upward(x1, int64(first.DX)) - upward(x0, int64(first.DX)))
	f.Height = int(upward(y1, int64(first.DY)) - upward(y0, int64(first.DY)))
	f.Grid = (x1 - x0) * (y1 - y0)
	f.Tile = min(tileWidth, x1-x0) * min(tileHeight, y1-y0)
	tiles = upward(x1-tileX, tileWidth) * upward(y1-tileY, tileHeight)
	if tiles > 1<<16-1 {
		return 0, fault.Corrupt("%d tiles", tiles)
	}
	return tiles, nil
}

// upward is a quotient, rounded up.
func upward(a, b int64) int64 { return (a + b - 1) / b }

// checkTiles checks that the parts of all tiles are there as far as they say how long they are.
func checkTiles(data []byte, tiles int64) error {
	const head = 12
	seen, parts := make(map[uint16]bool), 0
	for at := 0; ; parts++ {
		if at+2 > len(data) || binary.BigEndian.Uint16(data[at:]) != markTile { // the end's marker, or what someone added
			if int64(len(seen)) >= tiles {
				return nil
			}
			if at+2 > len(data) {
				return fault.Truncated("it has %d of %d tiles", len(seen), tiles)
			}
			return fault.Corrupt("it has %d of %d tiles", len(seen), tiles)
		}
		if at+head > len(data) {
			return fault.Truncated("the file ends within the head of a tile")
		}
		tile, size := binary.BigEndian.Uint16(data[at+4:]), int64(binary.BigEndian.Uint32(data[at+6:]))
		if int64(tile) >= tiles {
			return fault.Corrupt("a tile %d of %d", tile, tiles)
		}
		seen[tile] = true
		switch {
		case size == 0: // to the end
			size = int64(len(data) - at)
		case size < head+2:
			return fault.Corrupt("a tile's part is shorter than its own head")
		case size > int64(len(data)-at):
			return fault.Truncated("the file ends within tile %d", tile)
		}
		at += int(size)
	}
}
