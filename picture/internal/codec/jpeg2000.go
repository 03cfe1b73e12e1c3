//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"

	"fovea/picture/internal/fault"
)

// jpeg2000Library are OpenJPEG's functions. Its handles stay pointers to bytes here.
type jpeg2000Library struct {
	newCodec     func(format int32) *byte
	freeCodec    func(*byte)
	setErrors    func(codec *byte, callback, data uintptr) int32
	setup        func(codec, parameters *byte) int32
	newStream    func(buffer uintptr, input int32) *byte
	freeStream   func(*byte)
	setRead      func(stream *byte, callback uintptr)
	setSkip      func(stream *byte, callback uintptr)
	setSeek      func(stream *byte, callback uintptr)
	setLength    func(stream *byte, length uint64)
	readHeader   func(stream, codec *byte, image **jpeg2000Image) int32
	decodeImage  func(codec, stream *byte, image *jpeg2000Image) int32
	end          func(codec, stream *byte) int32
	freeImage    func(*jpeg2000Image)
	onError      uintptr
	onRead       uintptr
	onSkip       uintptr
	onSeek       uintptr
	data         []byte // the file that is being decoded
	at           int64
	said         []string
	parameterSet [16 << 10]byte // more than the structure, which is the usual one when it is empty
}

// jpeg2000Image is the beginning of OpenJPEG's structure.
type jpeg2000Image struct {
	x0, y0, x1, y1 uint32
	count          uint32
	_              int32 // colour space
	components     *jpeg2000Component
}

type jpeg2000Component struct {
	dx, dy, width, height, x0, y0 uint32
	bits, _, signed               uint32
	_, _                          uint32 // resolutions
	data                          *int32
	alpha                         uint16
}

// OpenJPEG's numbers.
const (
	jpeg2000Codestream, jpeg2000File = 0, 2
	jpeg2000Buffer                   = 1 << 20
	jpeg2000Multiplied               = 2
	jpeg2000Start, jpeg2000End       = 0xff4f, "\xff\xd9"
)

func newJPEG2000() (*jpeg2000Library, error) {
	handle, err := open("libopenjp2", "opj_version", jpegVersion)
	if err != nil {
		return nil, err
	}
	l := new(jpeg2000Library)
	for name, function := range map[string]any{
		"opj_create_decompress": &l.newCodec, "opj_destroy_codec": &l.freeCodec, "opj_set_error_handler": &l.setErrors,
		"opj_setup_decoder": &l.setup, "opj_stream_create": &l.newStream, "opj_stream_destroy": &l.freeStream,
		"opj_stream_set_read_function": &l.setRead, "opj_stream_set_skip_function": &l.setSkip, "opj_stream_set_seek_function": &l.setSeek,
		"opj_stream_set_user_data_length": &l.setLength, "opj_read_header": &l.readHeader, "opj_decode": &l.decodeImage,
		"opj_end_decompress": &l.end, "opj_image_destroy": &l.freeImage,
	} {
		purego.RegisterLibFunc(function, handle, name)
	}
	l.onError = purego.NewCallback(func(message *byte, _ uintptr) uintptr {
		if len(l.said) < 8 {
			l.said = append(l.said, text(message))
		}
		return 0
	})
	l.onRead = purego.NewCallback(l.read)
	l.onSkip = purego.NewCallback(func(n int64, _ uintptr) int64 {
		n = min(n, int64(len(l.data))-l.at)
		if n <= 0 || l.at+n < 0 {
			return -1
		}
		l.at += n
		return n
	})
	l.onSeek = purego.NewCallback(func(to int64, _ uintptr) int32 {
		if to < 0 || to > int64(len(l.data)) {
			return 0
		}
		l.at = to
		return 1
	})
	return l, nil
}

// read is how OpenJPEG gets the file.
func (l *jpeg2000Library) read(buffer *byte, size uintptr, _ uintptr) uintptr {
	n := copy(unsafe.Slice(buffer, size), l.data[l.at:])
	if n == 0 {
		return ^uintptr(0)
	}
	l.at += int64(n)
	return uintptr(n)
}

