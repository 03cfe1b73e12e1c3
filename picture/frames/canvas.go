package frames

import (
	"image"
	"slices"

	"fovea/picture"
)

// canvas is an animation as far as it has been shown: RGBA, not premultiplied.
type canvas struct {
	width, height int
	pix           []uint8
	// opaque says that the animation has no alpha.
	opaque bool
	// orientation is how to turn it, as in picture.Raster.
	orientation int
}

func newCanvas(width, height int) *canvas {
	return &canvas{width: width, height: height, pix: make([]uint8, 4*width*height)}
}

// row is a part of row y.
func (c *canvas) row(y, from, to int) []uint8 {
	start := 4 * y * c.width
	return c.pix[start+4*from : start+4*to]
}

// fill sets a rectangle, which is within the canvas.
func (c *canvas) fill(r image.Rectangle, colour [4]uint8) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		line := c.row(y, r.Min.X, r.Max.X)
		for i := 0; i < len(line); i += 4 {
			*(*[4]uint8)(line[i:]) = colour
		}
	}
}

// save copies a rectangle, and returns what puts it back.
func (c *canvas) save(r image.Rectangle) (restore func()) {
	var lines [][]uint8
	for y := r.Min.Y; y < r.Max.Y; y++ {
		lines = append(lines, slices.Clone(c.row(y, r.Min.X, r.Max.X)))
	}
	return func() {
		for i, line := range lines {
			copy(c.row(r.Min.Y+i, r.Min.X, r.Max.X), line)
		}
	}
}

// encode is what shows now, as the bytes of an image.
func (c *canvas) encode() ([]byte, error) {
	if !c.opaque {
		return picture.Raster{Width: c.width, Height: c.height, Channels: 4, Orientation: c.orientation, Pix: c.pix}.Encode()
	}
	rgb := make([]uint8, 0, 3*c.width*c.height)
	for i := 0; i < len(c.pix); i += 4 {
		rgb = append(rgb, c.pix[i], c.pix[i+1], c.pix[i+2])
	}
	return picture.Raster{Width: c.width, Height: c.height, Channels: 3, Orientation: c.orientation, Pix: rgb}.Encode()
}

// composer shows frames one after another on a canvas.
type composer struct {
	canvas *canvas
	// shown is the number of frames on the canvas.
	shown int
	// failed is why frame failedAt cannot be drawn, nor those after it; nil if none has failed.
	failed   error
	failedAt int
	// begin makes an empty canvas, and draw shows the next frame on it.
	begin func() (*canvas, error)
	draw  func(c *canvas, i int) error
}

// frame is Reader.Frame.
func (p *composer) frame(done func() error, i int) ([]byte, error) {
	if p.failed != nil && i >= p.failedAt { // those before it need not be drawn again for that
		return nil, p.failed
	}
	if p.canvas == nil || i < p.shown-1 {
		var err error
		if p.canvas, err = p.begin(); err != nil {
			return nil, err
		}
		p.shown = 0
	}
	for ; p.shown <= i; p.shown++ {
		if err := done(); err != nil {
			return nil, err
		}
		if err := p.draw(p.canvas, p.shown); err != nil {
			p.canvas, p.failed, p.failedAt = nil, err, p.shown
			return nil, err
		}
	}
	return p.canvas.encode()
}
