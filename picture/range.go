package picture

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range says which samples of an image of more than 8 bits become 0 and which 255: what is below or above is clipped,
// and what lies between is in proportion. It is the same for all colours of an image. It does not touch images of
// 8 bits. The kinds are
//
//	(empty), auto         the file's own window, if it has one; otherwise full for whole numbers from 0 on of up to
//	                      16 bits, and for floating-point numbers that are all from 0 to 1; otherwise minmax
//	full                  all that the type of the samples can hold: of whole numbers the highest 8 bits are kept,
//	                      floating-point numbers go from 0 to 1
//	minmax                from the image's least sample to its largest
//	percentile:LOW,HIGH   from one percentile of the image's samples to another, as numpy.percentile computes them
//	window:CENTER,WIDTH   CENTER - WIDTH/2 to CENTER + WIDTH/2
//	LOW..HIGH             these numbers
//
// Samples other than those of full whole numbers are rounded to the nearest of 0 to 255, halves to even.
type Range string

// The kinds of ranges without numbers.
const (
	RangeAuto   Range = "auto"
	RangeFull   Range = "full"
	RangeMinMax Range = "minmax"
)

const (
	percentilePrefix = "percentile:"
	windowPrefix     = "window:"
)

// RangeHelp is how the kinds are written.
const RangeHelp = "auto, full, minmax, percentile:LOW,HIGH, window:CENTER,WIDTH or LOW..HIGH"

// ParseRange reads a range and writes it in the one form that recipes have: auto is "", and numbers are as short as
// can be.
func ParseRange(text string) (Range, error) {
	r := Range(text)
	s, err := r.scale()
	if err != nil {
		return "", err
	}
	a, b := strconv.FormatFloat(s.a, 'g', -1, 64), strconv.FormatFloat(s.b, 'g', -1, 64)
	switch s.kind {
	case scaleAuto:
		return "", nil
	case scalePercentile:
		return Range(percentilePrefix + a + "," + b), nil
	case scaleWindow:
		return Range(windowPrefix + a + "," + b), nil
	case scaleFixed:
		return Range(a + ".." + b), nil
	}
	return r, nil
}

// Validate reports what is wrong with the range.
func (r Range) Validate() error {
	_, err := r.scale()
	return err
}

// Fixed gives the samples that become 0 and 255, where they are the same for all images.
func (r Range) Fixed() (low, high float64, fixed bool) {
	s, err := r.scale()
	if err != nil || s.kind != scaleWindow && s.kind != scaleFixed {
		return 0, 0, false
	}
	low, high = s.span()
	return low, high, true
}

type scaleKind int

const (
	scaleAuto scaleKind = iota
	scaleFull
	scaleMinMax
	scalePercentile
	scaleWindow
	scaleFixed
)

// scale is a range with its numbers.
type scale struct {
	kind scaleKind
	a, b float64
}

func (r Range) scale() (scale, error) {
	switch r {
	case "", RangeAuto:
		return scale{kind: scaleAuto}, nil
	case RangeFull:
		return scale{kind: scaleFull}, nil
	case RangeMinMax:
		return scale{kind: scaleMinMax}, nil
	}
	text := string(r)
	if rest, found := strings.CutPrefix(text, percentilePrefix); found {
		s, ok := twoNumbers(scalePercentile, rest, ",")
		if !ok || s.a < 0 || s.b > 100 || s.a >= s.b {
			return scale{}, fmt.Errorf("image: range %q: give two percentiles from 0 to 100, the lower one first, such as percentile:1,99", text)
		}
		return s, nil
	}
	if rest, found := strings.CutPrefix(text, windowPrefix); found {
		s, ok := twoNumbers(scaleWindow, rest, ",")
		if low, high := s.span(); !ok || s.b <= 0 || low >= high || math.IsInf(low, 0) || math.IsInf(high, 0) {
			return scale{}, fmt.Errorf("image: range %q: give a center and a width above 0, such as window:40,400", text)
		}
		return s, nil
	}
	if s, ok := twoNumbers(scaleFixed, text, ".."); ok {
		if s.a >= s.b || math.IsInf(s.b-s.a, 0) {
			return scale{}, fmt.Errorf("image: range %q: give two numbers, the lower one first, such as 0..4095", text)
		}
		return s, nil
	}
	return scale{}, fmt.Errorf("image: unknown range %q: use %s", text, RangeHelp)
}

// twoNumbers reads two finite numbers.
func twoNumbers(kind scaleKind, text, separator string) (scale, bool) {
	first, second, found := strings.Cut(text, separator)
	a, errA := strconv.ParseFloat(first, 64)
	b, errB := strconv.ParseFloat(second, 64)
	finite := !math.IsNaN(a) && !math.IsNaN(b) && !math.IsInf(a, 0) && !math.IsInf(b, 0)
	return scale{kind, a, b}, found && errA == nil && errB == nil && finite
}

// span is the range from low to high of a scale that gives it.
func (s scale) span() (low, high float64) {
	if s.kind == scaleWindow {
		return s.a - s.b/2, s.a + s.b/2
	}
	return s.a, s.b
}
