package picture

import (
	"math"
	"slices"
)

// deep is a decoded image in grey or RGB with samples of more than 8 bits, or below 0, or not whole, which a Range
// turns into bytes. Decoders fill it and pass it to workspace.ranged.
type deep struct {
	width, height int
	// channels is 1 or 3: alpha is apart.
	channels int
	// bits is the size of the samples' type. Those of a file that says that it uses 12 of 16 are of 12.
	bits          int
	signed, float bool
	// inverted samples are white where they are low.
	inverted bool
	// words writes the samples of row y, channel by channel of each pixel, where they are whole numbers of up to
	// 16 bits; signed ones in two's complement of 16 bits. It is much faster than row, which is for all others. One of
	// both is set.
	words func(y int, dst []uint16)
	row   func(y int, dst []float64)
	// value, if set, is the number that a word stands for, such as of a table or in other units. It must be finite.
	value func(word uint16) float64
	// absent, if set, says which words stand for no sample.
	absent func(word uint16) bool
	// alpha writes the opacity of row y, a byte a pixel; nil where all pixels are opaque.
	alpha func(y int, dst []uint8)
	// noData, if set, is the sample that stands for none. So does every number that is not finite. Pixels without
	// any sample are transparent black; a missing sample of others is 0.
	noData *float64
	// window, if set, is the range that the file asks for.
	window *span
	// scene, if set, is the range of the image that this is a part of.
	scene *span
	// tally, if set, lists the samples instead of words and row.
	tally tally
}

// span is a range of samples.
type span struct{ low, high float64 }

// deepBytes is the most that workspace.ranged takes for an image: two rows, the table of words, and up to five
// histograms.
func (r Range) deepBytes(width int) int64 {
	const table, histogram = 1 << 16, 8 << 16
	s, err := r.scale()
	switch {
	case err != nil:
		return 0
	case s.kind == scalePercentile:
		return plus(times(width, 3*8+1, 2), table, 5*histogram)
	}
	return plus(times(width, 3*8+1, 2), table, histogram)
}

// limits are the least and largest sample of the type.
func (d *deep) limits() span {
	switch {
	case d.float:
		return span{0, 1}
	case d.signed:
		return span{-math.Exp2(float64(d.bits - 1)), math.Exp2(float64(d.bits-1)) - 1}
	}
	return span{0, math.Exp2(float64(d.bits)) - 1}
}

// wordValue is the number that a word stands for.
func (d *deep) wordValue(word uint16) float64 {
	switch {
	case d.absent != nil && d.absent(word):
		return math.NaN()
	case d.value != nil:
		return d.value(word)
	case d.signed:
		return float64(int16(word))
	}
	return float64(word)
}

func (d *deep) missing(v float64) bool {
	return math.IsNaN(v) || math.IsInf(v, 0) || d.noData != nil && v == *d.noData
}

// curve turns a sample into a byte.
type curve struct {
	span
	// divisor, if not 0, is how many whole numbers become the same byte.
	divisor  float64
	inverted bool
}

func (c curve) at(v float64) uint8 {
	var out uint8
	switch {
	case c.divisor > 0:
		out = uint8(max(0, min(255, math.Floor((v-c.low)/c.divisor))))
	case v >= c.high && c.high > c.low || v > c.high:
		out = 255
	case v > c.low && math.IsInf(c.high-c.low, 0):
		out = uint8(math.RoundToEven((v/2 - c.low/2) / (c.high/2 - c.low/2) * 255))
	case v > c.low:
		out = uint8(math.RoundToEven((v - c.low) / (c.high - c.low) * 255))
	}
	if c.inverted {
		return ^out
	}
	return out
}

// ranged makes bytes of an image's samples.
func (w *workspace) ranged(d deep, r Range) (source, error) {
	c, err := w.curveFor(&d, r)
	if err != nil {
		return source{}, err
	}
	out := source{width: d.width, height: d.height, alpha: d.alpha}
	if d.words != nil {
		w.wordRows(&out, &d, c)
	} else {
		w.floatRows(&out, &d, c)
	}
	out.faint = func() bool { return w.faint(&d, c) }
	return out, nil
}

