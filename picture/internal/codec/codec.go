package codec

import (
	"errors"
	"time"
)

// The libraries' versions, whose structures are known here.
const (
	avifVersion = "1.4.2"
	heifVersion = "1.23.0"
)

// Kind is a kind of files.
type Kind uint8

// The kinds that are decoded.
const (
	AVIF Kind = iota + 1
	HEIF
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
	// Channels are 1 for grey, 3 for red, green, blue, and 4 with the opacity behind them: a byte each, or two, the
	// low one first, where Bits, those that are used of a sample, are more than 8.
	Channels, Bits int
	// Premultiplied says that the colours are multiplied by the opacity.
	Premultiplied bool
	// Pix are the rows, Stride bytes apart.
	Pix    []uint8
	Stride int
}

// row is how many bytes of one are used.
func (p Picture) row() int {
	if p.Bits > 8 {
		return 2 * p.Width * p.Channels
	}
	return p.Width * p.Channels
}

// Why an image was not decoded.
var (
	ErrMissing     = errors.New("the library that decodes it is not there")
	ErrUnsupported = errors.New("unsupported")
	ErrTruncated   = errors.New("truncated")
	ErrCorrupt     = errors.New("corrupt")
	ErrTooLarge    = errors.New("too large")
	ErrTooSlow     = errors.New("too slow")
)

// reasons are the errors as they go through the pipe; the first is none.
var reasons = [...]error{nil, ErrMissing, ErrUnsupported, ErrTruncated, ErrCorrupt, ErrTooLarge, ErrTooSlow}

// failure is one of the reasons with what the library said.
type failure struct {
	reason error
	what   string
}

func (f *failure) Error() string { return f.what }
func (f *failure) Unwrap() error { return f.reason }
