package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"fovea/preprocessing"
)

// Decode reads an image from the bytes of its file, turns it upright and resizes it. An error about
// the file is an *Error and wraps one of ErrUnsupported, ErrTooLarge, ErrTruncated and ErrCorrupt;
// the last two are also ErrDamaged. Decode is safe for concurrent use.
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
	err := w.open(data, options.MaxPixels, options.Background, &out, func(s source) error {
		out.Pix = grown(dst, 3*out.Width*out.Height*out.Views)
		w.render(out.Pix, s, filters[options.Interpolation], options.frames(s.width, s.height))
		return nil
	})
	if err != nil {
		return Picture{}, err
	}
	return out, nil
}

// open decodes an image whose size is within the limit and passes it, upright and over the
// background, to use.
func (w *workspace) open(data []byte, limit int, background Background, picture *Picture, use func(source) error) (err error) {
	picture.Format = sniff(data)
	if picture.SourceWidth, picture.SourceHeight, err = w.header(data, picture.Format); err == nil {
		err = checkSize(picture.SourceWidth, picture.SourceHeight, limit)
	}
	if err != nil {
		return &Error{StageHeader, picture.Format, reasonOf(data, err)}
	}
	if err := w.pixels(data, background, *picture, use); err != nil {
		return &Error{StageDecode, picture.Format, reasonOf(data, err)}
	}
	return nil
}

func checkSize(width, height, limit int) error {
	if limit == 0 {
		limit = DefaultMaxPixels
	}
	if width < 1 || height < 1 {
		return fmt.Errorf("%w: the header says %dx%d pixels", ErrCorrupt, width, height)
	}
	if width > limit/height {
		return fmt.Errorf("%w: %dx%d pixels, the limit is %d", ErrTooLarge, width, height, limit)
	}
	return nil
}

// header reads the image's size.
func (w *workspace) header(data []byte, format string) (width, height int, err error) {
	defer recoverDecoder(&err)
	var read func(io.Reader) (image.Config, error)
	switch format {
	case "jpeg":
		return w.jpeg.Size(data)
	case "png":
		if err := checkPNG(data); err != nil {
			return 0, 0, err
		}
		read = png.DecodeConfig
	case "gif":
		read = gif.DecodeConfig
	case "bmp":
		read = bmp.DecodeConfig
	case "tiff":
		if err := checkTIFF(data); err != nil {
			return 0, 0, err
		}
		read = tiff.DecodeConfig
	case "webp":
		if _, _, _, width, height, animated := firstFrame(data); animated {
			return width, height, nil
		}
		read = webp.DecodeConfig
	default:
		return 0, 0, unsupported(data)
	}
	config, err := read(bytes.NewReader(data))
	return config.Width, config.Height, err
}

// pixels decodes an image whose size has been checked.
func (w *workspace) pixels(data []byte, background Background, picture Picture, use func(source) error) (err error) {
	defer recoverDecoder(&err)
	s, err := w.decode(data, picture.Format)
	if err != nil {
		return err
	}
	if s.width != picture.SourceWidth || s.height != picture.SourceHeight {
		return fmt.Errorf("%w: the header says %dx%d pixels, the data %dx%d", ErrCorrupt,
			picture.SourceWidth, picture.SourceHeight, s.width, s.height)
	}
	if colour, blended := background.colour(); blended {
		s = s.over(colour)
	}
	return use(w.upright(s, orientation(data, picture.Format)))
}

func (w *workspace) decode(data []byte, format string) (source, error) {
	var decoded image.Image
	var err error
	switch format {
	case "jpeg":
		decoded, err := w.jpeg.Decode(data)
		if err != nil {
			return source{}, err
		}
		return w.fromJPEG(decoded), nil
	case "gif":
		return decodeGIF(data)
	case "webp":
		return decodeWebP(data)
	case "png":
		decoded, err = png.Decode(bytes.NewReader(data))
	case "bmp":
		decoded, err = bmp.Decode(bytes.NewReader(data))
	case "tiff":
		if decoded, err = tiff.Decode(bytes.NewReader(data)); err == nil {
			asPrinted(data, decoded)
		}
	}
	if err != nil {
		return source{}, err
	}
	return fromImage(decoded), nil
}

// recoverDecoder turns a decoder's panic into an error: decoders read hostile input.
func recoverDecoder(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: the decoder failed: %v", ErrCorrupt, p)
	}
}
