package picture

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"time"
)

// SceneOptions say what is shown of a scene.
type SceneOptions struct {
	// Level is that of a TIFF's pyramid: 0 is full resolution, 1 the next smaller one.
	Level int
	// Bands and Range are as in Options. A range that depends on the image is that of the whole level, not of a part, so
	// that parts can be compared.
	Bands Bands
	Range Range
	// MaxPixels bounds what is decoded at a time: the whole image, but of a TIFF a strip or tile (default
	// DefaultMaxPixels). MaxTime bounds the processor time of decoding that (default DefaultMaxTime).
	MaxPixels int
	MaxTime   time.Duration
}

// Scene is an image of which parts are taken. A TIFF may be far larger than memory: of it only the strips or tiles are
// decoded that a part meets, and some are kept for the next part, so that reading parts from left to right, row by row,
// decodes each about once. An image of another format is decoded as a whole. A Scene is for one goroutine.
type Scene struct {
	// Width and Height are in pixels, as stored, at the level.
	Width, Height int

	options     SceneOptions
	orientation int
	// file is that of an image that is not a TIFF, whole its pixels, once they have been decoded.
	file  io.ReaderAt
	size  int64
	whole *Raster
	tiff  *tiffScene
	ctx   context.Context
	// geo is in pixels of full resolution, each of which is shrunk in either direction to 1/scale at the level.
	geo            *geoTransform
	geoErr         error
	scaleX, scaleY float64
}

// OpenScene reads the header of a file of so many bytes. Errors about the file are as Decode's; it must remain open.
func OpenScene(ctx context.Context, r io.ReaderAt, size int64, options SceneOptions) (*Scene, error) {
	if err := cmp.Or(options.Range.Validate(), options.Bands.Validate()); err != nil {
		return nil, err
	}
	if options.Level < 0 {
		return nil, fmt.Errorf("image: level %d: use 0 for full resolution, or more", options.Level)
	}
	options.MaxPixels = cmp.Or(options.MaxPixels, DefaultMaxPixels)
	head := make([]byte, min(size, HeadBytes))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, fmt.Errorf("image: read the file: %w", err)
	}
	s := &Scene{options: options, ctx: ctx}
	if isTIFF(head) {
		return s, s.failure("tiff", s.openTIFF(r, size))
	}
	s.file, s.size = r, size
	return s, s.openOther(head)
}

// failure is an *Error about the file, unless the file could not be read.
func (s *Scene) failure(format string, err error) error {
	var already *Error
	switch {
	case err == nil, errors.As(err, &already), s.ctx.Err() != nil:
		return cmp.Or(context.Cause(s.ctx), err)
	}
	for _, known := range []error{ErrUnsupported, ErrTooLarge, ErrTooSlow, ErrDamaged} {
		if errors.Is(err, known) {
			return &Error{StageDecode, format, reason(err)}
		}
	}
	return err
}

// openOther reads the header of a file that is no TIFF.
func (s *Scene) openOther(head []byte) error {
	if s.options.Level > 0 {
		return &Error{StageHeader, "", noLevel(s.options.Level, nil)}
	}
	p, err := Inspect(head, s.options.MaxPixels)
	if errors.Is(err, ErrDamaged) { // perhaps since it goes on
		var data []byte
		if data, err = s.read(); err == nil {
			p, err = Inspect(data, s.options.MaxPixels)
		}
	}
	s.Width, s.Height = p.SourceWidth, p.SourceHeight
	return err
}

// read reads the whole file.
func (s *Scene) read() ([]byte, error) {
	if s.size > MaxFileBytes {
		return nil, &Error{StageHeader, "", fmt.Errorf("%w: %d MB, the limit is %d MB for all but TIFFs", ErrTooLarge, s.size>>20, MaxFileBytes>>20)}
	}
	data := make([]byte, s.size)
	if n, err := s.file.ReadAt(data, 0); int64(n) < s.size {
		return nil, fmt.Errorf("image: read the file: %w", err)
	}
	return data, nil
}

