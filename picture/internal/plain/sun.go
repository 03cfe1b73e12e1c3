package plain

import "fovea/picture/internal/fault"

// IsSun recognizes Sun's raster files.
func IsSun(head []byte) bool { return len(head) >= 4 && string(head[:4]) == "\x59\xa6\x6a\x95" }

// ParseSun reads a header that IsSun has recognized.
func ParseSun(data []byte) (*Image, error) {
	if len(data) < 32 {
		return nil, fault.ErrTruncated
	}
	word := func(i int) int { return int(be.Uint32(data[4*i:])) }
	depth, kind, mapKind, mapBytes := word(3), word(5), word(6), word(7)
	m := &Image{Width: word(1), Height: word(2), Channels: 1}
	switch {
	case kind > 3:
		return nil, unsupported("a Sun raster of type %d", kind)
	case mapBytes > 768 || mapBytes > 0 && (mapKind != 1 || depth != 8):
		return nil, unsupported("a Sun raster of %d bits with a colour map of type %d and %d bytes", depth, mapKind, mapBytes)
	}
	line, err := m.sunLine(depth, kind)
	if err != nil {
		return nil, err
	}
	if len(data) < 32+mapBytes {
		return nil, fault.ErrTruncated
	}
	if mapBytes > 0 {
		m.Palette = sunPalette(data[32 : 32+mapBytes])
	}
	bits := product(m.Width, depth)
	r := raw{at: 32 + mapBytes, row: int((bits + 7) / 8), stride: int((bits + 15) / 16 * 2)}
	if kind != 2 {
		m.rows(data, r, line)
		return m, nil
	}
	m.Scratch = int64(r.stride)
	m.Least = min(1<<62, int64(r.at)+(product(r.stride, max(0, m.Height-1))+int64(r.row)+255)/256*3)
	if r.row < 3 && m.Height == 1 {
		m.Least = int64(r.at) + 1
	}
	m.read = func(pix []byte, spend Spend) error { return m.sunRows(data[r.at:], pix, r, line, spend) }
	return m, nil
}

// sunLine sets what pixels are made of, and says how a line of them is read.
func (m *Image) sunLine(depth, kind int) (line func(dst, src []byte) error, err error) {
	switch {
	case depth == 1:
		m.Palette = bilevel(255, 0)
		return bilevelLine, nil
	case depth == 8:
		return copied, nil
	case depth == 24 && kind == 3:
		m.Channels = 3
		return copied, nil
	case depth == 24:
		m.Channels = 3
		return reversed(3, 3), nil
	}
	// Programs do not agree on the order of 32 bits.
	return nil, unsupported("a Sun raster of %d bits", depth)
}

// sunPalette is a map that has all red values first, then green, then blue.
func sunPalette(colours []byte) *Palette {
	count := len(colours) / 3
	p := &Palette{Opaque: true, Count: count}
	for i := range count {
		p.Colours[i] = [4]uint8{colours[i], colours[count+i], colours[2*count+i], 255}
	}
	return p
}

// sunRows unpacks run lengths, which count the bytes that fill rows up to 16 bits, and reach from row to row.
func (m *Image) sunRows(rest, pix []byte, r raw, line func(dst, src []byte) error, spend Spend) error {
	buffer := make([]byte, r.stride)
	left, value := 0, byte(0)
	for y := range m.Height {
		if !spend(m.Width) {
			return fault.ErrStopped
		}
		need := r.stride
		if y == m.Height-1 {
			need = r.row
		}
		for at := 0; at < need; at++ {
			if left > 0 {
				left--
				buffer[at] = value
				continue
			}
			if len(rest) == 0 {
				return fault.ErrTruncated
			}
			value = rest[0]
			rest = rest[1:]
			if value == 0x80 {
				if len(rest) == 0 || rest[0] > 0 && len(rest) < 2 {
					return fault.ErrTruncated
				}
				if rest[0] == 0 {
					rest = rest[1:]
				} else {
					left, value, rest = int(rest[0]), rest[1], rest[2:]
				}
			}
			buffer[at] = value
		}
		if err := line(pix[y*m.rowBytes():][:m.rowBytes()], buffer[:r.row]); err != nil {
			return err
		}
	}
	return nil
}
