package picture

import (
	"fmt"
	"math"
)

// dicomGrey makes an image of values: first those that the modality measures, then what of them is to be seen.
func (w *workspace) dicomGrey(f *dicomFrame, s dicomSamples, j job) (source, error) {
	d := deep{
		width: f.Width, height: f.Height, channels: 1, bits: f.Stored, signed: f.Signed, float: f.Float,
		inverted: f.Photometric == "MONOCHROME1", words: s.words,
	}
	value, changed := f.modality()
	if j.ranged == "" || j.ranged == RangeAuto {
		view, err := f.view(&d)
		if err != nil {
			return source{}, err
		}
		if view != nil {
			measured := value
			value, changed = func(v float64) float64 { return view(measured(v)) }, true
		}
	}
	if s.row != nil {
		d.row = f.valueRows(&d, s.row, value)
		return w.ranged(d, j.ranged)
	}
	if p := f.Padding; p != nil {
		d.absent = func(word uint16) bool { v := f.number(word); return v >= p[0] && v <= p[1] }
	}
	if changed {
		d.value = func(word uint16) float64 { return value(f.number(word)) }
	}
	return w.ranged(d, j.ranged)
}

// valueRows are values that are not made of words.
func (f *dicomFrame) valueRows(d *deep, row func(int, []float64), value func(float64) float64) func(int, []float64) {
	if f.Padding != nil {
		none := math.NaN()
		d.noData = &none
	}
	return func(y int, dst []float64) {
		row(y, dst)
		for x, v := range dst {
			if p := f.Padding; p != nil && v >= p[0] && v <= p[1] {
				dst[x] = math.NaN()
			} else {
				dst[x] = value(v)
			}
		}
	}
}

// number is the sample in a word.
func (f *dicomFrame) number(word uint16) float64 {
	if f.Signed {
		return float64(int16(word))
	}
	return float64(word)
}

// modality is what a sample measures, and whether that is another number.
func (f *dicomFrame) modality() (value func(float64) float64, changed bool) {
	switch slope, intercept := f.Slope, f.Intercept; {
	case f.Modality != nil:
		return func(v float64) float64 { return float64(f.Modality.At(v)) }, true
	case slope != 1 || intercept != 0:
		return func(v float64) float64 { return float64(v*slope) + intercept }, true
	}
	return func(v float64) float64 { return v }, false
}

// view sets the window that the file asks for, of values, or of what the function that is returned makes of them.
func (f *dicomFrame) view(d *deep) (func(float64) float64, error) {
	switch v := f.Window; {
	case f.VOI != nil:
		d.window = &span{0, math.Exp2(float64(f.VOI.Bits)) - 1}
		return func(v float64) float64 { return float64(f.VOI.At(v)) }, nil
	case v == nil:
		if !f.Signed && f.Stored < 8 && f.Modality == nil && f.Slope == 1 && f.Intercept == 0 {
			d.window = &span{0, math.Exp2(float64(f.Stored)) - 1} // as in JPEG, fewer than 8 bits are stretched
		}
	case v.Function == "LINEAR":
		middle, half := v.Center-0.5, (v.Width-1)/2
		d.window = &span{middle - half, middle + half}
	case v.Function == "LINEAR_EXACT":
		d.window = &span{v.Center - v.Width/2, v.Center + v.Width/2}
	case v.Function == "SIGMOID":
		d.window = &span{0, 1}
		return func(x float64) float64 { return 1 / (1 + math.Exp(-4*(x-v.Center)/v.Width)) }, nil
	default:
		return nil, fmt.Errorf("%w: the VOI LUT function %.40q: choose a --range of your own", ErrUnsupported, v.Function)
	}
	return nil, nil
}

// dicomColours makes an image of three samples a pixel.
func (w *workspace) dicomColours(f *dicomFrame, s dicomSamples, j job) (source, error) {
	d := deep{width: f.Width, height: f.Height, channels: 3, bits: f.Stored, signed: f.Signed, words: s.words, row: s.row}
	if f.Photometric == "YBR_FULL" || f.Photometric == "YBR_FULL_422" {
		if s.words == nil || f.Signed {
			return source{}, fmt.Errorf("%w: colours of %s with samples of %d bits: write it as RGB", ErrUnsupported, f.Photometric, f.Stored)
		}
		top := int64(1)<<f.Stored - 1
		d.words = func(y int, dst []uint16) {
			s.words(y, dst)
			for x := 0; x < len(dst); x += 3 {
				deepRGB(dst[x:x+3], top)
			}
		}
	}
	if d.words == nil || f.Signed || f.Stored > 8 {
		return w.ranged(d, j.ranged)
	}
	return flat(&d, stretched(f.Stored)), nil
}

// flat makes an image of 8 bits.
func flat(d *deep, table [256]uint8) source {
	words := make([]uint16, 3*d.width)
	return source{width: d.width, height: d.height, row: func(y int, dst []uint8) {
		d.words(y, words)
		for i, v := range words {
			dst[i] = table[uint8(v)]
		}
	}}
}

// dicomPalette makes an image of colours that its samples choose.
func (w *workspace) dicomPalette(f *dicomFrame, s dicomSamples, j job) (source, error) {
	if s.words == nil {
		return source{}, fmt.Errorf("%w: a palette for samples of %d bits: write it as RGB", ErrUnsupported, f.Stored)
	}
	p := f.Palette
	indices := make([]uint16, f.Width)
	d := deep{width: f.Width, height: f.Height, channels: 3, bits: p.Bits, words: func(y int, dst []uint16) {
		s.words(y, indices)
		for x, index := range indices {
			v := f.number(index)
			for c := range p.Tables {
				dst[3*x+c] = p.Tables[c].At(v)
			}
		}
	}}
	if p.Bits > 8 {
		return w.ranged(d, j.ranged)
	}
	return flat(&d, stretched(8)), nil
}
