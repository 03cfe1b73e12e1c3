//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"

	"fovea/picture/internal/fault"
)

// heifLibrary are libheif's functions. Its handles stay pointers to bytes here.
type heifLibrary struct {
	start       func(*byte) heifError
	newContext  func() *byte
	freeContext func(*byte)
	limits      func(*byte) *heifLimits
	setThreads  func(context *byte, most int32)
	read        func(context, data *byte, size uintptr, options *byte) heifError
	primary     func(context *byte, handle **byte) heifError
	freeHandle  func(*byte)
	preferred   func(handle *byte, space, chroma *int32) heifError
	hasAlpha    func(*byte) int32
	multiplied  func(*byte) int32
	newOptions  func() *heifOptions
	freeOptions func(*heifOptions)
	decodeImage func(handle *byte, image **byte, space, chroma int32, options *heifOptions) heifError
	freeImage   func(*byte)
	plane       func(image *byte, channel int32, stride *int32) *byte
	bits        func(handle *byte) int32
	width       func(*byte) int32
	height      func(*byte) int32
}

type heifError struct {
	code, detail int32
	message      *byte
}

// heifLimits is the beginning of libheif's structure.
type heifLimits struct {
	_      uint8 // version
	pixels uint64
}

// heifOptions is the beginning of libheif's structure.
type heifOptions struct {
	_               [2]uint8   // version, whether to ignore transformations
	_               [4]uintptr // callbacks
	to8Bits, strict uint8
}

// libheif's numbers.
const (
	heifMonochrome, heifRGB         = 2, 1
	heifGrey, heifInterleaved3      = 0, 10
	heifInterleaved4                = 11
	heifWords3, heifWords4          = 14, 15 // the low byte first
	heifChannelY, heifChannelPixels = 0, 10
)

func newHEIF() (*heifLibrary, error) {
	handle, err := open("libheif", "heif_get_version", heifVersion)
	if err != nil {
		return nil, err
	}
	l := new(heifLibrary)
	for name, function := range map[string]any{
		"heif_init": &l.start, "heif_context_alloc": &l.newContext, "heif_context_free": &l.freeContext,
		"heif_context_get_security_limits":      &l.limits,
		"heif_context_set_max_decoding_threads": &l.setThreads, "heif_context_read_from_memory_without_copy": &l.read,
		"heif_context_get_primary_image_handle": &l.primary, "heif_image_handle_release": &l.freeHandle,
		"heif_image_handle_get_luma_bits_per_pixel":           &l.bits,
		"heif_image_handle_get_preferred_decoding_colorspace": &l.preferred, "heif_image_handle_has_alpha_channel": &l.hasAlpha,
		"heif_image_handle_is_premultiplied_alpha": &l.multiplied, "heif_decoding_options_alloc": &l.newOptions,
		"heif_decoding_options_free": &l.freeOptions, "heif_decode_image": &l.decodeImage, "heif_image_release": &l.freeImage,
		"heif_image_get_plane_readonly": &l.plane, "heif_image_get_primary_width": &l.width, "heif_image_get_primary_height": &l.height,
	} {
		purego.RegisterLibFunc(function, handle, name)
	}
	return l, l.start(nil).failure()
}

// heifFile is one whose primary image is decoded. Its data must stay as it is.
type heifFile struct {
	library *heifLibrary
	context *byte
	data    []byte
}

// open reads a file's structure.
func (l *heifLibrary) open(data []byte, limits Limits) (opened, error) {
	f := &heifFile{l, l.newContext(), data}
	l.limits(f.context).pixels = uint64(limits.Pixels)
	l.setThreads(f.context, 0) // none besides this one
	if err := l.read(f.context, &data[0], uintptr(len(data)), nil).failure(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *heifFile) close() {
	f.library.freeContext(f.context)
	runtime.KeepAlive(f.data)
}

// frame does as pillow-heif does: libheif crops, turns and mirrors the image. There is one.
func (f *heifFile) frame(index uint32, wanted Options) (p planes, err error) {
	l, context := f.library, f.context
	defer runtime.KeepAlive(f.data)
	if index > 0 {
		return p, &failure{fault.ErrUnsupported, "a sequence of images"}
	}
	var handle *byte
	if err := l.primary(context, &handle).failure(); err != nil {
		return p, err
	}
	defer l.freeHandle(handle)
	space, chroma, channel := int32(heifRGB), int32(heifInterleaved3), int32(heifChannelPixels)
	var itsSpace, itsChroma int32
	if err := l.preferred(handle, &itsSpace, &itsChroma).failure(); err != nil {
		return p, err
	}
	switch alpha := l.hasAlpha(handle) != 0; {
	case alpha:
		p.Channels, chroma = 4, heifInterleaved4
		p.Premultiplied = l.multiplied(handle) != 0
	case itsSpace == heifMonochrome:
		p.Channels, space, chroma, channel = 1, heifMonochrome, heifGrey, heifChannelY
	default:
		p.Channels = 3
	}
	p.setBits(8)
	if bits := int(l.bits(handle)); wanted.Deep && bits > 8 && bits <= 16 {
		p.setBits(bits)
		switch chroma {
		case heifInterleaved3:
			chroma = heifWords3
		case heifInterleaved4:
			chroma = heifWords4
		}
	}
	return p, l.pixels(handle, &p, space, chroma, channel)
}

func (l *heifLibrary) pixels(handle *byte, p *planes, space, chroma, channel int32) error {
	options := l.newOptions()
	defer l.freeOptions(options)
	options.strict = 1
	if p.Sample == 1 {
		options.to8Bits = 1
	}
	var image *byte
	if err := l.decodeImage(handle, &image, space, chroma, options).failure(); err != nil {
		return err
	}
	p.free = func() { l.freeImage(image) }
	var stride int32
	pixels := l.plane(image, channel, &stride)
	p.Width, p.Height, p.Stride = int(l.width(image)), int(l.height(image)), int(stride)
	if pixels == nil || p.Stride < p.row() {
		p.free()
		return &failure{fault.ErrCorrupt, "libheif returned no pixels"}
	}
	p.Pix = unsafe.Slice(pixels, p.Stride*p.Height)
	return nil
}

// failure is what libheif says; numbers are of its heif_error_code and heif_suberror_code.
func (e heifError) failure() error {
	if e.code == 0 {
		return nil
	}
	reason := fault.ErrCorrupt
	switch {
	case e.detail == 100: // the end of data
		reason = fault.ErrTruncated
	case e.code == 3, e.code == 4, e.code == 11: // kind of file, feature, plug-in
		reason = fault.ErrUnsupported
	case e.code == 6: // memory, or a limit
		reason = fault.ErrTooLarge
	}
	said := text(e.message)
	if said == "" {
		said = fmt.Sprintf("libheif's error %d.%d", e.code, e.detail)
	}
	if e.detail == 1000 && strings.Contains(said, "Image size") { // larger than the file says it is
		reason = fault.ErrCorrupt
	}
	return &failure{reason, said}
}
