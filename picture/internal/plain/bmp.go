package plain

import (
	"math/bits"

	"fovea/picture/internal/fault"
)

// ParseBMP reads the headers of Windows's and OS/2's bitmaps.
func ParseBMP(data []byte) (*Image, error) {
	if len(data) < 18 {
		return nil, fault.ErrTruncated
	}
	offset := int(le.Uint32(data[10:]))
	b, err := readDIB(data, 14)
	if err != nil {
		return nil, err
	}
	// Some programs give the end of the header although a palette follows it.
	if offset == 14+b.size && b.depth <= 8 {
		offset = b.end
	}
	if offset == 0 {
		offset = b.end
	}
	b.pixels = offset
	return b.image(data)
}

// ParseDIB reads a bitmap without a file's header, of an icon: its height counts the mask after it, too. It returns
// where the pixels begin, and the bits of each. Below 32 bits the mask is the opacity, with 32 bits the fourth byte.
func ParseDIB(data []byte) (m *Image, pixels, depth int, err error) {
	if len(data) < 4 {
		return nil, 0, 0, fault.ErrTruncated
	}
	b, err := readDIB(data, 0)
	if err != nil {
		return nil, 0, 0, err
	}
	b.height /= 2
	b.pixels = b.end
	m, err = b.image(data)
	return m, b.pixels, b.depth, err
}

// What the rows of a bitmap are.
const (
	bmpRGB = iota
	bmpRLE8
	bmpRLE4
	bmpBitfields
	bmpJPEG
	bmpPNG
	bmpAlphaBitfields
)

// dib is a bitmap's header.
type dib struct {
	size                 int // of the header itself
	width, height        int
	downward             bool
	depth, compression   int
	colours, end, pixels int // of the palette; where that ends, and where the pixels begin
	palette              *Palette
	masks                [4]uint32
	masked               bool
}

// readDIB reads a header, with masks and palette, at an offset.
func readDIB(data []byte, at int) (b dib, err error) {
	b.size = int(le.Uint32(data[at:]))
	switch {
	case b.size == 12, b.size >= 16 && b.size <= 64, b.size == 108, b.size == 124:
	case b.size < 16:
		return b, fault.Corrupt("a header of %d bytes", b.size)
	default:
		return b, unsupported("a BMP with a header of %d bytes", b.size)
	}
	if len(data) < at+b.size {
		return b, fault.ErrTruncated
	}
	h := data[at : at+b.size]
	entry := 4
	if b.size == 12 {
		entry = 3
		b.width, b.height, b.depth = field(h, 4), field(h, 6), field(h, 10)
	} else {
		height := int(int32(le.Uint32(h[8:])))
		b.width, b.height, b.downward = int(le.Uint32(h[4:])), max(height, -height), height < 0
		b.depth = field(h, 14)
		b.compression, b.colours = b.word(h, 16), b.word(h, 32)
	}
	if b.width > 1<<31-1 {
		return b, fault.Corrupt("a width of %d", int32(b.width))
	}
	if err := b.check(); err != nil {
		return b, err
	}
	b.end = at + b.size
	b.readMasks(data, h)
	if b.depth <= 8 {
		if b.colours == 0 {
			b.colours = 1 << b.depth
		}
		b.readPalette(data, entry)
	}
	return b, nil
}

// word is a field of the header, 0 if it is too short for it.
func (b *dib) word(header []byte, at int) int {
	if len(header) < at+4 {
		return 0
	}
	return int(le.Uint32(header[at:]))
}

// check refuses what is not decoded. OS/2 gives some numbers a meaning of their own.
func (b *dib) check() error {
	os2 := b.size != 12 && b.size != 40 && b.size != 52 && b.size != 56 && b.size < 108
	switch b.compression {
	case bmpRGB:
	case bmpRLE8, bmpRLE4:
		if b.depth != 12-4*b.compression {
			return fault.Corrupt("run lengths of %d bits in a BMP of %d", 12-4*b.compression, b.depth)
		}
	case bmpBitfields, bmpAlphaBitfields:
		switch {
		case os2:
			return unsupported("OS/2's BMP with Huffman codes")
		case b.depth != 16 && b.depth != 24 && b.depth != 32:
			return fault.Corrupt("masks in a BMP of %d bits", b.depth)
		}
	case bmpJPEG:
		if os2 {
			return unsupported("OS/2's BMP with run lengths of 24 bits")
		}
		return unsupported("a BMP with a JPEG inside")
	case bmpPNG:
		return unsupported("a BMP with a PNG inside")
	default:
		return unsupported("a BMP with compression %d", b.compression)
	}
	switch b.depth {
	case 1, 2, 4, 8:
		if b.colours > 1<<16 {
			return fault.Corrupt("a palette of %d colours", b.colours)
		}
	case 16, 24, 32:
	default:
		return unsupported("a BMP of %d bits a pixel", b.depth)
	}
	return nil
}