// decode decodes a file's or codestream's channels, with its palette if it has one, and its own transform of colours.
func (l *jpeg2000Library) decode(data []byte, limits Limits) (p planes, err error) {
	format := int32(jpeg2000File)
	if len(data) >= 2 && binary.BigEndian.Uint16(data) == jpeg2000Start {
		format = jpeg2000Codestream
		if !bytes.HasSuffix(data, []byte(jpeg2000End)) { // without which OpenJPEG takes the last tile for cut off
			data = append(data[:len(data):len(data)], jpeg2000End...)
		}
	}
	l.data, l.at, l.said = data, 0, nil
	defer func() { l.data = nil }()
	c, s := l.newCodec(format), l.newStream(jpeg2000Buffer, 1)
	if c == nil || s == nil {
		return p, &failure{fault.ErrTooLarge, "no memory is left"}
	}
	defer l.freeCodec(c)
	defer l.freeStream(s)
	l.setErrors(c, l.onError, 0)
	l.setRead(s, l.onRead)
	l.setSkip(s, l.onSkip)
	l.setSeek(s, l.onSeek)
	l.setLength(s, uint64(len(data)))
	var image *jpeg2000Image
	defer func() { l.freeImage(image) }()
	if l.setup(c, &l.parameterSet[0]) == 0 || l.readHeader(s, c, &image) == 0 {
		return p, l.failure()
	}
	if int64(image.x1-image.x0)*int64(image.y1-image.y0) > limits.Pixels {
		return p, &failure{fault.ErrTooLarge, fmt.Sprintf("%dx%d pixels", image.x1-image.x0, image.y1-image.y0)}
	}
	if l.decodeImage(c, s, image) == 0 || l.end(c, s) == 0 {
		return p, l.failure()
	}
	return image.interleaved(limits)
}

// failure is what OpenJPEG says, which may be several things: a file that is cut off may seem unsupported, too.
func (l *jpeg2000Library) failure() error {
	said := strings.Join(l.said, "; ")
	says := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(said, part) })
	}
	switch {
	case said == "":
		return &failure{fault.ErrCorrupt, "OpenJPEG does not decode it"}
	case says("memory"):
		return &failure{fault.ErrTooLarge, said}
	case says("too short", "inconsistent with stream length", "runcated"):
		return &failure{fault.ErrTruncated, said}
	case says("not supported", "unsupported"):
		return &failure{fault.ErrUnsupported, said}
	}
	return &failure{fault.ErrCorrupt, said}
}

// interleaved are the samples pixel by pixel; those that are fewer than pixels are repeated.
func (m *jpeg2000Image) interleaved(limits Limits) (p planes, err error) {
	if m.count < 1 || m.count > maxChannels {
		return p, &failure{fault.ErrUnsupported, fmt.Sprintf("%d components", m.count)}
	}
	all := unsafe.Slice(m.components, m.count)
	p.Width, p.Height, p.Channels, p.Sample = int(all[0].width), int(all[0].height), int(m.count), 1
	for i, c := range all {
		if c.data == nil || c.width == 0 || c.height == 0 {
			return p, &failure{fault.ErrCorrupt, "OpenJPEG returned no samples"}
		}
		if c.dx < all[0].dx || c.dy < all[0].dy || c.dx%all[0].dx != 0 || c.dy%all[0].dy != 0 {
			return p, &failure{fault.ErrUnsupported, fmt.Sprintf("component %d has more samples than the first, or not at its places", i)}
		}
		p.Bits[i], p.Signed[i] = uint8(c.bits), c.signed != 0
		switch {
		case c.bits > 16:
			p.Sample = 4
		case c.bits > 8:
			p.Sample = max(p.Sample, 2)
		}
		p.Premultiplied = p.Premultiplied || c.alpha == jpeg2000Multiplied
	}
	p.Stride = p.Width * p.Channels * p.Sample
	if size := int64(p.Stride) * int64(p.Height); size > limits.Memory {
		return p, &failure{fault.ErrTooLarge, fmt.Sprintf("%d MB of samples", size>>20)}
	}
	p.Pix, p.free = make([]uint8, p.Stride*p.Height), func() {}
	for i := range all {
		all[i].into(&p.Picture, i, &all[0])
	}
	return p, nil
}

// into writes a component's samples into a channel of a picture that is as large as the first component.
func (c *jpeg2000Component) into(p *Picture, channel int, first *jpeg2000Component) {
	samples := unsafe.Slice(c.data, int(c.width)*int(c.height))
	columns, rows := c.dx/first.dx, c.dy/first.dy
	step := p.Channels * p.Sample
	for y := range p.Height {
		from := samples[at(first.y0, y, rows, c.y0, c.height)*int(c.width):][:c.width]
		to := p.Pix[y*p.Stride+channel*p.Sample:]
		switch {
		case columns != 1 || len(from) < p.Width:
			for x := range p.Width {
				put(to[x*step:], p.Sample, from[at(first.x0, x, columns, c.x0, c.width)])
			}
		case p.Sample == 1:
			for x, v := range from[:p.Width] {
				to[x*step] = uint8(v)
			}
		default:
			for x, v := range from[:p.Width] {
				put(to[x*step:], p.Sample, v)
			}
		}
	}
}

func put(to []uint8, size int, v int32) {
	switch size {
	case 1:
		to[0] = uint8(v)
	case 2:
		binary.LittleEndian.PutUint16(to, uint16(v))
	default:
		binary.LittleEndian.PutUint32(to, uint32(v))
	}
}

// at is the place of a component's sample for place n after start of the first one.
func at(start uint32, n int, step, begin, size uint32) int {
	return max(0, min(int((int64(start)+int64(n))/int64(step))-int(begin), int(size)-1))
}
