package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
)

// gifHeader is what a GIF says before its first frame's pixels.
type gifHeader struct {
	width, height int
	palette       [256][3]uint8
	transparent   int // index, or -1
	at            int // where the first frame begins
	frame         place
}

// decodeGIF decodes the first frame and places it on the canvas. The standard decoder drops the
// colour of the transparent index, which Pillow shows, so the palette is read here.
func decodeGIF(w *workspace, data []byte, _ job) (source, error) {
	decoded, err := gif.Decode(w.timed(data))
	if err != nil {
		return source{}, err
	}
	frame, isPaletted := decoded.(*image.Paletted)
	header := readGIF(data)
	if !isPaletted {
		return fromImage(decoded), nil
	}
	out := source{width: frame.Rect.Dx(), height: frame.Rect.Dy()}
	out.row = func(y int, dst []uint8) {
		paletteRow(dst, frame.Pix[y*frame.Stride:][:out.width], &header.palette)
	}
	if header.transparent >= 0 {
		out.alpha = func(y int, dst []uint8) {
			for x, index := range frame.Pix[y*frame.Stride:][:out.width] {
				dst[x] = 255
				if int(index) == header.transparent {
					dst[x] = 0
				}
			}
		}
	}
	canvas := header.palette[max(0, header.transparent)]
	return out.on(header.width, header.height, frame.Rect.Min.X, frame.Rect.Min.Y, canvas), nil
}

// readGIF reads up to the first frame, passing over the same bytes as the decoder.
func readGIF(data []byte) gifHeader {
	header := gifHeader{transparent: -1}
	if len(data) < 13 {
		return header
	}
	header.width, header.height = int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	rest := readPalette(&header.palette, data[10], data[13:])
	for len(rest) >= 10 {
		switch {
		case rest[0] == ',':
			at := func(i int) int { return int(binary.LittleEndian.Uint16(rest[i:])) }
			header.at = len(data) - len(rest)
			header.frame = place{at(1), at(3), at(5), at(7), rest[9]&0x40 != 0}
			readPalette(&header.palette, rest[9], rest[10:])
			return header
		case rest[0] != '!':
			return header
		}
		var known bool
		if rest, known = header.extension(rest[1], rest[2:]); !known {
			return header
		}
	}
	return header
}

// extension reads what concerns the first frame in an extension, and passes over others that are known.
func (h *gifHeader) extension(label byte, rest []byte) (after []byte, known bool) {
	skip := 0
	switch label {
	case 0xf9: // graphic control
		h.transparent = -1
		if rest[1]&1 != 0 {
			h.transparent = int(rest[4])
		}
		return rest[6:], true
	case 0x01: // text
		skip = 13
	case 0xff: // of an application
		skip = 1 + int(rest[0])
	case 0xfe: // a comment
	default:
		return rest, false
	}
	rest = rest[min(len(rest), skip):]
	for len(rest) > 0 && rest[0] != 0 { // blocks of the extension
		rest = rest[min(len(rest), 1+int(rest[0])):]
	}
	return rest[min(1, len(rest)):], true
}

// readPalette reads the palette that flags announce and returns what follows it.
func readPalette(palette *[256][3]uint8, flags uint8, data []byte) (rest []byte) {
	if flags&0x80 == 0 {
		return data
	}
	n := 2 << (flags & 7)
	*palette = [256][3]uint8{}
	for i := 0; i < n && len(data) >= 3; i++ {
		palette[i] = [3]uint8(data)
		data = data[3:]
	}
	return data
}

// gifNotes finds the XMP packet in front of the first frame. It is not in blocks as other notes are, but whole, and
// bytes that lead readers of blocks to its end follow it.
func gifNotes(data []byte) (exif, xmp []byte) {
	const start = "\x21\xff\x0bXMP DataXMP"
	before, after, found := bytes.Cut(data[:min(len(data), maxText)], []byte(start))
	if !found || readGIF(data).at < len(before) {
		return nil, nil
	}
	xmp, _, _ = bytes.Cut(after, []byte("\x01\xff\xfe\xfd"))
	return nil, xmp
}
