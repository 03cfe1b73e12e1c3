package picture

import (
	"encoding/binary"
	"math"

	"fovea/picture/internal/codec"
	"fovea/picture/internal/jpeg2000"
	"fovea/picture/internal/kernel"
)

// interleaved are samples pixel by pixel, of which the first are colours and the last may be opacity.
type interleaved struct {
	codec.Picture
	colours int
	space   jpeg2000.Space
}

// bits is the precision of the finest colour.
func (s interleaved) bits() (most int) {
	for _, b := range s.Bits[:s.colours] {
		most = max(most, int(b))
	}
	return most
}

// reader returns the sample of a channel of each pixel of a row.
func (s interleaved) reader(y, channel int) func(x int) int32 {
	row, step := s.Pix[y*s.Stride+channel*s.Sample:], s.Channels*s.Sample
	signed := s.Signed[channel]
	switch {
	case s.Sample == 1 && signed:
		return func(x int) int32 { return int32(int8(row[x*step])) }
	case s.Sample == 1:
		return func(x int) int32 { return int32(row[x*step]) }
	case s.Sample == 2 && signed:
		return func(x int) int32 { return int32(int16(binary.LittleEndian.Uint16(row[x*step:]))) }
	case s.Sample == 2:
		return func(x int) int32 { return int32(binary.LittleEndian.Uint16(row[x*step:])) }
	}
	return func(x int) int32 { return int32(binary.LittleEndian.Uint32(row[x*step:])) }
}

// bytes writes a channel's samples as bytes, one every so many: those of less than 8 bits are the highest of these, as
// with Pillow, and of more the highest 8 count.
func (s interleaved) bytes(dst []uint8, y, channel, every int) {
	get, bits, offset := s.reader(y, channel), int(s.Bits[channel]), int32(0)
	if s.Signed[channel] {
		offset = 1 << (bits - 1)
	}
	for x := range s.Width {
		v := get(x) + offset
		if bits <= 8 {
			dst[x*every] = uint8(v << (8 - bits))
		} else {
			dst[x*every] = uint8(v >> (bits - 8))
		}
	}
}

// opacity is a function for source.alpha; nil if there is none.
func (s interleaved) opacity() func(y int, dst []uint8) {
	if s.colours == s.Channels {
		return nil
	}
	return func(y int, dst []uint8) { s.bytes(dst, y, s.colours, 1) }
}

// plain says that the samples are bytes as they should be.
func (s interleaved) plain() bool {
	for c := range s.Channels {
		if s.Signed[c] || s.Bits[c] != 8 {
			return false
		}
	}
	return s.Sample == 1
}

// source supplies the rows of an image of 8 bits.
func (s interleaved) source(premultiplied bool) source {
	out := source{width: s.Width, height: s.Height, alpha: s.opacity()}
	plain, spare, every := s.plain(), make([]uint8, s.Width), 1
	if s.colours == 1 {
		every = 0
	}
	out.row = func(y int, dst []uint8) {
		if plain {
			spread(dst, s.Pix[y*s.Stride:], s.Width, s.Channels, every)
		} else {
			for c := range 3 {
				s.bytes(dst[c:], y, min(c, s.colours-1), 3)
			}
		}
		switch s.space {
		case jpeg2000.YCC:
			fromYCC(dst)
		case jpeg2000.CMYK:
			s.bytes(spare, y, 3, 1)
			for x, k := range spare {
				spare[x] = 255 - k
			}
			multiply(dst, spare, 0)
		}
		if premultiplied && out.alpha != nil {
			out.alpha(y, spare)
			unmultiply(dst, spare)
		}
	}
	return out
}

// unmultiply divides colours by their opacity.
func unmultiply(dst, opacity []uint8) {
	for x, alpha := range opacity {
		if alpha == 0 || alpha == 255 {
			continue
		}
		for c, v := range dst[3*x : 3*x+3] {
			dst[3*x+c] = kernel.Clamp(255 * int32(v) / int32(alpha))
		}
	}
}

