package jpeg

// natural leads from zigzag order to row by row.
var natural = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

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

// inverse transforms dequantized coefficients to an 8x8 block of samples and clears them.
// No coefficient after the last, in zigzag order, may be other than 0.
func inverse(block *[64]int32, last int, pix []uint8, stride int) {
	if last == 0 {
		sample := limit((block[0] + 4) >> 3)
		block[0] = 0
		fill := uint64(sample) * 0x0101010101010101
		for range 8 {
			putRow(pix[:8], fill)
			pix = pix[min(stride, len(pix)):]
		}
		return
	}
	for x := range 8 {
		column(block, x)
	}
	for y := range 8 {
		row((*[8]int32)(block[8*y:]), (*[8]uint8)(pix[y*stride:]))
	}
	clear(block[:])
}

func putRow(pix []uint8, fill uint64) {
	_ = pix[7]
	for i := range 8 {
		pix[i] = uint8(fill)
	}
}

// column transforms column x of the block in place.
func column(block *[64]int32, x int) {
	b := block[x : x+57 : x+57]
	if b[8]|b[16]|b[24]|b[32]|b[40]|b[48]|b[56] == 0 {
		v := b[0] << extraBits
		b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56] = v, v, v, v, v, v, v, v
		return
	}
	const shift, round = factorBits - extraBits, 1 << (factorBits - extraBits - 1)
	e0, e1, e2, e3 := even(b[0], b[16], b[32], b[48])
	o0, o1, o2, o3 := odd(b[8], b[24], b[40], b[56])
	b[0], b[56] = (e0+o3+round)>>shift, (e0-o3+round)>>shift
	b[8], b[48] = (e1+o2+round)>>shift, (e1-o2+round)>>shift
	b[16], b[40] = (e2+o1+round)>>shift, (e2-o1+round)>>shift
	b[24], b[32] = (e3+o0+round)>>shift, (e3-o0+round)>>shift
}

// row transforms a row to samples.
func row(b *[8]int32, pix *[8]uint8) {
	const shift, round = factorBits + extraBits + 3, 1 << (factorBits + extraBits + 2)
	e0, e1, e2, e3 := even(b[0], b[2], b[4], b[6])
	o0, o1, o2, o3 := odd(b[1], b[3], b[5], b[7])
	pix[0], pix[7] = limit((e0+o3+round)>>shift), limit((e0-o3+round)>>shift)
	pix[1], pix[6] = limit((e1+o2+round)>>shift), limit((e1-o2+round)>>shift)
	pix[2], pix[5] = limit((e2+o1+round)>>shift), limit((e2-o1+round)>>shift)
	pix[3], pix[4] = limit((e3+o0+round)>>shift), limit((e3-o0+round)>>shift)
}

// even is the half of the transform that the even coefficients make.
func even(c0, c2, c4, c6 int32) (e0, e1, e2, e3 int32) {
	z := (c2 + c6) * f0541
	t2, t3 := z-c6*f1847, z+c2*f0765
	t0, t1 := (c0+c4)<<factorBits, (c0-c4)<<factorBits
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

// limit shifts a sample from -128..127 to 0..255 and clips it.
func limit(v int32) uint8 {
	v += 128
	if uint32(v) <= 255 {
		return uint8(v)
	}
	return uint8(^(v >> 31))
}
