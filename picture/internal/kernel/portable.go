package kernel

import "encoding/binary"

// Fixed-point numbers of the transform of Loeffler, Ligtenberg and Moschytz (1989) in the
// form that libjpeg's accurate integer transform uses: 13 bits for the factors, 2 more than
// the samples have between the passes. Its roundings are kept, for equal samples.
const (
	factorBits = 13
	extraBits  = 2

	f0298 = 2446
	f0390 = 3196
	f0541 = 4433
	f0765 = 6270
	f0899 = 7373
	f1175 = 9633
	f1501 = 12299
	f1847 = 15137
	f1961 = 16069
	f2053 = 16819
	f2562 = 20995
	f3072 = 25172
)

func inverseCosine(pix []uint8, stride int, block *[64]int16) {
	var wide [64]int32
	for i, coefficient := range block {
		wide[i] = int32(coefficient)
	}
	*block = [64]int16{}
	for x := range 8 {
		cosineColumn(&wide, x)
	}
	for y := range 8 {
		cosineRow((*[8]int32)(wide[8*y:]), (*[8]uint8)(pix[y*stride:]))
	}
}

// cosineColumn transforms column x of the block in place.
func cosineColumn(block *[64]int32, x int) {
	b := block[x : x+57 : x+57]
	if b[8]|b[16]|b[24]|b[32]|b[40]|b[48]|b[56] == 0 { // the same result, sooner
		v := b[0] << extraBits
		b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56] = v, v, v, v, v, v, v, v
		return
	}
	const shift, round = factorBits - extraBits, 1 << (factorBits - extraBits - 1)
	e0, e1, e2, e3 := even(b[0], b[16], b[32], b[48], round)
	o0, o1, o2, o3 := odd(b[8], b[24], b[40], b[56])
	b[0], b[56] = (e0+o3)>>shift, (e0-o3)>>shift
	b[8], b[48] = (e1+o2)>>shift, (e1-o2)>>shift
	b[16], b[40] = (e2+o1)>>shift, (e2-o1)>>shift
	b[24], b[32] = (e3+o0)>>shift, (e3-o0)>>shift
}

// cosineRow transforms a row to samples. 128 is added before the shift: the samples are
// stored from -128 to 127.
func cosineRow(b *[8]int32, pix *[8]uint8) {
	const shift, round = factorBits + extraBits + 3, 1<<(factorBits+extraBits+2) + 128<<(factorBits+extraBits+3)
	e0, e1, e2, e3 := even(b[0], b[2], b[4], b[6], round)
	o0, o1, o2, o3 := odd(b[1], b[3], b[5], b[7])
	pix[0], pix[7] = Clamp((e0+o3)>>shift), Clamp((e0-o3)>>shift)
	pix[1], pix[6] = Clamp((e1+o2)>>shift), Clamp((e1-o2)>>shift)
	pix[2], pix[5] = Clamp((e2+o1)>>shift), Clamp((e2-o1)>>shift)
	pix[3], pix[4] = Clamp((e3+o0)>>shift), Clamp((e3-o0)>>shift)
}

// even is the half of the transform that the even coefficients make.
func even(c0, c2, c4, c6, round int32) (e0, e1, e2, e3 int32) {
	z := (c2 + c6) * f0541
	t2, t3 := z-c6*f1847, z+c2*f0765
	t0, t1 := (c0+c4)<<factorBits+round, (c0-c4)<<factorBits+round
	return t0 + t3, t1 + t2, t1 - t2, t0 - t3
}

// odd is the half that the odd coefficients make.
func odd(c1, c3, c5, c7 int32) (o0, o1, o2, o3 int32) {
	z1, z2, z3, z4 := c7+c1, c5+c3, c7+c3, c5+c1
	z5 := (z3 + z4) * f1175
	z1, z2 = -z1*f0899, -z2*f2562
	z3, z4 = z5-z3*f1961, z5-z4*f0390
	return c7*f0298 + z1 + z3, c5*f2053 + z2 + z4, c3*f3072 + z2 + z3, c1*f1501 + z1 + z4
}

// doubleRow enlarges samples first to end of a row; in has neighbours on both sides of each,
// or is repeated at its edges.
func doubleRow(out, in []uint8, first, end int) {
	last := len(in) - 1
	for x := first; x < end; x++ {
		near := 3 * int32(in[x])
		out[2*x] = uint8((near + int32(in[max(0, x-1)]) + 1) >> 2)
		out[2*x+1] = uint8((near + int32(in[min(last, x+1)]) + 2) >> 2)
	}
}

