package picture

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"fovea/picture/internal/codec"
	"fovea/picture/internal/jpegxl"
)

// What libjxl takes for each pixel besides what comes of it, which is in its process and in this one: measured for lossy
// and lossless images of 8 to 32 bits, with something to spare for those that it decodes as a whole; for each channel
// besides the colours; and for a JPEG that is made again and decoded, and perhaps turned.
const (
	bytesOfJPEGXL = 28
	bytesOfExtra  = 4
	bytesFromJPEG = 40
	leastOfJPEGXL = 12
)

func jpegXLHeader(_ *workspace, data []byte) (header, error) {
	f, err := jpegxl.Read(data)
	if err != nil {
		return header{}, err
	}
	h := header{width: f.Width, height: f.Height}
	if f.Orientation >= 5 { // libjxl turns it
		h.width, h.height = f.Height, f.Width
	}
	h.deep = f.Float || f.Bits > 8
	h.bytes = plus(jpegXLBytes(f)*min(times(f.Width, f.Height), 1<<40), int64(2*len(data)), codecProcess)
	h.least = leastOfJPEGXL
	refuse := ""
	switch {
	case slices.Contains(f.Extra, jpegxl.Black):
		refuse = "in CMYK"
	case slices.Contains(f.Extra, jpegxl.CFA):
		refuse = "of a camera's sensor"
	}
	if refuse != "" {
		return h, fmt.Errorf("%w: JPEG XL %s: %s", ErrUnsupported, refuse, convert)
	}
	return h, nil
}

// jpegXLBytes is what decoding takes for each pixel.
func jpegXLBytes(f jpegxl.File) int64 {
	channels, sample := 3, 1
	if f.Grey {
		channels = 1
	}
	if slices.Contains(f.Extra, jpegxl.Alpha) {
		channels++
	}
	switch {
	case f.Float || f.Bits > 16:
		sample = 4
	case f.Bits > 8:
		sample = 2
	}
	ofPixel := int64(bytesOfJPEGXL + bytesOfExtra*len(f.Extra) + 2*channels*sample)
	if f.FromJPEG {
		ofPixel = max(ofPixel, bytesFromJPEG)
	}
	return ofPixel
}

// decodeJPEGXL decodes the first image; one that was made of a JPEG has the JPEG's pixels.
func decodeJPEGXL(w *workspace, data []byte, j job) (source, error) {
	p, err := w.byCodec(codec.JPEGXL, data, j)
	switch {
	case err != nil:
		return source{}, err
	case p.JPEG:
		return w.originalJPEG(data, p.Pix, j)
	}
	s := interleaved{Picture: p, colours: (p.Channels-1)&^1 + 1}
	switch {
	case p.Float:
		return w.ranged(s.floats(), j.ranged)
	case s.bits() > 8:
		return w.ranged(s.deep(false), j.ranged)
	}
	return s.source(false), nil
}

// originalJPEG decodes the JPEG that a JPEG XL was made of, and turns it as the JPEG XL says.
func (w *workspace) originalJPEG(data, original []byte, j job) (source, error) {
	f, err := jpegxl.Read(data)
	if err != nil {
		return source{}, err
	}
	h, err := jpegHeader(w, original)
	if err != nil {
		return source{}, err
	}
	if h.width != f.Width || h.height != f.Height {
		return source{}, fmt.Errorf("%w: the header says %dx%d pixels, the JPEG in it %dx%d", ErrCorrupt, f.Width, f.Height, h.width, h.height)
	}
	s, err := decodeJPEG(w, original, j)
	if err != nil {
		return source{}, err
	}
	return w.upright(s, f.Orientation), nil
}

// floats is an image of samples that are not whole.
func (s interleaved) floats() deep {
	d := deep{width: s.Width, height: s.Height, channels: s.colours, bits: 32, float: true}
	sample := func(y, at int) float64 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(s.Pix[y*s.Stride+4*at:])))
	}
	d.row = func(y int, dst []float64) {
		for x := range s.Width {
			for c := range d.channels {
				dst[x*d.channels+c] = sample(y, x*s.Channels+c)
			}
		}
	}
	if s.colours < s.Channels {
		d.alpha = func(y int, dst []uint8) {
			for x := range dst {
				dst[x] = uint8(max(0, min(255, math.RoundToEven(255*sample(y, x*s.Channels+s.colours)))))
			}
		}
	}
	return d
}
