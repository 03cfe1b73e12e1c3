package picture

import (
	"fovea/picture/internal/jpeg"
	"fovea/picture/internal/kernel"
)

// upsampler supplies the rows of a JPEG plane at the image's size.
//
// A JPEG's two chroma planes are usually smaller than the image. libjpeg, and with it Pillow, by
// default enlarges them with a triangle filter ("fancy upsampling"): each sample is 3/4 of the
// nearer and 1/4 of the farther one, in each halved direction. Rounding alternates, so that no
// drift builds up. The standard library repeats samples instead, which differs by up to dozens of
// levels along edges.
type upsampler struct {
	plane jpeg.Plane
	fancy bool
	out   []uint8
}

func (u *upsampler) reset(plane jpeg.Plane, repeated bool) {
	u.plane, u.fancy = plane, !repeated && fancy(plane)
	u.out = grown(u.out, plane.Width*plane.Horizontal)
}

// fancy says whether a plane is filtered. As libjpeg: planes of one or two columns have no
// neighbours to speak of and are repeated, as are the rare factors above 2.
func fancy(plane jpeg.Plane) bool {
	h, v := plane.Horizontal, plane.Vertical
	return v <= 2 && (h == 2 && plane.Width > 2 || h == 1 && v == 2)
}

func (u *upsampler) source(y int) []uint8 {
	y = max(0, min(y, u.plane.Height-1))
	return u.plane.Pix[y*u.plane.Stride:][:u.plane.Width]
}

// row is row y at full size. It is valid until the next call.
func (u *upsampler) row(y int) []uint8 {
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
		kernel.DoubleRow(u.out, near)
		return u.out
	}
	further := u.source(y/2 - 1 + 2*(y%2))[:len(near)] // above an even row, below an odd one
	if h == 1 {
		bias := int32(1 + y%2)
		for x, v := range near {
			u.out[x] = uint8((3*int32(v) + int32(further[x]) + bias) >> 2)
		}
		return u.out
	}
	kernel.DoubleRows(u.out, near, further)
	return u.out
}
