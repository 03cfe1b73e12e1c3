package picture

import (
	"math"
	"slices"
)

// each calls visit with every row of samples, words or not, while there is time.
func (w *workspace) each(d *deep, words func([]uint16) bool, floats func([]float64) bool) error {
	n := d.width * d.channels
	var row16 []uint16
	var row64 []float64
	if d.words != nil {
		row16 = make([]uint16, n)
	} else {
		row64 = make([]float64, n)
	}
	for y := range d.height {
		if !w.clock.spend(n) {
			return w.clock.err
		}
		more := false
		if d.words != nil {
			d.words(y, row16)
			more = words(row16)
		} else {
			d.row(y, row64)
			more = floats(row64)
		}
		if !more {
			break
		}
	}
	return nil
}

// tally lists an image's samples, without those that are missing, each with the number of times that it occurs: of
// words at once, of other numbers one by one in another pass over the image.
type tally func(see func(v float64, times int64)) error

func (w *workspace) tally(d *deep) (tally, error) {
	if d.tally != nil {
		return d.tally, nil
	}
	if d.words == nil {
		return func(see func(float64, int64)) error {
			return w.each(d, nil, func(row []float64) bool {
				for _, v := range row {
					if !d.missing(v) {
						see(v, 1)
					}
				}
				return true
			})
		}, nil
	}
	counts := new([1 << 16]int64)
	err := w.each(d, func(row []uint16) bool {
		for _, word := range row {
			counts[word]++
		}
		return true
	}, nil)
	return func(see func(float64, int64)) error {
		for word, n := range counts {
			if v := d.wordValue(uint16(word)); n > 0 && !d.missing(v) {
				see(v, n)
			}
		}
		return nil
	}, err
}

// extremes are an image's least and largest sample; 0 and 0 if it has none.
func (w *workspace) extremes(d *deep) (span, error) {
	samples, err := w.tally(d)
	if err != nil {
		return span{}, err
	}
	out := span{math.Inf(1), math.Inf(-1)}
	err = samples(func(v float64, _ int64) { out.low, out.high = min(out.low, v), max(out.high, v) })
	if out.low > out.high {
		out = span{}
	}
	return out, err
}

// percentiles are two percentiles of an image's samples, computed as numpy.percentile does; 0 and 0 if it has none.
func (w *workspace) percentiles(d *deep, low, high float64) (span, error) {
	samples, err := w.tally(d)
	if err != nil {
		return span{}, err
	}
	count := int64(0)
	if err := samples(func(_ float64, n int64) { count += n }); err != nil || count == 0 {
		return span{}, err
	}
	lowAt, lowPart := math.Modf(low / 100 * float64(count-1))
	highAt, highPart := math.Modf(high / 100 * float64(count-1))
	next := func(at float64) int64 { return min(count-1, int64(at)+1) }
	values, err := samples.ranked([4]int64{int64(lowAt), next(lowAt), int64(highAt), next(highAt)})
	return span{between(values[0], values[1], lowPart), between(values[2], values[3], highPart)}, err
}

// between interpolates with NumPy's rounding. The conversions keep products and sums apart on every processor.
func between(a, b, part float64) float64 {
	step := b - a
	if part >= 0.5 {
		return b - float64(step*(1-part))
	}
	return a + float64(step*part)
}

// ranked finds the samples at ranks in the order of all, exactly and in little memory: 16 bits of them at a time, from
// the highest on, each time counting those that agree in the bits before.
func (t tally) ranked(ranks [4]int64) (values [4]float64, err error) {
	var found [4]uint64 // the bits known so far
	var memory [4][]int64
	for shift := 48; shift >= 0; shift -= 16 {
		counts, err := t.digits(&memory, found, shift)
		if err != nil {
			return values, err
		}
		for i := range ranks {
			digit := 0
			for ; digit < 1<<16-1 && ranks[i] >= counts[i][digit]; digit++ {
				ranks[i] -= counts[i][digit]
			}
			found[i] |= uint64(digit) << shift
		}
	}
	for i, bits := range found {
		values[i] = unordered(bits)
	}
	return values, nil
}

// digits counts, for each of the beginnings of numbers, the next 16 bits of the samples with that beginning. Equal
// beginnings share their counts, which are in memory.
func (t tally) digits(memory *[4][]int64, beginnings [4]uint64, shift int) (counts [4][]int64, err error) {
	var different []int
	for i, b := range beginnings {
		same := slices.Index(beginnings[:i], b)
		if same < 0 {
			memory[i] = grown(memory[i], 1<<16)
			clear(memory[i])
			counts[i], different = memory[i], append(different, i)
		} else {
			counts[i] = counts[same]
		}
	}
	err = t(func(v float64, n int64) {
		bits := ordered(v)
		for _, i := range different {
			if (bits^beginnings[i])>>shift>>16 == 0 {
				counts[i][bits>>shift&0xffff] += n
			}
		}
	})
	return counts, err
}

// ordered are bits in the order of the numbers; unordered is the number again.
func ordered(v float64) uint64 {
	bits := math.Float64bits(v + 0) // of -0, those of 0
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

func unordered(bits uint64) float64 {
	if bits>>63 != 0 {
		return math.Float64frombits(bits &^ (1 << 63))
	}
	return math.Float64frombits(^bits)
}

// faint tells whether all but a thousandth of an image's samples are in the lowest quarter of the range: then it comes
// out nearly black, or nearly white where low is white.
func (w *workspace) faint(d *deep, c curve) bool {
	most := times(d.width, d.height, d.channels) / faintParts
	quarter := c.low + (c.high-c.low)/4
	seen, above := false, int64(0)
	err := w.each(d, func(row []uint16) bool {
		for _, word := range row {
			if v := d.wordValue(word); !d.missing(v) {
				seen = true
				if v >= quarter {
					above++
				}
			}
		}
		return above <= most
	}, func(row []float64) bool {
		for _, v := range row {
			if !d.missing(v) {
				seen = true
				if v >= quarter {
					above++
				}
			}
		}
		return above <= most
	})
	return err == nil && seen && above <= most
}
