package picture

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fovea/picture/internal/codec"
	"fovea/picture/internal/heif"
)

func isAVIF(data []byte) bool { return heif.IsAVIF(heif.Brands(data)) }

// heifBrands are what the major brands of HEIF files begin with, whatever they are coded by.
var heifBrands = []string{"hei", "hev", "hej", "mif1", "mif2", "mif3", "msf1", "avci", "avcs", "jpeg", "jpgs", "j2ki", "j2is", "vvic", "vvis", "evb"}

func isHEIF(data []byte) bool {
	brands := heif.Brands(data)
	return len(brands) > 0 && !heif.IsAVIF(brands) &&
		slices.ContainsFunc(heifBrands, func(start string) bool { return strings.HasPrefix(brands[0], start) })
}

// Libraries says by which libraries AVIF, HEIC, JPEG 2000 and JPEG XL are decoded, or what to do because one is not there.
func Libraries() (string, error) {
	found, err := codec.Versions()
	if err != nil {
		return "", fmt.Errorf("image: AVIF, HEIC, JPEG 2000 and JPEG XL cannot be decoded: %w", err)
	}
	return found, nil
}

// Confined says whether the system let all processes that have decoded AVIF and HEIC so far give up the right to open
// files, start programs and use the network.
func Confined() bool { return codec.Confined() }

// Missing says what to do about images of a format, as Picture has it, that cannot be decoded on this machine, by an
// ErrMissing. It is nil for all that can.
func Missing(format string) error {
	kind, needed := map[string]codec.Kind{"avif": codec.AVIF, "heic": codec.HEIF, "jpeg2000": codec.JPEG2000, "jxl": codec.JPEGXL}[format]
	if !needed {
		return nil
	}
	if err := codec.Missing(kind); err != nil {
		return &Error{Stage: StageDecode, Format: format, Err: ofCodec(err)}
	}
	return nil
}

// foreignCodecs are those of HEIF files that are not decoded.
var foreignCodecs = map[string]string{
	"av01": "AV1 in a file that does not say it is an AVIF", "hvc1": "HEVC in a file that says it is an AVIF",
	"jpeg": "JPEG in HEIF", "j2k1": "JPEG 2000 in HEIF", "j2ki": "JPEG 2000 in HEIF", "unci": "uncompressed pixels in HEIF",
	"avc1": "H.264 in HEIF", "vvc1": "VVC in HEIF", "evc1": "EVC in HEIF", "lhv1": "layered HEVC in HEIF", "mski": "a mask in HEIF",
}

// What decoding takes for each pixel, with what comes of it: measured for pictures of 8 to 12 bits, with and without
// opacity; and what its process takes besides.
const (
	bytesOfCodec = 26
	codecProcess = 24 << 20
	// deeperByCodec is what two bytes a sample take more, in both processes.
	deeperByCodec = 8
)

// structured is the header of a format of boxes whose images have the given codec.
func structured(want string) func(*workspace, []byte) (header, error) {
	return func(_ *workspace, data []byte) (header, error) {
		f, err := heif.Read(data)
		if err != nil {
			return header{}, err
		}
		if f.Codec != want {
			name := cmp.Or(foreignCodecs[f.Codec], fmt.Sprintf("HEIF with images of kind %q", f.Codec))
			return header{}, fmt.Errorf("%w: %s: %s", ErrUnsupported, name, convert)
		}
		h := header{width: f.Width, height: f.Height}
		pixels := max(f.Pixels, times(f.Width, f.Height))
		h.extent = extent{pixels: f.Pixels, least: f.End, deep: true, deeper: times(deeperByCodec, f.Width, f.Height), bytes: plus(bytesOfCodec*min(pixels, 1<<40), int64(len(data)), codecProcess)}
		return h, nil
	}
}

// avifOrientation is how an AVIF is to be turned. Its own properties count; XMP does where neither they nor EXIF say
// anything, as with Pillow. EXIF's orientation does not, as the standard has it.
func avifOrientation(data []byte) int {
	f, err := heif.Read(data)
	if err != nil {
		return 1
	}
	if _, said := exifOrientation(f.Exif); said || f.Orientation != 1 {
		return f.Orientation
	}
	return orientation(nil, f.XMP)
}

