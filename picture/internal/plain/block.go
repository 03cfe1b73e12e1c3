package plain

import "fovea/picture/internal/fault"

// block is a kind of compressed blocks of 4x4 pixels.
type block int

const (
	blockBC1 block = iota
	blockBC2
	blockBC3
	blockBC4
	blockBC5
	blockBC5S
	blockBC7
)

// size is that of a block in the file; channels are those of its pixels.
func (b block) size() int {
	if b == blockBC1 || b == blockBC4 {
		return 8
	}
	return 16
}

func (b block) channels() int {
	switch b {
	case blockBC4:
		return 1
	case blockBC5, blockBC5S:
		return 3
	}
	return 4
}

// blocks reads a texture of blocks, which may stand over its right and lower edge.
func (m *Image) blocks(data []byte, at int, b block) {
	m.Channels = b.channels()
	across, down := (m.Width+3)/4, (m.Height+3)/4
	m.Least = min(1<<62, int64(at)+product(across, down, b.size()))
	m.read = func(pix []byte, spend Spend) error {
		if m.Least > int64(len(data)) {
			return fault.ErrTruncated
		}
		rest := data[at:]
		for y := range down {
			if !spend(16 * across) {
				return fault.ErrStopped
			}
			for x := range across {
				var pixels [16][4]uint8
				b.decode(&pixels, rest)
				rest = rest[b.size():]
				for i := range min(4, m.Height-4*y) {
					for j := range min(4, m.Width-4*x) {
						to := (4*y+i)*m.Width + 4*x + j
						copy(pix[to*m.Channels:][:m.Channels], pixels[4*i+j][:])
					}
				}
			}
		}
		return nil
	}
}

func (b block) decode(pixels *[16][4]uint8, src []byte) {
	switch b {
	case blockBC1:
		blockColours(pixels, src, true)
	case blockBC2:
		blockColours(pixels, src[8:], false)
		for i := range pixels {
			pixels[i][3] = src[i/2] >> (4 * (i % 2)) & 15 * 17
		}
	case blockBC3:
		blockColours(pixels, src[8:], false)
		blockValues(pixels, src, 3, false)
	case blockBC4:
		blockValues(pixels, src, 0, false)
	case blockBC7:
		decodeBC7(pixels, src)
	default:
		if b == blockBC5S { // of which Pillow's middle is that of the range, too
			for i := range pixels {
				pixels[i][2] = 128
			}
		}
		blockValues(pixels, src, 0, b == blockBC5S)
		blockValues(pixels, src[8:], 1, b == blockBC5S)
	}
}

// blockColours are two colours and two between them; or one, and a transparent black, where the first is not the
// larger number.
func blockColours(pixels *[16][4]uint8, src []byte, punch bool) {
	first, second := le.Uint16(src), le.Uint16(src[2:])
	var colours [4][4]uint8
	for i, c := range []uint16{first, second} {
		r, g, b := c>>11, c>>5&63, c&31
		colours[i] = [4]uint8{uint8(r<<3 | r>>2), uint8(g<<2 | g>>4), uint8(b<<3 | b>>2), 255}
	}
	for c := range 4 {
		a, z := int(colours[0][c]), int(colours[1][c])
		switch {
		case first > second || !punch:
			colours[2][c], colours[3][c] = uint8((2*a+z)/3), uint8((a+2*z)/3)
		default:
			colours[2][c] = uint8((a + z) / 2)
		}
	}
	numbers := le.Uint32(src[4:])
	for i := range pixels {
		pixels[i] = colours[numbers>>(2*i)&3]
	}
}

// blockValues are two values and six between them; or four, and the ends of the range, where the first is not larger.
// Signed values are moved to 0 to 255.
func blockValues(pixels *[16][4]uint8, src []byte, channel int, signed bool) {
	var values [8]int
	first, second := int(src[0]), int(src[1])
	low, high := 0, 255
	if signed {
		first, second = int(int8(src[0]))+128, int(int8(src[1]))+128
	}
	values[0], values[1] = first, second
	if first > second {
		for i := 1; i < 7; i++ {
			values[i+1] = ((7-i)*first + i*second) / 7
		}
	} else {
		for i := 1; i < 5; i++ {
			values[i+1] = ((5-i)*first + i*second) / 5
		}
		values[6], values[7] = low, high
	}
	numbers := uint64(le.Uint16(src[2:])) | uint64(le.Uint32(src[4:]))<<16
	for i := range pixels {
		pixels[i][channel] = uint8(values[numbers>>(3*i)&7])
	}
}
