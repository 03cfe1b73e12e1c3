package picture

import (
	"bytes"
	"fmt"
	"math"

	"golang.org/x/image/webp"

	"fovea/picture/internal/jpeg"
	"fovea/picture/internal/kernel"
	"fovea/picture/internal/tiff"
)

// convertedTIFF is the rows of YCbCr or Lab of 8 bits.
func convertedTIFF(k *tiffKind, s *tiff.Samples, line func(int) []uint8) (func(y int, dst []uint8), error) {
	if k.colours == 1 {
		return func(y int, dst []uint8) { spread(dst, line(y), s.Width, s.Channels, 0) }, nil
	}
	var convert func(a, b, c uint8) [3]uint8
	switch {
	case k.Photometric == tiff.YCbCr && k.Compression == tiff.JPEG, k.Photometric == tiff.YCbCr && k.Compression == tiff.WebP: // are RGB by now
		return func(y int, dst []uint8) { spread(dst, line(y), s.Width, s.Channels, 1) }, nil
	case k.Photometric == tiff.YCbCr:
		table, err := newYCbCr(k.Directory())
		if err != nil {
			return nil, err
		}
		convert = table.rgb
	default:
		flip := uint8(0)
		if k.Photometric == tiff.CIELab {
			flip = 0x80
		}
		convert = func(l, a, b uint8) [3]uint8 { return labToRGB(l, a^flip, b^flip) }
	}
	return func(y int, dst []uint8) {
		row := line(y)
		for x := range s.Width {
			p := row[x*s.Channels:]
			*(*[3]uint8)(dst[3*x:]) = convert(p[0], p[1], p[2])
		}
	}, nil
}

// ycbcr converts YCbCr as libtiff does, in fixed point by tables.
type ycbcr struct{ luma, red, blue, greenOfRed, greenOfBlue [256]int32 }

func newYCbCr(d *tiff.Directory) (*ycbcr, error) {
	weights, err := d.Floats(tiff.Coefficients, 3)
	if err != nil {
		return nil, err
	}
	if len(weights) < 3 || weights[0] == 0 || weights[1] == 0 || weights[2] == 0 {
		weights = []float64{0.299, 0.587, 0.114}
	}
	levels, err := d.Floats(tiff.ReferenceBW, 6)
	if err != nil {
		return nil, err
	}
	if len(levels) < 6 {
		levels = []float64{0, 255, 128, 255, 128, 255}
	}
	fixed := func(v float32) int32 { return int32(float64(max(0, min(2, v)))*(1<<16) + 0.5) }
	value := func(code int, black, white, top float64) int32 {
		span := float32(white - black)
		if span == 0 {
			span = 1
		}
		v := float32(code-int(black)) * float32(top) / span
		return int32(max(-128*32, min(128*32, v)))
	}
	red, green, blue := float32(weights[0]), float32(weights[1]), float32(weights[2])
	toRed, toBlue := 2-2*red, 2-2*blue
	d1, d2, d3, d4 := fixed(toRed), -fixed(red*toRed/green), fixed(toBlue), -fixed(blue*toBlue/green)
	t := &ycbcr{}
	for i := range 256 {
		cr := value(i-128, levels[4]-128, levels[5]-128, 127)
		cb := value(i-128, levels[2]-128, levels[3]-128, 127)
		t.red[i], t.blue[i] = (d1*cr+1<<15)>>16, (d3*cb+1<<15)>>16
		t.greenOfRed[i], t.greenOfBlue[i] = d2*cr, d4*cb+1<<15
		t.luma[i] = value(i, levels[0], levels[1], 255)
	}
	return t, nil
}

func (t *ycbcr) rgb(y, cb, cr uint8) [3]uint8 {
	l := t.luma[y]
	return [3]uint8{kernel.Clamp(l + t.red[cr]), kernel.Clamp(l + (t.greenOfBlue[cb]+t.greenOfRed[cr])>>16), kernel.Clamp(l + t.blue[cb])}
}

