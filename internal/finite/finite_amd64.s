#include "textflag.h"

// func largestAVX2(values *float32, n int, largest *[8]uint32)
TEXT ·largestAVX2(SB), NOSPLIT, $0-24
	MOVQ  values+0(FP), AX
	MOVQ  n+8(FP), CX
	MOVQ  largest+16(FP), DI
	LEAQ  (AX)(CX*4), CX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3

loop:
	CMPQ    AX, CX
	JGE     done
	VMOVDQU (AX), Y4
	VMOVDQU 32(AX), Y5
	VMOVDQU 64(AX), Y6
	VMOVDQU 96(AX), Y7
	VPSLLD  $1, Y4, Y4
	VPSLLD  $1, Y5, Y5
	VPSLLD  $1, Y6, Y6
	VPSLLD  $1, Y7, Y7
	VPMAXUD Y4, Y0, Y0
	VPMAXUD Y5, Y1, Y1
	VPMAXUD Y6, Y2, Y2
	VPMAXUD Y7, Y3, Y3
	ADDQ    $128, AX
	JMP     loop

done:
	VPMAXUD Y1, Y0, Y0
	VPMAXUD Y3, Y2, Y2
	VPMAXUD Y2, Y0, Y0
	VMOVDQU Y0, (DI)
	VZEROUPPER
	RET
