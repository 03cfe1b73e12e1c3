package picture

import (
	"math"
	"strconv"

	"fovea/picture/internal/tiff"
)

// deepTIFF is grey or RGB of more than 8 bits, or signed or not whole, in a range.
func (w *workspace) deepTIFF(k *tiffKind, s *tiff.Samples, j job) (source, error) {
	p := deepPage{k, s, deep{
		width: s.Width, height: s.Height, channels: k.colours, bits: k.Bits, signed: k.Format == tiff.Signed, float: k.Format == tiff.Float,
		inverted: k.Photometric == tiff.WhiteIsZero, noData: noDataOf(k.Directory(), k.Layout), scene: j.scene,
	}}
	d := p.deep
	if k.alpha {
		d.alpha = p.alphaRow
	}
	if s.Numbers != nil {
		d.row = p.numberRow
		return w.ranged(d, j.ranged)
	}
	d.words = p.wordRow
	if k.premultiplied && !d.signed && (j.ranged == "" || j.ranged == RangeAuto || j.ranged == RangeFull) {
		return w.divided(p, d), nil
	}
	return w.ranged(d, j.ranged)
}

// deepPage is a page's samples and what they are.
type deepPage struct {
	kind    *tiffKind
	samples *tiff.Samples
	deep    deep
}

// at is the index of a pixel's sample.
func (p *deepPage) at(y, x, c int) int { return (y*p.samples.Width+x)*p.samples.Channels + c }

// word is a whole sample, signed ones in two's complement of 16 bits.
func (p *deepPage) word(i int) uint16 {
	if p.samples.Words != nil {
		return p.samples.Words[i]
	}
	return uint16(int8(p.samples.Bytes[i])) // those of 8 bits without a sign are not deep
}

// opacity is a pixel's alpha, 0 to 1.
func (p *deepPage) opacity(y, x int) float64 {
	i := p.at(y, x, p.kind.colours)
	if p.samples.Numbers != nil {
		return p.samples.Numbers[i] / p.deep.limits().high
	}
	return p.deep.wordValue(p.word(i)) / p.deep.limits().high
}

func (p *deepPage) alphaRow(y int, dst []uint8) {
	for x := range dst {
		if p.samples.Words != nil && !p.deep.signed {
			dst[x] = uint8(p.samples.Words[p.at(y, x, p.kind.colours)] >> (p.kind.Bits - 8))
		} else {
			dst[x] = uint8(max(0, min(255, math.RoundToEven(p.opacity(y, x)*255))))
		}
	}
}

func (p *deepPage) wordRow(y int, dst []uint16) {
	colours, s := p.kind.colours, p.samples
	if s.Words != nil && s.Channels == colours {
		copy(dst, s.Words[p.at(y, 0, 0):])
		return
	}
	for x := range s.Width {
		for c := range colours {
			dst[x*colours+c] = p.word(p.at(y, x, c))
		}
	}
	if p.kind.premultiplied && !p.deep.signed {
		divideWords(dst, colours, func(x int) uint32 { return uint32(s.Words[p.at(y, x, colours)]) }, uint32(p.deep.limits().high))
	}
}

func (p *deepPage) numberRow(y int, dst []float64) {
	colours, s := p.kind.colours, p.samples
	if s.Channels == colours {
		copy(dst, s.Numbers[p.at(y, 0, 0):])
		return
	}
	for x := range s.Width {
		divisor := 1.0
		if p.kind.premultiplied {
			if a := p.opacity(y, x); a > 0 && a < 1 {
				divisor = a
			}
		}
		for c := range colours {
			dst[x*colours+c] = s.Numbers[p.at(y, x, c)] / divisor
		}
	}
}

// divided is an image of colours that were multiplied by alpha: Pillow keeps the highest 8 bits of both before it
// divides.
func (w *workspace) divided(p deepPage, d deep) source {
	s := p.samples
	narrow := make([]uint8, s.Width*s.Channels)
	high := func(y int) []uint8 {
		for i, v := range s.Words[y*len(narrow) : (y+1)*len(narrow)] {
			narrow[i] = uint8(v >> (p.kind.Bits - 8))
		}
		return narrow
	}
	eight := *p.kind.Layout
	eight.Bits, eight.Samples = 8, s.Channels
	return source{
		width: s.Width, height: s.Height, alpha: d.alpha,
		row:   plainTIFF(&tiffKind{Layout: &eight, colours: p.kind.colours, premultiplied: true}, s, high),
		faint: func() bool { return w.faint(&d, curve{span: d.limits()}) },
	}
}

// divideWords undoes the multiplication of samples by alpha.
func divideWords(words []uint16, channels int, alpha func(x int) uint32, top uint32) {
	for x := range len(words) / channels {
		if a := alpha(x); a > 0 && a < top {
			for i, v := range words[x*channels : (x+1)*channels] {
				words[x*channels+i] = uint16(min(top, uint32(uint64(top)*uint64(v)/uint64(a))))
			}
		}
	}
}

// noDataOf is the number that a page calls NoData, as GDAL writes it; nil if there is none.
func noDataOf(d *tiff.Directory, l *tiff.Layout) *float64 {
	v, err := strconv.ParseFloat(d.Text(tiff.NoData, 64), 64)
	if err != nil {
		return nil
	}
	if l.Format == tiff.Float && l.Bits == 32 {
		v = float64(float32(v))
	}
	return &v
}
