package picture

import "fovea/picture/internal/jpeg"

// JPEG's conversion from YCbCr to RGB (JFIF), in fixed point of 16 bits with libjpeg's
// roundings.
const (
	fixBits = 16
	half    = 1 << (fixBits - 1)
	fixCrR  = 91881  // 1.40200
	fixCbB  = 116130 // 1.77200
	fixCrG  = 46802  // 0.71414
	fixCbG  = 22554  // 0.34414
)

var crToR, cbToB, crToG, cbToG [256]int32

func init() {
	for i := range 256 {
		x := int32(i) - 128
		crToR[i] = (fixCrR*x + half) >> fixBits
		cbToB[i] = (fixCbB*x + half) >> fixBits
		crToG[i] = -fixCrG * x
		cbToG[i] = -fixCbG*x + half
	}
}

// fromJPEG gives the rows of a decoded JPEG.
func (w *workspace) fromJPEG(decoded jpeg.Image) source {
	out := source{width: decoded.Width, height: decoded.Height}
	planes := decoded.Planes
	if decoded.Colour == jpeg.Grey {
		p := planes[0]
		out.row = func(y int, dst []uint8, step int) { spread(dst, p.Pix[y*p.Stride:], out.width, step, 1, 0) }
		return out
	}
	// In all but odd files only chroma is smaller than the picture.
	ups := [4]*upsampler{{}, &w.chroma[0], &w.chroma[1], {}}
	for i, p := range planes {
		ups[i].reset(p)
	}
	width := out.width
	out.row = func(y int, dst []uint8, step int) {
		a, b, c := ups[0].row(y)[:width], ups[1].row(y)[:width], ups[2].row(y)[:width]
		if decoded.Colour == jpeg.YCbCr || decoded.Colour == jpeg.YCCK {
			toRGB(dst, a, b, c, step)
		} else {
			interleave(dst, a, b, c, step)
		}
		switch decoded.Colour {
		case jpeg.CMYK: // ink is stored inverted, as light
			multiply(dst, ups[3].row(y)[:width], step, 255)
		case jpeg.YCCK:
			multiply(dst, ups[3].row(y)[:width], step, 0)
		}
	}
	return out
}

// toRGB converts a row.
func toRGB(dst, luma, cb, cr []uint8, step int) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	o := 0
	for x, l := range luma {
		b, r, v := cb[x], cr[x], int32(l)
		dst[o] = clamp(v + crToR[r])
		dst[o+step] = clamp(v + (cbToG[b]+crToG[r])>>fixBits)
		dst[o+2*step] = clamp(v + cbToB[b])
		o += 3 * step
	}
}

func interleave(dst, a, b, c []uint8, step int) {
	for x := range a {
		dst[3*x*step], dst[(3*x+1)*step], dst[(3*x+2)*step] = a[x], b[x], c[x]
	}
}

// multiply makes RGB of a row of cyan, magenta and yellow ink and a row of black, which is
// stored inverted: 255 is no ink. invert is 255 where the others are inverted too, else 0.
// Pillow does it without a colour profile: white less black, less that part of it which
// the ink takes.
func multiply(dst, black []uint8, step int, invert uint8) {
	for x, k := range black {
		white := int(k)
		for c := range 3 {
			at := (3*x + c) * step
			product := int(dst[at]^invert)*white + 128
			dst[at] = clamp(int32(white - (product+product>>8)>>8))
		}
	}
}

func clamp(v int32) uint8 {
	if uint32(v) <= 255 {
		return uint8(v)
	}
	return uint8(^(v >> 31)) // 0 below, 255 above
}
