package picture

import (
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
	}, decode: func(w *workspace, data []byte, _ job) (source, error) {
		m, err := parse(data)
		if err != nil {
			return source{}, err
		}
		return w.fromPlain(m)
	}}
}

// plainHeader is the size of an image and what its pixels take.
func plainHeader(m *plain.Image) header {
	return header{m.Width, m.Height, extent{bytes: plus(times(m.Width, m.Height, m.Channels), m.Scratch), least: m.Least}}
}

// fromPlain decodes an image's pixels and supplies them as rows.
func (w *workspace) fromPlain(m *plain.Image) (source, error) {
	pix, channels := grown(w.samples, m.Width*m.Height*m.Channels), m.Channels
	w.samples = pix
	if err := m.Read(pix, w.clock.spend); err != nil {
		return source{}, err
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
