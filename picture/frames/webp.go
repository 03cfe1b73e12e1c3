package frames

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"time"

	"fovea/picture"
)

func isWebP(head []byte) bool {
	return len(head) >= 30 && string(head[:4]) == "RIFF" && string(head[8:16]) == "WEBPVP8X" && head[20]&2 != 0
}

// webpFrame is a frame of an animation.
type webpFrame struct {
	// content is that of its chunk.
	content []byte
	place   image.Rectangle
	// over blends it with what is there; cleared makes its place transparent after it. Before one that is alone,
	// everything is transparent.
	over, cleared, alone bool
}

type webpReader struct {
	composer
	options Options
	frames  []webpFrame
	times   Times
	turn    int
}

func openWebP(f file, options Options) (Reader, error) {
	data, err := f.all()
	if err != nil {
		return nil, err
	}
	width, height := uint24(data[24:])+1, uint24(data[27:])+1
	if err := options.checkSize(width, height); err != nil {
		return nil, err
	}
	w := &webpReader{options: options}
	if err := w.list(data[12:], image.Rect(0, 0, width, height)); err != nil {
		return nil, err
	}
	if w.turn, err = picture.Orientation(data, options.MaxPixels); err != nil {
		return nil, err
	}
	opaque := data[20]&0x10 == 0
	w.begin = func() (*canvas, error) {
		c := newCanvas(width, height)
		c.opaque, c.orientation = opaque, w.turn
		return c, nil
	}
	w.draw = w.show
	return w, nil
}

// list finds the frames among the chunks.
func (w *webpReader) list(body []byte, canvas image.Rectangle) error {
	for len(body) >= 8 {
		name, length := string(body[:4]), int64(binary.LittleEndian.Uint32(body[4:]))
		if 8+length > int64(len(body)) {
			return fmt.Errorf("%w: after frame %d", picture.ErrTruncated, len(w.frames))
		}
		content := body[8 : 8+length]
		body = body[min(int64(len(body)), 8+length+length%2):]
		if name != "ANMF" || len(content) < 24 {
			continue
		}
		f := webpFrame{content: content, over: content[15]&2 == 0, cleared: content[15]&1 != 0}
		x, y := 2*uint24(content), 2*uint24(content[3:])
		f.place = image.Rect(x, y, x+uint24(content[6:])+1, y+uint24(content[9:])+1)
		if !f.place.In(canvas) {
			return fmt.Errorf("%w: frame %d at %v is not within its canvas of %dx%d", picture.ErrCorrupt, len(w.frames)+1, f.place, canvas.Dx(), canvas.Dy())
		}
		if i := len(w.frames); i == 0 {
			f.alone = true
		} else if last := w.frames[i-1]; last.cleared {
			f.alone = last.alone || last.place == canvas
		}
		w.frames = append(w.frames, f)
		w.times.add(time.Duration(uint24(content[12:])) * time.Millisecond)
		if err := tooMany(len(w.frames)); err != nil {
			return err
		}
	}
	return nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// still is a file with the frame alone.
func (f webpFrame) still() []byte {
	flags := byte(0)
	if string(f.content[16:20]) == "ALPH" {
		flags = 0x10
	}
	out := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), flags, 0, 0, 0)
	out = append(append(out, f.content[6:12]...), f.content[16:]...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// show draws frame i as libwebp's decoder of animations does.
func (w *webpReader) show(c *canvas, i int) error {
	var cleared image.Rectangle // by the frame before
	if i > 0 && w.frames[i-1].cleared {
		cleared = w.frames[i-1].place
		c.fill(cleared, [4]uint8{})
	}
	f := w.frames[i]
	r, err := picture.DecodeRaster(f.still(), w.options.MaxPixels)
	if err != nil {
		return fmt.Errorf("frame %d: %w", i+1, err)
	}
	if r.Width != f.place.Dx() || r.Height != f.place.Dy() {
		return fmt.Errorf("%w: frame %d has %dx%d pixels, not %dx%d", picture.ErrCorrupt, i+1, r.Width, r.Height, f.place.Dx(), f.place.Dy())
	}
	for y := range r.Height {
		line, from := c.row(f.place.Min.Y+y, f.place.Min.X, f.place.Max.X), r.Pix[y*r.Width*r.Channels:]
		for x := range r.Width {
			pixel := [4]uint8{0, 0, 0, 255}
			copy(pixel[:], from[x*r.Channels:(x+1)*r.Channels])
			at := (*[4]uint8)(line[4*x:])
			if f.over && !f.alone && pixel[3] < 255 && !(image.Pt(f.place.Min.X+x, f.place.Min.Y+y).In(cleared)) {
				pixel = blend(pixel, *at)
			}
			*at = pixel
		}
	}
	return nil
}

// blend puts a pixel over another, neither premultiplied, in libwebp's integers.
func blend(over, under [4]uint8) [4]uint8 {
	alpha := uint32(over[3])
	if alpha == 0 {
		return under
	}
	rest := uint32(under[3]) * (256 - alpha) >> 8
	sum := alpha + rest
	scale := uint32(1<<24) / sum
	out := [4]uint8{3: uint8(sum)}
	for i := range 3 {
		out[i] = uint8((uint32(over[i])*alpha + uint32(under[i])*rest) * scale >> 24)
	}
	return out
}

// Times implements Reader.
func (w *webpReader) Times() Times { return w.times }

// Frame implements Reader.
func (w *webpReader) Frame(ctx context.Context, i int) ([]byte, error) {
	return w.frame(func() error { return context.Cause(ctx) }, i)
}