// decodeBy decodes by a library in another process.
func decodeBy(kind codec.Kind) func(*workspace, []byte, job) (source, error) {
	return func(w *workspace, data []byte, j job) (source, error) {
		p, err := w.byCodec(kind, data, j)
		if err != nil {
			return source{}, err
		}
		if p.Sample == 2 {
			return w.ranged(deepFromCodec(p), j.ranged)
		}
		return fromCodec(p), nil
	}
}

// byCodec is what a library in another process makes of a file.
func (w *workspace) byCodec(kind codec.Kind, data []byte, j job) (codec.Picture, error) {
	limit := int64(cmp.Or(j.limit, DefaultMaxPixels))
	options := codec.Options{Deep: j.ranged != "" && j.ranged != RangeAuto}
	p, took, err := codec.Decode(kind, data, w.decoded, options, codecLimits(limit, w.clock.most))
	w.clock.charge(took)
	if err != nil {
		return p, ofCodec(err)
	}
	w.decoded = p.Pix
	return p, nil
}

// codecLimits are those of decoding an image of up to so many pixels.
func codecLimits(pixels int64, most time.Duration) codec.Limits {
	return codec.Limits{Pixels: 2*pixels + 1<<20, Memory: bytesOfPixel*pixels + spareBytes, Time: most}
}

// ofCodec is an error of package codec, which reads as what the library said, with its reason before it.
func ofCodec(err error) error {
	for _, reason := range []error{ErrTooLarge, ErrTooSlow, ErrTruncated, ErrMissing} {
		if errors.Is(err, reason) {
			return fmt.Errorf("%w: %w", reason, err)
		}
	}
	if errors.Is(err, ErrUnsupported) {
		return fmt.Errorf("%w: %w: %s", ErrUnsupported, err, convert)
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// fromCodec supplies the rows of a library's pixels.
func fromCodec(p codec.Picture) source {
	out := source{width: p.Width, height: p.Height}
	line := func(y int) []uint8 { return p.Pix[y*p.Stride:] }
	switch {
	case p.Channels == 1:
		out.row = func(y int, dst []uint8) { spread(dst, line(y), out.width, 1, 0) }
	case p.Channels == 3:
		out.row = func(y int, dst []uint8) { copy(dst[:3*out.width], line(y)) }
	case p.Premultiplied:
		out.row = func(y int, dst []uint8) { divide(dst, line(y), out.width, 4, 1) }
	default:
		out.row = func(y int, dst []uint8) { spread(dst, line(y), out.width, 4, 1) }
	}
	if p.Channels == 4 {
		out.alpha = func(y int, dst []uint8) { pick(dst, line(y), 4, 3) }
	}
	return out
}

// deepFromCodec supplies the samples of a library's pixels of two bytes each.
func deepFromCodec(p codec.Picture) deep {
	d := deep{width: p.Width, height: p.Height, channels: min(p.Channels, 3), bits: int(p.Bits[0])}
	at := func(y, x, channel int) uint16 {
		return binary.LittleEndian.Uint16(p.Pix[y*p.Stride+2*(x*p.Channels+channel):])
	}
	top := uint16(1<<d.bits - 1)
	d.words = func(y int, dst []uint16) {
		for x := range p.Width {
			for c := range d.channels {
				dst[x*d.channels+c] = min(at(y, x, c), top)
			}
		}
		if p.Premultiplied {
			divideWords(dst[:p.Width*d.channels], d.channels, func(x int) uint32 { return uint32(at(y, x, 3)) }, uint32(top))
		}
	}
	if p.Channels == 4 {
		d.alpha = func(y int, dst []uint8) {
			for x := range dst {
				dst[x] = uint8(min(at(y, x, 3), top) >> (d.bits - 8))
			}
		}
	}
	return d
}
