package picture

import (
	"fmt"
	"image"
	"slices"
)

// What the tags of a TIFF may say.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgbColours  = 2
	paletted    = 3

	uncompressed = 1
	group3       = 3
	group4       = 4
	lzw          = 5
	deflate      = 8
	packBits     = 32773
	deflateOld   = 32946

	associated   = 1
	unassociated = 2
)

// tiffLayout is how a TIFF stores its pixels.
type tiffLayout struct {
	fields                             map[uint16]field
	compression, photometric, samples  uint32
	bits                               []uint32
	predictor, fillOrder, planarConfig uint32
}

// first is a tag's first value, or its default if the tag is missing.
func (l *tiffLayout) first(tag uint16, missing uint32) uint32 {
	f, found := l.fields[tag]
	switch {
	case !found || f.count == 0:
		return missing
	case len(f.values) > 0:
		return f.values[0]
	}
	return f.value
}

// layoutOf reads the tags of the first image; it is nil if there is no directory, which the decoder
// will report.
func layoutOf(data []byte) *tiffLayout {
	fields := directory(data)
	if len(fields) == 0 {
		return nil
	}
	l := &tiffLayout{fields: map[uint16]field{}}
	for _, f := range fields {
		l.fields[f.tag] = f
	}
	l.compression = max(1, l.first(tagCompression, uncompressed)) // some write 0
	l.photometric = l.first(tagPhotometric, whiteIsZero)
	l.samples = l.first(tagSamples, 1)
	l.predictor = l.first(tagPredictor, 1)
	l.fillOrder = l.first(tagFillOrder, 1)
	l.planarConfig = l.first(tagPlanar, 1)
	if l.bits = l.fields[tagBits].values; len(l.bits) == 0 {
		l.bits = []uint32{l.first(tagBits, 1)}
	}
	return l
}

func (l *tiffLayout) fax() bool { return l.compression == group3 || l.compression == group4 }

// checkTIFF refuses what the decoder cannot read, would decode wrongly, or takes for damage. The
// decoder reads bits and planes only in the usual order, of a camera's raw file the preview that
// comes first, as many samples as depths are given, and undoes predictors where there are none.
func checkTIFF(data []byte) error {
	l := layoutOf(data)
	if l == nil {
		return nil
	}
	if f, found := l.fields[tagBits]; found && f.values == nil && f.count > 0 && f.count <= maxListed {
		return fmt.Errorf("%w: the depths of its samples are missing", ErrTruncated)
	}
	for _, problem := range []string{l.raw(), l.order(), l.coding(), l.sampling(), l.sizes()} {
		if problem != "" {
			return fmt.Errorf("%w: %s", ErrUnsupported, problem)
		}
	}
	return nil
}

// sizes says that the sizes of strips or tiles are not single numbers, or "".
func (l *tiffLayout) sizes() string {
	for _, tag := range []uint16{tagWidth, tagHeight, tagRowsPerStrip, tagTileWidth, tagTileHeight} {
		if f := l.fields[tag]; f.count > 1 && len(f.values) == 0 {
			return fmt.Sprintf("TIFF with %d values of tag %d: convert it to PNG", f.count, tag)
		}
	}
	return ""
}

// raw says that a file is a camera's, or "".
func (l *tiffLayout) raw() string {
	if _, dng := l.fields[tagDNGVersion]; dng {
		return "DNG raw: develop it to JPEG or PNG"
	}
	if l.first(tagSubfileType, 0)&1 != 0 {
		return "the first image is a preview, as in cameras' raw files: develop it to JPEG or PNG"
	}
	return ""
}

// order says that samples or bits are in an order that is not read, or "".
func (l *tiffLayout) order() string {
	switch {
	case l.planarConfig == 2 && l.samples > 1:
		return "TIFF with a plane for each colour: convert it to PNG"
	case l.fillOrder == 2 && !l.fax():
		return "TIFF with bits in reverse order: convert it to PNG"
	}
	return ""
}

// compressions are those that are not read, by name.
var compressions = map[uint32]string{
	2: "as a fax without marks (CCITT modified Huffman)", 6: "as JPEG", 7: "as JPEG", 9: "as JBIG", 10: "as JBIG",
	32809: "by ThunderScan", 34661: "as JBIG", 34676: "as SGI LogLuv", 34677: "as SGI LogLuv", 34712: "as JPEG 2000",
	33003: "as JPEG 2000", 33005: "as JPEG 2000", 34887: "as LERC", 34892: "as lossy JPEG", 34925: "by LZMA",
	50000: "by Zstandard", 50001: "as WebP", 50002: "as JPEG XL", 52546: "as JPEG XL",
}

