package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/picture/internal/tiff"
)

// openTIFF opens a file and finds out how its first page stores its samples, and what they are.
func (w *workspace) openTIFF(data []byte) (*tiff.File, *tiffKind, error) {
	f, err := tiff.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, tiffError(err)
	}
	f.Spend = w.clock.spend
	f.Codec = w.tiffCodec
	page, err := f.Page()
	if err == nil {
		page, err = firstPage(f, page)
	}
	if err != nil {
		return nil, nil, tiffError(err)
	}
	layout, err := page.Layout()
	if err != nil {
		return nil, nil, tiffError(err)
	}
	kind, err := kindOf(layout)
	return f, kind, tiffError(err)
}

// tiffError is one of the package's reasons.
func tiffError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tiff.ErrUnsupported):
		return fmt.Errorf("%w: %s", ErrUnsupported, strings.TrimPrefix(err.Error(), tiff.ErrUnsupported.Error()+": "))
	case errors.Is(err, tiff.ErrTruncated):
		return fmt.Errorf("%w: %s", ErrTruncated, strings.TrimPrefix(err.Error(), tiff.ErrTruncated.Error()+": "))
	case errors.Is(err, tiff.ErrCorrupt):
		return fmt.Errorf("%w: %s", ErrCorrupt, strings.TrimPrefix(err.Error(), tiff.ErrCorrupt.Error()+": "))
	}
	return err
}

