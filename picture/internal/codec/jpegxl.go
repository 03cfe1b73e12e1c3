//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"fmt"
	"runtime"

	"github.com/ebitengine/purego"

	"fovea/picture/internal/fault"
)

// jpegXLLibrary are libjxl's functions.
type jpegXLLibrary struct {
	create      func(memory *byte) *byte
	destroy     func(decoder *byte)
	subscribe   func(decoder *byte, events int32) int32
	unmultiply  func(decoder *byte, unmultiply int32) int32
	setInput    func(decoder, data *byte, size uintptr) int32
	process     func(decoder *byte) int32
	basicInfo   func(decoder *byte, info *jpegXLInfo) int32
	pixelsSize  func(decoder *byte, format *jpegXLFormat, size *uintptr) int32
	setPixels   func(decoder *byte, format *jpegXLFormat, pixels *byte, size uintptr) int32
	setDepth    func(decoder *byte, depth *jpegXLDepth) int32
	setJPEG     func(decoder, data *byte, size uintptr) int32
	releaseJPEG func(decoder *byte) uintptr
}

// jpegXLInfo is libjxl's structure.
type jpegXLInfo struct {
	_              int32 // container
	width, height  uint32
	bits, exponent uint32
	_              [7]uint32 // brightness, profile, preview, animation
	_              uint32    // orientation: the size is that of the turned image
	colours, _     uint32
	alphaBits      uint32
	_              [10]uint32 // opacity, preview, animation, intended size
	_              [100]uint8
}

type jpegXLFormat struct {
	channels         uint32
	kind, endianness int32
	_                int32
	_                uintptr // alignment
}

type jpegXLDepth struct {
	kind int32
	_, _ uint32 // bits
}

// libjxl's numbers.
const (
	jpegXLSuccess, jpegXLError, jpegXLNeedsInput           = 0, 1, 2
	jpegXLNeedsPixels, jpegXLNeedsJPEG                     = 5, 6
	jpegXLInfoEvent, jpegXLImageEvent, jpegXLOriginalEvent = 0x40, 0x1000, 0x2000
	jpegXLFloat, jpegXLBytes, jpegXLWords                  = 0, 2, 3
	jpegXLLittleEndian, jpegXLDepthOfFile                  = 1, 1
)

func newJPEGXL() (*jpegXLLibrary, error) {
	var version func() uint32
	handle, err := openBy("libjxl", jxlVersion, func(handle uintptr) string {
		purego.RegisterLibFunc(&version, handle, "JxlDecoderVersion")
		n := version()
		return fmt.Sprintf("%d.%d.%d", n/1_000_000, n/1000%1000, n%1000)
	})
	if err != nil {
		return nil, err
	}
	l := new(jpegXLLibrary)
	for name, function := range map[string]any{
		"Create": &l.create, "Destroy": &l.destroy, "SubscribeEvents": &l.subscribe,
		"SetUnpremultiplyAlpha": &l.unmultiply, "SetInput": &l.setInput, "ProcessInput": &l.process,
		"GetBasicInfo": &l.basicInfo, "ImageOutBufferSize": &l.pixelsSize, "SetImageOutBuffer": &l.setPixels,
		"SetImageOutBitDepth": &l.setDepth, "SetJPEGBuffer": &l.setJPEG, "ReleaseJPEGBuffer": &l.releaseJPEG,
	} {
		purego.RegisterLibFunc(function, handle, "JxlDecoder"+name)
	}
	return l, nil
}

// decode decodes the first image, which libjxl turns. One that was made of a JPEG becomes that again, which is not turned.
func (l *jpegXLLibrary) decode(data []byte, limits Limits) (planes, error) {
	p, err := l.run(data, limits, jpegXLInfoEvent|jpegXLImageEvent|jpegXLOriginalEvent)
	if err != nil && p.JPEG { // the image may have been changed since
		p, err = l.run(data, limits, jpegXLInfoEvent|jpegXLImageEvent)
	}
	return p, err
}

