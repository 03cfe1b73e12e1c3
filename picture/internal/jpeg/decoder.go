package jpeg

import (
	"errors"
	"fmt"
)

// What is wrong with a file.
var (
	// ErrUnsupported marks a kind of JPEG that the package doesn't decode.
	ErrUnsupported = errors.New("unsupported kind of JPEG")
	// ErrTruncated marks a file that ends too early.
	ErrTruncated = errors.New("truncated")
	// ErrCorrupt marks a file that contradicts itself or the standard.
	ErrCorrupt = errors.New("corrupt")
	// ErrStopped says that Decoder.Spend has ended the work.
	ErrStopped = errors.New("stopped")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// Colour says what the planes of a picture mean.
type Colour int

// The meanings that libjpeg knows, told apart as it does.
const (
	Grey Colour = iota
	YCbCr
	RGB
	CMYK // as stored: Adobe's programs store ink inverted
	YCCK // CMY as YCbCr, K as stored
)

// Plane is the samples of one component. Pix has Height rows of Width samples, Stride
// apart. A sample covers Horizontal x Vertical pixels. Pix belongs to the Decoder and is
// valid until its next Decode.
type Plane struct {
	Pix                  []uint8
	Stride               int
	Width, Height        int
	Horizontal, Vertical int
}

// Image is a decoded picture: as many planes as its colour has components.
type Image struct {
	Width, Height int
	Colour        Colour
	Planes        []Plane
}

// component is one channel of the file, with its state while scans are read.
type component struct {
	id            uint8
	h, v          int // sampling factors
	quant         int // quantization table
	width, height int // samples
	blocksWide    int // of 8x8, padded to whole MCUs
	blocksHigh    int
	pix           []uint8
	coefficients  []int16  // of a progressive file, 64 a block, in zigzag order
	prediction    int32    // of the next DC coefficient
	dc, ac        int      // Huffman tables of the current scan
	seen          bool     // a scan has had the component
	missing       [64]int8 // bits that a progressive file's coefficients lack so far, -1 for all
}

// Decoder decodes one file at a time and keeps its memory for the next. The zero value is
// ready.
type Decoder struct {
	// Spend, if set, hears of work that was done, in pixels or as much, and reports whether to go on.
	Spend func(work int) bool

	bits          bitReader
	width, height int
	components    [4]component
	count         int // of components
	hmax, vmax    int
	progressive   bool
	restart       int           // MCUs between restart markers, 0 for none
	quant         [4][64]uint16 // in zigzag order
	quantSeen     [4]bool
	dc, ac        [4]huffman
	endOfBand     int // blocks left of a progressive run
	jfif, adobe   bool
	transform     uint8     // Adobe's note about colour
	block         [64]int16 // row by row, clear between blocks
	planes        [4]Plane
}

// Decode decodes a file. The image's planes are valid until the Decoder's next use.
func (d *Decoder) Decode(data []byte) (Image, error) { return d.DecodeAbbreviated(nil, data) }

// DecodeAbbreviated decodes a file that lacks tables which stand in a stream of their own, as
// TIFF's JPEGTables. Empty tables are none.
func (d *Decoder) DecodeAbbreviated(tables, data []byte) (Image, error) {
	d.reset()
	defer d.forget()
	if err := d.readTables(tables); err != nil {
		return Image{}, err
	}
	if err := d.readFile(data, false); err != nil {
		return Image{}, err
	}
	for i := range d.components[:d.count] {
		c := &d.components[i]
		if !c.seen {
			return Image{}, corrupt("component %d has no data", i+1)
		}
		if d.progressive {
			if !c.complete() {
				return Image{}, fmt.Errorf("%w: component %d lacks its last scans", ErrTruncated, i+1)
			}
			if !d.reconstruct(c) {
				return Image{}, ErrStopped
			}
		}
		d.planes[i] = Plane{
			Pix: c.pix, Stride: c.blocksWide * 8, Width: c.width, Height: c.height,
			Horizontal: d.hmax / c.h, Vertical: d.vmax / c.v,
		}
	}
	return Image{d.width, d.height, d.colour(), d.planes[:d.count]}, nil
}

// Header is what a file says before its pixels.
type Header struct {
	Width, Height int // in pixels
	// Bytes is the memory that Decode takes, with a copy of the file's compressed data.
	Bytes int64
	// Least is the size in bytes of the smallest file with such an image.
	Least int64
}

// Header reads a file's header up to the picture's size.
func (d *Decoder) Header(data []byte) (Header, error) {
	d.reset()
	defer d.forget()
	if err := d.readFile(data, true); err != nil {
		return Header{}, err
	}
	h := Header{Width: d.width, Height: d.height, Least: d.least()}
	for _, c := range d.components[:d.count] {
		h.Bytes += int64(c.blocksWide) * int64(c.blocksHigh) * 64
	}
	if d.progressive { // and its coefficients
		h.Bytes *= 3
	}
	h.Bytes += int64(len(data))
	return h, nil
}

// Retained is the number of bytes that the Decoder holds on to for its next use.
func (d *Decoder) Retained() int {
	n := cap(d.bits.coded)
	for i := range d.components {
		n += cap(d.components[i].pix) + 2*cap(d.components[i].coefficients)
	}
	return n
}

// spend counts work, and reports whether to go on.
func (d *Decoder) spend(work int) bool { return d.Spend == nil || d.Spend(work) }

// forget lets go of the file, which a kept Decoder must not hold on to.
func (d *Decoder) forget() { d.bits.data = nil }

func (d *Decoder) reset() {
	d.bits = bitReader{coded: d.bits.coded}
	d.count, d.restart, d.endOfBand = 0, 0, 0
	d.progressive, d.jfif, d.adobe = false, false, false
	d.quantSeen = [4]bool{}
	for i := range d.dc {
		d.dc[i].defined, d.ac[i].defined = false, false
	}
	for i := range d.components {
		d.components[i].seen = false
	}
}

// colour follows libjpeg's rules: JFIF's mark, then Adobe's, then the components' names.
func (d *Decoder) colour() Colour {
	switch d.count {
	case 1:
		return Grey
	case 4:
		if d.adobe && d.transform != 0 {
			return YCCK
		}
		return CMYK
	}
	switch {
	case d.jfif:
		return YCbCr
	case d.adobe:
		if d.transform == 0 {
			return RGB
		}
		return YCbCr
	case d.components[0].id == 'R' && d.components[1].id == 'G' && d.components[2].id == 'B':
		return RGB
	}
	return YCbCr
}

// sized gives a slice of n elements, of the old memory where that suffices.
func sized[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n)
	}
	return old[:n]
}
