#include "textflag.h"

// func dot2x4AVX2(x0, x1, w *float32, stride, n int, sums *[8]float32)
//
// Eight accumulators hide the latency of the multiplications; six loads feed eight of them.
TEXT ·dot2x4AVX2(SB), NOSPLIT, $0-48
	MOVQ   x0+0(FP), AX
	MOVQ   x1+8(FP), BX
	MOVQ   w+16(FP), CX
	MOVQ   stride+24(FP), DX
	MOVQ   n+32(FP), SI
	MOVQ   sums+40(FP), DI
	SHLQ   $2, DX
	SHLQ   $2, SI
	LEAQ   (CX)(DX*1), R8
	LEAQ   (CX)(DX*2), R9
	LEAQ   (R8)(DX*2), R10
	XORQ   R11, R11
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

dotLoop:
	CMPQ        R11, SI
	JGE         dotSums
	VMOVUPS     (AX)(R11*1), Y8
	VMOVUPS     (BX)(R11*1), Y9
	VMOVUPS     (CX)(R11*1), Y10
	VMOVUPS     (R8)(R11*1), Y11
	VMOVUPS     (R9)(R11*1), Y12
	VMOVUPS     (R10)(R11*1), Y13
	VFMADD231PS Y10, Y8, Y0
	VFMADD231PS Y11, Y8, Y1
	VFMADD231PS Y12, Y8, Y2
	VFMADD231PS Y13, Y8, Y3
	VFMADD231PS Y10, Y9, Y4
	VFMADD231PS Y11, Y9, Y5
	VFMADD231PS Y12, Y9, Y6
	VFMADD231PS Y13, Y9, Y7
	ADDQ        $32, R11
	JMP         dotLoop

dotSums:
	VHADDPS      Y1, Y0, Y0
	VHADDPS      Y3, Y2, Y2
	VHADDPS      Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X8
	VADDPS       X8, X0, X0
	VMOVUPS      X0, (DI)
	VHADDPS      Y5, Y4, Y4
	VHADDPS      Y7, Y6, Y6
	VHADDPS      Y6, Y4, Y4
	VEXTRACTF128 $1, Y4, X8
	VADDPS       X8, X4, X4
	VMOVUPS      X4, 16(DI)
	VZEROUPPER
	RET

// func axpy4x2AVX2(x *[4]*float32, g0, g1 *float32, n int, factors *[8]float32)
TEXT ·axpy4x2AVX2(SB), NOSPLIT, $0-40
	MOVQ         x+0(FP), R8
	MOVQ         g0+8(FP), AX
	MOVQ         g1+16(FP), BX
	MOVQ         n+24(FP), SI
	MOVQ         factors+32(FP), DI
	MOVQ         0(R8), R9
	MOVQ         8(R8), R10
	MOVQ         16(R8), R12
	MOVQ         24(R8), R13
	SHLQ         $2, SI
	XORQ         R11, R11
	VBROADCASTSS 0(DI), Y0
	VBROADCASTSS 4(DI), Y1
	VBROADCASTSS 8(DI), Y2
	VBROADCASTSS 12(DI), Y3
	VBROADCASTSS 16(DI), Y4
	VBROADCASTSS 20(DI), Y5
	VBROADCASTSS 24(DI), Y6
	VBROADCASTSS 28(DI), Y7

axpyLoop:
	CMPQ        R11, SI
	JGE         axpyEnd
	VMOVUPS     (AX)(R11*1), Y12
	VMOVUPS     (BX)(R11*1), Y13
	VMOVUPS     (R9)(R11*1), Y8
	VMOVUPS     (R10)(R11*1), Y9
	VMOVUPS     (R12)(R11*1), Y10
	VMOVUPS     (R13)(R11*1), Y11
	VFMADD231PS Y0, Y8, Y12
	VFMADD231PS Y4, Y8, Y13
	VFMADD231PS Y1, Y9, Y12
	VFMADD231PS Y5, Y9, Y13
	VFMADD231PS Y2, Y10, Y12
	VFMADD231PS Y6, Y10, Y13
	VFMADD231PS Y3, Y11, Y12
	VFMADD231PS Y7, Y11, Y13
	VMOVUPS     Y12, (AX)(R11*1)
	VMOVUPS     Y13, (BX)(R11*1)
	ADDQ        $32, R11
	JMP         axpyLoop

axpyEnd:
	VZEROUPPER
	RET
