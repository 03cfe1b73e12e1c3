package picture

import (
	"fmt"
	"time"

	"fovea/preprocessing"
)

// Decode reads an image from the bytes of its file, turns it upright and resizes it. An error about
// the file is an *Error and wraps one of ErrUnsupported, ErrTooLarge, ErrTooSlow, ErrTruncated and
// ErrCorrupt; the last two are also ErrDamaged. Decode is safe for concurrent use.
func Decode(data []byte, options Options) (Picture, error) {
	return DecodeInto(nil, data, options)
}

// DecodeInto is Decode into the caller's memory: the result's Pix is in dst if dst has the capacity
// for views x height x width x 3 bytes.
func DecodeInto(dst []uint8, data []byte, options Options) (Picture, error) {
	if err := options.Validate(); err != nil {
		return Picture{}, err
	}
	w := workspaces.Get().(*workspace)
	defer w.release()
	return w.decodeInto(dst, data, options)
}

// DecodeTensor is Decode with the model's numbers as the result: it fills dst, which must have
// views x height x width x depth numbers. The returned Picture has no Pix.
func DecodeTensor(dst []float32, data []byte, options Options, how preprocessing.Spec) (Picture, error) {
	if err := options.Validate(); err != nil {
		return Picture{}, err
	}
	if err := how.Validate(); err != nil {
		return Picture{}, err
	}
	if want := options.Views.Count() * options.Height * options.Width * how.Depth(); len(dst) != want {
		return Picture{}, fmt.Errorf("image: a tensor of %d numbers for %d views of %dx%d pixels: it takes %d",
			len(dst), options.Views.Count(), options.Width, options.Height, want)
	}
	w := workspaces.Get().(*workspace)
	defer w.release()
	out, err := w.decodeInto(w.views, data, options)
	if err != nil {
		return Picture{}, err
	}
	how.Apply(dst, out.Pix)
	w.views, out.Pix = out.Pix, nil
	return out, nil
}

func (w *workspace) decodeInto(dst []uint8, data []byte, options Options) (Picture, error) {
	out := Picture{Width: options.Width, Height: options.Height, Views: options.Views.Count()}
	err := w.open(data, options.MaxTime, options.job(func(s source) error {
		out.Pix = grown(dst, 3*out.Width*out.Height*out.Views)
		w.render(out.Pix, s, filters[options.Interpolation], options.frames(s.width, s.height))
		return nil
	}), &out)
	if err != nil {
		return Picture{}, err
	}
	return out, nil
}

// job is that of making the views of an image.
func (o Options) job(use func(source) error) job {
	return job{limit: o.MaxPixels, parts: []part{o.part(use)}}
}

func (o Options) part(use func(source) error) part {
	return part{background: o.Background, ranged: o.Range, bands: o.Bands, use: use, cost: func(width, height int) (result, scratch int64, err error) {
		scratch = filters[o.Interpolation].resizing(width, height, o.frames(width, height))
		return times(3, o.Width, o.Height, o.Views.Count()), scratch, nil
	}}
}

// open decodes an image that is within the limits and passes it, upright and over the background,
// to the job's use.
func (w *workspace) open(data []byte, most time.Duration, j job, picture *Picture) error {
	w.clock.begin(most)
	defer w.clock.end()
	stage := StageHeader
	p, err := w.plan(data, j, picture)
	if err == nil {
		stage, err = StageDecode, w.pixels(data, p, j, picture)
	}
	return w.failure(stage, picture.Format, err)
}

// failure is the error about a file; where the time was over, that is the reason, whatever the
// decoder made of it.
func (w *workspace) failure(stage Stage, format string, err error) error {
	if late := w.clock.final(); late != nil {
		err = late
	}
	if err == nil {
		return nil
	}
	return &Error{stage, format, reason(err)}
}

func checkSize(width, height, limit int) error {
	if width < 1 || height < 1 {
		return fmt.Errorf("%w: the header says %dx%d pixels", ErrCorrupt, width, height)
	}
	if width > limit/height {
		return fmt.Errorf("%w: %dx%d pixels, the limit is %d", ErrTooLarge, width, height, limit)
	}
	return nil
}

// header reads the image's size and what its decoder will take.
func (w *workspace) header(data []byte, f *format) (h header, err error) {
	defer recoverDecoder(&err)
	if f == nil {
		return h, unsupported(data)
	}
	return f.header(w, data)
}

// pixels decodes an image whose size has been checked: anew for parts of another range.
func (w *workspace) pixels(data []byte, p plan, j job, picture *Picture) (err error) {
	defer recoverDecoder(&err)
	var decoded, upright source
	for i, part := range j.parts {
		again := i == 0 || part.ranged != j.parts[i-1].ranged || part.bands != j.parts[i-1].bands
		if again {
			j.ranged, j.bands = part.ranged, part.bands
			if decoded, err = w.decode(data, p, j); err != nil {
				return err
			}
			if decoded.width != p.width || decoded.height != p.height {
				return fmt.Errorf("%w: the header says %dx%d pixels, the data %dx%d", ErrCorrupt, p.width, p.height, decoded.width, decoded.height)
			}
			picture.Faint = picture.Faint || decoded.faint != nil && decoded.faint()
		}
		if again || part.background != j.parts[i-1].background {
			over := decoded
			if colour, blended := part.background.Colour(); blended {
				over = decoded.over(colour)
			} else {
				picture.Transparent = picture.Transparent || decoded.transparent()
			}
			upright = w.upright(over, p.orientation)
		}
		if err := part.use(upright); err != nil {
			return err
		}
	}
	return nil
}

// decode decodes the bands that the job wants.
func (w *workspace) decode(data []byte, p plan, j job) (source, error) {
	s, err := p.format.decode(w, data, j)
	if err != nil {
		return s, err
	}
	return s.bands(j.bands)
}

// recoverDecoder turns a decoder's panic into an error: decoders read hostile input.
func recoverDecoder(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: the decoder failed: %v", ErrCorrupt, p)
	}
}
