package picture

import (
	"fovea/picture/internal/jpeg"
	"fovea/picture/internal/kernel"
)

// fromJPEG supplies the rows of a decoded JPEG.
func (w *workspace) fromJPEG(decoded jpeg.Image) source {
	out := source{width: decoded.Width, height: decoded.Height}
	planes := decoded.Planes
	if decoded.Colour == jpeg.Grey {
		p := planes[0]
		out.row = func(y int, dst []uint8) { spread(dst, p.Pix[y*p.Stride:], out.width, 1, 0) }
		return out
	}
	// Except in odd files, only chroma is smaller than the image.
	ups := [4]*upsampler{{}, &w.chroma[0], &w.chroma[1], {}}
	for i, p := range planes {
		ups[i].reset(p, decoded.Lossless)
	}
	width := out.width
	out.row = func(y int, dst []uint8) {
		a, b, c := ups[0].row(y)[:width], ups[1].row(y)[:width], ups[2].row(y)[:width]
		if decoded.Colour == jpeg.YCbCr || decoded.Colour == jpeg.YCCK {
			kernel.RGB(dst, a, b, c)
		} else {
			interleave(dst, a, b, c)
		}
		switch decoded.Colour {
		case jpeg.CMYK: // ink is stored inverted, as light
			multiply(dst, ups[3].row(y)[:width], 255)
		case jpeg.YCCK:
			multiply(dst, ups[3].row(y)[:width], 0)
		}
	}
	return out
}

func interleave(dst, a, b, c []uint8) {
	for x := range a {
		*(*[3]uint8)(dst[3*x:]) = [3]uint8{a[x], b[x], c[x]}
	}
}

// multiply makes RGB of a row of cyan, magenta and yellow ink and a row of black, which is
// stored inverted: 255 means no ink. invert is 255 if the others are inverted too, otherwise 0.
// Pillow does it without a colour profile: white less black, less that part of it which
// the ink takes.
func multiply(dst, black []uint8, invert uint8) {
	for x, k := range black {
		white := int(k)
		for c := range 3 {
			at := 3*x + c
			product := int(dst[at]^invert)*white + 128
			dst[at] = kernel.Clamp(int32(white - (product+product>>8)>>8))
		}
	}
}
