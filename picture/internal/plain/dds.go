package plain

import (
	"math/bits"

	"fovea/picture/internal/fault"
)

// IsDDS recognizes DirectX's textures.
func IsDDS(head []byte) bool { return len(head) >= 8 && string(head[:8]) == "DDS \x7c\x00\x00\x00" }

// The flags of a texture's pixels.
const (
	ddsOpacity   = 0x1
	ddsCode      = 0x4
	ddsIndexed   = 0x20
	ddsRGB       = 0x40
	ddsLuminance = 0x20000
)

// ddsBlocks are the codes of compressed textures, four characters or DXGI's numbers, and what their blocks are.
var (
	ddsBlocks = map[string]block{
		"DXT1": blockBC1, "DXT3": blockBC2, "DXT5": blockBC3, "BC4U": blockBC4, "ATI1": blockBC4, "BC5U": blockBC5, "ATI2": blockBC5, "BC5S": blockBC5S,
	}
	ddsNumbers = map[uint32]block{
		70: blockBC1, 71: blockBC1, 73: blockBC2, 74: blockBC2, 76: blockBC3, 77: blockBC3, 79: blockBC4, 80: blockBC4,
		82: blockBC5, 83: blockBC5, 84: blockBC5S, 97: blockBC7, 98: blockBC7, 99: blockBC7,
	}
)

// ParseDDS reads the header of a texture, of which the first and largest picture is decoded.
func ParseDDS(data []byte) (*Image, error) {
	if len(data) < 128 {
		return nil, fault.ErrTruncated
	}
	m := &Image{Width: int(le.Uint32(data[16:])), Height: int(le.Uint32(data[12:]))}
	flags, code, depth := le.Uint32(data[80:]), string(data[84:88]), int(le.Uint32(data[88:]))
	switch {
	case flags&ddsRGB != 0:
		return m, m.ddsMasked(data, flags&ddsOpacity != 0, depth)
	case flags&ddsLuminance != 0 && depth == 8:
		m.Channels = 1
	case flags&ddsLuminance != 0 && depth == 16 && flags&ddsOpacity != 0:
		m.Channels = 2
	case flags&ddsIndexed != 0:
		return m, m.ddsIndexed(data)
	case flags&ddsCode != 0 && code == "DX10":
		return m, m.ddsNumbered(data)
	case flags&ddsCode != 0:
		b, found := ddsBlocks[code]
		if !found {
			return nil, unsupported("a texture of the format %q", code)
		}
		m.blocks(data, 128, b)
		return m, nil
	default:
		return nil, unsupported("a texture with the flags %#x and %d bits", flags, depth)
	}
	row := m.rowBytes()
	m.rows(data, raw{at: 128, row: row, stride: row}, copied)
	return m, nil
}

// ddsNumbered reads a texture whose format is one of DXGI's numbers, in a second header.
func (m *Image) ddsNumbered(data []byte) error {
	if len(data) < 148 {
		return fault.ErrTruncated
	}
	number := le.Uint32(data[128:])
	if b, found := ddsNumbers[number]; found {
		m.blocks(data, 148, b)
		return nil
	}
	if number != 27 && number != 28 && number != 29 {
		return unsupported("a texture of DXGI's format %d", number)
	}
	m.Channels = 4
	m.rows(data, raw{at: 148, row: 4 * m.Width, stride: 4 * m.Width}, copied)
	return nil
}

func (m *Image) ddsIndexed(data []byte) error {
	if len(data) < 128+1024 {
		return fault.ErrTruncated
	}
	m.Channels, m.Palette = 1, &Palette{Opaque: true, Count: 256}
	for i := range m.Palette.Colours {
		m.Palette.Colours[i] = [4]uint8(data[128+4*i:])
		m.Palette.Opaque = m.Palette.Opaque && data[128+4*i+3] == 255
	}
	m.rows(data, raw{at: 128 + 1024, row: m.Width, stride: m.Width}, copied)
	return nil
}

// ddsMasked reads samples by their masks.
func (m *Image) ddsMasked(data []byte, opacity bool, depth int) error {
	if depth%8 != 0 || depth < 8 || depth > 32 {
		return unsupported("a texture of %d bits a pixel", depth)
	}
	if m.Channels = 3; opacity {
		m.Channels = 4
	}
	var masks, shifts [4]uint32
	for i := range m.Channels {
		masks[i] = le.Uint32(data[92+4*i:])
		shifts[i] = uint32(bits.TrailingZeros32(masks[i]) & 31)
	}
	size := depth / 8
	m.rows(data, raw{at: 128, row: m.Width * size, stride: m.Width * size}, func(dst, src []byte) error {
		for i := range dst {
			c, pixel := i%m.Channels, src[i/m.Channels*size:]
			value := uint32(0)
			for b := range size {
				value |= uint32(pixel[b]) << (8 * b)
			}
			dst[i] = 0
			if masks[c] != 0 {
				dst[i] = uint8(float64(value&masks[c]>>shifts[c]) / float64(masks[c]>>shifts[c]) * 255)
			}
		}
		return nil
	})
	return nil
}
