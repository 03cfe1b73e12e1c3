package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// enlargement is a kind of doubling the width of chroma, from one row or two.
type enlargement struct {
	name, signature    string
	rows               []string
	roundLeft, roundOn Mem
	shift              uint8
}

// doubleWidth enlarges the inner samples of a row of chroma, 16 at a time: in the first kind
// of one row, in the second of two.
func doubleWidth() {
	three := words("three", 3)
	for _, kind := range []enlargement{
		{"doubleRowAVX2", "func(out, in *uint8, count int)", []string{"in"}, words("one", 1), words("two", 2), 2},
		{"doubleRowsAVX2", "func(out, near, further *uint8, count int)", []string{"near", "further"}, words("eight", 8), words("seven", 7), 4},
	} {
		kind.generate(three)
	}
}

func (e enlargement) generate(three Mem) {
	TEXT(e.name, NOSPLIT, e.signature)
	Pragma("noescape")
	out, count := Load(Param("out"), GP64()), Load(Param("count"), GP64())
	var in []reg.Register
	for _, name := range e.rows {
		in = append(in, Load(Param(name), GP64()))
	}
	factor, roundLeft, roundOn := YMM(), YMM(), YMM()
	VMOVDQU(three, factor)
	VMOVDQU(e.roundLeft, roundLeft)
	VMOVDQU(e.roundOn, roundOn)
	Label(e.name + "Loop")
	left, middle, right := column(in, -1, factor), column(in, 0, factor), column(in, 1, factor)
	VPMULLW(factor, middle, middle)
	VPADDW(roundLeft, left, left)
	VPADDW(middle, left, left)
	VPSRLW(U8(e.shift), left, left)
	VPADDW(roundOn, right, right)
	VPADDW(middle, right, right)
	VPSRLW(U8(e.shift), right, right)
	VPSLLW(U8(8), right, right)
	VPOR(right, left, left)
	VMOVDQU(left, Mem{Base: out})
	for _, row := range in {
		ADDQ(U8(16), row)
	}
	ADDQ(U8(32), out)
	SUBQ(U8(16), count)
	JA(LabelRef(e.name + "Loop"))
	VZEROUPPER()
	RET()
}

// column is 16 samples of a row, or sums of samples of both rows, of which the nearer counts
// three times.
func column(rows []reg.Register, offset int, three reg.VecVirtual) reg.VecVirtual {
	sum := YMM()
	VPMOVZXBW(Mem{Base: rows[0], Disp: offset}, sum)
	if len(rows) > 1 {
		further := YMM()
		VPMULLW(three, sum, sum)
		VPMOVZXBW(Mem{Base: rows[1], Disp: offset}, further)
		VPADDW(further, sum, sum)
	}
	return sum
}

// rgb converts 16 pixels at a time. That the products of 16 bits are exact is libjpeg-turbo's
// finding: the whole part of a factor is added, so that its fraction fits, and twice the
// sample times the fraction, of which the upper half is taken, rounds as the sum of 32 bits.
func rgb() {
	const crToR, cbToB, cbToG, crToG = 91881 - 65536, 116130 - 131072, -22554, 65536 - 46802
	centre, one := words("centre", 128), words("ones", 1)
	red, blue := words("red", crToR), words("blue", cbToB)
	green, half := words("green", cbToG, crToG), doubles("half", 1<<15)
	masks := thirds()

	TEXT("rgbAVX2", NOSPLIT, "func(dst, luma, cb, cr *uint8, count int)")
	Pragma("noescape")
	dst, count := Load(Param("dst"), GP64()), Load(Param("count"), GP64())
	planes := [3]reg.Register{Load(Param("luma"), GP64()), Load(Param("cb"), GP64()), Load(Param("cr"), GP64())}
	Label("rgbLoop")
	var samples [3]reg.VecVirtual
	for i, plane := range planes {
		samples[i] = YMM()
		VPMOVZXBW(Mem{Base: plane}, samples[i])
		ADDQ(U8(16), plane)
	}
	y, cb, cr := samples[0], samples[1], samples[2]
	VPSUBW(centre, cb, cb)
	VPSUBW(centre, cr, cr)

	r := addFraction(y, cr, red, one)
	VPADDW(cr, r, r)
	b := addFraction(y, cb, blue, one)
	VPADDW(cb, b, b)
	VPADDW(cb, b, b)
	g := greenOf(y, cb, cr, green, half)
	storePixels(dst, [3]reg.VecVirtual{r, g, b}, masks)
	ADDQ(U8(48), dst)
	SUBQ(U8(16), count)
	JA(LabelRef("rgbLoop"))
	VZEROUPPER()
	RET()
}

// thirds are, for each third of the 48 bytes of 16 pixels, where each colour's samples go.
func thirds() (masks [3][3]Mem) {
	for third := range 3 {
		for colour := range 3 {
			var order [16]int8
			for i := range order {
				order[i] = -1
				if at := 16*third + i; at%3 == colour {
					order[i] = int8(at / 3)
				}
			}
			masks[third][colour] = shuffle("third"+string(rune('0'+third))+string("RGB"[colour]), order)
		}
	}
	return masks
}

// addFraction is luma and the sample times the fraction of a factor.
func addFraction(luma, sample reg.VecVirtual, fraction, one Mem) reg.VecVirtual {
	product := YMM()
	VPADDW(sample, sample, product)
	VPMULHW(fraction, product, product)
	VPADDW(one, product, product)
	VPSRAW(U8(1), product, product)
	VPADDW(luma, product, product)
	return product
}

// greenOf sums the products of both chroma samples in 32 bits.
func greenOf(luma, cb, cr reg.VecVirtual, factors, half Mem) reg.VecVirtual {
	low, high := YMM(), YMM()
	VPUNPCKLWD(cr, cb, low)
	VPUNPCKHWD(cr, cb, high)
	for _, sum := range []reg.VecVirtual{low, high} {
		VPMADDWD(factors, sum, sum)
		VPADDD(half, sum, sum)
		VPSRAD(U8(16), sum, sum)
	}
	g := YMM()
	VPACKSSDW(high, low, g)
	VPADDW(luma, g, g)
	VPSUBW(cr, g, g)
	return g
}

// storePixels clips the colours of 16 pixels to bytes and stores them side by side.
func storePixels(dst reg.Register, colours [3]reg.VecVirtual, masks [3][3]Mem) {
	var bytes [3]reg.VecVirtual
	for i, colour := range colours {
		bytes[i] = XMM()
		VEXTRACTI128(U8(1), colour, bytes[i])
		VPACKUSWB(bytes[i], colour.AsX(), bytes[i])
	}
	for third := range 3 {
		var parts [3]reg.VecVirtual
		for i := range parts {
			parts[i] = XMM()
			VPSHUFB(masks[third][i], bytes[i], parts[i])
		}
		VPOR(parts[1], parts[0], parts[0])
		VPOR(parts[2], parts[0], parts[0])
		VMOVDQU(parts[0], Mem{Base: dst, Disp: 16 * third})
	}
}