// codecMemory is what the decoders of images inside a page take.
func (k *tiffKind) codecMemory(file int) int64 {
	block := times(k.BlockWidth, k.BlockHeight)
	channels := k.Samples
	if k.Planes {
		channels = 1
	}
	padded := plus(block, times(k.BlockWidth+k.BlockHeight+64, 32))
	switch k.Compression {
	case tiff.JPEG:
		return plus(times(int(min(padded, math.MaxInt32)), channels, 4), 2*int64(file), 128<<10)
	case tiff.OldJPEG:
		return plus(times(int(min(padded, math.MaxInt32)), channels, 5), 3*int64(file), 128<<10)
	case tiff.WebP:
		return plus(times(int(min(padded, math.MaxInt32)), 12), losslessBytes(k.BlockWidth, k.BlockHeight, file))
	}
	return 0
}

// tiffCodec decodes the JPEG or WebP that is a block of a TIFF, as libtiff does.
func (w *workspace) tiffCodec(l *tiff.Layout, tables, coded []byte) (tiff.Pixels, error) {
	if l.Compression == tiff.WebP {
		return w.tiffWebP(l, coded)
	}
	if len(tables) > 4 && len(coded) > 2 {
		tables = bytes.TrimSuffix(tables, []byte{0xff, 0xd9})
		coded = append(tables[:len(tables):len(tables)], coded[2:]...)
	}
	head, err := w.jpeg.Header(coded)
	if err != nil {
		return tiff.Pixels{}, reason(err)
	}
	if head.Width > l.BlockWidth+64 || head.Height > l.BlockHeight+64 {
		return tiff.Pixels{}, fmt.Errorf("%w: a JPEG of %dx%d pixels in a strip or tile of %dx%d", ErrCorrupt, head.Width, head.Height, l.BlockWidth, l.BlockHeight)
	}
	if head.Precision != 8 {
		return tiff.Pixels{}, fmt.Errorf("%w: a JPEG of %d bits in a TIFF of 8", ErrCorrupt, head.Precision)
	}
	decoded, err := w.jpeg.Decode(coded)
	if err != nil {
		return tiff.Pixels{}, reason(err)
	}
	n := len(decoded.Planes)
	out := tiff.Pixels{Width: decoded.Width, Height: decoded.Height, Samples: n, Pix: make([]uint8, decoded.Width*decoded.Height*n)}
	converted := l.Photometric == tiff.YCbCr && n == 3 && l.Compression == tiff.JPEG
	w.planesOf(decoded, out.Pix, converted, l.Compression == tiff.OldJPEG)
	return out, nil
}

// planesOf interleaves the planes of a JPEG, or converts them to RGB; repeated chroma is not smoothed.
func (w *workspace) planesOf(decoded jpeg.Image, pix []uint8, converted, repeated bool) {
	width, n := decoded.Width, len(decoded.Planes)
	var ups [4]upsampler
	for i, p := range decoded.Planes {
		ups[i].reset(p, repeated || decoded.Lossless)
	}
	for y := range decoded.Height {
		row := pix[y*width*n : (y+1)*width*n]
		if converted {
			kernel.RGB(row, ups[0].row(y)[:width], ups[1].row(y)[:width], ups[2].row(y)[:width])
			continue
		}
		for i := range n {
			for x, v := range ups[i].row(y)[:width] {
				row[x*n+i] = v
			}
		}
	}
}

// tiffWebP decodes a block of WebP.
func (w *workspace) tiffWebP(l *tiff.Layout, coded []byte) (tiff.Pixels, error) {
	config, err := webp.DecodeConfig(bytes.NewReader(coded))
	if err != nil {
		return tiff.Pixels{}, reason(err)
	}
	if config.Width > l.BlockWidth+64 || config.Height > l.BlockHeight+64 {
		return tiff.Pixels{}, fmt.Errorf("%w: a WebP of %dx%d pixels in a strip or tile of %dx%d", ErrCorrupt, config.Width, config.Height, l.BlockWidth, l.BlockHeight)
	}
	s, err := decodeWebP(w, coded, job{})
	if err != nil {
		return tiff.Pixels{}, reason(err)
	}
	out := tiff.Pixels{Width: s.width, Height: s.height, Samples: l.Samples, Pix: make([]uint8, s.width*s.height*l.Samples)}
	row, opacity := make([]uint8, 3*s.width), bytes.Repeat([]byte{255}, s.width)
	for y := range s.height {
		s.row(y, row)
		if s.alpha != nil {
			s.alpha(y, opacity)
		}
		for x := range s.width {
			p := out.Pix[(y*s.width+x)*l.Samples:][:l.Samples]
			copy(p, row[3*x:3*x+3])
			if l.Samples == 4 {
				p[3] = opacity[x]
			}
		}
	}
	return out, nil
}
