package frames

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"slices"
	"time"

	"fovea/picture"
)

func isGIF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("GIF87a")) || bytes.HasPrefix(head, []byte("GIF89a"))
}

// The ways of a GIF to clear a frame before the next one shows.
const (
	gifToBackground = 2
	gifToPrevious   = 3
)

// gifFrame is a frame within a file's bytes.
type gifFrame struct {
	// block is the image: its descriptor, palette and data.
	block       []byte
	place       image.Rectangle
	palette     []byte // its own, in triples, or nil
	transparent int    // index, or -1
	disposal    byte
}

type gifReader struct {
	composer
	screen     []byte // the header with the palette for all
	palette    []byte
	background int
	frames     []gifFrame
	times      Times
	// undo clears the last frame before the next.
	undo func()
}

func openGIF(f file, options Options) (Reader, error) {
	data, err := f.all()
	if err != nil {
		return nil, err
	}
	if len(data) < 13 {
		return nil, fmt.Errorf("%w: a GIF of %d bytes", picture.ErrTruncated, len(data))
	}
	g := &gifReader{background: int(data[11])}
	width, height := int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	if err := options.checkSize(width, height); err != nil {
		return nil, err
	}
	palette, rest := gifPalette(data[10], data[13:])
	g.palette, g.screen = palette, data[:len(data)-len(rest)]
	if err := g.list(rest, width, height); err != nil {
		return nil, err
	}
	g.begin = func() (*canvas, error) { return g.empty(width, height), nil }
	g.draw = g.show
	return g, nil
}

// gifPalette is the palette that flags announce, and what follows.
func gifPalette(flags byte, rest []byte) (palette, after []byte) {
	if flags&0x80 == 0 {
		return nil, rest
	}
	size := min(3<<(flags&7+1), len(rest))
	return rest[:size], rest[size:]
}

// list finds the frames. A file that ends too early has those that are whole.
func (g *gifReader) list(rest []byte, width, height int) error {
	next, sticky := gifFrame{transparent: -1}, byte(0)
	show := time.Duration(0)
	for len(rest) > 0 && rest[0] != ';' {
		switch {
		case rest[0] == '!' && len(rest) >= 8 && rest[1] == 0xf9 && rest[2] >= 4:
			if rest[3]&1 != 0 {
				next.transparent = int(rest[6])
			}
			if d := rest[3] >> 2 & 7; d != 0 { // as in Pillow, one that is not given is that of the frame before
				sticky = d
			}
			show = time.Duration(binary.LittleEndian.Uint16(rest[4:])) * 10 * time.Millisecond
			fallthrough
		case rest[0] == '!' && len(rest) >= 2:
			after, whole := gifBlocks(rest[2:])
			if !whole {
				return nil
			}
			rest = after
		case rest[0] == ',' && len(rest) >= 10:
			next.disposal = sticky
			after, err := g.add(next, rest, width, height)
			if err != nil {
				return err
			}
			g.times.add(show)
			if err := tooMany(len(g.frames)); err != nil {
				return err
			}
			next, show, rest = gifFrame{transparent: -1}, 0, after
		default: // what decoders pass over
			rest = rest[1:]
		}
	}
	return nil
}

// add appends a frame, whose image block is at the beginning of rest, and returns what comes after it.
func (g *gifReader) add(f gifFrame, rest []byte, width, height int) (after []byte, err error) {
	at := func(i int) int { return int(binary.LittleEndian.Uint16(rest[i:])) }
	f.place = image.Rect(at(1), at(3), at(1)+at(5), at(3)+at(7))
	if !f.place.In(image.Rect(0, 0, width, height)) {
		return nil, fmt.Errorf("%w: frame %d of %dx%d pixels at %d, %d is not within its canvas of %dx%d", picture.ErrCorrupt,
			len(g.frames)+1, at(5), at(7), at(1), at(3), width, height)
	}
	palette, body := gifPalette(rest[9], rest[10:])
	after, whole := gifBlocks(body[min(1, len(body)):])
	if !whole {
		return nil, fmt.Errorf("%w: frame %d is not whole", picture.ErrTruncated, len(g.frames)+1)
	}
	f.block, f.palette = rest[:len(rest)-len(after)], palette
	g.frames = append(g.frames, f)
	return after, nil
}

