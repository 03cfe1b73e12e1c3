package plain

import (
	"cmp"
	"math/bits"
)

// bc7Mode is one of the eight ways in which a block of BC7 has its bits, as Khronos's BPTC specification lists them.
type bc7Mode struct {
	subsets, partition, rotation, selector int // bits, but for the number of subsets
	colour, alpha                          int // bits of the ends' samples
	lowest, shared                         int // whether each end, or each subset, has a lowest bit of its own
	index, second                          int // bits of a pixel's weight, and of that of alpha
}

var bc7Modes = [8]bc7Mode{
	{3, 4, 0, 0, 4, 0, 1, 0, 3, 0}, {2, 6, 0, 0, 6, 0, 0, 1, 3, 0}, {3, 6, 0, 0, 5, 0, 0, 0, 2, 0}, {2, 6, 0, 0, 7, 0, 1, 0, 2, 0},
	{1, 0, 2, 1, 5, 6, 0, 0, 2, 3}, {1, 0, 2, 0, 7, 8, 0, 0, 2, 2}, {1, 0, 0, 0, 7, 7, 1, 0, 4, 0}, {2, 6, 0, 0, 5, 5, 1, 0, 2, 0},
}

// bc7Halves say which pixels are of the second of two subsets, a bit each, and bc7Thirds of which of three, two bits
// each; the first pixel has the lowest bits.
var (
	bc7Halves = [64]uint16{
		0xcccc, 0x8888, 0xeeee, 0xecc8, 0xc880, 0xfeec, 0xfec8, 0xec80, 0xc800, 0xffec, 0xfe80, 0xe800, 0xffe8, 0xff00, 0xfff0, 0xf000,
		0xf710, 0x008e, 0x7100, 0x08ce, 0x008c, 0x7310, 0x3100, 0x8cce, 0x088c, 0x3110, 0x6666, 0x366c, 0x17e8, 0x0ff0, 0x718e, 0x399c,
		0xaaaa, 0xf0f0, 0x5a5a, 0x33cc, 0x3c3c, 0x55aa, 0x9696, 0xa55a, 0x73ce, 0x13c8, 0x324c, 0x3bdc, 0x6996, 0xc33c, 0x9966, 0x0660,
		0x0272, 0x04e4, 0x4e40, 0x2720, 0xc936, 0x936c, 0x39c6, 0x639c, 0x9336, 0x9cc6, 0x817e, 0xe718, 0xccf0, 0x0fcc, 0x7744, 0xee22,
	}
	bc7Thirds = [64]uint32{
		0xaa685050, 0x6a5a5040, 0x5a5a4200, 0x5450a0a8, 0xa5a50000, 0xa0a05050, 0x5555a0a0, 0x5a5a5050,
		0xaa550000, 0xaa555500, 0xaaaa5500, 0x90909090, 0x94949494, 0xa4a4a4a4, 0xa9a59450, 0x2a0a4250,
		0xa5945040, 0x0a425054, 0xa5a5a500, 0x55a0a0a0, 0xa8a85454, 0x6a6a4040, 0xa4a45000, 0x1a1a0500,
		0x0050a4a4, 0xaaa59090, 0x14696914, 0x69691400, 0xa08585a0, 0xaa821414, 0x50a4a450, 0x6a5a0200,
		0xa9a58000, 0x5090a0a8, 0xa8a09050, 0x24242424, 0x00aa5500, 0x24924924, 0x24499224, 0x50a50a50,
		0x500aa550, 0xaaaa4444, 0x66660000, 0xa5a0a5a0, 0x50a050a0, 0x69286928, 0x44aaaa44, 0x66666600,
		0xaa444444, 0x54a854a8, 0x95809580, 0x96969600, 0xa85454a8, 0x80959580, 0xaa141414, 0x96960000,
		0xaaaa1414, 0xa05050a0, 0xa0a5a5a0, 0x96000000, 0x40804080, 0xa9a8a9a8, 0xaaaaaa44, 0x2a4a5254,
	}
)

