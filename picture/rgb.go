package picture

import (
	"image"
	"image/color"
)

// rgb is a picture of 3 bytes a pixel, row by row.
type rgb struct {
	pix           []uint8
	width, height int
}

func newRGB(width, height int) rgb {
	return rgb{make([]uint8, width*height*3), width, height}
}

// toRGB converts what a decoder gives. Alpha is dropped rather than blended, and 16-bit
// channels keep their high byte.
func toRGB(source image.Image) rgb {
	bounds := source.Bounds()
	out := newRGB(bounds.Dx(), bounds.Dy())
	switch s := source.(type) {
	case *image.YCbCr:
		fromYCbCr(out, s)
	case *image.Gray:
		out.rows(func(y int, row []uint8) {
			for x, v := range s.Pix[y*s.Stride : y*s.Stride+out.width] {
				row[3*x], row[3*x+1], row[3*x+2] = v, v, v
			}
		})
	case *image.Gray16:
		out.rows(func(y int, row []uint8) {
			for x := range out.width {
				v := s.Pix[y*s.Stride+2*x]
				row[3*x], row[3*x+1], row[3*x+2] = v, v, v
			}
		})
	case *image.NRGBA:
		out.rows(func(y int, row []uint8) { every(row, s.Pix[y*s.Stride:], 4, 1) })
	case *image.NRGBA64:
		out.rows(func(y int, row []uint8) { every(row, s.Pix[y*s.Stride:], 8, 2) })
	case *image.CMYK:
		out.rows(func(y int, row []uint8) { fromCMYK(row, s.Pix[y*s.Stride:]) })
	case *image.Paletted:
		fromPaletted(out, s)
	case *image.RGBA: // decoders use it for pictures without alpha
		if s.Opaque() {
			out.rows(func(y int, row []uint8) { every(row, s.Pix[y*s.Stride:], 4, 1) })
		} else {
			fromAny(out, source)
		}
	default:
		fromAny(out, source)
	}
	return out
}

// rows calls fill with each row of the picture.
func (p rgb) rows(fill func(y int, row []uint8)) {
	for y := range p.height {
		fill(y, p.pix[y*p.width*3:(y+1)*p.width*3])
	}
}

// every takes the first three channels of pixels of the given size, each channel of which
// is size bytes wide, most significant first.
func every(row, pix []uint8, pixel, size int) {
	for i, o := 0, 0; o < len(row); i, o = i+pixel, o+3 {
		row[o], row[o+1], row[o+2] = pix[i], pix[i+size], pix[i+2*size]
	}
}

// fromCMYK is the plain conversion that Pillow makes, without a profile.
func fromCMYK(row, pix []uint8) {
	for i, o := 0, 0; o < len(row); i, o = i+4, o+3 {
		white := 255 - int(pix[i+3])
		for c := range 3 {
			product := int(pix[i+c])*white + 128
			row[o+c] = uint8(white - (product+product>>8)>>8)
		}
	}
}

func fromPaletted(out rgb, s *image.Paletted) {
	var palette [256][3]uint8
	for i, c := range s.Palette {
		plain := color.NRGBAModel.Convert(c).(color.NRGBA)
		palette[i] = [3]uint8{plain.R, plain.G, plain.B}
	}
	out.rows(func(y int, row []uint8) {
		for x, index := range s.Pix[y*s.Stride : y*s.Stride+out.width] {
			copy(row[3*x:], palette[index][:])
		}
	})
}

func fromAny(out rgb, source image.Image) {
	bounds := source.Bounds()
	out.rows(func(y int, row []uint8) {
		for x := range out.width {
			c := color.NRGBAModel.Convert(source.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.NRGBA)
			row[3*x], row[3*x+1], row[3*x+2] = c.R, c.G, c.B
		}
	})
}

// oriented turns and mirrors a picture as its EXIF orientation, 1 to 8, asks for.
func (p rgb) oriented(orientation int) rgb {
	if orientation < 2 || orientation > 8 {
		return p
	}
	w, h := p.width, p.height
	out := newRGB(w, h)
	if orientation >= 5 { // rows become columns
		out.width, out.height = h, w
	}
	out.rows(func(y int, row []uint8) {
		for x := range out.width {
			sx, sy := x, y
			if orientation >= 5 {
				sx, sy = y, x
			}
			switch orientation {
			case 2, 7, 8:
				sx = w - 1 - sx
			case 3:
				sx, sy = w-1-sx, h-1-sy
			}
			switch orientation {
			case 4, 6, 7:
				sy = h - 1 - sy
			}
			copy(row[3*x:3*x+3], p.pix[(sy*w+sx)*3:])
		}
	})
	return out
}