// gifBlocks passes over blocks of data up to the empty one.
func gifBlocks(rest []byte) (after []byte, whole bool) {
	for len(rest) > 0 {
		n := int(rest[0])
		if 1+n > len(rest) {
			return nil, false
		}
		if rest = rest[1+n:]; n == 0 {
			return rest, true
		}
	}
	return nil, false
}

// colour is an entry of the palette of a frame; those that are missing are the first one, and grey without a palette.
func (g *gifReader) colour(f gifFrame, index int) [4]uint8 {
	palette := f.palette
	if palette == nil {
		palette = g.palette
	}
	switch {
	case palette == nil:
		return [4]uint8{uint8(index), uint8(index), uint8(index), 255}
	case 3*index+3 > len(palette):
		index = 0
	}
	return [4]uint8{palette[3*index], palette[3*index+1], palette[3*index+2], 255}
}

// empty is the canvas before the first frame, which has alpha if that has.
func (g *gifReader) empty(width, height int) *canvas {
	c := newCanvas(width, height)
	f := g.frames[0]
	c.opaque = f.transparent < 0
	background := g.colour(f, max(0, f.transparent))
	if !c.opaque {
		background[3] = 0
	}
	c.fill(image.Rect(0, 0, width, height), background)
	g.undo = nil
	return c
}

// show draws frame i over what was left of the one before.
func (g *gifReader) show(c *canvas, i int) error {
	if g.undo != nil {
		g.undo()
	}
	f := g.frames[i]
	pixels, err := g.decode(f)
	if err != nil {
		return fmt.Errorf("frame %d: %w", i+1, err)
	}
	g.undo = g.disposal(c, f, i)
	var colours [256][4]uint8
	for index := range colours {
		colours[index] = g.colour(f, index)
	}
	if f.transparent >= 0 {
		colours[f.transparent][3] = 0
	}
	for y := f.place.Min.Y; y < f.place.Max.Y; y++ {
		line, indices := c.row(y, f.place.Min.X, f.place.Max.X), pixels.Pix[(y-f.place.Min.Y)*pixels.Stride:]
		for x := range f.place.Dx() {
			if pixel := colours[indices[x]]; pixel[3] > 0 || i == 0 {
				*(*[4]uint8)(line[4*x:]) = pixel
			}
		}
	}
	return nil
}

// disposal is how frame i is cleared before the next one: to transparency where it has some, else to the background.
func (g *gifReader) disposal(c *canvas, f gifFrame, i int) (undo func()) {
	background := g.colour(f, g.background)
	if g.palette == nil {
		background = g.colour(f, 0)
	}
	if f.transparent >= 0 {
		if background = g.colour(f, f.transparent); !c.opaque {
			background[3] = 0
		}
	}
	switch {
	case f.disposal == gifToPrevious && i > 0:
		return c.save(f.place)
	case f.disposal == gifToBackground, f.disposal == gifToPrevious && f.transparent >= 0:
		return func() { c.fill(f.place, background) }
	}
	return nil
}

// decode decodes a frame by itself, as palette indices.
func (g *gifReader) decode(f gifFrame) (*image.Paletted, error) {
	decoded, err := gif.Decode(bytes.NewReader(slices.Concat(g.screen, f.block, []byte(";"))))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", picture.ErrCorrupt, err)
	}
	pixels, ok := decoded.(*image.Paletted)
	if !ok || pixels.Rect != f.place {
		return nil, fmt.Errorf("%w: its image is at %v", picture.ErrCorrupt, decoded.Bounds())
	}
	return pixels, nil
}

// Times implements Reader.
func (g *gifReader) Times() Times { return g.times }

// Frame implements Reader.
func (g *gifReader) Frame(ctx context.Context, i int) ([]byte, error) {
	return g.frame(func() error { return context.Cause(ctx) }, i)
}
