package frames

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"time"

	"fovea/picture"
)

const pngStart = "\x89PNG\r\n\x1a\n"

func isPNG(head []byte) bool { return bytes.HasPrefix(head, []byte(pngStart)) }

// The ways of an APNG to clear a frame before the next one shows, and to draw it over what is there.
const (
	pngToBackground = 1
	pngToPrevious   = 2
	pngOver         = 1
)

// mostShared bounds what all frames need: 256 colours and their opacity take 1 KB.
const mostShared = 16 << 10

type pngFrame struct {
	place          image.Rectangle
	dispose, blend byte
	data           [][]byte // of the compressed pixels
}

type pngReader struct {
	composer
	options  Options
	header   []byte // the content of IHDR
	animated bool
	shared   [][]byte // whole chunks that all frames need, such as the palette
	// sharedBytes are theirs, which are copied for each frame.
	sharedBytes int

	frames []pngFrame
	times  Times
	turn   int
	undo   func()
}

func openPNG(f file, options Options) (Reader, error) {
	data, err := f.all()
	if err != nil {
		return nil, err
	}
	p := &pngReader{options: options}
	if err := p.list(data[len(pngStart):]); err != nil {
		return nil, err
	}
	if len(p.frames) < 2 {
		return nil, ErrSingle
	}
	width, height := int(binary.BigEndian.Uint32(p.header)), int(binary.BigEndian.Uint32(p.header[4:]))
	if p.turn, err = picture.Orientation(data, options.MaxPixels); err != nil {
		return nil, err
	}
	p.begin = func() (*canvas, error) {
		p.undo = nil
		c := newCanvas(width, height)
		c.orientation = p.turn
		return c, nil
	}
	p.draw = p.show
	return p, nil
}

// list finds the frames among the chunks.
func (p *pngReader) list(rest []byte) error {
	for len(rest) >= 12 {
		length := int64(binary.BigEndian.Uint32(rest))
		if length+12 > int64(len(rest)) {
			return fmt.Errorf("%w: after frame %d", picture.ErrTruncated, len(p.frames))
		}
		chunk := rest[:12+length]
		if string(chunk[4:8]) == "IEND" {
			break
		}
		if err := p.chunk(chunk); err != nil {
			return err
		}
		rest = rest[12+length:]
	}
	return nil
}

// chunk notes what a chunk says about the frames.
func (p *pngReader) chunk(whole []byte) error {
	kind, content := string(whole[4:8]), whole[8:len(whole)-4]
	switch kind {
	case "IHDR":
		if p.header != nil || len(content) != 13 {
			return fmt.Errorf("%w: a second header, or one of %d bytes", picture.ErrCorrupt, len(content))
		}
		p.header = content
	case "acTL":
		p.animated = true
	case "PLTE", "tRNS":
		p.shared = append(p.shared, whole)
		if p.sharedBytes += len(whole); p.sharedBytes > mostShared {
			return fmt.Errorf("%w: palettes of more than %d bytes", picture.ErrCorrupt, mostShared)
		}
	case "fcTL":
		if !p.animated || p.header == nil {
			return ErrSingle
		}
		return p.control(content)
	case "IDAT", "fdAT":
		if err := p.data(kind, content); err != nil {
			return err
		}
		if !p.animated {
			return ErrSingle
		}
	}
	return nil
}