// deep is an image of more than 8 bits.
func (s interleaved) deep(premultiplied bool) deep {
	d := deep{width: s.Width, height: s.Height, channels: min(3, s.colours), bits: s.bits(), signed: s.Signed[0], alpha: s.opacity()}
	if s.space == jpeg2000.YCC {
		d.signed, d.row = false, s.deepYCC
		return d
	}
	read := func(y int, use func(at int, v int32)) {
		for c := range d.channels {
			get, up := s.reader(y, c), d.bits-int(s.Bits[c])
			for x := range s.Width {
				use(x*d.channels+c, get(x)<<up)
			}
		}
	}
	switch {
	case premultiplied && d.alpha != nil:
		top, opacity := d.limits(), make([]uint8, s.Width)
		d.row = func(y int, dst []float64) {
			d.alpha(y, opacity)
			read(y, func(at int, v int32) {
				dst[at] = float64(v)
				if alpha := float64(opacity[at/d.channels]); alpha > 0 {
					dst[at] = min(top.high, math.Floor(dst[at]*255/alpha))
				}
			})
		}
	case s.Sample == 4:
		d.row = func(y int, dst []float64) { read(y, func(at int, v int32) { dst[at] = float64(v) }) }
	case d.channels == s.Channels && s.Sample == 2 && s.even():
		d.words = sampleWords(s.Picture)
	default:
		d.words = func(y int, dst []uint16) { read(y, func(at int, v int32) { dst[at] = uint16(v) }) }
	}
	return d
}

// even says that all channels have the same precision.
func (s interleaved) even() bool {
	for _, b := range s.Bits[:s.Channels] {
		if b != s.Bits[0] {
			return false
		}
	}
	return true
}

// sampleWords supplies the samples of all channels, of up to 16 bits; signed ones are in two's complement of 16.
func sampleWords(p codec.Picture) func(y int, dst []uint16) {
	if p.Sample == 2 {
		return func(y int, dst []uint16) {
			row := p.Pix[y*p.Stride:]
			for i := range dst {
				dst[i] = binary.LittleEndian.Uint16(row[2*i:])
			}
		}
	}
	s := interleaved{Picture: p}
	return func(y int, dst []uint16) {
		for c := range p.Channels {
			get := s.reader(y, c)
			for x := range p.Width {
				dst[x*p.Channels+c] = uint16(get(x))
			}
		}
	}
}

// deepYCC is fromYCC for more than 8 bits.
func (s interleaved) deepYCC(y int, dst []float64) {
	bits := s.bits()
	var channels [3]func(x int) float64
	for c := range channels {
		get, scale, offset := s.reader(y, c), math.Exp2(float64(bits-int(s.Bits[c]))), 0.0
		if s.Signed[c] {
			offset = math.Exp2(float64(s.Bits[c] - 1))
		}
		channels[c] = func(x int) float64 { return (float64(get(x)) + offset) * scale }
	}
	top, half := math.Exp2(float64(bits))-1, math.Exp2(float64(bits-1))
	for x := range s.Width {
		luma, blue, red := channels[0](x), channels[1](x)-half, channels[2](x)-half
		for c, v := range [3]float64{luma + 1.402*red, luma - 0.34414*blue - 0.71414*red, luma + 1.772*blue} {
			dst[3*x+c] = max(0, min(top, math.RoundToEven(v)))
		}
	}
}

// yccTable has, for each sample of chroma, what it adds to the colours, 64 times.
var yccTable = func() (table [256][4]int32) {
	for i := range table {
		for k, factor := range [4]float64{1.402, -0.71414, -0.34414, 1.772} { // of red for red and green, of blue for green and blue
			table[i][k] = int32(factor*float64(i-128)*64 + 0.5)
		}
	}
	return table
}()

// fromYCC makes RGB of a row of luma and chroma, as Pillow does.
func fromYCC(row []uint8) {
	for i := 0; i+2 < len(row); i += 3 {
		luma, blue, red := int32(row[i]), &yccTable[row[i+1]], &yccTable[row[i+2]]
		row[i] = kernel.Clamp(luma + red[0]>>6)
		row[i+1] = kernel.Clamp(luma + (blue[2]+red[1])>>6)
		row[i+2] = kernel.Clamp(luma + blue[3]>>6)
	}
}