// Part decodes a part. What is beyond the right and lower edge is transparent black. The orientation is that of the
// scene.
func (s *Scene) Part(part image.Rectangle) (Raster, error) {
	inside := part.Intersect(image.Rect(0, 0, s.Width, s.Height))
	if inside.Empty() || inside.Min != part.Min || part.Dx() > s.options.MaxPixels/part.Dy() {
		return Raster{}, fmt.Errorf("image: the part %v of a scene of %dx%d pixels", part, s.Width, s.Height)
	}
	out := Raster{Width: part.Dx(), Height: part.Dy(), Channels: 3, Orientation: s.orientation, Bands: s.options.Bands}
	if s.tiff != nil {
		return out, s.failure("tiff", s.partOfTIFF(&out, part, inside))
	}
	if s.whole == nil {
		data, err := s.read()
		if err != nil {
			return Raster{}, err
		}
		whole, err := decodeScene(data, s.options)
		if err != nil {
			return Raster{}, err
		}
		s.whole = &whole
	}
	out.Orientation, out.Faint = s.whole.Orientation, s.whole.Faint
	out.allocate(s.whole.Channels, part != inside)
	out.paste(*s.whole, image.Point{}, part.Min, inside)
	return out, nil
}

// decodeScene decodes an image as a whole.
func decodeScene(data []byte, o SceneOptions) (Raster, error) {
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.clock.begin(o.MaxTime)
	defer w.clock.end()
	j := rasterJob(o)
	var head Picture
	stage, out := StageHeader, Raster{}
	p, err := w.plan(data, j, &head)
	if err == nil {
		stage = StageDecode
		out, err = w.raster(data, p, j)
	}
	return out, w.failure(stage, head.Format, err)
}

// allocate makes the pixels, with alpha if a part of them is missing.
func (r *Raster) allocate(channels int, padded bool) {
	if r.Channels = channels; padded {
		r.Channels = 4
	}
	r.Pix = make([]uint8, r.Width*r.Height*r.Channels)
}

// Georeference is that of a part, as far as it is inside, of a GeoTIFF; nil if there is none. It is that of the first page,
// which levels of a pyramid share.
func (s *Scene) Georeference(part image.Rectangle) (*Georeference, error) {
	if s.geo == nil {
		return nil, s.failure("tiff", s.geoErr)
	}
	in := part.Intersect(image.Rect(0, 0, s.Width, s.Height))
	return s.geo.bounds(float64(in.Min.X)*s.scaleX, float64(in.Min.Y)*s.scaleY, float64(in.Max.X)*s.scaleX, float64(in.Max.Y)*s.scaleY), nil
}

// paste copies what lies inside a part of a scene, which begins at origin, from an image that is at a place of the scene.
func (r *Raster) paste(from Raster, at, origin image.Point, inside image.Rectangle) {
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		dst := r.Pix[((y-origin.Y)*r.Width+inside.Min.X-origin.X)*r.Channels:]
		src := from.Pix[((y-at.Y)*from.Width+inside.Min.X-at.X)*from.Channels:]
		if r.Channels == from.Channels {
			copy(dst[:inside.Dx()*r.Channels], src)
			continue
		}
		for x := range inside.Dx() {
			pixel := dst[x*r.Channels : (x+1)*r.Channels]
			pixel[len(pixel)-1] = 255
			copy(pixel, src[x*from.Channels:(x+1)*from.Channels])
		}
	}
}

// noLevel is the error about a level that a file has not.
func noLevel(level int, sizes []image.Point) error {
	var have bytes.Buffer
	for i, s := range sizes {
		fmt.Fprintf(&have, ", %d of %dx%d pixels", i, s.X, s.Y)
	}
	if len(sizes) == 0 {
		have.WriteString(", 0: only TIFFs have more")
	}
	return fmt.Errorf("%w: it has no level %d, but%s", ErrUnsupported, level, have.String()[1:])
}

// The rule of Empty: all but one in emptyParts pixels are missing or at least as light as emptyWhite.
const (
	emptyParts = 100
	emptyWhite = 240
)

// Empty tells whether there is nothing to see: at most a hundredth of the pixels is both opaque, at least by half, and
// darker than 240 in red, green or blue.
func (r Raster) Empty() bool {
	seen := 0
	for i := 0; i+r.Channels <= len(r.Pix); i += r.Channels {
		p := r.Pix[i : i+r.Channels]
		if min(p[0], p[1], p[2]) < emptyWhite && (r.Channels == 3 || p[3] >= 128) {
			seen++
		}
	}
	return seen*emptyParts <= r.Width*r.Height
}

// faintly tells whether all but a thousandth of the opaque samples are below a quarter of white.
func (r Raster) faintly() bool {
	all, light := 0, 0
	for i := 0; i+r.Channels <= len(r.Pix); i += r.Channels {
		if p := r.Pix[i : i+r.Channels]; r.Channels == 3 || p[3] > 0 {
			all++
			if max(p[0], p[1], p[2]) >= 64 {
				light++
			}
		}
	}
	return all > 0 && light*faintParts < all
}
