package plain

import "fovea/picture/internal/fault"

// IsPSD recognizes Photoshop's documents, small and large ones.
func IsPSD(head []byte) bool {
	return len(head) >= 6 && string(head[:4]) == "8BPS" && head[4] == 0 && (head[5] == 1 || head[5] == 2)
}

// psd is a document's header.
type psd struct {
	data                  []byte
	large                 bool
	channels, depth, mode int
	palette               []byte
	at                    int // of the merged image
	width, height         int
	used                  int // channels that are read
	row                   int // bytes of a row of a channel
}

// The modes of documents.
const (
	psdBitmap = iota
	psdGrey
	psdIndexed
	psdRGB
	psdCMYK
	psdMultichannel = 7
	psdDuotone      = 8
	psdLab          = 9
)

// ParsePSD reads a document's header and finds the image of all layers together.
func ParsePSD(data []byte) (*Image, error) {
	if len(data) < 26 {
		return nil, fault.ErrTruncated
	}
	d := psd{data: data, large: data[5] == 2, channels: int(be.Uint16(data[12:])), depth: int(be.Uint16(data[22:])), mode: int(be.Uint16(data[24:]))}
	d.height, d.width = int(be.Uint32(data[14:])), int(be.Uint32(data[18:]))
	if d.width > 300_000 || d.height > 300_000 {
		return nil, fault.Corrupt("a document of %dx%d pixels", d.width, d.height)
	}
	m := &Image{Width: d.width, Height: d.height}
	if err := d.kind(m); err != nil {
		return nil, err
	}
	if err := d.sections(); err != nil {
		return nil, err
	}
	if d.mode == psdIndexed {
		if len(d.palette) != 768 {
			return nil, fault.Corrupt("a palette of %d bytes", len(d.palette))
		}
		m.Palette = &Palette{Opaque: true, Count: 256}
		for i := range 256 {
			m.Palette.Colours[i] = [4]uint8{d.palette[i], d.palette[256+i], d.palette[512+i], 255}
		}
	}
	d.row = (d.width*d.depth + 7) / 8
	return m, d.merged(m)
}

// kind finds the channels to read by the document's mode.
func (d *psd) kind(m *Image) error {
	switch {
	case d.depth == 32:
		return unsupported("a Photoshop document of 32 bits")
	case d.depth != 1 && d.depth != 8 && d.depth != 16, (d.depth == 1) != (d.mode == psdBitmap), d.depth == 16 && d.mode == psdIndexed:
		return fault.Corrupt("a document of %d bits in mode %d", d.depth, d.mode)
	}
	switch d.mode {
	case psdBitmap, psdGrey, psdIndexed, psdMultichannel, psdDuotone:
		m.Channels, d.used = 1, 1
		if d.mode == psdBitmap {
			m.Palette = bilevel(255, 0)
		}
	case psdRGB:
		m.Channels, d.used = 3, 3
		if d.channels == 4 {
			m.Channels, d.used = 4, 4
		}
	case psdCMYK:
		m.Channels, d.used = 3, 4
	case psdLab:
		return unsupported("a Photoshop document in Lab colours")
	default:
		return fault.Corrupt("a document of mode %d", d.mode)
	}
	if d.depth == 16 && d.mode != psdCMYK {
		m.Size = 2
	}
	if d.channels < d.used {
		return fault.Corrupt("%d channels in a document of mode %d", d.channels, d.mode)
	}
	return nil
}

// sections passes over the palette, the resources and the layers.
func (d *psd) sections() error {
	at := uint64(26)
	for i := range 3 {
		size := uint64(4)
		if i == 2 && d.large {
			size = 8
		}
		if at+size > uint64(len(d.data)) {
			return fault.ErrTruncated
		}
		length := uint64(be.Uint32(d.data[at:]))
		if size == 8 {
			length = be.Uint64(d.data[at:])
		}
		at += size
		if length > uint64(len(d.data))-at {
			return fault.ErrTruncated
		}
		if i == 0 {
			d.palette = d.data[at : at+length]
		}
		at += length
	}
	d.at = int(at)
	return nil
}

