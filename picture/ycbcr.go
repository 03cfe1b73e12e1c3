package picture

import "image"

// JPEG stores colour as luma and two chroma planes that are mostly smaller. libjpeg, and
// with it Pillow, by default enlarges chroma by a triangle filter ("fancy upsampling"): each
// output sample is 3/4 of the nearer and 1/4 of the further input sample, in each direction
// that is subsampled. The roundings alternate, so that no drift builds up. Go's own
// conversion repeats samples, which differs by up to dozens of levels along edges.

// fixed-point factors of the conversion from YCbCr to RGB (JFIF), 16 bits.
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

// fromYCbCr converts a decoded JPEG (or WebP) picture row by row.
func fromYCbCr(out rgb, s *image.YCbCr) {
	cb := newUpsampler(s, s.Cb, out.width, out.height)
	cr := newUpsampler(s, s.Cr, out.width, out.height)
	out.rows(func(y int, row []uint8) {
		luma := s.Y[y*s.YStride : y*s.YStride+out.width]
		blue, red := cb.row(y)[:len(luma)], cr.row(y)[:len(luma)]
		for x, l := range luma {
			b, r, v := blue[x], red[x], int32(l)
			row[3*x] = clamp(v + crToR[r])
			row[3*x+1] = clamp(v + (cbToG[b]+crToG[r])>>fixBits)
			row[3*x+2] = clamp(v + cbToB[b])
		}
	})
}

func clamp(v int32) uint8 {
	if uint32(v) <= 255 {
		return uint8(v)
	}
	return uint8(^(v >> 31)) // 0 below, 255 above
}

// upsampler gives the rows of a chroma plane at full size.
type upsampler struct {
	plane         []uint8
	stride        int
	width, height int // of the plane
	horizontal    int // factors
	vertical      int
	fancy         bool
	out           []uint8
	sums          []int32 // a column sum per sample: 3 nearer + 1 further row
}

func newUpsampler(s *image.YCbCr, plane []uint8, width, height int) *upsampler {
	u := &upsampler{plane: plane, stride: s.CStride, horizontal: 1, vertical: 1}
	switch s.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		u.horizontal = 2
	case image.YCbCrSubsampleRatio420:
		u.horizontal, u.vertical = 2, 2
	case image.YCbCrSubsampleRatio440:
		u.vertical = 2
	case image.YCbCrSubsampleRatio411:
		u.horizontal = 4
	case image.YCbCrSubsampleRatio410:
		u.horizontal, u.vertical = 4, 2
	}
	u.width = (width + u.horizontal - 1) / u.horizontal
	u.height = (height + u.vertical - 1) / u.vertical
	// Planes of one or two columns have no neighbours to speak of: they are repeated, as
	// are the rare factors of 4.
	u.fancy = (u.horizontal == 2 && u.width > 2) || (u.horizontal == 1 && u.vertical == 2)
	u.out = make([]uint8, u.width*u.horizontal)
	u.sums = make([]int32, u.width)
	return u
}

func (u *upsampler) source(y int) []uint8 {
	y = max(0, min(y, u.height-1))
	return u.plane[y*u.stride : y*u.stride+u.width]
}

// row is row y of the plane at full size. It is valid until the next call.
func (u *upsampler) row(y int) []uint8 {
	near := u.source(y / u.vertical)
	switch {
	case u.horizontal == 1 && u.vertical == 1:
		return near
	case !u.fancy:
		for x := range u.out {
			u.out[x] = near[x/u.horizontal]
		}
		return u.out
	case u.vertical == 1:
		u.twiceWide(near)
		return u.out
	}
	further := u.source(y/2 - 1 + 2*(y%2)) // the row above an even row, below an odd one
	if u.horizontal == 1 {
		bias := int32(1 + y%2)
		for x, v := range near {
			u.out[x] = uint8((3*int32(v) + int32(further[x]) + bias) >> 2)
		}
		return u.out
	}
	for x, v := range near {
		u.sums[x] = 3*int32(v) + int32(further[x])
	}
	u.twiceWideSums()
	return u.out
}

// twiceWide enlarges one row.
func (u *upsampler) twiceWide(in []uint8) {
	last := len(in) - 1
	u.out[0] = in[0]
	u.out[1] = uint8((3*int32(in[0]) + int32(in[1]) + 2) >> 2)
	for x := 1; x < last; x++ {
		v := 3 * int32(in[x])
		u.out[2*x] = uint8((v + int32(in[x-1]) + 1) >> 2)
		u.out[2*x+1] = uint8((v + int32(in[x+1]) + 2) >> 2)
	}
	u.out[2*last] = uint8((3*int32(in[last]) + int32(in[last-1]) + 1) >> 2)
	u.out[2*last+1] = in[last]
}

// twiceWideSums enlarges a row of column sums, which are 4 times too large.
func (u *upsampler) twiceWideSums() {
	in, last := u.sums, len(u.sums)-1
	u.out[0] = uint8((4*in[0] + 8) >> 4)
	u.out[1] = uint8((3*in[0] + in[1] + 7) >> 4)
	for x := 1; x < last; x++ {
		v := 3 * in[x]
		u.out[2*x] = uint8((v + in[x-1] + 8) >> 4)
		u.out[2*x+1] = uint8((v + in[x+1] + 7) >> 4)
	}
	u.out[2*last] = uint8((3*in[last] + in[last-1] + 8) >> 4)
	u.out[2*last+1] = uint8((4*in[last] + 7) >> 4)
}
