package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// perfectShuffle interleaves the bytes of the first four registers with those of the last
// four. Seen as one array of 128 bytes, each index is rotated left by a bit.
func perfectShuffle(in [8]reg.VecVirtual) (out [8]reg.VecVirtual) {
	for i := range 4 {
		out[2*i], out[2*i+1] = XMM(), XMM()
		VPUNPCKLBW(in[4+i], in[i], out[2*i])
		VPUNPCKHBW(in[4+i], in[i], out[2*i+1])
	}
	return out
}

// interleave takes 16 bytes of each of 8 rows: an index's 3 bits of row go after its 4 of
// column.
func interleave() {
	TEXT("interleaveAVX2", NOSPLIT, "func(strip, rows *uint8, stride, count int)")
	Pragma("noescape")
	strip, rows := Load(Param("strip"), GP64()), Load(Param("rows"), GP64())
	stride, count := Load(Param("stride"), GP64()), Load(Param("count"), GP64())
	triple, four := GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, triple)
	Label("interleaveLoop")
	LEAQ(Mem{Base: rows, Index: stride, Scale: 4}, four)
	var r [8]reg.VecVirtual
	for i := range r {
		r[i] = XMM()
		VMOVDQU(rowAt(rows, four, stride, triple, i), r[i])
	}
	r = perfectShuffle(perfectShuffle(perfectShuffle(r)))
	for i := range r {
		VMOVDQU(r[i], Mem{Base: strip, Disp: 16 * i})
	}
	ADDQ(U8(16), rows)
	SUBQ(I8(-128), strip)
	SUBQ(U8(16), count)
	JA(LabelRef("interleaveLoop"))
	RET()
}

// deinterleave is the other way: the 4 bits of column go after the 3 of row.
func deinterleave() {
	TEXT("deinterleaveAVX2", NOSPLIT, "func(rows *uint8, stride int, strip *uint8, count int)")
	Pragma("noescape")
	strip, rows := Load(Param("strip"), GP64()), Load(Param("rows"), GP64())
	stride, count := Load(Param("stride"), GP64()), Load(Param("count"), GP64())
	triple, four := GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, triple)
	Label("deinterleaveLoop")
	LEAQ(Mem{Base: rows, Index: stride, Scale: 4}, four)
	var r [8]reg.VecVirtual
	for i := range r {
		r[i] = XMM()
		VMOVDQU(Mem{Base: strip, Disp: 16 * i}, r[i])
	}
	r = perfectShuffle(perfectShuffle(perfectShuffle(perfectShuffle(r))))
	for i := range r {
		VMOVDQU(r[i], rowAt(rows, four, stride, triple, i))
	}
	ADDQ(U8(16), rows)
	SUBQ(I8(-128), strip)
	SUBQ(U8(16), count)
	JA(LabelRef("deinterleaveLoop"))
	RET()
}

// rowAt is row i, 0 to 7, where four is row 4 and triple three strides.
func rowAt(rows, four, stride, triple reg.Register, i int) Mem {
	base := []reg.Register{rows, four}[i/4]
	return []Mem{
		{Base: base}, {Base: base, Index: stride, Scale: 1},
		{Base: base, Index: stride, Scale: 2}, {Base: base, Index: triple, Scale: 1},
	}[i%4]
}

// sums are registers that each sum 8 weighted samples.
type sums []reg.VecVirtual

// newSums begin at half of what will be the lowest bit, so that they round.
func newSums(count int, half reg.VecVirtual) sums {
	s := make(sums, count)
	for i := range s {
		s[i] = YMM()
		VMOVDQA(half, s[i])
	}
	return s
}

// add weighs the samples at a place, of which 8 follow 8, with weight k.
func (s sums) add(at, weights, k reg.Register) {
	weight := YMM()
	VPBROADCASTD(Mem{Base: weights, Index: k, Scale: 4}, weight)
	for i := range s {
		product := YMM()
		VPMOVZXBD(Mem{Base: at, Disp: 8 * i}, product)
		VPMULLD(weight, product, product)
		VPADDD(product, s[i], s[i])
	}
}

// packed are three or four sums as bytes, in one register.
func (s sums) packed(order reg.VecVirtual) reg.VecVirtual {
	for i := range s {
		VPSRAD(U8(22), s[i], s[i])
	}
	VPACKSSDW(s[1], s[0], s[0])
	VPACKSSDW(s[len(s)-1], s[2], s[2])
	VPACKUSWB(s[2], s[0], s[0])
	VPERMD(s[0], order, s[0])
	return s[0]
}

// weighStrip makes the three samples of one output pixel of 8 rows at a time.
func weighStrip(lanes, round Mem) {
	TEXT("weighStripAVX2", NOSPLIT, "func(dst, strip *uint8, starts, ends *int32, weights *int32, count int)")
	Pragma("noescape")
	dst, strip, weights := Load(Param("dst"), GP64()), Load(Param("strip"), GP64()), Load(Param("weights"), GP64())
	starts, ends, count := Load(Param("starts"), GP64()), Load(Param("ends"), GP64()), Load(Param("count"), GP64())
	order := YMM()
	VMOVDQU(lanes, order)
	k := GP64()
	XORQ(k, k)
	half := YMM()
	VMOVDQU(round, half)
	Label("weighStripLoop")
	at, end := GP64(), GP64()
	MOVLQSX(Mem{Base: starts}, at)
	MOVLQSX(Mem{Base: ends}, end)
	LEAQ(Mem{Base: at, Index: at, Scale: 2}, at) // 3 samples of 8 rows a pixel
	LEAQ(Mem{Base: strip, Index: at, Scale: 8}, at)
	samples := newSums(3, half)
	Label("weighStripSum")
	samples.add(at, weights, k)
	ADDQ(U8(24), at)
	INCQ(k)
	CMPQ(k, end)
	JLT(LabelRef("weighStripSum"))
	pixels := samples.packed(order)
	VMOVDQU(pixels.AsX(), Mem{Base: dst})
	last := XMM()
	VEXTRACTI128(U8(1), pixels, last)
	VMOVQ(last, Mem{Base: dst, Disp: 16})
	ADDQ(U8(24), dst)
	ADDQ(U8(4), starts)
	ADDQ(U8(4), ends)
	DECQ(count)
	JNZ(LabelRef("weighStripLoop"))
	VZEROUPPER()
	RET()
}

// weighRows makes 32 neighbouring samples of one output row at a time.
func weighRows(lanes, round Mem) {
	TEXT("weighRowsAVX2", NOSPLIT, "func(dst, src *uint8, stride int, weights *int32, taps, count int)")
	Pragma("noescape")
	dst, src, stride := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("stride"), GP64())
	weights, taps, count := Load(Param("weights"), GP64()), Load(Param("taps"), GP64()), Load(Param("count"), GP64())
	order := YMM()
	VMOVDQU(lanes, order)
	half := YMM()
	VMOVDQU(round, half)
	Label("weighRowsLoop")
	at, k := GP64(), GP64()
	MOVQ(src, at)
	XORQ(k, k)
	samples := newSums(4, half)
	Label("weighRowsSum")
	samples.add(at, weights, k)
	ADDQ(stride, at)
	INCQ(k)
	CMPQ(k, taps)
	JLT(LabelRef("weighRowsSum"))
	VMOVDQU(samples.packed(order), Mem{Base: dst})
	ADDQ(U8(32), src)
	ADDQ(U8(32), dst)
	SUBQ(U8(32), count)
	JA(LabelRef("weighRowsLoop"))
	VZEROUPPER()
	RET()
}
