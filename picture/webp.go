package picture

import (
	"encoding/binary"
	"image"

	"golang.org/x/image/webp"

	"fovea/picture/internal/kernel"
)

func webpHeader(w *workspace, data []byte) (header, error) {
	if a, animated := firstFrame(data); animated {
		return a.header()
	}
	return measured(webp.DecodeConfig, nil, func(data []byte, width, height int) (extent, error) {
		return webpExtent(data[12:], width, height).after(12), nil
	})(w, data)
}

// decodeWebP decodes a WebP file; of an animation, its first frame.
func decodeWebP(w *workspace, data []byte, j job) (source, error) {
	if a, animated := firstFrame(data); animated {
		frame, err := decodeWebP(w, stillOf(a.content), j)
		if err != nil {
			return source{}, err
		}
		return a.place(frame), nil
	}
	decoded, err := webp.Decode(w.timed(data))
	if err != nil {
		return source{}, err
	}
	switch s := decoded.(type) {
	case *image.YCbCr:
		return fromWebP(s), nil
	case *image.NYCbCrA:
		out := fromWebP(&s.YCbCr)
		out.alpha = func(y int, dst []uint8) { copy(dst, s.A[y*s.AStride:]) }
		return out, nil
	}
	return fromImage(decoded), nil
}

// place places the first frame on the canvas. Whether that has opacity is said of the file, not of a frame; it is
// transparent and black around the frame, and just black if it has none.
func (a animation) place(frame source) source {
	switch {
	case !a.transparent:
		frame.alpha = nil
	case frame.alpha == nil:
		frame.alpha = func(_ int, dst []uint8) {
			for x := range dst {
				dst[x] = 255
			}
		}
	}
	return frame.on(a.width, a.height, a.frame.left, a.frame.top, [3]uint8{})
}

// on places an image on a larger canvas, which is transparent if the image is not opaque.
func (s source) on(width, height, left, top int, canvas [3]uint8) source {
	if s.width == width && s.height == height && left == 0 && top == 0 {
		return s
	}
	line := make([]uint8, 3*s.width)
	beside := func(y int) bool { return y < top || y >= top+s.height || left >= width }
	out := source{width: width, height: height, row: func(y int, dst []uint8) {
		for x := range width {
			*(*[3]uint8)(dst[3*x:]) = canvas
		}
		if !beside(y) {
			s.row(y-top, line)
			copy(dst[3*left:], line)
		}
	}}
	if s.alpha != nil {
		out.alpha = func(y int, dst []uint8) {
			clear(dst)
			if !beside(y) {
				s.alpha(y-top, line[:s.width])
				copy(dst[left:], line[:s.width])
			}
		}
	}
	return out
}

// chunks calls visit with each chunk of a RIFF file's body, until it says stop.
func chunks(body []byte, visit func(name string, content, whole []byte) (stop bool)) {
	for len(body) >= 8 {
		length := int64(binary.LittleEndian.Uint32(body[4:]))
		if 8+length > int64(len(body)) {
			return
		}
		end := min(int64(len(body)), 8+length+length%2)
		if visit(string(body[:4]), body[8:8+length], body[:end]) {
			return
		}
		body = body[end:]
	}
}

// animation is an animated file's canvas and its first frame.
type animation struct {
	width, height int
	frame         place
	content       []byte // of the frame's chunk
	transparent   bool   // by the file's header
}

// header is that of the canvas and what its first frame takes, which must be within it.
func (a animation) header() (header, error) {
	h := header{width: a.width, height: a.height}
	if a.frame.left+a.frame.width > a.width || a.frame.top+a.frame.height > a.height {
		return h, outside(a.frame, a.width, a.height)
	}
	h.extent = webpExtent(a.content[16:], a.frame.width, a.frame.height)
	h.bytes = plus(h.bytes, 3*int64(len(a.content))) // its copy
	h.least = 0                                      // the copy has whole chunks
	return h, nil
}

// firstFrame finds an animation's first frame.
func firstFrame(data []byte) (a animation, animated bool) {
	var header []byte
	chunks(data[min(12, len(data)):], func(name string, content, _ []byte) bool {
		switch {
		case name == "VP8X" && len(content) >= 10:
			header = content
			return content[0]&2 == 0 // not an animation
		case name == "ANMF" && len(content) >= 16 && header != nil:
			a, animated = animation{uint24(header[4:]) + 1, uint24(header[7:]) + 1, place{
				left: 2 * uint24(content), top: 2 * uint24(content[3:]),
				width: uint24(content[6:]) + 1, height: uint24(content[9:]) + 1,
			}, content, header[0]&0x10 != 0}, true
		}
		return animated
	})
	return a, animated
}

