package plain

import (
	"bytes"
	"strconv"

	"fovea/internal/lazy"
	"fovea/picture/internal/fault"
)

// xbmHead is how X11's bitmaps begin: a C program's comments, its definitions of the size, and an array of bytes.
var xbmHead = lazy.Regexp(`^\s*(?:/\*[^*]*\*/\s*)*#define[ \t]+\w*_width[ \t]+([0-9]{1,9})\s+#define[ \t]+\w*_height[ \t]+([0-9]{1,9})\s+` +
	`(?:#define[ \t]+\w*_x_hot[ \t]+-?[0-9]+\s+#define[ \t]+\w*_y_hot[ \t]+-?[0-9]+\s+)?(?:static\s+)?(?:(?:const|unsigned)\s+)*char\s+\w*_bits\[[0-9]*\]\s*=\s*\{`)

// maxXBMHead is where the pixels must have begun.
const maxXBMHead = 512

// IsXBM recognizes X11's bitmaps.
func IsXBM(head []byte) bool {
	return bytes.Contains(head[:min(len(head), maxXBMHead)], []byte("#define")) && xbmHead().Match(head[:min(len(head), maxXBMHead)])
}

// ParseXBM reads a header that IsXBM has recognized. As in Pillow, 1 is white; other programs show it black.
func ParseXBM(data []byte) (*Image, error) {
	match := xbmHead().FindSubmatchIndex(data[:min(len(data), maxXBMHead)])
	if match == nil {
		return nil, fault.ErrTruncated
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(string(data[match[i]:match[i+1]])) // digits, as the expression has them
		return n
	}
	m := &Image{Width: number(2), Height: number(4), Channels: 1, Palette: bilevel(0, 255)}
	row := (m.Width + 7) / 8
	m.Least = int64(match[1]) + max(0, 2*product(row, m.Height)-1)
	m.read = func(pix []byte, spend Spend) error { return m.xbmBits(data[match[1]:], pix, row, spend) }
	return m, nil
}

// xbmBits reads the numbers of the array; the lowest bit is on the left.
func (m *Image) xbmBits(rest, pix []byte, row int, spend Spend) error {
	for y := range m.Height {
		if !spend(16 * row) {
			return fault.ErrStopped
		}
		for i := range row {
			rest = bytes.TrimLeft(rest, " \t\r\n\f\v")
			end := bytes.IndexAny(rest[:min(len(rest), 40)], ",} \t\r\n")
			if end < 0 {
				return fault.ErrTruncated
			}
			value, err := strconv.ParseUint(string(rest[:end]), 0, 8)
			if err != nil {
				return fault.Corrupt("%q among its numbers", rest[:end])
			}
			rest = bytes.TrimPrefix(bytes.TrimLeft(rest[end:], " \t\r\n\f\v"), []byte(","))
			for bit := range min(8, m.Width-8*i) {
				pix[y*m.Width+8*i+bit] = uint8(value) >> bit & 1
			}
		}
	}
	return nil
}
