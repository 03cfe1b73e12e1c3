package tiff

import (
	"math"

	"github.com/x448/float16"
)

// numberAt is the i-th sample of a row, of more than 16 bits or a floating-point number.
func (r *reading) numberAt(row []byte, i int) float64 {
	l := r.l
	switch {
	case l.Format == Float && l.Bits == 16:
		return float64(float16.Frombits(r.order.Uint16(row[2*i:])).Float32())
	case l.Format == Float && l.Bits == 24:
		return float24(r.wide(row[3*i:]))
	case l.Format == Float && l.Bits == 32:
		return float64(math.Float32frombits(r.order.Uint32(row[4*i:])))
	case l.Format == Float:
		return math.Float64frombits(r.order.Uint64(row[8*i:]))
	}
	var v uint64
	switch l.Bits {
	case 24:
		v = uint64(r.wide(row[3*i:]))
	case 32:
		v = uint64(r.order.Uint32(row[4*i:]))
	case 64:
		v = r.order.Uint64(row[8*i:])
	default:
		v = bitsAt(row, i*l.Bits, l.Bits)
	}
	if l.Format == Signed {
		return float64(int64(l.signed(v)))
	}
	return float64(v)
}

// wide is a number of three bytes.
func (r *reading) wide(b []byte) uint32 {
	low := uint32(r.order.Uint16(b))
	if r.order.Uint16([]byte{0, 1}) == 1 { // the highest byte first
		return low<<8 | uint32(b[2])
	}
	return uint32(b[2])<<16 | low
}

// float24 is a number with a sign, 7 bits of exponent and 16 of fraction.
func float24(v uint32) float64 {
	exponent, fraction := int(v>>16&0x7f), float64(v&0xffff)/(1<<16)
	var out float64
	switch exponent {
	case 0:
		out = math.Ldexp(fraction, -62)
	case 0x7f:
		if out = math.Inf(1); fraction != 0 {
			return math.NaN()
		}
	default:
		out = math.Ldexp(1+fraction, exponent-63)
	}
	if v>>23 != 0 {
		return -out
	}
	return out
}
