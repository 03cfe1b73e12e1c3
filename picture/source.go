package picture

import (
	"image"
	"image/color"
)

// source is a decoded picture that gives its pixels row by row, so that a row becomes RGB
// when it is needed, and the whole picture rarely is.
type source struct {
	width, height int
	// row writes row y to dst: sample c of pixel x to dst[(3*x+c)*step].
	row func(y int, dst []uint8, step int)
}

// fromImage gives the rows of what a decoder of the standard library's kind gives. Alpha
// is dropped rather than blended, and 16-bit samples keep their high byte.
func fromImage(decoded image.Image) source {
	bounds := decoded.Bounds()
	out := source{width: bounds.Dx(), height: bounds.Dy()}
	switch s := decoded.(type) {
	case *image.Gray:
		out.row = func(y int, dst []uint8, step int) { spread(dst, s.Pix[y*s.Stride:], out.width, step, 1, 0) }
	case *image.Gray16:
		out.row = func(y int, dst []uint8, step int) { spread(dst, s.Pix[y*s.Stride:], out.width, step, 2, 0) }
	case *image.NRGBA:
		out.row = func(y int, dst []uint8, step int) { spread(dst, s.Pix[y*s.Stride:], out.width, step, 4, 1) }
	case *image.NRGBA64:
		out.row = func(y int, dst []uint8, step int) { spread(dst, s.Pix[y*s.Stride:], out.width, step, 8, 2) }
	case *image.RGBA64:
		out.row = anyRow(decoded)
		if s.Opaque() {
			out.row = func(y int, dst []uint8, step int) { spread(dst, s.Pix[y*s.Stride:], out.width, step, 8, 2) }
		}
	case *image.RGBA: // decoders use it for pictures without alpha
		out.row = anyRow(decoded)
		if s.Opaque() {
			out.row = func(y int, dst []uint8, step int) { spread(dst, s.Pix[y*s.Stride:], out.width, step, 4, 1) }
		}
	case *image.Paletted:
		palette := plainPalette(s.Palette)
		out.row = func(y int, dst []uint8, step int) {
			paletteRow(dst, s.Pix[y*s.Stride:y*s.Stride+out.width], &palette, step)
		}
	default:
		out.row = anyRow(decoded)
	}
	return out
}

// spread takes three samples from each pixel of the given size, one every apart.
func spread(dst, pix []uint8, width, step, size, every int) {
	o := 0
	for i := range width {
		p := pix[i*size : i*size+2*every+1]
		dst[o], dst[o+step], dst[o+2*step] = p[0], p[every], p[2*every]
		o += 3 * step
	}
}

// plainPalette is a palette without its alpha.
func plainPalette(p color.Palette) (plain [256][3]uint8) {
	for i, c := range p[:min(256, len(p))] {
		v := color.NRGBAModel.Convert(c).(color.NRGBA)
		plain[i] = [3]uint8{v.R, v.G, v.B}
	}
	return plain
}

func paletteRow(dst, indices []uint8, palette *[256][3]uint8, step int) {
	o := 0
	for _, index := range indices {
		c := &palette[index]
		dst[o], dst[o+step], dst[o+2*step] = c[0], c[1], c[2]
		o += 3 * step
	}
}

// anyRow is slow and takes every kind of picture.
func anyRow(decoded image.Image) func(y int, dst []uint8, step int) {
	bounds := decoded.Bounds()
	return func(y int, dst []uint8, step int) {
		for x := range bounds.Dx() {
			c := color.NRGBAModel.Convert(decoded.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.NRGBA)
			dst[3*x*step], dst[(3*x+1)*step], dst[(3*x+2)*step] = c.R, c.G, c.B
		}
	}
}