// readMasks reads which bits are which colour: in the longer headers, or after a short one.
func (b *dib) readMasks(data, header []byte) {
	b.masked = b.compression == bmpBitfields || b.compression == bmpAlphaBitfields
	switch {
	case b.masked:
		count := 3
		if b.compression == bmpAlphaBitfields {
			count = 4
		}
		at := header[40:]
		if b.size == 40 {
			at = data[min(b.end, len(data)):]
			b.end += 4 * count
		} else if b.size >= 56 {
			count = 4
		}
		for i := range count {
			b.masks[i] = uint32(b.word(at, 4*i))
		}
	case b.depth == 16:
		b.masks, b.masked = [4]uint32{0x7c00, 0x3e0, 0x1f}, true
	}
	if b.depth == 32 && b.masks == [4]uint32{} && b.masked { // as Pillow takes them
		b.masks = [4]uint32{0xff0000, 0xff00, 0xff, 0xff000000}
	}
}

// readPalette reads the colours that are there; those after them are not in the palette.
func (b *dib) readPalette(data []byte, entry int) {
	b.palette = &Palette{Opaque: true}
	at := b.end
	b.end += entry * b.colours
	b.colours = min(b.colours, 1<<b.depth)
	for i := range b.colours {
		if at+3 > len(data) {
			return
		}
		b.palette.Count = i + 1
		b.palette.Colours[i] = [4]uint8{data[at+2], data[at+1], data[at], 255}
		at += entry
	}
}

// image is the bitmap whose pixels begin at a known place.
func (b *dib) image(data []byte) (*Image, error) {
	m := &Image{Width: b.width, Height: b.height, Channels: 3}
	row := product(b.width, b.depth)
	r := raw{at: b.pixels, row: int((row + 7) / 8), stride: int((row + 31) / 32 * 4), upward: !b.downward}
	switch {
	case b.compression == bmpRLE8 || b.compression == bmpRLE4:
		m.Channels, m.Palette, m.Least = 1, b.palette, int64(b.pixels)+2
		m.read = func(pix []byte, spend Spend) error { return b.runs(data, pix, spend) }
	case b.depth <= 8:
		m.Channels, m.Palette = 1, b.palette
		m.rows(data, r, func(dst, src []byte) error {
			indices(dst, src, b.depth)
			return nil
		})
	case b.masked:
		if b.masks[3] != 0 {
			m.Channels = 4
		}
		line, err := masked(b.masks, b.depth/8, m.Channels)
		if err != nil {
			return nil, err
		}
		m.rows(data, r, line)
	default:
		m.rows(data, r, reversed(b.depth/8, 3))
	}
	return m, nil
}

// masked takes the samples of a pixel by masks, and scales them to 8 bits.
func masked(masks [4]uint32, size, channels int) (func(dst, src []byte) error, error) {
	var shift, largest [4]uint32
	for i, mask := range masks[:channels] {
		if mask == 0 {
			continue
		}
		shift[i] = uint32(bits.TrailingZeros32(mask))
		largest[i] = mask >> shift[i]
		if largest[i]&(largest[i]+1) != 0 {
			return nil, unsupported("a BMP with the mask %#x, whose bits are not together", mask)
		}
	}
	return func(dst, src []byte) error {
		for ; len(src) >= size && len(dst) >= channels; src, dst = src[size:], dst[channels:] {
			pixel := uint32(src[0]) | uint32(src[1])<<8
			if size > 2 {
				pixel |= uint32(src[2]) << 16
			}
			if size > 3 {
				pixel |= uint32(src[3]) << 24
			}
			for i := range channels {
				if dst[i] = 0; largest[i] > 0 {
					dst[i] = uint8(uint64(pixel>>shift[i]&largest[i]) * 255 / uint64(largest[i]))
				}
			}
		}
		return nil
	}, nil
}