// coding says that the compression is not read, or "".
func (l *tiffLayout) coding() string {
	switch l.compression {
	case uncompressed, lzw, deflate, deflateOld, packBits:
	case group3:
		if options := l.first(tagT4Options, 0); options&1 != 0 {
			return "TIFF compressed as a Group 3 fax in two dimensions: convert it to PNG"
		} else if options != 0 {
			return "TIFF compressed as a Group 3 fax whose marks end bytes or that has uncompressed parts: convert it to PNG"
		}
	case group4:
		if l.first(tagT6Options, 0) != 0 {
			return "TIFF compressed as a Group 4 fax with uncompressed parts: convert it to PNG"
		}
	default:
		if how, known := compressions[l.compression]; known {
			return fmt.Sprintf("TIFF compressed %s: convert it to PNG", how)
		}
		return fmt.Sprintf("TIFF of compression %d: convert it to PNG", l.compression)
	}
	differences := l.compression == lzw || l.compression == deflate || l.compression == deflateOld
	switch {
	case l.predictor > 2:
		return "TIFF of differences of floating-point numbers: convert it to PNG"
	case l.predictor == 2 && (!differences || l.bits[0] < 8):
		return "TIFF with a predictor that its compression does not have: convert it to PNG"
	case l.fax() && (l.bits[0] != 1 || l.photometric > blackIsZero):
		return "TIFF compressed as a fax that is not in black and white: convert it to PNG"
	}
	return ""
}

// sampling says that the samples of a pixel are not read, or "".
func (l *tiffLayout) sampling() string {
	depth := l.bits[0]
	switch {
	case l.samples > 4 && l.photometric <= paletted: // whose depths may be too many to be listed
		return l.counting()
	case slices.ContainsFunc(l.bits, func(b uint32) bool { return b != depth }):
		return fmt.Sprintf("TIFF with samples of %v bits: convert it to PNG", l.bits)
	case depth != 1 && depth != 8 && depth != 16:
		return fmt.Sprintf("TIFF with samples of %d bits: convert it to PNG", depth)
	case slices.ContainsFunc(l.fields[tagSampleFormat].values, func(f uint32) bool { return f != 1 }):
		return "TIFF with signed or floating-point samples: scale them to whole numbers from 0 on, as a PNG"
	case l.photometric > paletted:
		return fmt.Sprintf("TIFF in %s: convert it to an RGB PNG", colours(l.photometric))
	case l.photometric == rgbColours && depth == 1:
		return "TIFF with colours of one bit: convert it to PNG"
	}
	return l.counting()
}

// counting says that a pixel has too many samples, too few, or some of an unknown meaning, or "".
func (l *tiffLayout) counting() string {
	extra := l.first(tagExtra, 0)
	switch {
	case l.photometric != rgbColours && l.samples == 1, l.photometric == rgbColours && l.samples == 3,
		l.photometric == rgbColours && l.samples == 4 && (extra == associated || extra == unassociated):
		if int(l.samples) == len(l.bits) {
			return ""
		}
		return fmt.Sprintf("TIFF with %d samples a pixel and %d depths of samples: save it again as PNG", l.samples, len(l.bits))
	case l.photometric != rgbColours && l.samples == 2:
		return "TIFF in grey or with a palette, and an extra sample such as alpha: convert it to PNG"
	case l.photometric == rgbColours && l.samples < 3:
		return fmt.Sprintf("TIFF in RGB with %d samples a pixel: convert it to PNG", l.samples)
	case l.photometric == rgbColours && l.samples == 4:
		return "TIFF with a fourth sample that is not said to be alpha: convert it to an RGB PNG"
	}
	return fmt.Sprintf("TIFF with %d samples a pixel, as of several spectral bands: choose three and convert them to an RGB PNG", l.samples)
}

// colours names a PhotometricInterpretation.
func colours(photometric uint32) string {
	switch photometric {
	case 4:
		return "the form of a transparency mask"
	case 5:
		return "CMYK"
	case 6:
		return "YCbCr"
	case 8, 9, 10:
		return "Lab"
	case 32803, 34892:
		return "a camera's colour filters (raw)"
	case 32844, 32845:
		return "LogLuv"
	}
	return fmt.Sprintf("colours of an unknown kind (%d)", photometric)
}

// asPrinted inverts what the decoder makes of a fax. The decoder makes the runs that are called
// black black, as on paper; to libtiff, and so to all programs that write such files, they are bits
// of 1, which are white where zero is black.
func asPrinted(data []byte, decoded image.Image) {
	grey, isGrey := decoded.(*image.Gray)
	if l := layoutOf(data); isGrey && l != nil && l.fax() && l.photometric == blackIsZero {
		for i, v := range grey.Pix {
			grey.Pix[i] = ^v
		}
	}
}
