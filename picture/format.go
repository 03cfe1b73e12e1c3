package picture

import (
	"bytes"
	"image"
	"image/gif"
	"io"

	"fovea/picture/internal/codec"
	"fovea/picture/internal/plain"
)

// format is a kind of image file that is decoded.
type format struct {
	// name is as in Picture.Format.
	name string
	// is recognizes it by the file's first bytes.
	is func(data []byte) bool
	// header reads the image's size and what its decoder will take.
	header func(w *workspace, data []byte) (header, error)
	// decode decodes the pixels of an image whose header has been read and is within the limits.
	decode func(w *workspace, data []byte, j job) (source, error)
	// notes finds the EXIF block and the XMP packet, which say how to turn the image; nil if the format has none.
	notes func(data []byte) (exif, xmp []byte)
	// turn says how to turn the image where the format has its own way, instead of notes.
	turn func(data []byte) int
}

// formats are all that are decoded. The first that recognizes a file decodes it.
var formats = [...]format{
	{name: "jpeg", is: isJPEG, header: jpegHeader, decode: decodeJPEG, notes: jpegNotes},
	{name: "png", is: starts("\x89PNG\r\n\x1a\n"), header: headerOfPNG, decode: decodePNG, notes: pngNotes},
	{name: "gif", is: starts("GIF87a", "GIF89a"), header: measured(gif.DecodeConfig, nil, gifExtent), decode: decodeGIF, notes: gifNotes},
	plainFormat("bmp", isBMP, plain.ParseBMP),
	{name: "tiff", is: isTIFF, header: tiffHeader, decode: decodeTIFF, notes: tiffNotes},
	{name: "webp", is: isWebP, header: webpHeader, decode: decodeWebP, notes: webpNotes},
	{name: "jpeg-ls", is: isJPEGLS, header: jpegLSHeader, decode: decodeJPEGLS, notes: jpegNotes},
	{name: "raster", is: starts(rasterStart), header: rasterHeader, decode: decodeRaster, turn: rasterTurn},
	plainFormat("pnm", plain.IsPNM, plain.ParsePNM),
	plainFormat("pam", plain.IsPAM, plain.ParsePAM),
	plainFormat("psd", plain.IsPSD, plain.ParsePSD),
	plainFormat("pcx", plain.IsPCX, plain.ParsePCX),
	plainFormat("dds", plain.IsDDS, plain.ParseDDS),
	plainFormat("qoi", plain.IsQOI, plain.ParseQOI),
	plainFormat("sgi", plain.IsSGI, plain.ParseSGI),
	plainFormat("sun", plain.IsSun, plain.ParseSun),
	plainFormat("xbm", plain.IsXBM, plain.ParseXBM),
	iconFormat("ico", isIcon(1), readIcon),
	iconFormat("cur", isIcon(2), readIcon),
	iconFormat("icns", starts("icns"), readMacIcon),
	{name: "avif", is: isAVIF, header: structured("av01"), decode: decodeBy(codec.AVIF), turn: avifOrientation},
	{name: "heic", is: isHEIF, header: structured("hvc1"), decode: decodeBy(codec.HEIF)}, // which turns it
	plainFormat("tga", plain.IsTGA, plain.ParseTGA),                                      // last, since it has no signature
}

// sniff finds a file's format by its content; nil is any that is not decoded.
func sniff(data []byte) *format {
	for i := range formats {
		if formats[i].is(data) {
			return &formats[i]
		}
	}
	return nil
}

// Recognized says whether a file that begins like this is in one of the formats that are decoded.
func Recognized(head []byte) bool { return sniff(head) != nil }

// String is the format's name, empty if it is none.
func (f *format) String() string {
	if f == nil {
		return ""
	}
	return f.name
}

// orientation is how an image is turned, 1 to 8.
func (f *format) orientation(data []byte) int {
	switch {
	case f == nil:
	case f.turn != nil:
		return f.turn(data)
	case f.notes != nil:
		return orientation(f.notes(data))
	}
	return 1
}

// starts recognizes files by one of several beginnings.
func starts(with ...string) func([]byte) bool {
	return func(data []byte) bool {
		for _, w := range with {
			if bytes.HasPrefix(data, []byte(w)) {
				return true
			}
		}
		return false
	}
}

// measured is a format's header as the decoder of a library reads it, with what that will take. check refuses what the
// library would take for something else; it may be nil.
func measured(config func(io.Reader) (image.Config, error), check func([]byte) error,
	extentOf func(data []byte, width, height int) (extent, error)) func(*workspace, []byte) (header, error) {
	return func(_ *workspace, data []byte) (header, error) {
		if check != nil {
			if err := check(data); err != nil {
				return header{}, err
			}
		}
		c, err := config(bytes.NewReader(data))
		h := header{width: c.Width, height: c.Height}
		if err != nil || h.width < 1 || h.height < 1 {
			return h, err // those without pixels are refused later
		}
		h.extent, err = extentOf(data, h.width, h.height)
		return h, err
	}
}

func jpegHeader(w *workspace, data []byte) (header, error) {
	if w.jpeg.Spend == nil {
		w.jpeg.Spend = w.clock.spend
	}
	got, err := w.jpeg.Header(data)
	h := header{width: got.Width, height: got.Height, extent: extent{bytes: got.Bytes, least: got.Least}}
	if err == nil && got.Precision != 8 {
		h.deep = deepColours(got.Precision, got.Components)
		h.bytes = plus(h.bytes, got.Samples, times(got.Width, 2*7)) // shallowJPEG's, or deepJPEG's rows
	}
	return h, err
}

func decodeJPEG(w *workspace, data []byte, j job) (source, error) {
	decoded, err := w.jpeg.Decode(data)
	if err != nil {
		return source{}, err
	}
	if decoded.Precision != 8 {
		return w.fromDeepJPEG(decoded, j)
	}
	return w.fromJPEG(decoded), nil
}

// timed reads data until the time for the image is over.
func (w *workspace) timed(data []byte) io.Reader { return &timedReader{data: data, clock: &w.clock} }
