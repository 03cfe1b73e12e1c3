package picture

import (
	"image"
	"image/color"
	"slices"

	"fovea/picture/internal/kernel"
)

// source is a decoded image that supplies its pixels row by row, so that a row is converted to RGB
// only when it is needed, and the whole image rarely is.
type source struct {
	width, height int
	// row writes row y to dst, which holds one row of 3 bytes per pixel.
	row func(y int, dst []uint8)
	// alpha writes the opacity of row y, a byte a pixel; nil where all pixels are opaque.
	alpha func(y int, dst []uint8)
	// faint is as Picture.Faint; nil for images of 8 bits.
	faint func() bool
	// chosen says that these are the bands that were asked for.
	chosen bool
}

// fromRGB supplies the rows of pixels in memory, 3 bytes each.
func fromRGB(pix []uint8, width, height int) source {
	return source{width: width, height: height, row: func(y int, dst []uint8) { copy(dst, pix[3*y*width:]) }}
}

// fromImage supplies the rows of an image of the standard library's kind, of 16-bit samples in the job's range.
func (w *workspace) fromImage(decoded image.Image, j job) (source, error) {
	d, isDeep := deepImage(decoded)
	if !isDeep {
		return fromImage(decoded), nil
	}
	if j.ranged != "" && j.ranged != RangeAuto && j.ranged != RangeFull {
		return w.ranged(d, j.ranged)
	}
	out := fromImage(decoded)
	out.faint = func() bool { return w.faint(&d, curve{span: d.limits()}) }
	return out, nil
}

// fromImage supplies the rows of an image of the standard library's kind. Of 16-bit samples the
// high byte is kept.
func fromImage(decoded image.Image) source {
	bounds := decoded.Bounds()
	out := source{width: bounds.Dx(), height: bounds.Dy()}
	switch s := decoded.(type) {
	case *image.Gray:
		out.row = func(y int, dst []uint8) { spread(dst, s.Pix[y*s.Stride:], out.width, 1, 0) }
	case *image.Gray16:
		out.row = func(y int, dst []uint8) { spread(dst, s.Pix[y*s.Stride:], out.width, 2, 0) }
	case *image.NRGBA:
		out.row = func(y int, dst []uint8) { spread(dst, s.Pix[y*s.Stride:], out.width, 4, 1) }
		out.alpha = func(y int, dst []uint8) { pick(dst, s.Pix[y*s.Stride:], 4, 3) }
	case *image.NRGBA64:
		out.row = func(y int, dst []uint8) { spread(dst, s.Pix[y*s.Stride:], out.width, 8, 2) }
		out.alpha = func(y int, dst []uint8) { pick(dst, s.Pix[y*s.Stride:], 8, 6) }
	case *image.RGBA64:
		out.row = func(y int, dst []uint8) { divide(dst, s.Pix[y*s.Stride:], out.width, 8, 2) }
		out.alpha = func(y int, dst []uint8) { pick(dst, s.Pix[y*s.Stride:], 8, 6) }
	case *image.RGBA: // decoders use it for pictures without alpha, too
		out.row = func(y int, dst []uint8) { divide(dst, s.Pix[y*s.Stride:], out.width, 4, 1) }
		out.alpha = func(y int, dst []uint8) { pick(dst, s.Pix[y*s.Stride:], 4, 3) }
	case *image.Paletted:
		palette := plainPalette(s.Palette)
		out.row = func(y int, dst []uint8) {
			paletteRow(dst, s.Pix[y*s.Stride:y*s.Stride+out.width], &palette)
		}
		opacity := paletteAlpha(s.Palette)
		if !slices.ContainsFunc(opacity[:min(256, len(s.Palette))], func(a uint8) bool { return a < 255 }) {
			break
		}
		out.alpha = func(y int, dst []uint8) {
			for x, index := range s.Pix[y*s.Stride : y*s.Stride+out.width] {
				dst[x] = opacity[index]
			}
		}
	default:
		out.row = anyRow(decoded)
	}
	return out
}

// spread takes three samples from each pixel of the given size, one every apart.
func spread(dst, pix []uint8, width, size, every int) {
	for i := range width {
		p, pixel := pix[i*size:i*size+2*every+1], dst[3*i:3*i+3:3*i+3]
		pixel[0], pixel[1], pixel[2] = p[0], p[every], p[2*every]
	}
}

// pick takes the sample at an offset of each pixel of the given size.
func pick(dst, pix []uint8, size, offset int) {
	for i := range dst {
		dst[i] = pix[i*size+offset]
	}
}

// over blends an image with a background by its opacity, with the rounding of Pillow's paste; the
// result is opaque.
func (s source) over(background [3]uint8) source {
	if s.alpha == nil {
		return s
	}
	opacity := make([]uint8, s.width)
	return source{width: s.width, height: s.height, row: func(y int, dst []uint8) {
		s.row(y, dst)
		s.alpha(y, opacity)
		for x, a := range opacity {
			for c, v := range dst[3*x : 3*x+3] {
				sum := uint32(v)*uint32(a) + uint32(background[c])*uint32(255-a) + 128
				dst[3*x+c] = uint8((sum>>8 + sum) >> 8)
			}
		}
	}}
}

// transparent tells whether a hundredth or more of the pixels are mostly transparent.
func (s source) transparent() bool {
	if s.alpha == nil {
		return false
	}
	count, enough := 0, (s.width*s.height+99)/100
	opacity := make([]uint8, s.width)
	for y := 0; y < s.height && count < enough; y++ {
		s.alpha(y, opacity)
		for _, a := range opacity {
			if a < 128 {
				count++
			}
		}
	}
	return count >= enough
}

// divide takes samples as spread does and undoes their multiplication by the alpha that follows
// them, with Pillow's rounding.
func divide(dst, pix []uint8, width, size, every int) {
	spread(dst, pix, width, size, every)
	for i := range width {
		alpha := int32(pix[i*size+3*every])
		if alpha == 0 || alpha == 255 {
			continue
		}
		for c, v := range dst[3*i : 3*i+3] {
			dst[3*i+c] = kernel.Clamp(255 * int32(v) / alpha)
		}
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

// paletteAlpha is the opacity of a palette's colours.
func paletteAlpha(p color.Palette) (opacity [256]uint8) {
	for i, c := range p[:min(256, len(p))] {
		opacity[i] = color.NRGBAModel.Convert(c).(color.NRGBA).A
	}
	return opacity
}

func paletteRow(dst, indices []uint8, palette *[256][3]uint8) {
	for x, index := range indices {
		*(*[3]uint8)(dst[3*x:]) = palette[index]
	}
}

// anyRow is slow and handles every kind of image.
func anyRow(decoded image.Image) func(y int, dst []uint8) {
	bounds := decoded.Bounds()
	return func(y int, dst []uint8) {
		for x := range bounds.Dx() {
			c := color.NRGBAModel.Convert(decoded.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.NRGBA)
			*(*[3]uint8)(dst[3*x:]) = [3]uint8{c.R, c.G, c.B}
		}
	}
}
