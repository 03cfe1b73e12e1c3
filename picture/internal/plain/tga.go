package plain

import (
	"bytes"

	"fovea/picture/internal/fault"
)

// tgaFooter ends files of version 2.
const tgaFooter = "TRUEVISION-XFILE.\x00"

// tga is a file's header.
type tga struct {
	kind, depth        int
	id                 int // bytes of the text after the header
	mapped             bool
	first, count, bits int // of the colour map
	width, height      int
	flags              byte
}

func readTGA(head []byte) tga {
	return tga{
		kind: int(head[2]), depth: int(head[16]), id: int(head[0]), mapped: head[1] == 1,
		first: field(head, 3), count: field(head, 5), bits: int(head[7]),
		width: field(head, 12), height: field(head, 14), flags: head[17],
	}
}

// IsTGA recognizes a file by its header, every field of which must be as programs write it: there is no signature at
// the beginning.
func IsTGA(head []byte) bool {
	if len(head) < 18 || head[1] > 1 {
		return false
	}
	t := readTGA(head)
	if t.width < 1 || t.height < 1 || t.flags&0xc0 != 0 {
		return false
	}
	opacity := int(t.flags & 15)
	switch t.kind {
	case 1, 9:
		return t.mapped && t.depth == 8 && t.first+t.count <= 256 && opacity%8 == 0 && t.mapFits(head)
	case 2, 10:
		fits := t.depth == 15 && opacity <= 1 || t.depth == 16 && opacity <= 1 || t.depth == 24 && opacity == 0 || t.depth == 32 && opacity%8 == 0
		return fits && opacity <= 8 && t.mapFits(head)
	case 3, 11:
		return (t.depth == 8 && opacity == 0 || t.depth == 16 && opacity%8 == 0) && t.mapFits(head)
	}
	return false
}

// mapFits says that there is a colour map of a known kind, or none at all.
func (t tga) mapFits(head []byte) bool {
	if !t.mapped {
		return bytes.Equal(head[3:8], make([]byte, 5))
	}
	return t.count > 0 && t.first+t.count <= 1<<16 && (t.bits == 15 || t.bits == 16 || t.bits == 24 || t.bits == 32)
}

// ParseTGA reads a header that IsTGA has recognized.
func ParseTGA(data []byte) (*Image, error) {
	if len(data) < 18 {
		return nil, fault.ErrTruncated
	}
	t := readTGA(data)
	m := &Image{Width: t.width, Height: t.height}
	at := 18 + t.id
	if t.mapped {
		entry := (t.bits + 7) / 8
		if len(data) < at+entry*t.count {
			return nil, fault.ErrTruncated
		}
		if t.kind&7 == 1 {
			m.Palette = t.palette(data[at:], entry)
		}
		at += entry * t.count
	}
	size := (t.depth + 7) / 8
	channels, line := t.line(data, size)
	m.Channels = channels
	row := t.width * size
	r := raw{at: at, row: row, stride: row, upward: t.flags&0x20 == 0}
	if t.kind < 8 {
		m.rows(data, r, line)
		return m, nil
	}
	m.Scratch = int64(row)
	m.Least = int64(at) + (product(t.width, t.height)+127)/128*int64(1+size)
	m.read = func(pix []byte, spend Spend) error {
		return m.tgaRows(data[min(at, len(data)):], pix, r, size, line, spend)
	}
	return m, nil
}

// line says what pixels of so many bytes are made of, and how a line of them is read.
func (t tga) line(data []byte, size int) (channels int, line func(dst, src []byte) error) {
	switch {
	case t.kind&7 != 2:
		channels, line = size, copied
	case size == 2:
		channels, line = 3, fifteen
	case size == 3 || t.opaque(data):
		channels, line = 3, reversed(size, 3)
	default:
		channels, line = 4, reversed(4, 4)
	}
	if t.flags&0x10 != 0 {
		line = fromRight(line, channels)
	}
	return channels, line
}

// tgaRows unpacks rows.
func (m *Image) tgaRows(rest, pix []byte, r raw, size int, line func(dst, src []byte) error, spend Spend) error {
	buffer, packets := make([]byte, r.row), tgaPackets{rest: rest, size: size}
	for y := range m.Height {
		if !spend(m.Width) {
			return fault.ErrStopped
		}
		if err := packets.row(buffer); err != nil {
			return err
		}
		if r.upward {
			y = m.Height - 1 - y
		}
		if err := line(pix[y*m.rowBytes():][:m.rowBytes()], buffer); err != nil {
			return err
		}
	}
	return nil
}

// opaque says that an area after the pixels tells readers not to take the fourth byte for opacity.
func (t tga) opaque(data []byte) bool {
	if len(data) < 26 || !bytes.HasSuffix(data, []byte(tgaFooter)) {
		return false
	}
	extension := int(le.Uint32(data[len(data)-26:]))
	return extension > 0 && extension+494 < len(data) && data[extension+494] == 0
}

// fifteen makes RGB of 5 bits each. The sixteenth is dropped: programs do not agree on what it means.
func fifteen(dst, src []byte) error {
	for ; len(dst) >= 3 && len(src) >= 2; dst, src = dst[3:], src[2:] {
		v := field(src, 0)
		dst[0], dst[1], dst[2] = uint8(v>>10&31*255/31), uint8(v>>5&31*255/31), uint8(v&31*255/31)
	}
	return nil
}

// fromRight mirrors what line makes.
func fromRight(line func(dst, src []byte) error, channels int) func(dst, src []byte) error {
	return func(dst, src []byte) error {
		err := line(dst, src)
		for left, right := 0, len(dst)-channels; left < right; left, right = left+channels, right-channels {
			for c := range channels {
				dst[left+c], dst[right+c] = dst[right+c], dst[left+c]
			}
		}
		return err
	}
}

func (t tga) palette(data []byte, entry int) *Palette {
	p := &Palette{Opaque: true, Count: t.first + t.count}
	for i := range t.count {
		colour, e := [4]uint8{3: 255}, data[i*entry:]
		if entry == 2 {
			fifteen(colour[:3], e)
		} else {
			colour[0], colour[1], colour[2] = e[2], e[1], e[0]
		}
		if entry == 4 {
			colour[3] = e[3]
			p.Opaque = p.Opaque && e[3] == 255
		}
		p.Colours[t.first+i] = colour
	}
	return p
}

// tgaPackets unpacks run lengths, which may reach from row to row.
type tgaPackets struct {
	rest  []byte
	size  int // of a pixel
	left  int // pixels of the packet
	run   bool
	pixel []byte
}

func (p *tgaPackets) row(dst []byte) error {
	for len(dst) > 0 {
		if p.left == 0 {
			if len(p.rest) < 1+p.size {
				return fault.ErrTruncated
			}
			p.run, p.left = p.rest[0]&0x80 != 0, int(p.rest[0]&0x7f)+1
			p.rest = p.rest[1:]
			if p.run {
				p.pixel, p.rest = p.rest[:p.size], p.rest[p.size:]
			}
		}
		n := min(p.left*p.size, len(dst))
		if p.run {
			for i := 0; i < n; i += p.size {
				copy(dst[i:], p.pixel)
			}
		} else {
			if len(p.rest) < n {
				return fault.ErrTruncated
			}
			copy(dst[:n], p.rest)
			p.rest = p.rest[n:]
		}
		p.left -= n / p.size
		dst = dst[n:]
	}
	return nil
}
