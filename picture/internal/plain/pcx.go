package plain

import "fovea/picture/internal/fault"

// IsPCX recognizes Paintbrush's files.
func IsPCX(head []byte) bool {
	if len(head) < 70 || head[0] != 10 || head[1] > 5 || head[1] == 1 || head[2] > 1 || head[64] != 0 {
		return false
	}
	bits, planes := head[3], head[65]
	return (bits == 1 || bits == 2 || bits == 4 || bits == 8) && planes >= 1 && planes <= 4 &&
		field(head, 4) <= field(head, 8) && field(head, 6) <= field(head, 10)
}

// ParsePCX reads a header that IsPCX has recognized.
func ParsePCX(data []byte) (*Image, error) {
	if len(data) < 128 {
		return nil, fault.ErrTruncated
	}
	bits, planes, stride := int(data[3]), int(data[65]), field(data, 66)
	m := &Image{Width: field(data, 8) - field(data, 4) + 1, Height: field(data, 10) - field(data, 6) + 1, Channels: 1}
	if m.Width < 1 || m.Height < 1 {
		return nil, fault.Corrupt("an image of %dx%d pixels", m.Width, m.Height)
	}
	if data[2] == 0 {
		return nil, unsupported("a PCX without run lengths")
	}
	switch {
	case bits == 1 && planes == 1:
		m.Palette = bilevel(0, 255)
	case bits == 1, bits == 4 && planes == 1:
		m.Palette = pcxPalette(data[16:64])
		m.Palette.Count = 1 << (bits * planes)
	case bits == 8 && planes == 1 && data[1] == 5:
		if end := len(data) - 769; end >= 128 && data[end] == 12 {
			m.Palette = pcxPalette(data[end+1:])
		}
	case bits == 8 && planes == 3 && data[1] == 5:
		m.Channels = 3
	default:
		return nil, unsupported("a PCX of version %d with %d planes of %d bits", data[1], planes, bits)
	}
	// Where the bytes of a row are not those of its pixels, their number is even.
	row := (m.Width*bits + 7) / 8
	if row != stride {
		row += row % 2
	}
	m.Scratch = int64(row * planes)
	m.Least = 128 + (product(row, planes, m.Height)+62)/63*2
	if row*planes == 1 {
		m.Least = 128 + int64(m.Height)
	}
	m.read = func(pix []byte, spend Spend) error { return m.pcxRows(data[128:], pix, row, bits, planes, spend) }
	return m, nil
}

func pcxPalette(colours []byte) *Palette {
	p := &Palette{Opaque: true, Count: min(256, len(colours)/3)}
	for i := range p.Count {
		p.Colours[i] = [4]uint8{colours[3*i], colours[3*i+1], colours[3*i+2], 255}
	}
	return p
}

// pcxRows unpacks rows, plane by plane in each. No run reaches into the next row.
func (m *Image) pcxRows(rest, pix []byte, size, bits, planes int, spend Spend) error {
	line := make([]byte, size*planes)
	for y := range m.Height {
		if !spend(m.Width) {
			return fault.ErrStopped
		}
		var err error
		if rest, err = pcxRuns(line, rest); err != nil {
			return err
		}
		row := pix[y*m.rowBytes():][:m.rowBytes()]
		switch {
		case m.Channels == 3:
			for x := range m.Width {
				row[3*x], row[3*x+1], row[3*x+2] = line[x], line[size+x], line[2*size+x]
			}
		case planes == 1:
			indices(row, line, bits)
		default:
			for x := range row {
				row[x] = 0
				for p := range planes {
					row[x] |= line[p*size+x/8] >> (7 - x%8) & 1 << p
				}
			}
		}
	}
	return nil
}

// pcxRuns unpacks a row and returns what follows it.
func pcxRuns(line, rest []byte) ([]byte, error) {
	for at := 0; at < len(line); {
		if len(rest) == 0 {
			return nil, fault.ErrTruncated
		}
		count, value := 1, rest[0]
		if rest = rest[1:]; value >= 0xc0 {
			if len(rest) == 0 {
				return nil, fault.ErrTruncated
			}
			count, value, rest = int(value&0x3f), rest[0], rest[1:]
		}
		if count > len(line)-at {
			return nil, fault.Corrupt("a run that leaves its row")
		}
		for range count {
			line[at] = value
			at++
		}
	}
	return rest, nil
}
