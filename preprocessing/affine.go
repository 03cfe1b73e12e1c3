package preprocessing

import (
	"fmt"
	"math"
)

// sameNumbers is how far the numbers of two Specs may be apart, relative to their range, for one to
// stand for the other: the uncertainty in the decimals of published constants.
const sameNumbers = 1e-5

// Affine is the Spec that turns pixels into pixel*scale + offset, with one scale and offset for
// each channel or for all: the form in which graphs and layers normalize. It is a preset if one
// gives the same numbers.
func Affine(channels Channels, scale, offset []float64) (Spec, error) {
	depth := channels.Depth()
	s := Spec{Channels: channels, Divisor: 1}
	uniform := true
	for c := range depth {
		a, b, err := at(scale, offset, c, depth)
		if err != nil {
			return Spec{}, err
		}
		s.Mean[c], s.Std[c] = 0-b/a, 1/a
		uniform = uniform && s.Std[c] == s.Std[0]
	}
	if uniform {
		for c := range depth {
			_, b, _ := at(scale, offset, c, depth)
			s.Mean[c], s.Std[c] = 0-b, 1
		}
		a, _, _ := at(scale, offset, 0, depth)
		s.Divisor = 1 / a
		if halves := math.Round(2*s.Divisor) / 2; math.Abs(s.Divisor-halves) < 1e-6*halves { // 1/255 was float32
			s.Divisor = halves
		}
	}
	for _, p := range presets {
		if same(s, p.spec) {
			return p.spec, nil
		}
	}
	return s, s.Validate()
}

// at is the scale and the offset of a channel.
func at(scale, offset []float64, c, depth int) (a, b float64, err error) {
	pick := func(values []float64) (float64, error) {
		switch len(values) {
		case 1:
			return values[0], nil
		case depth:
			return values[c], nil
		}
		return 0, fmt.Errorf("preprocessing: %d numbers for %d channels", len(values), depth)
	}
	if a, err = pick(scale); err == nil {
		b, err = pick(offset)
	}
	if err == nil && (!finite(a) || !finite(b) || a <= 0) {
		err = fmt.Errorf("preprocessing: pixels times %v plus %v: the scale must be positive", a, b)
	}
	return a, b, err
}

// same reports whether two Specs give the same numbers for all pixels.
func same(a, b Spec) bool {
	if a.Channels != b.Channels || a.Layout != b.Layout {
		return false
	}
	low, high := b.Range()
	for c := range a.Depth() {
		for _, pixel := range []float64{0, 255} {
			if !(math.Abs(a.value(c, pixel)-b.value(c, pixel)) <= sameNumbers*(high-low)) {
				return false
			}
		}
	}
	return true
}
