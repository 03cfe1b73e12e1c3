package jpeg

import (
	"fovea/picture/internal/fault"
)

func unsupported(format string, arguments ...any) error {
	return fault.Unsupported("JPEG with "+format+": convert it to PNG", arguments...)
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
	Deep                 []uint16 // in place of Pix, where samples haven't 8 bits
	Stride               int
	Width, Height        int
	Horizontal, Vertical int
}

// Image is a decoded picture: as many planes as its colour has components.
type Image struct {
	Width, Height int
	Precision     int // bits of a sample
	Colour        Colour
	// Lossless says that smaller planes are to be enlarged by repeating samples, as libjpeg does.
	Lossless bool
	Planes   []Plane
}

// component is one channel of the file, with its state while scans are read.
type component struct {
	id            uint8
	h, v          int // sampling factors
	quant         int // quantization table
	width, height int // samples
	blocksWide    int // of 8x8, or of a lossless file's sample, padded to whole MCUs
	blocksHigh    int
	stride        int      // samples
	pix           []uint8  // if they have 8 bits
	deep          []uint16 // otherwise
	coefficients  []int16  // where samples are made of them later, 64 a block, in zigzag order
	prediction    int32    // of the next DC coefficient
	context       int      // of arithmetic coding: how the last DC difference was
	dc, ac        int      // tables of the current scan
	lines         []uint16 // of a lossless scan: the row above, and those of a row of MCUs
	rows, span    int      // of lines: without the first, and their samples
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
	precision     int // bits of a sample
	progressive   bool
	lossless      bool
	arithmetical  bool
	arithmetic    arithmetic
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
			return Image{}, fault.Corrupt("component %d has no data", i+1)
		}
		if d.progressive && !c.complete() {
			return Image{}, fault.Truncated("component %d lacks its last scans", i+1)
		}
		if d.buffered() && !d.reconstruct(c) {
			return Image{}, fault.ErrStopped
		}
		d.planes[i] = Plane{
			Pix: c.pix, Deep: c.deep, Stride: c.stride, Width: c.width, Height: c.height,
			Horizontal: d.hmax / c.h, Vertical: d.vmax / c.v,
		}
	}
	return Image{d.width, d.height, d.precision, d.colour(), d.lossless, d.planes[:d.count]}, nil
}

// buffered says whether samples are made after all scans, of the coefficients. That is a must for
// progressive files; the others are rare.
func (d *Decoder) buffered() bool {
	return d.progressive || !d.lossless && (d.arithmetical || d.precision != 8)
}

// Header is what a file says before its pixels.
type Header struct {
	Width, Height int // in pixels
	Components    int
	Precision     int   // bits of a sample
	Samples       int64 // of all planes
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
	h := Header{Width: d.width, Height: d.height, Components: d.count, Precision: d.precision, Least: d.least()}
	size := int64(1)
	if d.precision != 8 {
		size = 2
	}
	if d.buffered() { // and its coefficients
		size += 2
	}
	for i := range d.components[:d.count] {
		c := &d.components[i]
		h.Samples += int64(c.samples())
		if d.lossless {
			h.Bytes += 2 * int64(c.v+1) * int64(c.stride)
		}
	}
	h.Bytes += h.Samples*size + int64(len(data))
	return h, nil
}

// Retained is the number of bytes that the Decoder holds on to for its next use.
func (d *Decoder) Retained() int {
	n := cap(d.bits.coded)
	for i := range d.components {
		c := &d.components[i]
		n += cap(c.pix) + 2*(cap(c.deep)+cap(c.coefficients)+cap(c.lines))
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
	d.jfif, d.adobe = false, false
	d.arithmetic.reset()
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
	case d.lossless, d.components[0].id == 'R' && d.components[1].id == 'G' && d.components[2].id == 'B':
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
