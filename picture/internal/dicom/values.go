package dicom

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/picture/internal/fault"
)

// text is an element's value without the blanks and zeros that fill it.
func (e element) text() string {
	return strings.Trim(string(e.value[:min(len(e.value), mostText)]), " \x00")
}

// mostText bounds values that are read as text.
const mostText = 1 << 20

// number is an element's only or first number, and whether it has one.
func (s set) number(r *reader, tag uint32, signed bool) (float64, bool) {
	all := s.numbers(r, tag, signed)
	if len(all) == 0 {
		return 0, false
	}
	return all[0], true
}

// numbers are an element's, in whatever representation. Those without one are 16 bits wide, or text, by their tag.
func (s set) numbers(r *reader, tag uint32, signed bool) []float64 {
	e, found := s[tag]
	if !found || e.undefined {
		return nil
	}
	vr := e.vr
	if vr == "" || vr == "UN" || vr == "OB" || vr == "OW" {
		vr = implied(tag)
		if vr == "US" && signed {
			vr = "SS"
		}
	}
	width, one := numberOf(vr, r.order())
	if width == 0 {
		return texts(e.text())
	}
	out := make([]float64, 0, min(len(e.value)/width, 4))
	for rest := e.value; len(rest) >= width && len(out) < mostNumbers; rest = rest[width:] {
		out = append(out, one(rest))
	}
	return out
}

// mostNumbers bounds how many numbers of a value are read. A vector of frame times has one a frame.
const mostNumbers = 1 << 20

// numberOf reads a number of a representation; width is 0 if that is text.
func numberOf(vr string, o binary.ByteOrder) (width int, read func([]byte) float64) {
	switch vr {
	case "US":
		return 2, func(b []byte) float64 { return float64(o.Uint16(b)) }
	case "SS":
		return 2, func(b []byte) float64 { return float64(int16(o.Uint16(b))) }
	case "UL":
		return 4, func(b []byte) float64 { return float64(o.Uint32(b)) }
	case "SL":
		return 4, func(b []byte) float64 { return float64(int32(o.Uint32(b))) }
	case "FL":
		return 4, func(b []byte) float64 { return float64(math.Float32frombits(o.Uint32(b))) }
	case "FD":
		return 8, func(b []byte) float64 { return math.Float64frombits(o.Uint64(b)) }
	}
	return 0, nil
}

// implied is the representation of an attribute that has none in the file.
func implied(tag uint32) string {
	switch tag {
	case tagCineRate, tagFrameTime, tagFrameTimes, tagFrames, tagWindowCenter, tagWindowWidth, tagIntercept, tagSlope:
		return "DS"
	case tagFloatPadding:
		return "FL"
	case tagDoublePadding:
		return "FD"
	}
	return "US"
}

// texts are the numbers in a text. One that is none ends them.
func texts(text string) (out []float64) {
	for part := range strings.SplitSeq(text, `\`) {
		v, err := strconv.ParseFloat(strings.Trim(part, " \x00"), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || len(out) == mostNumbers {
			break
		}
		out = append(out, v)
	}
	return out
}

// whole is a number from low to high that the image must have.
func (s set) whole(r *reader, tag uint32, name string, low, high int) (int, error) {
	v, found := s.number(r, tag, false)
	switch {
	case !found:
		return 0, fault.Corrupt("it has no %s", name)
	case v < float64(low) || v > float64(high) || v != math.Trunc(v):
		return 0, fault.Corrupt("%s is %g", name, v)
	}
	return int(v), nil
}

// swapped is bytes in the other order, in words of some bytes.
func swapped(data []byte, word int) []byte {
	out := slices.Clone(data[:len(data)/word*word])
	for at := 0; at < len(out); at += word {
		slices.Reverse(out[at : at+word])
	}
	return out
}

// little is the value of words of 16 bits in little endian.
func (e element) little(r *reader) []byte {
	if r.big && e.vr != "OB" {
		return swapped(e.value, 2)
	}
	return e.value
}