// firstPage is the first page, in full resolution. Where it is a preview, as in cameras' raw files, one of those that
// it refers to or that follow may be the image.
func firstPage(f *tiff.File, page *tiff.Directory) (*tiff.Directory, error) {
	if page.Has(tiff.DNGVersion) {
		return nil, fmt.Errorf("%w: DNG raw: develop it to JPEG or PNG", ErrUnsupported)
	}
	if page.Uint(tiff.SubfileType, 0)&1 == 0 {
		return page, nil
	}
	const most = 16
	others, _ := page.Children(most)
	following, _ := f.Pages(most) // as far as they are whole
	var found *tiff.Directory
	for _, d := range append(others, following...) {
		if d.Uint(tiff.SubfileType, 0)&1 == 0 && d.Uint(tiff.Photometric, 0) <= tiff.ICCLab && d.Has(tiff.Width) &&
			(found == nil || d.Uint(tiff.Width, 0) > found.Uint(tiff.Width, 0)) {
			found = d
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: the first image is a preview, as in cameras' raw files: develop it to JPEG or PNG", ErrUnsupported)
	}
	return found, nil
}

// tiffKind is what the samples of a page mean.
type tiffKind struct {
	*tiff.Layout
	// channels are those that are read: the colours, then alpha if there is any.
	channels []int
	colours  int
	// alpha says that the last channel is opacity; premultiplied colours were multiplied by it.
	alpha, premultiplied bool
	// deep is for images whose samples a Range turns into bytes.
	deep bool
}

// kindOf finds the colours and alpha of a page, or says why they are not decoded.
func kindOf(l *tiff.Layout) (*tiffKind, error) {
	k := &tiffKind{Layout: l, colours: l.Colours()}
	narrow := l.Bits <= 8 && l.Format == tiff.Unsigned
	switch l.Photometric {
	case tiff.WhiteIsZero, tiff.BlackIsZero, tiff.RGB:
		k.deep = !narrow
	case tiff.CMYK:
		if l.Format != tiff.Unsigned || l.Bits != 8 && l.Bits != 16 {
			return nil, fmt.Errorf("%w: TIFF in CMYK with samples of %d bits, or not whole: convert it to an RGB PNG", ErrUnsupported, l.Bits)
		}
	case tiff.Palette, tiff.YCbCr, tiff.CIELab, tiff.ICCLab:
		if !narrow && !(l.Photometric == tiff.CIELab && l.Bits == 8) || l.Bits != 8 && l.Photometric != tiff.Palette {
			return nil, fmt.Errorf("%w: TIFF in %s with samples of %d bits: convert it to an RGB PNG", ErrUnsupported, coloursName(l.Photometric), l.Bits)
		}
	default:
		return nil, fmt.Errorf("%w: TIFF in %s: convert it to an RGB PNG", ErrUnsupported, coloursName(l.Photometric))
	}
	if l.Samples < k.colours {
		if l.Photometric != tiff.YCbCr || l.Samples != 1 {
			return nil, fmt.Errorf("%w: TIFF in %s with %d samples a pixel: convert it to PNG", ErrUnsupported, coloursName(l.Photometric), l.Samples)
		}
		k.colours = 1 // luma alone
	}
	for c := range k.colours {
		k.channels = append(k.channels, c)
	}
	k.findAlpha()
	return k, nil
}

// findAlpha looks for opacity among the extra samples. A fourth sample of RGB that is not said to be anything is taken
// for alpha, as by Pillow.
func (k *tiffKind) findAlpha() {
	const corel = 999
	if k.Photometric == tiff.CMYK {
		return
	}
	for i, meaning := range k.Extra {
		if c := k.colours + i; c < k.Samples && (meaning == tiff.Associated || meaning == tiff.Unassociated || meaning == corel && i == 0) {
			k.alpha, k.premultiplied = true, meaning == tiff.Associated
			k.channels = append(k.channels, c)
			return
		}
	}
	if k.Photometric == tiff.RGB && k.Samples == 4 && len(k.Extra) == 0 {
		k.alpha = true
		k.channels = append(k.channels, 3)
	}
}

// coloursName names a PhotometricInterpretation.
func coloursName(photometric int) string {
	switch photometric {
	case tiff.WhiteIsZero, tiff.BlackIsZero:
		return "grey"
	case tiff.RGB:
		return "RGB"
	case tiff.Palette:
		return "colours of a palette"
	case tiff.Mask:
		return "the form of a transparency mask"
	case tiff.CMYK:
		return "CMYK"
	case tiff.YCbCr:
		return "YCbCr"
	case tiff.CIELab, tiff.ICCLab, 10:
		return "Lab"
	case 32803, 34892:
		return "a camera's colour filters (raw)"
	case 32844, 32845:
		return "LogLuv"
	}
	return fmt.Sprintf("colours of an unknown kind (%d)", photometric)
}

func tiffHeader(w *workspace, data []byte) (header, error) {
	_, k, err := w.openTIFF(data)
	if err != nil {
		return header{}, err
	}
	h := header{width: k.Width, height: k.Height}
	memory, err := k.Memory()
	if err != nil {
		return h, tiffError(err)
	}
	h.deep, h.least = k.deep, k.Least()
	h.bytes = plus(k.ResultMemory(k.Width, k.Height, len(k.channels)), memory, k.codecMemory(len(data)), tiffBytes)
	if k.Tiled {
		h.pixels = times(k.Across, k.Down, k.BlockWidth, k.BlockHeight)
	}
	return h, nil
}

// tiffBytes is what reading directories takes, palettes and tables.
const tiffBytes = 192 << 10

func decodeTIFF(w *workspace, data []byte, j job) (source, error) {
	f, k, err := w.openTIFF(data)
	if err != nil {
		return source{}, err
	}
	s, err := f.Read(k.Layout, image.Rect(0, 0, k.Width, k.Height), k.channels...)
	if err != nil {
		return source{}, tiffError(err)
	}
	return w.fromSamples(k, s, j)
}

// fromSamples supplies the rows of a page's samples.
func (w *workspace) fromSamples(k *tiffKind, s *tiff.Samples, j job) (source, error) {
	if k.deep {
		return w.deepTIFF(k, s, j)
	}
	out := source{width: s.Width, height: s.Height}
	n := s.Width * s.Channels
	line := func(y int) []uint8 { return s.Bytes[y*n : (y+1)*n] }
	if k.alpha {
		scale := 255 / (1<<k.Bits - 1)
		out.alpha = func(y int, dst []uint8) {
			pick(dst, line(y), s.Channels, k.colours)
			for x := range dst {
				dst[x] *= uint8(scale)
			}
		}
	}
	var err error
	switch k.Photometric {
	case tiff.Palette:
		out.row, err = paletteTIFF(k, s, line)
	case tiff.CMYK:
		out.row = cmykTIFF(s, line)
	case tiff.YCbCr, tiff.CIELab, tiff.ICCLab:
		out.row, err = convertedTIFF(k, s, line)
	default:
		out.row = plainTIFF(k, s, line)
	}
	return out, tiffError(err)
}

// plainTIFF is the rows of grey or RGB of up to 8 bits.
func plainTIFF(k *tiffKind, s *tiff.Samples, line func(int) []uint8) func(y int, dst []uint8) {
	var levels [256]uint8
	top := 1<<k.Bits - 1
	for v := range top + 1 {
		levels[v] = uint8((v*255*2 + top) / (2 * top))
		if k.Photometric == tiff.WhiteIsZero {
			levels[v] = ^levels[v]
		}
	}
	every := 0
	if k.colours == 3 {
		every = 1
	}
	return func(y int, dst []uint8) {
		if k.premultiplied && every == 1 && k.Bits == 8 {
			divide(dst, line(y), s.Width, s.Channels, every)
			if k.Samples > 4 { // where Pillow's pixels without opacity are black
				row := line(y)
				for x := range s.Width {
					if row[x*s.Channels+3] == 0 {
						clear(dst[3*x : 3*x+3])
					}
				}
			}
			return
		}
		row := line(y)
		spread(dst, row, s.Width, s.Channels, every)
		if k.Bits < 8 || k.Photometric == tiff.WhiteIsZero {
			for i, v := range dst {
				dst[i] = levels[v]
			}
		}
		if k.premultiplied {
			for x := range s.Width {
				if alpha := int(row[x*s.Channels+k.colours]) * 255 / top; alpha > 0 && alpha < 255 {
					for i, v := range dst[3*x : 3*x+3] {
						dst[3*x+i] = uint8(min(255, 255*int(v)/alpha))
					}
				}
			}
		}
	}
}

// paletteTIFF is the rows of a palette, whose colours have 16 bits, of which the high byte is kept.
func paletteTIFF(k *tiffKind, s *tiff.Samples, line func(int) []uint8) (func(y int, dst []uint8), error) {
	size := 1 << k.Bits
	colours, err := k.Directory().Uints(tiff.ColorMap, int64(3*size))
	if err != nil {
		return nil, err
	}
	if len(colours) < 3*size {
		return nil, fmt.Errorf("%w: its palette has %d numbers, not %d", ErrCorrupt, len(colours), 3*size)
	}
	var palette [256][3]uint8
	for i := range size {
		palette[i] = [3]uint8{uint8(colours[i] >> 8), uint8(colours[size+i] >> 8), uint8(colours[2*size+i] >> 8)}
	}
	return func(y int, dst []uint8) {
		row := line(y)
		for x := range s.Width {
			*(*[3]uint8)(dst[3*x:]) = palette[row[x*s.Channels]]
		}
	}, nil
}

// cmykTIFF is the rows of inks, as Pillow shows them.
func cmykTIFF(s *tiff.Samples, line func(int) []uint8) func(y int, dst []uint8) {
	black := make([]uint8, s.Width)
	return func(y int, dst []uint8) {
		for x := range s.Width {
			var ink [4]uint8
			for c := range ink {
				if i := (y*s.Width+x)*s.Channels + c; s.Words != nil {
					ink[c] = uint8(s.Words[i] >> 8)
				} else {
					ink[c] = s.Bytes[i]
				}
			}
			copy(dst[3*x:], ink[:3])
			black[x] = ^ink[3]
		}
		multiply(dst, black, 0)
	}
}

// deepTIFF is grey or RGB in a range.
func (w *workspace) deepTIFF(k *tiffKind, s *tiff.Samples, j job) (source, error) {
	d := deep{
		width: s.Width, height: s.Height, channels: k.colours, bits: k.Bits, signed: k.Format == tiff.Signed, float: k.Format == tiff.Float,
		inverted: k.Photometric == tiff.WhiteIsZero, noData: noDataOf(k.Directory(), k.Layout),
	}
	at := func(y, x, c int) int { return (y*s.Width+x)*s.Channels + c }
	opacity := func(y, x int) float64 { // 0 to 1
		switch i := at(y, x, k.colours); {
		case s.Bytes != nil:
			return float64(int8(s.Bytes[i])) / d.limits().high
		case s.Words != nil:
			return d.wordValue(s.Words[i]) / d.limits().high
		default:
			return s.Numbers[i] / d.limits().high
		}
	}
	if k.alpha {
		d.alpha = func(y int, dst []uint8) {
			for x := range dst {
				if i := at(y, x, k.colours); s.Words != nil && !d.signed {
					dst[x] = uint8(s.Words[i] >> (k.Bits - 8))
				} else {
					dst[x] = uint8(max(0, min(255, math.RoundToEven(opacity(y, x)*255))))
				}
			}
		}
	}
	if s.Numbers == nil {
		d.words = func(y int, dst []uint16) {
			for x := range s.Width {
				for c := range k.colours {
					if i := at(y, x, c); s.Words != nil {
						dst[x*k.colours+c] = s.Words[i]
					} else {
						dst[x*k.colours+c] = uint16(int8(s.Bytes[i]))
					}
				}
			}
			if k.premultiplied && !d.signed {
				divideWords(dst, k.colours, func(x int) uint32 { return uint32(s.Words[at(y, x, k.colours)]) }, uint32(d.limits().high))
			}
		}
		if k.premultiplied && !d.signed && (j.ranged == "" || j.ranged == RangeAuto || j.ranged == RangeFull) {
			return w.dividedTIFF(&d, k, s)
		}
		return w.ranged(d, j.ranged)
	}
	d.row = func(y int, dst []float64) {
		for x := range s.Width {
			for c := range k.colours {
				v := s.Numbers[at(y, x, c)]
				if k.premultiplied {
					if a := opacity(y, x); a > 0 && a < 1 {
						v /= a
					}
				}
				dst[x*k.colours+c] = v
			}
		}
	}
	return w.ranged(d, j.ranged)
}

// divideWords undoes the multiplication of samples by alpha.
func divideWords(words []uint16, channels int, alpha func(x int) uint32, top uint32) {
	for x := range len(words) / channels {
		if a := alpha(x); a > 0 && a < top {
			for i, v := range words[x*channels : (x+1)*channels] {
				words[x*channels+i] = uint16(min(top, uint32(uint64(top)*uint64(v)/uint64(a))))
			}
		}
	}
}

// dividedTIFF is an image of colours that were multiplied by alpha: Pillow keeps the highest 8 bits of both before it
// divides.
func (w *workspace) dividedTIFF(d *deep, k *tiffKind, s *tiff.Samples) (source, error) {
	narrow := make([]uint8, s.Width*s.Channels)
	high := func(y int) []uint8 {
		for i, v := range s.Words[y*len(narrow) : (y+1)*len(narrow)] {
			narrow[i] = uint8(v >> (k.Bits - 8))
		}
		return narrow
	}
	eight := *k.Layout
	eight.Bits = 8
	plain := plainTIFF(&tiffKind{Layout: &eight, colours: k.colours, premultiplied: true}, s, high)
	out := source{width: s.Width, height: s.Height, row: plain, alpha: d.alpha}
	out.faint = func() bool { return w.faint(d, curve{span: d.limits()}) }
	return out, nil
}

// noDataOf is the number that a page calls NoData, as GDAL writes it; nil if there is none.
func noDataOf(d *tiff.Directory, l *tiff.Layout) *float64 {
	v, err := strconv.ParseFloat(d.Text(tiff.NoData, 64), 64)
	if err != nil {
		return nil
	}
	if l.Format == tiff.Float && l.Bits == 32 {
		v = float64(float32(v))
	}
	return &v
}

// tiffNotes are those of a TIFF, which is an EXIF block itself.
func tiffNotes(data []byte) (exif, xmp []byte) {
	f, err := tiff.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil
	}
	page, err := f.Page()
	if err != nil {
		return nil, nil
	}
	xmp, _ = page.Bytes(tiff.XMP, maxText)
	return data, xmp
}

// exifOrientation reads the orientation of a TIFF structure's first directory.
func exifOrientation(block []byte) (orientation int, found bool) {
	f, err := tiff.Open(bytes.NewReader(block), int64(len(block)))
	if err != nil {
		return 0, false
	}
	page, err := f.Page()
	if err != nil || !page.Has(tiff.Orientation) {
		return 0, false
	}
	return int(min(page.Uint(tiff.Orientation, 0), math.MaxInt32)), true
}

// isTIFF recognizes TIFFs and BigTIFFs, but Canon's raw files, which are TIFFs too.
func isTIFF(data []byte) bool {
	return slices.ContainsFunc([]string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"}, func(s string) bool { return bytes.HasPrefix(data, []byte(s)) }) && !isCanon(data)
}
