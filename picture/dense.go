package picture

import (
	"fmt"
	"time"

	"fovea/preprocessing"
)

// Dense says at which scales a fully convolutional model sees a whole image, as in the multi-scale
// evaluation of VGG's paper (Simonyan and Zisserman 2015, sections 3.2 and 4.2).
type Dense struct {
	// Sides are the lengths of the shorter side in pixels, one per scale, 1 to 65,535: the paper
	// uses 256, 384 and 512 for a model trained on all of these.
	Sides []int
	// Flip adds the mirror image at each scale.
	Flip bool
	// Interpolation is the resampling filter (default Bilinear).
	Interpolation Interpolation
	// Background is what shows through transparent pixels (default: alpha is dropped).
	Background Background
	// Range says which samples of more than 8 bits become black and white (default: RangeAuto).
	Range Range
	// Bands are those that are shown (default: the file's own colours).
	Bands Bands
	// MaxPixels bounds width times height of the image in the file (default DefaultMaxPixels).
	MaxPixels int
	// MaxTime is as Options.MaxTime.
	MaxTime time.Duration
}

// maxViewPixels bounds a scaled image, and so the memory of a VGG that computes it: about 640 bytes
// a pixel, 1.3 GB.
const maxViewPixels = 2_000_000

// Tensor is an image at one scale: height x width x 3 numbers.
type Tensor struct {
	Values        []float32
	Width, Height int
	// Mirrored marks the mirror image.
	Mirrored bool
}

// Validate reports what is wrong with the scales.
func (d Dense) Validate() error {
	if len(d.Sides) == 0 {
		return fmt.Errorf("image: no scales: give the lengths of the shorter side, such as 256, 384, 512")
	}
	for _, side := range d.Sides {
		if side < 1 || side > 65_535 {
			return fmt.Errorf("image: a shorter side of %d pixels: use 1 to 65535", side)
		}
	}
	if d.MaxPixels < 0 {
		return fmt.Errorf("image: a limit of %d pixels", d.MaxPixels)
	}
	if d.MaxTime < 0 {
		return fmt.Errorf("image: a limit of %s", d.MaxTime)
	}
	if err := d.Background.Validate(); err != nil {
		return err
	}
	if err := d.Range.Validate(); err != nil {
		return err
	}
	if err := d.Bands.Validate(); err != nil {
		return err
	}
	return d.Interpolation.Validate()
}

// Views is the number of tensors per image.
func (d Dense) Views() int {
	if d.Flip {
		return 2 * len(d.Sides)
	}
	return len(d.Sides)
}

// DecodeDense decodes an image once and returns it at every scale, in the order of Sides, each
// followed by its mirror image if requested. The longer side is in proportion, rounded down. Errors
// are as Decode's; an image so long that one scale has more than 2 million pixels is ErrTooLarge.
// The Picture has neither Pix nor a size of its own.
func DecodeDense(data []byte, dense Dense, how preprocessing.Spec) ([]Tensor, Picture, error) {
	if err := dense.Validate(); err != nil {
		return nil, Picture{}, err
	}
	if err := how.Validate(); err != nil {
		return nil, Picture{}, err
	}
	w := workspaces.Get().(*workspace)
	defer w.release()
	return w.decodeDense(data, dense, how)
}

func (w *workspace) decodeDense(data []byte, dense Dense, how preprocessing.Spec) ([]Tensor, Picture, error) {
	out := Picture{Views: dense.Views()}
	var tensors []Tensor
	err := w.open(data, dense.MaxTime, dense.job(func(s source) error {
		for _, side := range dense.Sides {
			width, height := shorterSide(s.width, s.height, side)
			w.views = grown(w.views, 3*width*height)
			w.resize(w.views, s, filters[dense.Interpolation], frame{scaledWidth: width, scaledHeight: height, width: width, height: height})
			tensors = append(tensors, tensorOf(w.views, width, height, how))
			if dense.Flip {
				mirror(w.views, width)
				mirrored := tensorOf(w.views, width, height, how)
				mirrored.Mirrored = true
				tensors = append(tensors, mirrored)
			}
		}
		return nil
	}), &out)
	if err != nil {
		return nil, Picture{}, err
	}
	return tensors, out, nil
}

// job is that of making an image's tensors.
func (d Dense) job(use func(source) error) job {
	return job{limit: d.MaxPixels, parts: []part{{background: d.Background, ranged: d.Range, bands: d.Bands, use: use, cost: func(width, height int) (result, scratch int64, err error) {
		for _, side := range d.Sides {
			w, h := shorterSide(width, height, side)
			if err := checkSize(w, h, maxViewPixels); err != nil {
				return 0, 0, fmt.Errorf("so long that it has %dx%d pixels at a shorter side of %d: %w", w, h, side, err)
			}
			result = plus(result, times(3, w, h))
			for range d.Views() / len(d.Sides) {
				result = plus(result, times(3*4, w, h))
			}
			view := frame{scaledWidth: w, scaledHeight: h, width: w, height: h}
			scratch = plus(scratch, filters[d.Interpolation].resizing(width, height, []frame{view}))
		}
		return result, scratch, nil
	}}}}
}

func tensorOf(pix []uint8, width, height int, how preprocessing.Spec) Tensor {
	t := Tensor{Values: make([]float32, len(pix)/3*how.Depth()), Width: width, Height: height}
	how.Apply(t.Values, pix)
	return t
}
