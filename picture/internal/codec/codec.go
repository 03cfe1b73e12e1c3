package codec

import (
	"time"

	"fovea/picture/internal/fault"
)

// The libraries' versions, whose structures are known here.
const (
	avifVersion = "1.4.2"
	heifVersion = "1.23.0"
	jpegVersion = "2.5.4" // of OpenJPEG
	jxlVersion  = "0.12.0"
)

// Kind is a kind of files.
type Kind uint8

// The kinds that are decoded.
const (
	AVIF Kind = iota + 1
	HEIF
	JPEG2000
	JPEGXL
)

// Limits are those of one image.
type Limits struct {
	// Pixels bounds the images within the file, and Memory the bytes that decoding may take besides the file.
	Pixels, Memory int64
	// Time is the processor's.
	Time time.Duration
}

// Options say which pixels are wanted.
type Options struct {
	// Deep keeps the bits of samples of more than 8.
	Deep bool
}

// Picture is a decoded image.
type Picture struct {
	Width, Height int
	// Channels are 1 for grey, 3 for red, green, blue, and one more with the opacity after them. Those of JPEG 2000 are
	// the file's, whatever their colours.
	Channels int
	// Premultiplied says that the colours are multiplied by the opacity.
	Premultiplied bool
	// Sample is the size of a sample, of all channels: a byte, or 2 or 4 in little-endian order.
	Sample int
	// Bits and Signed are those of the channels' samples, which are sign-extended. Float says that all are of the 4 bytes
	// of IEEE 754, and Bits does not count.
	Bits   [maxChannels]uint8
	Signed [maxChannels]bool
	Float  bool
	// JPEG says that Pix is not pixels but the JPEG file that a JPEG XL was made of.
	JPEG bool
	// Pix are the rows, Stride bytes apart.
	Pix    []uint8
	Stride int
}

// maxChannels bounds the channels of an image.
const maxChannels = 4

// setBits sets the size of the samples: a byte, or two where they have more than 8 bits.
func (p *Picture) setBits(bits int) {
	p.Sample = 1
	if bits > 8 {
		p.Sample = 2
	}
	for i := range p.Bits {
		p.Bits[i] = uint8(bits)
	}
}

// row is how many bytes of one are used.
func (p Picture) row() int { return p.Width * p.Channels * p.Sample }

// reasons are the errors as they go through the pipe; the first is none.
var reasons = [...]error{nil, fault.ErrMissing, fault.ErrUnsupported, fault.ErrTruncated, fault.ErrCorrupt, fault.ErrTooLarge, fault.ErrTooSlow}

// failure is one of the reasons with what the library said.
type failure struct {
	reason error
	what   string
}

func (f *failure) Error() string { return f.what }
func (f *failure) Unwrap() error { return f.reason }
