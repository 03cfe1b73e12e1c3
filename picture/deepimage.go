package picture

import "image"

// deepImage is an image of the standard library's kind that has 16 bits.
func deepImage(decoded image.Image) (deep, bool) {
	d := deep{width: decoded.Bounds().Dx(), height: decoded.Bounds().Dy(), channels: 3, bits: 16}
	word := func(pix []uint8, i int) uint16 { return uint16(pix[i])<<8 | uint16(pix[i+1]) }
	switch s := decoded.(type) {
	case *image.Gray16:
		d.channels = 1
		d.words = func(y int, dst []uint16) {
			pix := s.Pix[y*s.Stride:]
			for x := range dst {
				dst[x] = word(pix, 2*x)
			}
		}
	case *image.NRGBA64:
		d.words = func(y int, dst []uint16) { colourWords(dst, s.Pix[y*s.Stride:]) }
		d.alpha = func(y int, dst []uint8) { pick(dst, s.Pix[y*s.Stride:], 8, 6) }
	case *image.RGBA64: // decoders use it for pictures without alpha, too
		d.words = func(y int, dst []uint16) {
			pix := s.Pix[y*s.Stride:]
			colourWords(dst, pix)
			for x := range d.width {
				if alpha := uint32(word(pix, 8*x+6)); alpha > 0 && alpha < 0xffff {
					for c := range dst[3*x : 3*x+3] {
						dst[3*x+c] = uint16(min(0xffff, 0xffff*uint32(dst[3*x+c])/alpha))
					}
				}
			}
		}
		if !s.Opaque() {
			d.alpha = func(y int, dst []uint8) { pick(dst, s.Pix[y*s.Stride:], 8, 6) }
		}
	default:
		return deep{}, false
	}
	return d, true
}

// colourWords takes red, green and blue of pixels of 8 bytes.
func colourWords(dst []uint16, pix []uint8) {
	for x := range len(dst) / 3 {
		p, out := pix[8*x:8*x+6:8*x+6], dst[3*x:3*x+3:3*x+3]
		for c := range out {
			out[c] = uint16(p[2*c])<<8 | uint16(p[2*c+1])
		}
	}
}
