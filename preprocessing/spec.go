package preprocessing

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Channels is the order of the channels of a model's input.
type Channels string

// The known orders. A Gray input takes the luma of ITU-R BT.601, computed as Pillow's
// convert("L") does. The alpha of RGBA is 255, opaque: images are decoded to RGB.
const (
	RGB  Channels = "rgb"
	BGR  Channels = "bgr"
	Gray Channels = "gray"
	RGBA Channels = "rgba"
)

// Depth is the number of channels, 0 for an unknown order.
func (c Channels) Depth() int {
	switch c {
	case RGB, BGR:
		return 3
	case Gray:
		return 1
	case RGBA:
		return 4
	}
	return 0
}

// Layout is the order of the dimensions of a model's input.
type Layout string

// The known layouts. An empty Layout follows the shape of the model's input.
const (
	NHWC Layout = "nhwc"
	NCHW Layout = "nchw"
)

// maxDepth is the largest number of channels.
const maxDepth = 4

// Spec is how pixels become a model's numbers. Specs may be compared by ==; the zero Spec
// is unknown.
type Spec struct {
	Channels Channels
	// Divisor divides the pixel before the mean is subtracted: it is 1/scale. Published
	// code divides by 255 rather than multiplying by its reciprocal, which rounds
	// differently.
	Divisor float64
	// Mean and Std are of the scaled values, in the order of Channels. Entries past the
	// depth are zero.
	Mean, Std [maxDepth]float64
	Layout    Layout
}

// New returns a Spec for three channels of one scale.
func New(channels Channels, divisor float64, mean, std [3]float64) Spec {
	s := Spec{Channels: channels, Divisor: divisor}
	copy(s.Mean[:], mean[:])
	copy(s.Std[:], std[:])
	return s
}

// IsZero reports whether the preprocessing is unknown.
func (s Spec) IsZero() bool { return s == Spec{} }

// Depth is the number of channels of the model's input.
func (s Spec) Depth() int { return s.Channels.Depth() }

// Scale is what a pixel is multiplied by, the reciprocal of Divisor.
func (s Spec) Scale() float64 { return 1 / s.Divisor }

// WithLayout returns the Spec with another layout.
func (s Spec) WithLayout(layout Layout) Spec {
	s.Layout = layout
	return s
}

// Range is the smallest and the largest number that a pixel can become.
func (s Spec) Range() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for c := range s.Depth() {
		for _, pixel := range []float64{0, 255} {
			v := s.value(c, pixel)
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

func (s Spec) value(channel int, pixel float64) float64 {
	return (pixel/s.Divisor - s.Mean[channel]) / s.Std[channel]
}

// maxValue bounds the numbers that pixels may become. No published model takes numbers beyond a few
// hundred; an inverted scale (255 for 1/255) exceeds it.
const maxValue = 1e4

// Validate reports what is wrong with a Spec.
func (s Spec) Validate() error {
	if s.IsZero() {
		return errors.New("preprocessing: none is stated")
	}
	if s.Depth() == 0 {
		return fmt.Errorf("preprocessing: unknown channels %q: use %s, %s, %s or %s", string(s.Channels), RGB, BGR, Gray, RGBA)
	}
	if !finite(s.Divisor) || s.Divisor <= 0 {
		return fmt.Errorf("preprocessing: scale %v is not a positive number", s.Scale())
	}
	for c := range maxDepth {
		switch mean, std := s.Mean[c], s.Std[c]; {
		case c >= s.Depth() && (mean != 0 || std != 0):
			return fmt.Errorf("preprocessing: more means or standard deviations than the %d channels of %s", s.Depth(), s.Channels)
		case c >= s.Depth():
		case !finite(mean):
			return fmt.Errorf("preprocessing: mean %v of channel %d is not a number", mean, c)
		case !finite(std) || std <= 0:
			return fmt.Errorf("preprocessing: standard deviation %v of channel %d is not positive", std, c)
		}
	}
	if !slices.Contains([]Layout{"", NHWC, NCHW}, s.Layout) {
		return fmt.Errorf("preprocessing: unknown layout %q: use %s or %s", string(s.Layout), NHWC, NCHW)
	}
	if low, high := s.Range(); low < -maxValue || high > maxValue {
		return fmt.Errorf("preprocessing: pixels would become numbers from %.4g to %.4g, which no model takes: is the scale 1/255 rather than 255?", low, high)
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Describe puts into words what a Spec does, with the range of the results.
func (s Spec) Describe() string {
	if s.IsZero() {
		return "unknown"
	}
	var b strings.Builder
	b.WriteString(strings.ToUpper(string(s.Channels)))
	if s.Divisor != 1 {
		fmt.Fprintf(&b, " times %s", formatScale(s.Divisor))
	}
	depth := s.Depth()
	if mean := s.Mean[:depth]; slices.ContainsFunc(mean, func(v float64) bool { return v != 0 }) {
		fmt.Fprintf(&b, ", minus %s", formatList(mean, ", "))
	}
	if std := s.Std[:depth]; slices.ContainsFunc(std, func(v float64) bool { return v != 1 }) {
		fmt.Fprintf(&b, ", divided by %s", formatList(std, ", "))
	}
	if s.Layout != "" {
		fmt.Fprintf(&b, ", %s", strings.ToUpper(string(s.Layout)))
	}
	low, high := s.Range()
	fmt.Fprintf(&b, "; %.4g to %.4g", low, high)
	return b.String()
}