// Each subset has a pixel whose weight lacks its highest bit: the first pixel, and these, in hexadecimal digits, of the
// second of two subsets, and of the second and third of three.
const (
	bc7HalfAnchors   = "fffffffffffffffff282288f28228822ff6828ff28222ff66268ff22fffff22f"
	bc7SecondAnchors = "33ff83ff88666533338f336a588685ff8f356a8ff3f5ffff3f55585a5a8dfc33"
	bc7ThirdAnchors  = "f883ff38fffffff8f8f3f8f83f6affa8f3faa89a6f8f3668f3ffffffffff3ff8"
)

func hexDigit(digits string, i int) int {
	if d := digits[i]; d >= 'a' {
		return int(d-'a') + 10
	}
	return int(digits[i] - '0')
}

// bitReader takes the bits of a block, the lowest first.
type bitReader struct{ low, high uint64 }

func (r *bitReader) take(n int) int {
	v := int(r.low & (1<<n - 1))
	r.low = r.low>>n | r.high<<(64-n)
	r.high >>= n
	return v
}

// bc7Weight is what a pixel's index stands for, in 64ths.
func bc7Weight(index, bits int) int { return (index*64*2/(1<<bits-1) + 1) / 2 }

// decodeBC7 decodes a block.
func decodeBC7(pixels *[16][4]uint8, src []byte) {
	if src[0] == 0 { // no mode; Pillow's is black
		for i := range pixels {
			pixels[i] = [4]uint8{3: 255}
		}
		return
	}
	number := bits.TrailingZeros8(src[0])
	m := bc7Modes[number]
	r := bitReader{le.Uint64(src), le.Uint64(src[8:])}
	r.take(number + 1)
	partition, rotation, selector := r.take(m.partition), r.take(m.rotation), r.take(m.selector)
	ends := m.ends(&r)
	var first [16]int
	for i := range first {
		first[i] = r.take(m.index - m.isAnchor(partition, i))
	}
	second, alphaBits := first, cmp.Or(m.second, m.index)
	if m.second > 0 {
		second[0] = r.take(m.second - 1)
		for i := 1; i < len(second); i++ {
			second[i] = r.take(m.second)
		}
	}
	for i := range pixels {
		subset := m.subset(partition, i)
		colour, alpha := bc7Weight(first[i], m.index), bc7Weight(second[i], alphaBits)
		if selector == 1 {
			colour, alpha = alpha, colour
		}
		for c, w := range [4]int{colour, colour, colour, alpha} {
			pixels[i][c] = uint8(((64-w)*ends[2*subset][c] + w*ends[2*subset+1][c] + 32) >> 6)
		}
		if rotation > 0 {
			pixels[i][rotation-1], pixels[i][3] = pixels[i][3], pixels[i][rotation-1]
		}
	}
}

// ends are the two colours of each subset, in 8 bits.
func (m bc7Mode) ends(r *bitReader) (ends [6][4]int) {
	count := 2 * m.subsets
	for c := range 4 {
		n := m.colour
		if c == 3 {
			n = m.alpha
		}
		for i := range count {
			ends[i][c] = r.take(n)
		}
	}
	var low [6]int
	for i := range count {
		switch {
		case m.lowest == 1:
			low[i] = r.take(1)
		case m.shared == 1 && i%2 == 0:
			low[i] = r.take(1)
			low[i+1] = low[i]
		}
	}
	more := m.lowest + m.shared
	for i := range count {
		for c := range 4 {
			n := m.colour
			if c == 3 {
				n = m.alpha
			}
			if n == 0 {
				ends[i][c] = 255
				continue
			}
			n += more
			v := (ends[i][c]<<more | low[i]) << (8 - n)
			ends[i][c] = v | v>>n
		}
	}
	return ends
}

// subset is that of a pixel.
func (m bc7Mode) subset(partition, pixel int) int {
	switch m.subsets {
	case 2:
		return int(bc7Halves[partition] >> pixel & 1)
	case 3:
		return int(bc7Thirds[partition] >> (2 * pixel) & 3)
	}
	return 0
}

// isAnchor is 1 for a pixel whose weight lacks a bit.
func (m bc7Mode) isAnchor(partition, pixel int) int {
	if pixel == 0 || m.subsets == 2 && pixel == hexDigit(bc7HalfAnchors, partition) ||
		m.subsets == 3 && (pixel == hexDigit(bc7SecondAnchors, partition) || pixel == hexDigit(bc7ThirdAnchors, partition)) {
		return 1
	}
	return 0
}