// webpExtent is that of the image in a file's or frame's chunks, which has the given size or is
// refused by the decoder.
func webpExtent(body []byte, width, height int) extent {
	e, at := extent{}, int64(0)
	for at+8 <= int64(len(body)) {
		name, end := string(body[at:at+4]), at+8+int64(binary.LittleEndian.Uint32(body[at+4:]))
		content := body[at+8 : min(end, int64(len(body)))]
		switch name {
		case "ALPH":
			e.bytes = plus(e.bytes, times(width, height))
			if len(content) > 0 && content[0]&3 == 1 {
				e.bytes = plus(e.bytes, losslessBytes(width, height, len(content)))
			}
		case "VP8 ": // in blocks of 16x16 pixels with a note about each, and a copy of the data
			across, down := divided(width, 16), divided(height, 16)
			e.bytes = plus(e.bytes, times(across, down, 256*3/2+4), times(across, 6), end-at, 64<<10)
			if len(content) >= 3 { // the first part's length, which is read before its bytes
				e.bytes = plus(e.bytes, int64(uint24(content)>>5))
			}
			e.least = end
			return e
		case "VP8L":
			e.bytes = plus(e.bytes, losslessBytes(width, height, len(content)))
			return e
		}
		at = end + (end-at)%2
	}
	return e
}

// losslessBytes is what the decoder of lossless WebPs takes: the image, another one if it has a
// palette, and small ones that say how tiles of at least 4x4 pixels were coded. The number of codes
// is in the compressed data and is bounded here by the length of these, and by the decoder.
func losslessBytes(width, height, length int) int64 {
	const (
		mostGroups                 = 2600
		groupBytes, fullGroupBytes = 2680, 52_000
		mostPerByte                = 384
	)
	tiles := times(divided(width, 4), divided(height, 4))
	groups := min(mostGroups, tiles, 1+int64(length)*2/5)
	codes := min(groups*fullGroupBytes, groups*groupBytes+int64(length)*mostPerByte)
	return plus(times(width, height, 8), 3*4*tiles, codes, 64<<10)
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// stillOf makes a file of an animation's frame: width and height, less one, are at 6 and 9
// as a VP8X chunk needs them, and the image's chunks follow at 16.
func stillOf(frame []byte) []byte {
	var flags byte
	var body []byte
	chunks(frame[16:], func(name string, _, whole []byte) bool {
		if name == "ALPH" {
			flags = 0x10
		}
		if name == "ALPH" || name == "VP8 " || name == "VP8L" {
			body = append(body, whole...)
			if len(whole)%2 == 1 {
				body = append(body, 0)
			}
		}
		return false
	})
	out := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), flags, 0, 0, 0)
	out = append(out, frame[6:12]...)
	out = append(out, body...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// fromWebP supplies the rows of a lossy WebP as libwebp does: chroma is enlarged by a triangle
// filter with different rounding than libjpeg's, and luma ranges from 16 to 235.
func fromWebP(s *image.YCbCr) source {
	out := source{width: s.Rect.Dx(), height: s.Rect.Dy()}
	chroma := (out.width + 1) / 2
	u, v := make([]uint8, 2*chroma+1), make([]uint8, 2*chroma+1)
	out.row = func(y int, dst []uint8) {
		last := (out.height+1)/2 - 1
		near, further := y/2, max(0, min(last, y/2-1+2*(y%2)))
		webpChroma(u, s.Cb[near*s.CStride:][:chroma], s.Cb[further*s.CStride:][:chroma])
		webpChroma(v, s.Cr[near*s.CStride:][:chroma], s.Cr[further*s.CStride:][:chroma])
		for x, l := range s.Y[y*s.YStride:][:out.width] {
			luma, u, v := int32(l)*19077>>8, int32(u[x]), int32(v[x])
			*(*[3]uint8)(dst[3*x:]) = [3]uint8{
				kernel.Clamp((luma + v*26149>>8 - 14234) >> 6),
				kernel.Clamp((luma - u*6419>>8 - v*13320>>8 + 8708) >> 6),
				kernel.Clamp((luma + u*33050>>8 - 17685) >> 6),
			}
		}
	}
	return out
}

// webpChroma enlarges a row of chroma: 9/16 of the nearest sample, 3/16 of its neighbours
// in the row and the column, 1/16 of the one across.
func webpChroma(out, near, further []uint8) {
	last := len(near) - 1
	edge := func(x int) uint8 { return uint8((3*int(near[x]) + int(further[x]) + 2) >> 2) }
	out[0], out[2*last+1] = edge(0), edge(last)
	for x := range last {
		n0, n1, f0, f1 := int(near[x]), int(near[x+1]), int(further[x]), int(further[x+1])
		sum := n0 + n1 + f0 + f1 + 8
		out[2*x+1] = uint8(((sum+2*(n1+f0))>>3 + n0) >> 1)
		out[2*x+2] = uint8(((sum+2*(n0+f1))>>3 + n1) >> 1)
	}
}
