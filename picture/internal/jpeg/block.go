package jpeg

import (
	"encoding/binary"

	"fovea/picture/internal/kernel"
)

// natural leads from zigzag order to row by row.
var natural = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// samples makes a block's samples of its dequantized coefficients, and clears them. A block is
// flat if all coefficients but the first are 0.
func samples(block *[64]int16, flat bool, pix []uint8, stride int) {
	if !flat {
		kernel.InverseCosine(pix, stride, block)
		return
	}
	fill := uint64(kernel.Clamp((int32(block[0])+4)>>3+128)) * 0x0101010101010101
	block[0] = 0
	_ = pix[7*stride+7]
	for y := range 8 {
		binary.LittleEndian.PutUint64(pix[y*stride:], fill)
	}
}
