package plain

import (
	"math"
	"strconv"

	"fovea/picture/internal/fault"
)

// IsPNM recognizes PBM, PGM and PPM, plain and packed, and PFM of grey and colours: by a header of as many numbers as each
// needs, so that no text passes for one.
func IsPNM(head []byte) bool {
	p := pnmReader{data: head}
	kind, ok := p.kind()
	if !ok {
		return false
	}
	width, ok1 := p.number()
	height, ok2 := p.number()
	if !ok1 || !ok2 || width < 1 || height < 1 {
		return false
	}
	switch kind {
	case '1':
		return p.digitsFollow(1)
	case '4':
		return p.bytesFollow()
	case 'f', 'F':
		_, ok := p.scale()
		return ok && p.bytesFollow()
	}
	maxval, ok := p.number()
	if !ok || maxval < 1 || maxval >= 1<<16 {
		return false
	}
	return kind <= '3' && p.digitsFollow(3) || kind >= '5' && p.bytesFollow()
}

// bytesFollow says that the header ends with its line, as nearly all do, or that what follows is no text.
func (p *pnmReader) bytesFollow() bool {
	if last := p.data[p.at-1]; last == '\n' || last == '\r' {
		return true
	}
	for _, c := range p.data[p.at:] {
		if c < ' ' && !isBlank(c) || c > '~' {
			return true
		}
	}
	return false
}

// ParsePNM reads a header that IsPNM has recognized.
func ParsePNM(data []byte) (*Image, error) {
	p := pnmReader{data: data}
	kind, _ := p.kind()
	width, ok := p.number()
	height, ok2 := p.number()
	if !ok || !ok2 {
		return nil, fault.ErrTruncated
	}
	m := &Image{Width: width, Height: height, Channels: 1}
	if kind == '3' || kind == '6' || kind == 'F' {
		m.Channels = 3
	}
	maxval := 1
	switch kind {
	case '1', '4':
		m.Palette = bilevel(255, 0)
	case 'f', 'F':
		scale, ok := p.scale()
		if !ok {
			return nil, fault.Corrupt("a PFM without a scale")
		}
		p.floats(m, scale)
		return m, nil
	default:
		var err error
		if maxval, err = p.maxval(); err != nil {
			return nil, err
		}
	}
	switch {
	case kind <= '3':
		p.plain(m, kind, maxval)
	case kind == '4':
		row := (width + 7) / 8
		m.rows(data, raw{at: p.at, row: row, stride: row}, bilevelLine)
	default:
		p.packed(m, maxval)
	}
	return m, nil
}

// pnmReader reads a header.
type pnmReader struct {
	data []byte
	at   int
}

// kind is the second character of the file, after which there must be a blank.
func (p *pnmReader) kind() (byte, bool) {
	if len(p.data) < 3 || p.data[0] != 'P' || !isBlank(p.data[2]) {
		return 0, false
	}
	p.at = 2
	k := p.data[1]
	return k, k >= '1' && k <= '6' || k == 'f' || k == 'F'
}

