package picture

import (
	"fmt"
	"math"

	"fovea/picture/internal/kernel"
)

// Cost is the most that decoding an image can take, by its file's header and the options.
type Cost struct {
	// Pixels are those that the decoder computes: width times height, or those of its tiles, with
	// what stands over the edges.
	Pixels int64
	// Bytes is the memory in use at any one time, with the result and without the file's own
	// bytes. What was used for a TIFF's earlier strips and waits for the garbage collector is not
	// counted. Images of up to 64 MB take less where memory of earlier ones is used again.
	Bytes int64
}

// Estimate is what Decode with these arguments would take. It reads headers and allocates next to
// nothing. An error is the one that Decode would return, if that does not lie in the pixels.
func Estimate(data []byte, options Options) (Cost, error) {
	if err := options.Validate(); err != nil {
		return Cost{}, err
	}
	return estimate(data, options.job(nil))
}

// EstimateEach is what DecodeEach with these arguments would take.
func EstimateEach(data []byte, options []Options) (Cost, error) {
	if err := validateEach(options); err != nil {
		return Cost{}, err
	}
	j := job{limit: options[0].MaxPixels}
	for _, o := range options {
		j.parts = append(j.parts, o.part(nil))
	}
	return estimate(data, j)
}

func estimate(data []byte, j job) (Cost, error) {
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.clock.begin(0)
	defer w.clock.end()
	var p Picture
	plan, err := w.plan(data, j, &p)
	if err := w.failure(StageHeader, p.Format, err); err != nil {
		return Cost{}, err
	}
	return plan.cost, nil
}

// bytesOfPixel and spareBytes bound the memory of an image, without the result: it may have as many
// bytes for each pixel of the limit, and some to spare, for the codes of a lossless WebP above all.
// No usual image comes near; those of a single row would.
const (
	bytesOfPixel = 44
	spareBytes   = 192 << 20
)

// MaxFileBytes is the size of the largest file of an image that is worth reading.
const MaxFileBytes = 512 << 20

// ownBytes is what decoding takes at any size: the tables of a JPEG and of a palette, mostly.
const ownBytes = 320 << 10

// job is what to make of an image.
type job struct {
	limit int
	// parts are made one after the other, from the same pixels.
	parts []part
	// ranged is the range of the part that an image is decoded for.
	ranged Range
	// bands are those of that part, scene the range of the image that it is a part of, if any.
	bands Bands
	scene *span
}

// part is one of the things that are made of an image.
type part struct {
	background Background
	ranged     Range
	bands      Bands
	// result and scratch are what use takes for an upright image of some size.
	cost func(width, height int) (result, scratch int64, err error)
	use  func(source) error
}

// cost is what all parts take: their results together, and the memory of the one that takes most.
func (j job) cost(width, height int) (result, scratch int64, err error) {
	for _, p := range j.parts {
		r, s, err := p.cost(width, height)
		if err != nil {
			return 0, 0, err
		}
		result, scratch = plus(result, r), max(scratch, s)
	}
	return result, scratch, nil
}

// plan is what is known of an image before its pixels are decoded.
type plan struct {
	header
	format      *format
	orientation int
	cost        Cost
}

// plan reads an image's header and refuses it if it is too large for the limit, in any respect, or
// the file too short for its size.
func (w *workspace) plan(data []byte, j job, picture *Picture) (p plan, err error) {
	if j.limit == 0 {
		j.limit = DefaultMaxPixels
	}
	for _, part := range j.parts {
		w.bands = append(w.bands, part.bands)
	}
	p.format = sniff(data)
	picture.Format = p.format.String()
	if p.header, err = w.header(data, p.format); err != nil {
		return p, err
	}
	if err := p.header.check(j.limit); err != nil {
		return p, err
	}
	if p.least > int64(len(data)) {
		return p, fmt.Errorf("%w: it has %d bytes, and %dx%d pixels take %d at least", ErrTruncated, len(data), p.width, p.height, p.least)
	}
	picture.SourceWidth, picture.SourceHeight = p.width, p.height
	p.orientation = p.format.orientation(data)
	width, height, bytes := p.width, p.height, plus(p.bytes, times(p.width, 16))
	if p.deep {
		bytes = plus(bytes, j.deepBytes(p.width, p.deeper))
	}
	if p.orientation >= 5 {
		width, height = height, width
		bytes = plus(bytes, times(width, height, 3), times(p.width, 3, turnedRows))
	}
	result, scratch, err := j.cost(width, height)
	if err != nil {
		return p, err
	}
	bytes = plus(bytes, scratch)
	if most := plus(times(bytesOfPixel, j.limit), spareBytes); bytes > most {
		return p, fmt.Errorf("%w: %dx%d pixels take %d MB of memory to decode and resize, the limit is %d MB for %d pixels",
			ErrTooLarge, p.width, p.height, bytes>>20, most>>20, j.limit)
	}
	p.cost = Cost{max(p.pixels, times(p.width, p.height)), plus(bytes, bytes/64, result, ownBytes)}
	return p, nil
}

// deepBytes is the most that finding the range of one of the parts takes, where samples have more than 8 bits.
func (j job) deepBytes(width int, deeper int64) (most int64) {
	for _, part := range j.parts {
		bytes := part.ranged.deepBytes(width)
		if part.ranged != "" && part.ranged != RangeAuto {
			bytes = plus(bytes, deeper)
		}
		most = max(most, bytes)
	}
	return most
}

// header is what a file says before its pixels.
type header struct {
	width, height int
	extent
}

// check compares an image's sizes with a limit in pixels.
func (h header) check(limit int) error {
	if err := checkSize(h.width, h.height, limit); err != nil {
		return err
	}
	// Tiles may stand over the edges, most of all those of small images.
	if h.pixels > 2*int64(limit)+1<<20 {
		return fmt.Errorf("%w: %dx%d pixels in tiles of %d pixels altogether, the limit is %d", ErrTooLarge, h.width, h.height, h.pixels, limit)
	}
	return nil
}

// resizing is what it takes to make views of an image of a size.
func (f filter) resizing(width, height int, views []frame) int64 {
	most := int64(0)
	for _, v := range views {
		columns, rows := f.windows(width, v.scaledWidth, v.width), f.windows(height, v.scaledHeight, v.height)
		bytes := plus(columns.bytes(v.width), rows.bytes(v.height), times(kernel.StripRows, max(width, v.width), 3),
			times(kernel.StripRows, width, 3), times(kernel.StripRows, v.width, 3))
		if columnsFirst(source{width: width, height: height}, v.scaledWidth, v.scaledHeight) {
			bytes = plus(bytes, times(3, v.width, rows.span))
		} else {
			bytes = plus(bytes, times(3, width, rows.span), times(3, width, v.height))
		}
		most = max(most, bytes)
	}
	return most
}

// windows bounds an axis: the source's samples of one output, those of all, and the range that they
// are in.
type windows struct{ one, all, span int }

// windows bounds the windows of count outputs when in samples are scaled to out.
func (f filter) windows(in, out, count int) windows {
	if in == out || f.weight == nil {
		return windows{1, count, min(in, int(float64(in)/float64(out)*float64(count))+2)}
	}
	scale := float64(in) / float64(out)
	reach := 2 * f.support * max(scale, 1)
	one := min(in, int(reach)+2)
	return windows{one, int(min(times(one, count), math.MaxInt32)), min(in, int(scale*float64(count)+reach)+2)}
}

func (w windows) bytes(count int) int64 {
	return plus(times(8, count), times(4, w.all), times(8, w.one))
}
