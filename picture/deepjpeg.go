package picture

import (
	"fovea/picture/internal/jpeg"
)

// fromDeepJPEG supplies the rows of a JPEG whose samples haven't 8 bits.
func (w *workspace) fromDeepJPEG(decoded jpeg.Image, j job) (source, error) {
	if !deepColours(decoded.Precision, len(decoded.Planes)) {
		return w.fromJPEG(shallowJPEG(decoded)), nil
	}
	channels, words := deepJPEG(decoded)
	d := deep{width: decoded.Width, height: decoded.Height, channels: channels, bits: decoded.Precision, words: words}
	return w.ranged(d, j.ranged)
}

// deepColours says whether samples keep their precision: not those of CMYK, and not those of fewer than 8
// bits, which are stretched to 8.
func deepColours(precision, components int) bool { return precision > 8 && components < 4 }

// deepJPEG supplies the samples of a JPEG of more than 8 bits, grey or RGB, channel by channel of each
// pixel.
func deepJPEG(decoded jpeg.Image) (channels int, words func(y int, dst []uint16)) {
	planes := decoded.Planes
	if len(planes) == 1 {
		p := planes[0]
		return 1, func(y int, dst []uint16) { copy(dst, p.Deep[y*p.Stride:][:p.Width]) }
	}
	ups := make([]deepUpsampler, len(planes))
	for i, p := range planes {
		ups[i].reset(p, decoded.Lossless)
	}
	top := int64(1)<<decoded.Precision - 1
	return 3, func(y int, dst []uint16) {
		a, b, c := ups[0].row(y), ups[1].row(y), ups[2].row(y)
		for x := range len(dst) / 3 {
			pixel := dst[3*x : 3*x+3 : 3*x+3]
			pixel[0], pixel[1], pixel[2] = a[x], b[x], c[x]
			if decoded.Colour == jpeg.YCbCr {
				deepRGB(pixel, top)
			}
		}
	}
}

// deepRGB converts a pixel from YCbCr as libjpeg does, in fixed point of 16 bits. top is the largest
// sample.
func deepRGB(pixel []uint16, top int64) {
	const bits, half = 16, 1 << 15
	luma, cb, cr := int64(pixel[0]), int64(pixel[1])-(top+1)/2, int64(pixel[2])-(top+1)/2
	limited := func(v int64) uint16 { return uint16(max(0, min(v, top))) }
	pixel[0] = limited(luma + (91881*cr+half)>>bits)
	pixel[1] = limited(luma + (-22554*cb-46802*cr+half)>>bits)
	pixel[2] = limited(luma + (116130*cb+half)>>bits)
}

// shallowJPEG is a JPEG with its samples brought to 8 bits: those of fewer stretched, of more, their high
// byte.
func shallowJPEG(decoded jpeg.Image) jpeg.Image {
	planes, table := make([]jpeg.Plane, len(decoded.Planes)), stretched(decoded.Precision)
	for i, p := range decoded.Planes {
		p.Pix = make([]uint8, len(p.Deep))
		for at, v := range p.Deep {
			if decoded.Precision < 8 {
				p.Pix[at] = table[uint8(v)]
			} else {
				p.Pix[at] = uint8(v >> (decoded.Precision - 8))
			}
		}
		p.Deep, planes[i] = nil, p
	}
	decoded.Planes = planes
	return decoded
}

// stretched has samples of up to 8 bits at 8 bits: black stays black, white white.
func stretched(precision int) (table [256]uint8) {
	top := 1<<min(precision, 8) - 1
	for v := range table {
		table[v] = uint8((min(v, top)*255 + top/2) / top)
	}
	return table
}

// deepUpsampler is upsampler for more than 8 bits.
type deepUpsampler struct {
	plane jpeg.Plane
	fancy bool
	out   []uint16
}

func (u *deepUpsampler) reset(plane jpeg.Plane, repeated bool) {
	u.plane, u.fancy = plane, !repeated && fancy(plane)
	u.out = grown(u.out, plane.Width*plane.Horizontal)
}

func (u *deepUpsampler) source(y int) []uint16 {
	y = max(0, min(y, u.plane.Height-1))
	return u.plane.Deep[y*u.plane.Stride:][:u.plane.Width]
}

// row is row y at full size. It is valid until the next call.
func (u *deepUpsampler) row(y int) []uint16 {
	h, v := u.plane.Horizontal, u.plane.Vertical
	near := u.source(y / v)
	switch {
	case h == 1 && (v == 1 || !u.fancy):
		return near
	case !u.fancy:
		for x := range u.out {
			u.out[x] = near[x/h]
		}
		return u.out
	case v == 1:
		u.double(func(x int) int32 { return int32(near[x]) }, 2, 1, 2)
		return u.out
	}
	further := u.source(y/2 - 1 + 2*(y%2)) // above an even row, below an odd one
	if h == 1 {
		bias := int32(1 + y%2)
		for x, v := range near {
			u.out[x] = uint16((3*int32(v) + int32(further[x]) + bias) >> 2)
		}
		return u.out
	}
	u.double(func(x int) int32 { return 3*int32(near[x]) + int32(further[x]) }, 4, 8, 7)
	return u.out
}

// double enlarges sums of samples to twice their number, each 3/4 of the nearer and 1/4 of the further one; before and
// after are added before the shift.
func (u *deepUpsampler) double(sum func(x int) int32, shift, before, after int32) {
	last := u.plane.Width - 1
	left, here := sum(0), sum(0)
	for x := range last + 1 {
		right := sum(min(last, x+1))
		u.out[2*x] = uint16((3*here + left + before) >> shift)
		u.out[2*x+1] = uint16((3*here + right + after) >> shift)
		left, here = here, right
	}
}
