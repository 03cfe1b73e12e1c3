package plain

import "fovea/picture/internal/fault"

// IsSGI recognizes Silicon Graphics's images, which are called .sgi, .rgb or .bw.
func IsSGI(head []byte) bool {
	return len(head) >= 12 && head[0] == 1 && head[1] == 0xda && head[2] <= 1 && (head[3] == 1 || head[3] == 2) && head[4] == 0 && head[5] >= 1 && head[5] <= 3
}

// ParseSGI reads a header that IsSGI has recognized.
func ParseSGI(data []byte) (*Image, error) {
	if len(data) < 512 {
		return nil, fault.ErrTruncated
	}
	size, dimensions := int(data[3]), data[5]
	m := &Image{Width: int(be.Uint16(data[6:])), Height: int(be.Uint16(data[8:])), Channels: int(be.Uint16(data[10:])), Size: size}
	switch {
	case dimensions == 1:
		m.Height, m.Channels = 1, 1
	case dimensions == 2:
		m.Channels = 1
	}
	if m.Channels < 1 || m.Channels > 4 {
		return nil, unsupported("an SGI image of %d channels", m.Channels)
	}
	if kind := be.Uint32(data[104:]); kind != 0 {
		return nil, unsupported("an SGI image with a colour map (%d)", kind)
	}
	row := m.Width * size
	if data[2] == 0 {
		m.Least = 512 + product(row, m.Height, m.Channels)
		m.read = func(pix []byte, spend Spend) error { return m.sgiRows(pix, size, spend, sgiPlain(data, row)) }
		return m, nil
	}
	m.Least = 512 + product(8, m.Height, m.Channels)
	m.Scratch = int64(row)
	m.read = func(pix []byte, spend Spend) error {
		return m.sgiRows(pix, size, spend, sgiPacked(data, row, m.Height*m.Channels, size))
	}
	return m, nil
}

// sgiPlain finds rows that are stored one after another.
func sgiPlain(data []byte, row int) func(i int) ([]byte, error) {
	return func(i int) ([]byte, error) {
		if at := 512 + i*row; at+row <= len(data) {
			return data[at:][:row], nil
		}
		return nil, fault.ErrTruncated
	}
}

// sgiPacked unpacks rows by a table of their places and one of their lengths. Each is valid until the next.
func sgiPacked(data []byte, row, count, size int) func(i int) ([]byte, error) {
	line := make([]byte, row)
	return func(i int) ([]byte, error) {
		start, length := int64(be.Uint32(data[512+4*i:])), int64(be.Uint32(data[512+4*(count+i):]))
		if start+length > int64(len(data)) {
			return nil, fault.ErrTruncated
		}
		return line, sgiRuns(line, data[start:start+length], size)
	}
}

// sgiRows reads the rows, from below, of channel after channel.
func (m *Image) sgiRows(pix []byte, size int, spend Spend, next func(i int) ([]byte, error)) error {
	for c := range m.Channels {
		for y := range m.Height {
			if !spend(m.Width) {
				return fault.ErrStopped
			}
			line, err := next(c*m.Height + y)
			if err != nil {
				return err
			}
			interleave(pix[(m.Height-1-y)*m.rowBytes():][:m.rowBytes()], line, c, m.Channels, size, size)
		}
	}
	return nil
}

// sgiRuns unpacks a row of samples of one or two bytes, whose lengths have the size of samples.
func sgiRuns(dst, src []byte, size int) error {
	for len(dst) > 0 {
		if len(src) < size {
			return fault.ErrTruncated
		}
		head := src[size-1]
		src = src[size:]
		n := int(head&0x7f) * size
		switch {
		case n == 0:
			return fault.Corrupt("a row that ends early")
		case n > len(dst):
			return fault.Corrupt("a run that leaves its row")
		case head&0x80 != 0:
			if len(src) < n {
				return fault.ErrTruncated
			}
			copy(dst, src[:n])
			src = src[n:]
		default:
			if len(src) < size {
				return fault.ErrTruncated
			}
			for i := 0; i < n; i += size {
				copy(dst[i:i+size], src)
			}
			src = src[size:]
		}
		dst = dst[n:]
	}
	if len(src) >= size && src[size-1]&0x7f != 0 {
		return fault.Corrupt("a run that leaves its row")
	}
	return nil
}