func (l *jpegXLLibrary) run(data []byte, limits Limits, events int32) (p planes, err error) {
	d := l.create(nil)
	if d == nil {
		return p, &failure{fault.ErrTooLarge, "no memory is left"}
	}
	defer runtime.KeepAlive(data)
	defer l.destroy(d)
	if err := l.begin(d, data, events); err != nil {
		return p, err
	}
	p.free = func() {}
	info := new(jpegXLInfo)
	for {
		switch result := l.process(d); result {
		case jpegXLInfoEvent:
			if l.basicInfo(d, info) != jpegXLSuccess || int64(info.width)*int64(info.height) > limits.Pixels {
				return p, &failure{fault.ErrTooLarge, fmt.Sprintf("%dx%d pixels", info.width, info.height)}
			}
		case jpegXLOriginalEvent, jpegXLNeedsJPEG:
			p.JPEG = true
			if err := l.original(d, &p, len(data), limits); err != nil {
				return p, err
			}
		case jpegXLNeedsPixels:
			p.JPEG = false
			if err := l.pixels(d, info, &p, limits); err != nil {
				return p, err
			}
		case jpegXLImageEvent:
			if p.JPEG {
				p.Pix = p.Pix[:len(p.Pix)-int(l.releaseJPEG(d))]
			}
			return p, nil
		default:
			return p, jpegXLStopped(result)
		}
	}
}

// jpegXLStopped says why the decoder ends without an image.
func jpegXLStopped(result int32) error {
	switch result {
	case jpegXLSuccess:
		return &failure{fault.ErrCorrupt, "there is no image"}
	case jpegXLNeedsInput:
		return &failure{fault.ErrTruncated, "libjxl needs more of it"}
	}
	return &failure{fault.ErrCorrupt, fmt.Sprintf("libjxl cannot decode it (%d)", result)}
}

// begin hands the input over. That there is no more of it is not said: libjxl would call all that it misses an error.
func (l *jpegXLLibrary) begin(d *byte, data []byte, events int32) error {
	for _, result := range []int32{
		l.subscribe(d, events), l.unmultiply(d, 1), l.setInput(d, &data[0], uintptr(len(data))),
	} {
		if result != jpegXLSuccess {
			return &failure{fault.ErrCorrupt, "libjxl does not accept it"}
		}
	}
	return nil
}

// original gives the decoder room for the JPEG, or more of it.
func (l *jpegXLLibrary) original(d *byte, p *planes, size int, limits Limits) error {
	written := 0
	if p.Pix != nil {
		written = len(p.Pix) - int(l.releaseJPEG(d))
	}
	larger := make([]uint8, max(2*len(p.Pix), 2*size+1<<16))
	if int64(len(larger)) > limits.Memory/4 {
		return &failure{fault.ErrTooLarge, fmt.Sprintf("a JPEG of %d MB", len(larger)>>20)}
	}
	copy(larger, p.Pix[:written])
	p.Pix = larger
	if l.setJPEG(d, &larger[written], uintptr(len(larger)-written)) != jpegXLSuccess {
		return &failure{fault.ErrCorrupt, "libjxl cannot make the JPEG again"}
	}
	return nil
}

// pixels gives the decoder room for the pixels: bytes, the words of the file's precision, or floats.
func (l *jpegXLLibrary) pixels(d *byte, info *jpegXLInfo, p *planes, limits Limits) error {
	p.Width, p.Height, p.Channels = int(info.width), int(info.height), int(info.colours)
	if info.alphaBits > 0 {
		p.Channels++
	}
	format := &jpegXLFormat{channels: uint32(p.Channels), kind: jpegXLBytes, endianness: jpegXLLittleEndian}
	p.Sample = 1
	switch {
	case info.exponent > 0 || info.bits > 16:
		format.kind, p.Sample, p.Float = jpegXLFloat, 4, true
	case info.bits > 8:
		format.kind, p.Sample = jpegXLWords, 2
	}
	for i := range p.Channels {
		p.Bits[i] = uint8(max(8, info.bits))
	}
	p.Stride = p.Width * p.Channels * p.Sample
	var size uintptr
	if l.pixelsSize(d, format, &size) != jpegXLSuccess || size != uintptr(p.Stride)*uintptr(p.Height) {
		return &failure{fault.ErrCorrupt, "libjxl does not know its pixels"}
	}
	if int64(size) > limits.Memory {
		return &failure{fault.ErrTooLarge, fmt.Sprintf("%d MB of pixels", size>>20)}
	}
	p.Pix = make([]uint8, size)
	if l.setPixels(d, format, &p.Pix[0], size) != jpegXLSuccess {
		return &failure{fault.ErrCorrupt, "libjxl does not accept its pixels"}
	}
	if p.Sample == 2 && l.setDepth(d, &jpegXLDepth{kind: jpegXLDepthOfFile}) != jpegXLSuccess {
		return &failure{fault.ErrCorrupt, "libjxl does not know its precision"}
	}
	return nil
}
