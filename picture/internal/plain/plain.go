package plain

import (
	"encoding/binary"

	"fovea/picture/internal/fault"
)

// Spend counts work, in units of about a pixel, and says whether there is time for more; if not, Read is a
// fault.ErrStopped.
type Spend func(work int) bool

// Image is a file's header, from which its pixels can be read.
type Image struct {
	Width, Height int
	// Channels are the samples of a pixel, a byte each: 1 is grey, or an index if there is a Palette, 2 is grey and
	// opacity, 3 is RGB, 4 is RGB and opacity.
	Channels int
	Palette  *Palette
	// Size is the bytes of a sample: 1, which 0 stands for, or 2 for whole numbers of 16 bits, or 4 for floats, both with
	// the highest byte first. Most is the largest sample of two bytes by the file's header, 0 if it says nothing.
	Size, Most int
	// Scratch is the memory that Read takes, in bytes, besides that for the pixels.
	Scratch int64
	// Least is the size of the smallest file with such an image.
	Least int64

	read func(pix []byte, spend Spend) error
}

// Palette is a table of colours with their opacity.
type Palette struct {
	Colours [256][4]uint8
	// Count is the number of colours.
	Count int
	// Opaque says that the opacity of all of them is 255.
	Opaque bool
}

// IsGrey says that the colours are black and white, or the greys of 8 bits in their order.
func (p *Palette) IsGrey() bool {
	if p == nil || p.Count != 2 && p.Count != 256 {
		return false
	}
	for i, c := range p.Colours[:p.Count] {
		if v := uint8(i * 255 / (p.Count - 1)); c[0] != v || c[1] != v || c[2] != v {
			return false
		}
	}
	return true
}

// Bytes is the size of a sample.
func (m *Image) Bytes() int { return max(1, m.Size) }

// Read decodes all pixels to pix, which holds Width x Height x Channels x Bytes bytes, whatever is in it before.
func (m *Image) Read(pix []byte, spend Spend) error {
	err := m.read(pix, spend)
	if err != nil || m.Palette == nil || m.Palette.Count >= 256 {
		return err
	}
	for _, index := range pix { // of one byte
		if int(index) >= m.Palette.Count {
			return fault.Corrupt("colour %d of a palette of %d", index, m.Palette.Count)
		}
	}
	return nil
}

// rowBytes are those of a decoded row.
func (m *Image) rowBytes() int { return m.Width * m.Channels * m.Bytes() }

func unsupported(format string, arguments ...any) error {
	return fault.Unsupported(format+": convert it to PNG", arguments...)
}

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// product is that of sizes in a header, or a number too large for any file.
func product(numbers ...int) int64 {
	p := int64(1)
	for _, n := range numbers {
		if n <= 0 {
			return 0
		}
		if p > (1<<62)/int64(n) {
			return 1 << 62
		}
		p *= int64(n)
	}
	return p
}

// raw describes rows of plain bytes: the first byte, the bytes of a row, the distance of the rows, and whether the last
// row comes first.
type raw struct {
	at, row, stride int
	upward          bool
}

// least is the size of the smallest file with the rows: what follows the last one may be missing.
func (r raw) least(height int) int64 {
	if height < 1 {
		return int64(r.at)
	}
	return min(1<<62, int64(r.at)+product(r.stride, height-1)+int64(r.row))
}

// rows reads plain rows: line makes a decoded row of its bytes.
func (m *Image) rows(data []byte, r raw, line func(dst, src []byte) error) {
	m.Least = r.least(m.Height)
	m.read = func(pix []byte, spend Spend) error {
		if int64(len(data)) < m.Least {
			return fault.ErrTruncated
		}
		size := m.rowBytes()
		for y := range m.Height {
			if !spend(m.Width) {
				return fault.ErrStopped
			}
			to := y
			if r.upward {
				to = m.Height - 1 - y
			}
			if err := line(pix[to*size:][:size], data[r.at+y*r.stride:][:r.row]); err != nil {
				return err
			}
		}
		return nil
	}
}

// The ways of lines.

func copied(dst, src []byte) error {
	copy(dst, src)
	return nil
}

// reversed swaps red and blue in pixels of the given number of bytes, of which the first three, and a fourth as
// opacity where there are four channels, are used.
func reversed(size, channels int) func(dst, src []byte) error {
	return func(dst, src []byte) error {
		for i := 0; i+size <= len(src); i += size {
			d, s := dst[:channels:channels], src[i:i+size:i+size]
			d[0], d[1], d[2] = s[2], s[1], s[0]
			if channels == 4 {
				d[3] = s[3]
			}
			dst = dst[channels:]
		}
		return nil
	}
}

// indices unpacks numbers of 1, 2, 4 or 8 bits, the first in the highest bits.
func indices(dst, src []byte, bits int) {
	if bits == 8 {
		copy(dst, src)
		return
	}
	perByte, mask := 8/bits, byte(1<<bits-1)
	for x := range dst {
		dst[x] = src[x/perByte] >> (8 - bits - x%perByte*bits) & mask
	}
}

// bilevelLine unpacks a line of bits.
func bilevelLine(dst, src []byte) error {
	indices(dst, src, 1)
	return nil
}

// bilevel is a palette of two colours.
func bilevel(zero, one uint8) *Palette {
	p := &Palette{Opaque: true, Count: 2}
	p.Colours[0] = [4]uint8{zero, zero, zero, 255}
	p.Colours[1] = [4]uint8{one, one, one, 255}
	return p
}

// field is a 16-bit number of data; the caller has checked that it is there.
func field(data []byte, at int) int { return int(le.Uint16(data[at:])) }
