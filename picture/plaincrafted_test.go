package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
)

// plainSamples are a large image in the formats of package plain, as plain rows and in every way to pack them. Only the
// first red samples of the source are in them, as grey, but for those of three channels.
func plainSamples(m *image.NRGBA) map[string][]byte {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	grey, rgb := make([]byte, width*height), make([]byte, 3*width*height)
	for i := range grey {
		grey[i] = m.Pix[4*i]
		copy(rgb[3*i:3*i+3], m.Pix[4*i:])
	}
	out := map[string][]byte{
		"pnm grey":   append(fmt.Appendf(nil, "P5 %d %d 255\n", width, height), grey...),
		"pnm colour": append(fmt.Appendf(nil, "P6 %d %d 255\n", width, height), rgb...),
		"pnm scaled": append(fmt.Appendf(nil, "P6 %d %d 254\n", width, height), rgb...),
		"pam":        append(fmt.Appendf(nil, "P7\nWIDTH %d\nHEIGHT %d\nDEPTH 4\nMAXVAL 255\nENDHDR\n", width, height), m.Pix...),
		"pfm":        append(fmt.Appendf(nil, "Pf %d %d -1\n", width, height), make([]byte, 4*width*height)...),
		"pnm text":   bytes.ReplaceAll(bytes.Trim(fmt.Append(nil, "P2 ", width, height, " 255\n", grey), "]"), []byte("["), nil),
		"tga":        append(tgaHead(width, height, 2, 24), rgb...),
		"tga runs":   append(tgaHead(width, height, 10, 24), packets(rgb, 128, 3, 0)...),
		"qoi":        append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("qoif"), uint32(width)), uint32(height)), 3, 0),
	}
	for i := range grey {
		out["qoi"] = append(append(out["qoi"], 0xfe), rgb[3*i:3*i+3]...)
	}
	maps := map[string]func(int, int, []byte) []byte{"bmp runs": bmpRuns, "psd runs": psdRuns, "pcx": pcxFile, "dds": ddsBlocks, "sgi runs": sgiRuns, "sun runs": sunRuns, "xbm": xbmText, "icon": iconFile}
	for name, make := range maps {
		out[name] = make(width, height, grey)
	}
	return out
}

// packets are samples of some bytes in packets of as many as most, each behind its length, of which 1 is written as
// first.
func packets(samples []byte, most, size, first int) []byte {
	var out []byte
	for at := 0; at < len(samples); {
		n := min(most, (len(samples)-at)/size)
		out = append(append(out, byte(n-1+first)), samples[at:at+n*size]...)
		at += n * size
	}
	return out
}

func tgaHead(width, height int, kind, depth byte) []byte {
	le := binary.LittleEndian
	out := append([]byte{0, 0, kind}, make([]byte, 9)...)
	return append(le.AppendUint16(le.AppendUint16(out, uint16(width)), uint16(height)), depth, 0x20)
}

// bmpHead is a file's header up to the pixels, with a palette of 256 greys where there are 8 bits.
func bmpHead(width, height, depth, compression int) []byte {
	le := binary.LittleEndian
	table := 0
	if depth == 8 {
		table = 1024
	}
	out := le.AppendUint32(append([]byte("BM"), make([]byte, 8)...), uint32(54+table))
	for _, n := range []int{40, width, height, 1 | depth<<16, compression, 0, 0, 0, 0, 0} {
		out = le.AppendUint32(out, uint32(n))
	}
	for i := range table / 4 {
		out = append(out, byte(i), byte(i), byte(i), 0)
	}
	return out
}

func bmpRuns(width, height int, grey []byte) []byte {
	out := bmpHead(width, height, 8, 1)
	for i, v := range grey {
		if i > 0 && i%width == 0 {
			out = append(out, 0, 0)
		}
		out = append(out, 1, v)
	}
	return append(out, 0, 1)
}

func psdRuns(width, height int, grey []byte) []byte {
	be := binary.BigEndian
	out := append([]byte("8BPS\x00\x01"), make([]byte, 6)...)
	out = be.AppendUint32(be.AppendUint32(be.AppendUint16(out, 1), uint32(height)), uint32(width))
	out = append(append(out, 0, 8, 0, 1), make([]byte, 12)...)
	out = append(out, 0, 1)
	var rows []byte
	for y := range height {
		row := packets(grey[y*width:][:width], 128, 1, 0)
		out = be.AppendUint16(out, uint16(len(row)))
		rows = append(rows, row...)
	}
	return append(out, rows...)
}

func pcxFile(width, height int, grey []byte) []byte {
	le := binary.LittleEndian
	out := le.AppendUint16(le.AppendUint16([]byte{10, 5, 1, 8, 0, 0, 0, 0}, uint16(width-1)), uint16(height-1))
	out = append(out, make([]byte, 53)...)
	out = append(le.AppendUint16(append(out, 1), uint16(width)), make([]byte, 60)...)
	for _, v := range grey {
		out = append(out, 0xc1, v)
	}
	return out
}

func ddsBlocks(width, height int, grey []byte) []byte {
	le := binary.LittleEndian
	out := make([]byte, 128)
	copy(out, "DDS \x7c")
	le.PutUint32(out[12:], uint32(height))
	le.PutUint32(out[16:], uint32(width))
	copy(out[80:], "\x04\x00\x00\x00DXT1")
	return append(out, grey[:divided(width, 4)*divided(height, 4)*8]...)
}

func sgiRuns(width, height int, grey []byte) []byte {
	be := binary.BigEndian
	out := []byte{1, 0xda, 1, 1, 0, 2}
	out = be.AppendUint16(be.AppendUint16(be.AppendUint16(out, uint16(width)), uint16(height)), 1)
	out = append(out, make([]byte, 500)...)
	var rows, lengths []byte
	for y := range height {
		row := append(packets(grey[y*width:][:width], 127, 1, 0x81), 0)
		out = be.AppendUint32(out, uint32(512+8*height+len(rows)))
		lengths = be.AppendUint32(lengths, uint32(len(row)))
		rows = append(rows, row...)
	}
	return append(append(out, lengths...), rows...)
}

func sunRuns(width, height int, grey []byte) []byte {
	var out []byte
	for _, n := range []int{0x59a66a95, width, height, 8, 0, 2, 0, 0} {
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	for i, v := range grey {
		if out = append(out, v&0x7f); width%2 == 1 && i%width == width-1 {
			out = append(out, 0)
		}
	}
	return out
}

func xbmText(width, height int, grey []byte) []byte {
	out := fmt.Appendf(nil, "#define a_width %d\n#define a_height %d\nstatic char a_bits[] = {\n", width, height)
	for _, v := range grey[:divided(width, 8)*height] {
		out = fmt.Appendf(out, "0x%02x,", v)
	}
	return append(out, "};\n"...)
}

// iconFile is one bitmap of any size: the list's numbers are not that of pixels.
func iconFile(width, height int, _ []byte) []byte {
	bitmap := bmpHead(width, 2*height, 32, 0)[14:]
	bitmap = append(bitmap, make([]byte, 4*width*height)...)
	out := append([]byte{0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 32, 0}, make([]byte, 8)...)
	binary.LittleEndian.PutUint32(out[14:], uint32(len(bitmap)))
	binary.LittleEndian.PutUint32(out[18:], 22)
	return append(out, bitmap...)
}
