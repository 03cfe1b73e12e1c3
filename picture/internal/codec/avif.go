//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"bytes"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"fovea/picture/internal/fault"
)

// avifLibrary are libavif's functions.
type avifLibrary struct {
	create      func() *avifDecoder
	destroy     func(*avifDecoder)
	setMemory   func(d *avifDecoder, data *byte, size uintptr) int32
	parse       func(*avifDecoder) int32
	nth         func(d *avifDecoder, index uint32) int32
	name        func(result int32) string
	setDefaults func(*avifRGB, *avifImage)
	allocate    func(*avifRGB) int32
	free        func(*avifRGB)
	toRGB       func(*avifImage, *avifRGB) int32
}

// avifDecoder is the beginning of libavif's structure.
type avifDecoder struct {
	_                     int32 // codec
	threads               int32
	_                     [3]int32 // source, progressive, incremental
	ignoreExif, ignoreXMP int32
	sizeLimit             uint32
	_                     [2]uint32 // limits of sizes and images
	strict                uint32
	image                 *avifImage
	_                     [3]int32  // index, count, progress
	_                     [5]uint64 // timing
	_                     [3]uint64 // time scale, duration twice
	_                     int32     // repetitions
	alphaPresent          int32
	_                     [2]uintptr // sizes of data
	message               [256]byte
}

// avifImage is the beginning of libavif's structure.
type avifImage struct {
	width, height uint32
	depth         uint32
	format        int32
}

type avifRGB struct {
	_      [2]uint32 // width, height
	depth  uint32
	format int32
	_      [7]int32 // sampling, opacity, threads
	pixels *byte
	stride uint32
}

// libavif's numbers.
const (
	avifYUV400                        = 4
	avifRGBFormat, avifRGBA, avifGray = 0, 1, 7
	avifMostPixels                    = 1 << 28
	// Pillow accepts clean apertures beyond the image, which it does not apply, and items without notes on their depth.
	avifLenient = 1 | 2
)

func newAVIF() (*avifLibrary, error) {
	handle, err := open("libavif", "avifVersion", avifVersion)
	if err != nil {
		return nil, err
	}
	l := new(avifLibrary)
	for name, function := range map[string]any{
		"avifDecoderCreate": &l.create, "avifDecoderDestroy": &l.destroy, "avifDecoderSetIOMemory": &l.setMemory,
		"avifDecoderParse": &l.parse, "avifDecoderNthImage": &l.nth, "avifResultToString": &l.name,
		"avifRGBImageSetDefaults": &l.setDefaults, "avifRGBImageAllocatePixels": &l.allocate,
		"avifRGBImageFreePixels": &l.free, "avifImageYUVToRGB": &l.toRGB,
	} {
		purego.RegisterLibFunc(function, handle, name)
	}
	return l, nil
}

// avifFile is one whose frames are decoded. Its data must stay as it is.
type avifFile struct {
	library *avifLibrary
	decoder *avifDecoder
	data    []byte
}

// open reads a file's structure as Pillow does.
func (l *avifLibrary) open(data []byte, limits Limits) (opened, error) {
	d := l.create()
	if d == nil {
		return nil, &failure{fault.ErrTooLarge, "no memory is left"}
	}
	f := &avifFile{l, d, data}
	d.threads, d.ignoreExif, d.ignoreXMP = 1, 1, 1
	d.strict &^= avifLenient
	d.sizeLimit = uint32(min(limits.Pixels, avifMostPixels))
	result := l.setMemory(d, &data[0], uintptr(len(data)))
	if result == 0 {
		result = l.parse(d)
	}
	if result != 0 {
		err := l.failure(result, d.message[:])
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *avifFile) close() {
	f.library.destroy(f.decoder)
	runtime.KeepAlive(f.data)
}

// frame does as Pillow does; like it, it leaves turning and mirroring to the caller. libavif goes on from the frame
// before, or from the nearest key frame.
func (f *avifFile) frame(index uint32, options Options) (p planes, err error) {
	l, d := f.library, f.decoder
	defer runtime.KeepAlive(f.data)
	if result := l.nth(d, index); result != 0 {
		return p, l.failure(result, d.message[:])
	}
	rgb := new(avifRGB)
	l.setDefaults(rgb, d.image) // with the depth of the image
	bits := int(d.image.depth)
	if !options.Deep || bits < 8 {
		bits = 8
	}
	p.setBits(bits)
	rgb.depth = uint32(bits)
	p.Width, p.Height = int(d.image.width), int(d.image.height)
	switch {
	case d.alphaPresent != 0:
		rgb.format, p.Channels = avifRGBA, 4
	case d.image.format == avifYUV400:
		rgb.format, p.Channels = avifGray, 1
	default:
		rgb.format, p.Channels = avifRGBFormat, 3
	}
	result := l.allocate(rgb)
	if result == 0 {
		result = l.toRGB(d.image, rgb)
	}
	p.free = func() { l.free(rgb) }
	if result != 0 {
		p.free()
		return p, l.failure(result, nil)
	}
	p.Stride = int(rgb.stride)
	p.Pix = unsafe.Slice(rgb.pixels, p.Stride*p.Height)
	return p, nil
}

// failure is what libavif says; numbers are of its avifResult.
func (l *avifLibrary) failure(result int32, message []byte) error {
	what, _, _ := bytes.Cut(message, []byte{0})
	text := l.name(result)
	if len(what) > 0 {
		text = fmt.Sprintf("%s (%s)", text, what)
	}
	reason := fault.ErrCorrupt
	switch result {
	case 20, 22: // truncated data, input and output
		reason = fault.ErrTruncated
	case 5, 6, 15, 25: // matrix or range, depth, no codec, not implemented
		reason = fault.ErrUnsupported
	case 26:
		reason = fault.ErrTooLarge
	}
	return &failure{reason, text}
}
