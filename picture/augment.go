package picture

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// Augmentation is what is randomly changed in an image of the model's size, so that a network in
// training never sees it twice in the same way.
type Augmentation struct {
	// Flip mirrors every second image, left to right.
	Flip bool
	// Shift moves it by up to a tenth of its width and height in any direction.
	Shift bool
	// Zoom scales by 0.8 to 1.2 about the centre.
	Zoom bool
}

// The ranges are those in Keras's guides: width_shift_range and height_shift_range of 0.1,
// zoom_range of 0.2. What comes in from outside repeats the edge (fill_mode "nearest").
const (
	maxShift = 0.1
	maxZoom  = 0.2
)

// ParseAugmentation reads a list such as "flip,shift,zoom"; "" and "none" mean no augmentation.
func ParseAugmentation(list string) (Augmentation, error) {
	var a Augmentation
	if list == "" || list == "none" {
		return a, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case "flip":
			a.Flip = true
		case "shift":
			a.Shift = true
		case "zoom":
			a.Zoom = true
		default:
			return Augmentation{}, fmt.Errorf("image: unknown augmentation %q: use flip, shift and zoom, or none", name)
		}
	}
	return a, nil
}

// Apply augments an image of RGB pixels, row by row, into dst, which must be as long and must not
// overlap. It always draws the same number of values from random.
func (a Augmentation) Apply(dst, src []uint8, width, height int, random *rand.Rand) {
	flip, x, y, zoom := random.IntN(2) == 1, random.Float64(), random.Float64(), random.Float64()
	flip = flip && a.Flip
	scale, left, top := 1.0, 0.0, 0.0
	if a.Shift {
		left, top = maxShift*(2*x-1)*float64(width), maxShift*(2*y-1)*float64(height)
	}
	if a.Zoom {
		scale = 1 / (1 + maxZoom*(2*zoom-1))
	}
	columns := samples(width, scale, left, flip)
	rows := samples(height, scale, top, false)
	for r, row := range rows {
		upper, lower := src[3*width*row.from:], src[3*width*row.to:]
		for c, column := range columns {
			out := dst[3*(r*width+c):]
			for k := range 3 {
				above := float32(upper[3*column.from+k])*(1-column.part) + float32(upper[3*column.to+k])*column.part
				below := float32(lower[3*column.from+k])*(1-column.part) + float32(lower[3*column.to+k])*column.part
				out[k] = uint8(above*(1-row.part) + below*row.part + 0.5)
			}
		}
	}
}

// sample is a position between two pixels of a line: the first pixel and the fraction of the way to
// the next.
type sample struct {
	from, to int
	part     float32
}

// samples are the positions in a line of n pixels from which a scaled, shifted and mirrored line is
// sampled.
func samples(n int, scale, move float64, flip bool) []sample {
	line := make([]sample, n)
	centre := float64(n-1) / 2
	for i := range line {
		at := min(max((float64(i)-centre-move)*scale+centre, 0), float64(n-1))
		if flip {
			at = float64(n-1) - at
		}
		whole := math.Floor(at)
		line[i] = sample{int(whole), min(int(whole)+1, n-1), float32(at - whole)}
	}
	return line
}