func doubleRows(out, near, further []uint8, first, end int) {
	last := len(near) - 1
	sum := func(x int) int32 { return 3*int32(near[x]) + int32(further[x]) }
	before, here := sum(max(0, first-1)), sum(first)
	for x := first; x < end; x++ {
		after := sum(min(last, x+1))
		out[2*x] = uint8((3*here + before + 8) >> 4)
		out[2*x+1] = uint8((3*here + after + 7) >> 4)
		before, here = here, after
	}
}

// JPEG's conversion from YCbCr to RGB (JFIF), in fixed point of 16 bits with libjpeg's
// roundings.
const (
	fixBits = 16
	fixHalf = 1 << (fixBits - 1)
	fixCrR  = 91881  // 1.40200
	fixCbB  = 116130 // 1.77200
	fixCrG  = 46802  // 0.71414
	fixCbG  = 22554  // 0.34414
)

var crToR, cbToB, crToG, cbToG [256]int32

func init() {
	for i := range 256 {
		x := int32(i) - 128
		crToR[i] = (fixCrR*x + fixHalf) >> fixBits
		cbToB[i] = (fixCbB*x + fixHalf) >> fixBits
		crToG[i] = -fixCrG * x
		cbToG[i] = -fixCbG*x + fixHalf
	}
}

func rgb(dst, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		b, r, v := cb[x], cr[x], int32(l)
		pixel := dst[3*x : 3*x+3 : 3*x+3]
		pixel[0] = Clamp(v + crToR[r])
		pixel[1] = Clamp(v + (cbToG[b]+crToG[r])>>fixBits)
		pixel[2] = Clamp(v + cbToB[b])
	}
}

func interleave(strip, rows []uint8, stride, count int) {
	var row [StripRows][]uint8
	for y := range row {
		row[y] = rows[y*stride:][:count]
	}
	for x := range count {
		word := uint64(0)
		for y := range row {
			word |= uint64(row[y][x]) << (8 * y)
		}
		binary.LittleEndian.PutUint64(strip[x*StripRows:], word)
	}
}

func deinterleave(rows []uint8, stride int, strip []uint8, count int) {
	var row [StripRows][]uint8
	for y := range row {
		row[y] = rows[y*stride:][:count]
	}
	for x := range count {
		word := binary.LittleEndian.Uint64(strip[x*StripRows:])
		for y := range row {
			row[y][x] = uint8(word >> (8 * y))
		}
	}
}

func weighStrip(dst, strip []uint8, starts, ends, weights []int32) {
	const pixel = 3 * StripRows
	first := int32(0)
	for x, start := range starts {
		samples, window := strip[int(start)*pixel:], weights[first:ends[x]]
		for c := range 3 {
			binary.LittleEndian.PutUint64(dst[x*pixel+c*StripRows:], weigh(samples[c*StripRows:], pixel, window))
		}
		first = ends[x]
	}
}

func weighRows(dst, src []uint8, stride int, weights []int32) {
	x := 0
	for ; x+8 <= len(dst); x += 8 {
		binary.LittleEndian.PutUint64(dst[x:], weigh(src[x:], stride, weights))
	}
	for ; x < len(dst); x++ {
		sum := int32(1 << (WeightBits - 1))
		for i, weight := range weights {
			sum += int32(src[x+i*stride]) * weight
		}
		dst[x] = Clamp(sum >> WeightBits)
	}
}

// weigh sums words of 8 samples, step bytes apart, times the weights. Each of 4 sums
// carries two samples, 32 bits apart: a negative low half borrows from the high half,
// which split gives back.
func weigh(src []uint8, step int, weights []int32) uint64 {
	const lanes, round = 0x000000ff_000000ff, 1<<(WeightBits-1) | 1<<(WeightBits-1+32)
	var a, b, c, d uint64 = round, round, round, round
	at := 0
	for _, weight := range weights {
		word, k := binary.LittleEndian.Uint64(src[at:at+8]), uint64(int64(weight))
		a += word & lanes * k
		b += word >> 8 & lanes * k
		c += word >> 16 & lanes * k
		d += word >> 24 & lanes * k
		at += step
	}
	return split(a) | split(b)<<8 | split(c)<<16 | split(d)<<24
}

// split rounds a pair of sums to samples.
func split(sums uint64) uint64 {
	low := int32(sums)
	high := int32((sums - uint64(int64(low))) >> 32)
	return uint64(Clamp(low>>WeightBits)) | uint64(Clamp(high>>WeightBits))<<32
}