func isBlank(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

// token is the next word of the header; the blank after it has been read, too. Comments reach to the end of the line.
func (p *pnmReader) token() []byte {
	var token []byte
	for ; p.at < len(p.data) && len(token) <= 10; p.at++ {
		switch c := p.data[p.at]; {
		case c == '#':
			for p.at < len(p.data) && p.data[p.at] != '\n' && p.data[p.at] != '\r' {
				p.at++
			}
		case !isBlank(c):
			token = append(token, c)
		case len(token) > 0:
			p.at++
			return token
		}
	}
	return nil
}

// number is the next word, which must be one of up to ten digits.
func (p *pnmReader) number() (int, bool) {
	n, err := strconv.ParseUint(string(p.token()), 10, 31)
	return int(n), err == nil
}

// maxval reads the largest value of a sample.
func (p *pnmReader) maxval() (int, error) {
	value, ok := p.number()
	if !ok {
		return 0, fault.ErrTruncated
	}
	if value < 1 || value >= 1<<16 {
		return 0, fault.Corrupt("a largest value of %d", value)
	}
	return value, nil
}

func (p *pnmReader) scale() (float64, bool) {
	scale, err := strconv.ParseFloat(string(p.token()), 64)
	return scale, err == nil && scale != 0 && !math.IsInf(scale, 0) && !math.IsNaN(scale)
}

// digitsFollow says that the next bytes are digits, blanks and comments only, as many of them as are there up to a few.
func (p *pnmReader) digitsFollow(longest int) bool {
	digits, comment := 0, false
	for _, c := range p.data[min(p.at, len(p.data)):min(p.at+64, len(p.data))] {
		switch {
		case comment:
			comment = c != '\n' && c != '\r'
		case c == '#':
			comment = true
		case isBlank(c):
			digits = 0
		case c < '0' || c > '9' || longest == 1 && c > '1':
			return false
		default:
			if digits++; longest > 1 && digits > 5 {
				return false
			}
		}
	}
	return true
}

// scaled is a table of a file's values in 0 to 255.
func scaled(maxval int) *[256]uint8 {
	table := new([256]uint8)
	for v := range table {
		table[v] = uint8(math.RoundToEven(float64(min(v, maxval)) / float64(maxval) * 255))
	}
	return table
}

// packed reads binary samples of 8 or 16 bits. Those above the largest value count as that.
func (p *pnmReader) packed(m *Image, maxval int) {
	if maxval > 255 {
		m.Size, m.Most = 2, maxval
	}
	row := m.rowBytes()
	r := raw{at: p.at, row: row, stride: row}
	switch {
	case maxval == 255 || maxval == 1<<16-1:
		m.rows(p.data, r, copied)
	case m.Size == 2:
		m.rows(p.data, r, func(dst, src []byte) error {
			for i := 0; i+2 <= len(dst); i += 2 {
				be.PutUint16(dst[i:], min(be.Uint16(src[i:]), uint16(maxval)))
			}
			return nil
		})
	default:
		table := scaled(maxval)
		m.rows(p.data, r, func(dst, src []byte) error {
			for i, v := range src {
				dst[i] = table[v]
			}
			return nil
		})
	}
}

// plain reads samples in digits. Those of bitmaps need no blanks between them.
func (p *pnmReader) plain(m *Image, kind byte, maxval int) {
	table := new([256]uint8)
	switch {
	case kind == '1':
		table[1] = 1
	case maxval > 255:
		m.Size, m.Most = 2, maxval
	default:
		table = scaled(maxval)
	}
	samples := product(m.Width, m.Height, m.Channels)
	if m.Least = int64(p.at) + samples; kind != '1' {
		m.Least = int64(p.at) + max(0, 2*samples-1)
	}
	m.read = func(pix []byte, spend Spend) error {
		q := plainReader{data: p.data, at: p.at}
		size := m.Bytes()
		for i := 0; i < len(pix); i += size {
			if i&(1<<12-1) == 0 && !spend(1<<12) {
				return fault.ErrStopped
			}
			v, err := q.next(kind == '1')
			switch {
			case err != nil:
				return err
			case v > maxval:
				return fault.Corrupt("a value of %d, where %d is the largest", v, maxval)
			case size == 2:
				be.PutUint16(pix[i:], uint16(v))
			default:
				pix[i] = table[v]
			}
		}
		return nil
	}
}

// plainReader reads samples in digits.
type plainReader struct {
	data []byte
	at   int
}

func (p *plainReader) next(single bool) (int, error) {
	for p.at < len(p.data) && (isBlank(p.data[p.at]) || p.data[p.at] == '#') {
		if p.data[p.at] == '#' {
			for p.at < len(p.data) && p.data[p.at] != '\n' && p.data[p.at] != '\r' {
				p.at++
			}
			continue
		}
		p.at++
	}
	if p.at >= len(p.data) {
		return 0, fault.ErrTruncated
	}
	value := 0
	for start := p.at; p.at < len(p.data) && !isBlank(p.data[p.at]) && p.data[p.at] != '#'; p.at++ {
		c := p.data[p.at]
		if c < '0' || c > '9' || p.at-start >= 10 {
			return 0, fault.Corrupt("%q among its numbers", c)
		}
		value = 10*value + int(c-'0')
		if single {
			p.at++
			break
		}
	}
	return value, nil
}

// floats reads a PFM, whose last row comes first; a negative scale says that its lowest bytes do.
func (p *pnmReader) floats(m *Image, scale float64) {
	m.Size = 4
	row := m.rowBytes()
	m.rows(p.data, raw{at: p.at, row: row, stride: row, upward: true}, func(dst, src []byte) error {
		if scale > 0 {
			return copied(dst, src)
		}
		for i := 0; i+4 <= len(dst); i += 4 {
			be.PutUint32(dst[i:], le.Uint32(src[i:]))
		}
		return nil
	})
}
