package picture

import (
	"encoding/binary"
	"math"
	"math/bits"

	"fovea/picture/internal/plain"
)

// plainFormat is a format that package plain decodes.
func plainFormat(name string, is func([]byte) bool, parse func([]byte) (*plain.Image, error)) format {
	return format{name: name, is: is, header: func(_ *workspace, data []byte) (header, error) {
		m, err := parse(data)
		if err != nil {
			return header{}, err
		}
		return plainHeader(m), nil
	}, decode: func(w *workspace, data []byte, j job) (source, error) {
		m, err := parse(data)
		if err != nil {
			return source{}, err
		}
		return w.fromPlain(m, j)
	}}
}

// plainHeader is the size of an image and what its pixels take.
func plainHeader(m *plain.Image) header {
	e := extent{bytes: plus(times(m.Width, m.Height, m.Channels, m.Bytes()), m.Scratch), least: m.Least, deep: m.Bytes() > 1}
	return header{m.Width, m.Height, e}
}

// fromPlain decodes an image's pixels and supplies them as rows.
func (w *workspace) fromPlain(m *plain.Image, j job) (source, error) {
	pix, channels := grown(w.samples, m.Width*m.Height*m.Channels*m.Bytes()), m.Channels
	w.samples = pix
	if err := m.Read(pix, w.clock.spend); err != nil {
		return source{}, err
	}
	if m.Bytes() > 1 {
		return w.ranged(deepPlain(m, pix), j.ranged)
	}
	out := source{width: m.Width, height: m.Height}
	line := func(y int) []uint8 { return pix[y*out.width*channels:][:out.width*channels] }
	switch {
	case m.Palette != nil:
		out.row = func(y int, dst []uint8) {
			for x, index := range line(y) {
				copy(dst[3*x:3*x+3], m.Palette.Colours[index][:])
			}
		}
		if !m.Palette.Opaque {
			out.alpha = func(y int, dst []uint8) {
				for x, index := range line(y) {
					dst[x] = m.Palette.Colours[index][3]
				}
			}
		}
		return out, nil
	case channels < 3:
		out.row = func(y int, dst []uint8) { spread(dst, line(y), out.width, channels, 0) }
	case channels == 3:
		out.row = func(y int, dst []uint8) { copy(dst, line(y)) }
	default:
		out.row = func(y int, dst []uint8) { spread(dst, line(y), out.width, 4, 1) }
	}
	if channels%2 == 0 {
		out.alpha = func(y int, dst []uint8) { pick(dst, line(y), channels, channels-1) }
	}
	return out, nil
}

// deepPlain supplies the samples of an image of more than 8 bits. Of opacity the high byte is kept.
func deepPlain(m *plain.Image, pix []uint8) deep {
	size, pixel := m.Bytes(), m.Channels*m.Bytes()
	d := deep{width: m.Width, height: m.Height, channels: 1, bits: 8 * size, float: size == 4}
	if m.Channels > 2 {
		d.channels = 3
	}
	row := func(y int) []uint8 { return pix[y*m.Width*pixel:][:m.Width*pixel] }
	if m.Most > 0 {
		d.bits, d.window = bits.Len(uint(m.Most)), &span{0, float64(m.Most)}
	}
	if m.Channels%2 == 0 {
		d.alpha = func(y int, dst []uint8) { pick(dst, row(y), pixel, pixel-size) }
	}
	if d.float {
		d.row = func(y int, dst []float64) {
			for i, line := 0, row(y); i < len(dst); i++ {
				dst[i] = float64(math.Float32frombits(binary.BigEndian.Uint32(line[4*i:])))
			}
		}
		return d
	}
	d.words = func(y int, dst []uint16) {
		line := row(y)
		for i := range dst {
			dst[i] = binary.BigEndian.Uint16(line[i/d.channels*pixel+i%d.channels*2:])
		}
	}
	return d
}