// curveFor finds the numbers of a range in an image.
func (w *workspace) curveFor(d *deep, r Range) (curve, error) {
	s, err := r.scale()
	c := curve{inverted: d.inverted}
	if err != nil {
		return c, err
	}
	switch s.kind {
	case scaleWindow, scaleFixed:
		c.low, c.high = s.span()
		return c, nil
	case scaleAuto:
		switch {
		case d.window != nil:
			c.span = *d.window
			return c, nil
		case !d.float && !d.signed && d.bits <= 16 && d.value == nil:
			s.kind = scaleFull
		}
	}
	switch {
	case s.kind == scaleFull && d.value != nil: // of words
		c.span = w.tableLimits(d)
	case s.kind == scaleFull:
		if c.span = d.limits(); !d.float {
			c.divisor = math.Exp2(float64(d.bits - 8))
		}
	case d.scene != nil:
		c.span = *d.scene
	case s.kind == scalePercentile:
		c.span, err = w.percentiles(d, s.a, s.b)
	default:
		c.span, err = w.extremes(d)
		if s.kind == scaleAuto && d.float && c.low >= 0 && c.high <= 1 {
			c.span = d.limits()
		}
	}
	return c, err
}

// tableLimits are the least and largest number that words stand for.
func (w *workspace) tableLimits(d *deep) span {
	l := d.limits()
	out := span{math.Inf(1), math.Inf(-1)}
	for v := l.low; v <= l.high; v++ {
		if value := d.wordValue(uint16(int32(v))); !d.missing(value) {
			out.low, out.high = min(out.low, value), max(out.high, value)
		}
	}
	return out
}

// wordRows supplies the rows of an image of words through a table.
func (w *workspace) wordRows(out *source, d *deep, c curve) {
	table := new([1 << 16]uint8)
	none := -1
	for word := range table {
		if v := d.wordValue(uint16(word)); !d.missing(v) {
			table[word] = c.at(v)
		} else {
			none = word
		}
	}
	words := make([]uint16, d.width*d.channels)
	out.row = func(y int, dst []uint8) {
		d.words(y, words)
		if d.channels == 3 {
			for i, word := range words {
				dst[i] = table[word]
			}
			return
		}
		for x, word := range words {
			v := table[word]
			dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
		}
	}
	if none < 0 {
		return
	}
	out.alpha = d.holes(func(y int, dst []uint8) {
		d.words(y, words)
		for x := range dst {
			for _, word := range words[x*d.channels : (x+1)*d.channels] {
				if !d.missing(d.wordValue(word)) {
					dst[x] = 255
				}
			}
		}
	})
}

// floatRows supplies the rows of any image.
func (w *workspace) floatRows(out *source, d *deep, c curve) {
	row := make([]float64, d.width*d.channels)
	out.row = func(y int, dst []uint8) {
		d.row(y, row)
		for i, v := range row {
			b := uint8(0)
			if !d.missing(v) {
				b = c.at(v)
			}
			if d.channels == 3 {
				dst[i] = b
			} else {
				dst[3*i], dst[3*i+1], dst[3*i+2] = b, b, b
			}
		}
	}
	if d.float || d.noData != nil {
		out.alpha = d.holes(func(y int, dst []uint8) {
			d.row(y, row)
			for x := range dst {
				if slices.ContainsFunc(row[x*d.channels:(x+1)*d.channels], func(v float64) bool { return !d.missing(v) }) {
					dst[x] = 255
				}
			}
		})
	}
}

// holes is the opacity of pixels of which present, which gets a row of zeros, says which have samples.
func (d *deep) holes(present func(y int, dst []uint8)) func(y int, dst []uint8) {
	if d.alpha == nil {
		return func(y int, dst []uint8) {
			clear(dst)
			present(y, dst)
		}
	}
	seen := make([]uint8, d.width)
	return func(y int, dst []uint8) {
		clear(seen)
		present(y, seen)
		d.alpha(y, dst)
		for x, s := range seen {
			dst[x] &= s
		}
	}
}

// faintParts is how many samples of a faint image have at most one above a quarter of the range.
const faintParts = 1000
