package main

import (
	"maps"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// factors are the transform's fixed-point numbers, as in portable.go.
var factors = map[string]int32{
	"f0298": 2446, "f0390": 3196, "f0541": 4433, "f0765": 6270, "f0899": 7373, "f1175": 9633,
	"f1501": 12299, "f1847": 15137, "f1961": 16069, "f2053": 16819, "f2562": 20995, "f3072": 25172,
}

// inverseCosine transforms the columns of 8 registers, a row each, turns the block and does
// it again.
func inverseCosine() {
	constants := map[string]Mem{}
	for _, name := range slices.Sorted(maps.Keys(factors)) {
		constants[name] = doubles(name, factors[name])
	}
	firstRound := doubles("firstRound", 1<<10)
	secondRound := doubles("secondRound", 1<<17+128<<18)
	// Of 4 bytes of each of 4 rows to 4 of each of 4 columns.
	turn := shuffle("turn", [16]int8{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15})

	TEXT("inverseCosineAVX2", NOSPLIT, "func(pix *uint8, stride int, block *[64]int16)")
	Pragma("noescape")
	pix, stride, block := Load(Param("pix"), GP64()), Load(Param("stride"), GP64()), Load(Param("block"), GP64())
	var rows [8]reg.VecVirtual
	for i := range rows {
		rows[i] = YMM()
		VPMOVSXWD(Mem{Base: block, Disp: 16 * i}, rows[i])
	}
	zero := YMM()
	VPXOR(zero, zero, zero)
	for i := range 4 {
		VMOVDQU(zero, Mem{Base: block, Disp: 32 * i})
	}
	rows = transform(rows, constants, firstRound, 11)
	rows = turned(rows)
	rows = transform(rows, constants, secondRound, 18)
	storeSamples(pix, stride, rows, turn)
	VZEROUPPER()
	RET()
}

// storeSamples clips the samples to bytes and stores them, where register i has column i.
func storeSamples(pix, stride reg.Register, columns [8]reg.VecVirtual, turn Mem) {
	halves := [2]reg.VecVirtual{}
	for i := range halves {
		a, b := YMM(), YMM()
		VPACKSSDW(columns[4*i+1], columns[4*i], a)
		VPACKSSDW(columns[4*i+3], columns[4*i+2], b)
		halves[i] = YMM()
		VPACKUSWB(b, a, halves[i])
		VPSHUFB(turn, halves[i], halves[i])
	}
	low, high := YMM(), YMM() // rows 0, 1 and 4, 5; rows 2, 3 and 6, 7
	VPUNPCKLDQ(halves[1], halves[0], low)
	VPUNPCKHDQ(halves[1], halves[0], high)
	for half := range 2 {
		for _, register := range []reg.VecVirtual{low, high} {
			x := XMM()
			VEXTRACTI128(U8(half), register, x)
			VMOVQ(x, Mem{Base: pix})
			VPEXTRQ(U8(1), x, Mem{Base: pix, Index: stride, Scale: 1})
			if half == 0 || register == low {
				LEAQ(Mem{Base: pix, Index: stride, Scale: 2}, pix)
			}
		}
	}
}

// transform is the one-dimensional transform down the 8 registers.
func transform(c [8]reg.VecVirtual, constants map[string]Mem, round Mem, shift uint8) (out [8]reg.VecVirtual) {
	times := func(a reg.VecVirtual, name string) reg.VecVirtual {
		product := YMM()
		VPMULLD(constants[name], a, product)
		return product
	}
	add := func(a, b reg.VecVirtual) reg.VecVirtual { sum := YMM(); VPADDD(b, a, sum); return sum }
	sub := func(a, b reg.VecVirtual) reg.VecVirtual {
		difference := YMM()
		VPSUBD(b, a, difference)
		return difference
	}

	z3, z4 := add(c[7], c[3]), add(c[5], c[1])
	z5 := times(add(z3, z4), "f1175")
	z3, z4 = sub(z5, times(z3, "f1961")), sub(z5, times(z4, "f0390"))
	z1 := times(add(c[7], c[1]), "f0899")
	a, b := sub(z3, z1), sub(z4, z1)
	o0, o3 := add(times(c[7], "f0298"), a), add(times(c[1], "f1501"), b)
	z2 := times(add(c[5], c[3]), "f2562")
	a, b = sub(z4, z2), sub(z3, z2)
	o1, o2 := add(times(c[5], "f2053"), a), add(times(c[3], "f3072"), b)

	z := times(add(c[2], c[6]), "f0541")
	t2, t3 := sub(z, times(c[6], "f1847")), add(z, times(c[2], "f0765"))
	t0, t1 := add(c[0], c[4]), sub(c[0], c[4])
	for _, t := range []reg.VecVirtual{t0, t1} {
		VPSLLD(U8(13), t, t)
		VPADDD(round, t, t)
	}
	even := [4]reg.VecVirtual{add(t0, t3), add(t1, t2), sub(t1, t2), sub(t0, t3)}
	odd := [4]reg.VecVirtual{o3, o2, o1, o0}
	for i := range 4 {
		out[i], out[7-i] = add(even[i], odd[i]), sub(even[i], odd[i])
		VPSRAD(U8(shift), out[i], out[i])
		VPSRAD(U8(shift), out[7-i], out[7-i])
	}
	return out
}

// turned transposes 8 registers of 8 words.
func turned(r [8]reg.VecVirtual) (out [8]reg.VecVirtual) {
	var pairs, quads [8]reg.VecVirtual
	for i := range 4 {
		pairs[2*i], pairs[2*i+1] = YMM(), YMM()
		VPUNPCKLDQ(r[2*i+1], r[2*i], pairs[2*i])
		VPUNPCKHDQ(r[2*i+1], r[2*i], pairs[2*i+1])
	}
	for i := range 2 {
		for j := range 2 {
			a, b := pairs[4*i+j], pairs[4*i+2+j]
			quads[4*i+2*j], quads[4*i+2*j+1] = YMM(), YMM()
			VPUNPCKLQDQ(b, a, quads[4*i+2*j])
			VPUNPCKHQDQ(b, a, quads[4*i+2*j+1])
		}
	}
	for i := range 4 {
		out[i], out[4+i] = YMM(), YMM()
		VPERM2I128(U8(0x20), quads[4+i], quads[i], out[i])
		VPERM2I128(U8(0x31), quads[4+i], quads[i], out[4+i])
	}
	return out
}
