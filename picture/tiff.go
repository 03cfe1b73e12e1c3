package picture

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"slices"

	"fovea/picture/internal/tiff"
)

// openTIFF opens a file and finds out how its first page stores its samples, and what they are.
func (w *workspace) openTIFF(data []byte, bands Bands) (*tiff.File, *tiffKind, error) {
	f, err := tiff.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	f.Spend, w.jpeg.Spend = w.clock.spend, w.clock.spend
	f.Codec = w.tiffCodec
	page, err := f.Page()
	if err == nil {
		page, err = firstPage(f, page)
	}
	if err != nil {
		return nil, nil, err
	}
	layout, err := page.Layout()
	if err != nil {
		return nil, nil, err
	}
	kind, err := kindOf(layout, bands)
	return f, kind, err
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
	// chosen says that the colours are bands that were asked for.
	chosen bool
}

// kindOf finds the colours and alpha of a page, or the bands, or says why they are not decoded.
func kindOf(l *tiff.Layout, bands Bands) (*tiffKind, error) {
	k := &tiffKind{Layout: l, colours: l.Colours()}
	narrow := l.Bits <= 8 && l.Format == tiff.Unsigned
	list, err := bands.list()
	if err != nil {
		return nil, err
	}
	if noData := noDataOf(l.Directory(), l); noData != nil {
		l.Empty = *noData
	}
	switch l.Photometric {
	case tiff.WhiteIsZero, tiff.BlackIsZero, tiff.RGB:
		if k.deep = !narrow; list != nil {
			return k, k.choose(list)
		}
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
		if c := k.colours + i; c < k.Samples && (isOpacity(meaning) || meaning == corel && i == 0) {
			k.alpha, k.premultiplied = true, isPremultiplied(meaning)
			k.channels = append(k.channels, c)
			return
		}
	}
	if k.Photometric == tiff.RGB && k.Samples == 4 && len(k.Extra) == 0 {
		k.alpha = true
		k.channels = append(k.channels, 3)
	}
}

func isOpacity(meaning int) bool { return meaning == tiff.Associated || meaning == tiff.Unassociated }

func isPremultiplied(meaning int) bool { return meaning == tiff.Associated }

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
	h := header{}
	for i := range max(1, len(w.bands)) {
		bands := Bands("")
		if i < len(w.bands) {
			bands = w.bands[i]
		}
		one, err := w.tiffHeaderOf(data, bands)
		if err != nil {
			return one, err
		}
		one.bytes = max(one.bytes, h.bytes)
		h = one
	}
	return h, nil
}

// tiffHeaderOf is the header for some bands of a file.
func (w *workspace) tiffHeaderOf(data []byte, bands Bands) (header, error) {
	_, k, err := w.openTIFF(data, bands)
	if err != nil {
		return header{}, err
	}
	h := header{width: k.Width, height: k.Height}
	memory, err := k.Memory()
	if err != nil {
		return h, err
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
	f, k, err := w.openTIFF(data, j.bands)
	if err != nil {
		return source{}, err
	}
	s, err := f.Read(k.Layout, image.Rect(0, 0, k.Width, k.Height), k.channels...)
	if err != nil {
		return source{}, err
	}
	return w.fromSamples(k, s, j)
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
