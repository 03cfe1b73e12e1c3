package jpegls

import (
	"fovea/picture/internal/fault"
)

func unsupported(format string, arguments ...any) error {
	return fault.Unsupported("JPEG-LS with "+format+": convert it to PNG", arguments...)
}

// Header is what a file says before its pixels.
type Header struct {
	Width, Height int // in pixels
	Components    int
	Precision     int // bits of a sample
	// Bytes is the memory that Decode takes.
	Bytes int64
	// Least is the size in bytes of the smallest file with such an image.
	Least int64
}

// Image is a decoded picture: a plane for each component, row by row, without gaps.
type Image struct {
	Width, Height int
	Precision     int // bits of a sample
	Near          int // the most that samples differ from those that were encoded
	Planes        [][]uint16
}

// Decoder decodes a file. The zero value is ready; it decodes one file.
type Decoder struct {
	// Spend, if set, hears of work that was done, in pixels or as much, and reports whether to go on.
	Spend func(work int) bool

	bits          bitReader
	width, height int
	precision     int
	components    [maxComponents]component
	count         int // of components
	preset        preset
	restart       int // lines between restart markers, 0 for none
	near          int
}

// maxComponents is how many a scan can have.
const maxComponents = 4

type component struct {
	id   uint8
	pix  []uint16
	seen bool
}

// Header reads a file's header up to its first scan.
func (d *Decoder) Header(data []byte) (Header, error) {
	if err := d.readSegments(data, true); err != nil {
		return Header{}, err
	}
	return Header{
		Width: d.width, Height: d.height, Components: d.count, Precision: d.precision,
		Bytes: 2*int64(d.count)*int64(d.width)*int64(d.height) + lineBytes*maxComponents*2*int64(d.width+2) + ownBytes,
		Least: int64(d.height) / 8, // a run takes a bit, even of a whole line
	}, nil
}

// Decode decodes a file.
func (d *Decoder) Decode(data []byte) (Image, error) {
	if err := d.readSegments(data, false); err != nil {
		return Image{}, err
	}
	out := Image{Width: d.width, Height: d.height, Precision: d.precision, Near: d.near}
	for i := range d.components[:d.count] {
		c := &d.components[i]
		if !c.seen {
			return Image{}, fault.Corrupt("component %d has no data", i+1)
		}
		out.Planes = append(out.Planes, c.pix)
	}
	return out, nil
}

// lineBytes is the memory of a sample in a line that is being decoded, and ownBytes that of
// contexts and the table of gradients.
const (
	lineBytes = 4
	ownBytes  = 160 << 10
)

// spend counts work, and reports whether to go on.
func (d *Decoder) spend(work int) bool { return d.Spend == nil || d.Spend(work) }
