package picture

import (
	"fmt"
	"time"
)

// Resize says how an image of any size is resized to the model's input size.
type Resize string

const (
	// Squash scales the whole image to the model's size, whatever that does to its proportions, as
	// Keras's load_img does. It is the zero value's meaning.
	Squash Resize = "squash"
	// Crop scales the shorter side to 256 (for a model of 224; in proportion for others)
	// and takes the centre, as the paper's single-crop evaluation and torchvision's
	// Resize(256), CenterCrop(224) do.
	Crop Resize = "crop"
)

// Options control what an image is made into. Width and Height must be set.
type Options struct {
	// Width and Height are the model's input size in pixels.
	Width, Height int
	// Resize is Squash or Crop.
	Resize Resize
	// Views selects the views of the image (default Center).
	Views Views
	// Interpolation is the resampling filter (default Bilinear).
	Interpolation Interpolation
	// Background is what shows through transparent pixels (default: alpha is dropped).
	Background Background
	// Range says which samples of more than 8 bits become black and white (default: RangeAuto).
	Range Range
	// Bands are those that are shown (default: the file's own colours).
	Bands Bands
	// MaxPixels bounds width times height of the image in the file (default DefaultMaxPixels), and
	// with it the memory: see Estimate.
	MaxPixels int
	// MaxTime bounds the processor time of decoding and resizing (default DefaultMaxTime).
	MaxTime time.Duration
}

// DefaultMaxPixels is enough for any camera. A photo of that size takes 0.4 GB of memory, the most
// hungry image within it 44 bytes a pixel, 5.3 GB.
const DefaultMaxPixels = 120_000_000

// DefaultMaxTime is several times what the slowest honest image of DefaultMaxPixels takes.
const DefaultMaxTime = time.Minute

// Validate reports what is wrong with the options.
func (o Options) Validate() error {
	if o.Width < 1 || o.Height < 1 {
		return fmt.Errorf("image: a size of %dx%d pixels", o.Width, o.Height)
	}
	switch o.Resize {
	case "", Squash:
	case Crop:
		if o.Width != o.Height {
			return fmt.Errorf("image: crop makes square images, not %dx%d", o.Width, o.Height)
		}
	default:
		return fmt.Errorf("image: unknown way to resize %q: use squash or crop", o.Resize)
	}
	if err := o.Interpolation.Validate(); err != nil {
		return err
	}
	if err := o.Background.Validate(); err != nil {
		return err
	}
	if err := o.Range.Validate(); err != nil {
		return err
	}
	if err := o.Bands.Validate(); err != nil {
		return err
	}
	if err := o.Views.Validate(); err != nil {
		return err
	}
	if o.MaxPixels < 0 {
		return fmt.Errorf("image: a limit of %d pixels", o.MaxPixels)
	}
	if o.MaxTime < 0 {
		return fmt.Errorf("image: a limit of %s", o.MaxTime)
	}
	if o.Views.IsDense() {
		return fmt.Errorf("image: the views %q have no size of their own: DecodeDense makes them", o.Views)
	}
	return nil
}

// Picture is an image of the model's size.
type Picture struct {
	// Pix are the pixels in RGB order, view by view, row by row: views x height x width x 3
	// bytes.
	Pix                  []uint8
	Views, Width, Height int
	// SourceWidth and SourceHeight are as stored in the file, before orientation.
	SourceWidth, SourceHeight int
	// Format is the file's format, such as "jpeg", "jpeg-ls", "png", "gif", "bmp", "tiff", "webp", "avif", "jpeg2000",
	// "jxl" or "heic" (any HEIF).
	Format string
	// Transparent says that a hundredth or more of the image is mostly transparent, and that its alpha was dropped:
	// these pixels show whatever colour is stored there. With a Background it is false.
	Transparent bool
	// Faint says that the image has samples of more than 8 bits, of which all but a thousandth use less than a quarter
	// of the Range, so that it comes out nearly black.
	Faint bool
}