// merged describes the merged image: channel by channel, plain or packed.
func (d *psd) merged(m *Image) error {
	if len(d.data) < d.at+2 {
		return fault.ErrTruncated
	}
	compression := be.Uint16(d.data[d.at:])
	d.at += 2
	m.Scratch = int64(d.row)
	switch compression {
	case 0:
		m.Least = int64(d.at) + product(d.used, d.height, d.row)
		m.read = func(pix []byte, spend Spend) error {
			if int64(len(d.data)) < m.Least {
				return fault.ErrTruncated
			}
			return d.planes(m, pix, spend, func(_, at int) ([]byte, error) { return d.data[d.at+at*d.row:][:d.row], nil })
		}
	case 1:
		size := 2
		if d.large {
			size = 4
		}
		m.Least = min(1<<62, int64(d.at)+product(size, d.channels, d.height)+product(d.used, d.height, (d.row+127)/128*2))
		m.read = func(pix []byte, spend Spend) error { return d.packed(m, pix, spend, size) }
	default:
		return unsupported("a Photoshop document with compression %d", compression)
	}
	return nil
}

// packed reads rows whose lengths precede them all.
func (d *psd) packed(m *Image, pix []byte, spend Spend, size int) error {
	lengths := d.data[d.at:]
	at := int64(d.at) + product(size, d.channels, d.height)
	if at > int64(len(d.data)) {
		return fault.ErrTruncated
	}
	line := make([]byte, d.row)
	return d.planes(m, pix, spend, func(_, row int) ([]byte, error) {
		length := int64(be.Uint16(lengths[size*row:]))
		if size == 4 {
			length = int64(be.Uint32(lengths[size*row:]))
		}
		if length > int64(len(d.data))-at {
			return nil, fault.ErrTruncated
		}
		err := unpackBits(line, d.data[at:at+length])
		at += length
		return line, err
	})
}

// planes reads the rows of the channels one after the other.
func (d *psd) planes(m *Image, pix []byte, spend Spend, next func(channel, row int) ([]byte, error)) error {
	for c := range d.used {
		for y := range d.height {
			if !spend(d.width) {
				return fault.ErrStopped
			}
			line, err := next(c, c*d.height+y)
			if err != nil {
				return err
			}
			d.sample(m, pix[y*m.rowBytes():][:m.rowBytes()], line, c)
		}
	}
	return nil
}

// sample puts a row of a channel into its place. Ink of 16 bits keeps its high byte. It is stored as light, and black is
// multiplied when the others are there.
func (d *psd) sample(m *Image, row, line []byte, c int) {
	switch {
	case d.depth == 1:
		indices(row, line, 1)
	case d.mode == psdCMYK && c == 3:
		for x := range d.width {
			inked(row[3*x:3*x+3:3*x+3], line[x*d.depth/8])
		}
	default:
		interleave(row, line, c, m.Channels, d.depth/8, m.Bytes())
	}
}

// interleave puts a row of a channel's samples, of the given size in bytes, between those of the others. Their first
// bytes are kept.
func interleave(row, line []byte, c, channels, size, kept int) {
	for x := 0; x*size < len(line) && (x*channels+c+1)*kept <= len(row); x++ {
		copy(row[(x*channels+c)*kept:][:kept], line[x*size:])
	}
}

// inked takes black ink from a pixel, both stored as light, as Pillow converts CMYK without a profile.
func inked(pixel []byte, black byte) {
	for i, v := range pixel {
		product := int(255-v)*int(black) + 128
		pixel[i] = uint8(max(0, int(black)-(product+product>>8)>>8))
	}
}

// unpackBits unpacks a row by Apple's PackBits. What a run has beyond it is dropped.
func unpackBits(dst, src []byte) error {
	for len(dst) > 0 {
		if len(src) < 2 {
			return fault.ErrTruncated
		}
		n := int(int8(src[0]))
		switch {
		case n == -128:
			src = src[1:]
			continue
		case n < 0:
			n = min(1-n, len(dst))
			for i := range n {
				dst[i] = src[1]
			}
			src = src[2:]
		default:
			n = min(n+1, len(dst))
			if len(src) < 1+n {
				return fault.ErrTruncated
			}
			copy(dst[:n], src[1:])
			src = src[1+n:]
		}
		dst = dst[n:]
	}
	return nil
}