// control adds the frame that a chunk fcTL announces.
func (p *pngReader) control(c []byte) error {
	if len(c) != 26 {
		return fmt.Errorf("%w: a frame's header of %d bytes", picture.ErrCorrupt, len(c))
	}
	at := func(i int) int { return int(binary.BigEndian.Uint32(c[i:])) }
	width, height := int(binary.BigEndian.Uint32(p.header)), int(binary.BigEndian.Uint32(p.header[4:]))
	if err := p.options.checkSize(width, height); err != nil {
		return err
	}
	place := image.Rect(at(12), at(16), at(12)+at(4), at(16)+at(8))
	if !place.In(image.Rect(0, 0, width, height)) || place.Empty() {
		return fmt.Errorf("%w: frame %d at %v is not within its canvas of %dx%d", picture.ErrCorrupt, len(p.frames)+1, place, width, height)
	}
	p.frames = append(p.frames, pngFrame{place: place, dispose: c[24], blend: c[25]})
	show, parts := binary.BigEndian.Uint16(c[20:]), binary.BigEndian.Uint16(c[22:])
	if parts == 0 {
		parts = 100
	}
	p.times.add(time.Duration(show) * time.Second / time.Duration(parts))
	return tooMany(len(p.frames))
}

// data adds compressed pixels to the last frame. Those before any are of a still image that the animation does not show.
func (p *pngReader) data(kind string, content []byte) error {
	if len(p.frames) == 0 {
		return nil
	}
	if kind == "fdAT" {
		if len(content) < 4 {
			return fmt.Errorf("%w: pixels of %d bytes", picture.ErrCorrupt, len(content))
		}
		content = content[4:] // after the sequence number
	}
	last := &p.frames[len(p.frames)-1]
	last.data = append(last.data, content)
	return nil
}

// still is a file with the frame alone.
func (p *pngReader) still(f pngFrame) []byte {
	header := bytes.Clone(p.header)
	binary.BigEndian.PutUint32(header, uint32(f.place.Dx()))
	binary.BigEndian.PutUint32(header[4:], uint32(f.place.Dy()))
	out := appendChunk([]byte(pngStart), "IHDR", header)
	for _, chunk := range p.shared {
		out = append(out, chunk...)
	}
	for _, data := range f.data {
		out = appendChunk(out, "IDAT", data)
	}
	return appendChunk(out, "IEND", nil)
}

func appendChunk(out []byte, kind string, content []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(content)))
	start := len(out)
	out = append(append(out, kind...), content...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}

// show draws frame i as Pillow does.
func (p *pngReader) show(c *canvas, i int) error {
	if p.undo != nil {
		p.undo()
	}
	f := p.frames[i]
	r, err := picture.DecodeRaster(p.still(f), p.options.MaxPixels)
	if err != nil {
		return fmt.Errorf("frame %d: %w", i+1, err)
	}
	if i == 0 {
		c.opaque = r.Channels == 3
	}
	p.undo = nil
	switch {
	case f.dispose == pngToPrevious && i > 0:
		p.undo = c.save(f.place)
	case f.dispose == pngToPrevious, f.dispose == pngToBackground:
		p.undo = func() { c.fill(f.place, [4]uint8{}) }
	}
	for y := range r.Height {
		line, from := c.row(f.place.Min.Y+y, f.place.Min.X, f.place.Max.X), r.Pix[y*r.Width*r.Channels:]
		for x := range r.Width {
			pixel := [4]uint8{0, 0, 0, 255}
			copy(pixel[:], from[x*r.Channels:(x+1)*r.Channels])
			at := (*[4]uint8)(line[4*x:])
			if f.blend == pngOver && i > 0 {
				pixel = mix(pixel, *at, pixel[3])
			}
			*at = pixel
		}
	}
	return nil
}

// mix is a weighted mean of pixels, by a weight of 0 to 255 of the first, with Pillow's rounding.
func mix(over, under [4]uint8, weight uint8) (out [4]uint8) {
	for i := range out {
		sum := uint32(over[i])*uint32(weight) + uint32(under[i])*uint32(255-weight) + 128
		out[i] = uint8((sum>>8 + sum) >> 8)
	}
	return out
}

// Times implements Reader.
func (p *pngReader) Times() Times { return p.times }

// Frame implements Reader.
func (p *pngReader) Frame(ctx context.Context, i int) ([]byte, error) {
	return p.frame(func() error { return context.Cause(ctx) }, i)
}
