package picture

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"

	"fovea/picture/internal/plain"
)

// icon is the largest image of a Windows icon or cursor: a file of its own if it is a PNG, or a bitmap with a mask.
type icon struct {
	content []byte
	png     bool
	bitmap  *plain.Image
	// opacity writes that of a row of the bitmap; nil if the icon does not say.
	opacity func(y int, dst []uint8)
	// cursor says that what is transparent is black, as in Pillow's grey cursors.
	cursor bool
}

// isIcon matches Windows's icons (1) and cursors (2) by their first entry.
func isIcon(kind byte) func([]byte) bool {
	return func(head []byte) bool {
		if len(head) < 22 || head[0]|head[1]|head[3] != 0 || head[2] != kind {
			return false
		}
		count := binary.LittleEndian.Uint16(head[4:])
		size, offset := binary.LittleEndian.Uint32(head[14:]), binary.LittleEndian.Uint32(head[18:])
		return count > 0 && head[9] == 0 && size > 0 && offset >= 6+16*uint32(count)
	}
}

// iconEntry is an image in the list at a file's beginning.
type iconEntry struct {
	pixels, depth int
	offset, size  uint32
}

// largestEntry is that of the most pixels, and like Pillow's, of those the one of the fewest bits a pixel.
func largestEntry(data []byte) (iconEntry, error) {
	var largest iconEntry
	for i := range int(binary.LittleEndian.Uint16(data[4:])) {
		if len(data) < 6+16*(i+1) {
			return largest, ErrTruncated
		}
		e := data[6+16*i:]
		entry := iconEntry{
			pixels: sideOf(e[0]) * sideOf(e[1]), depth: int(binary.LittleEndian.Uint16(e[6:])),
			size: binary.LittleEndian.Uint32(e[8:]), offset: binary.LittleEndian.Uint32(e[12:]),
		}
		if data[2] == 2 {
			entry.depth = 0 // there a cursor has its hot spot
		} else if entry.depth == 0 {
			entry.depth = cmp.Or(bits.Len8(max(1, e[2])-1), 256) // by the number of colours, if that is told
		}
		if entry.pixels > largest.pixels || entry.pixels == largest.pixels && entry.depth < largest.depth {
			largest = entry
		}
	}
	return largest, nil
}

// sideOf is a width or height in an entry.
func sideOf(b byte) int { return int(b-1) + 1 }

// readIcon finds the image to decode and reads its header.
func readIcon(data []byte) (icon, error) {
	if len(data) < 22 {
		return icon{}, ErrTruncated
	}
	entry, err := largestEntry(data)
	if err != nil {
		return icon{}, err
	}
	if int64(entry.offset) >= int64(len(data)) {
		return icon{}, ErrTruncated
	}
	content := data[entry.offset:]
	if starts("\x89PNG\r\n\x1a\n")(content) {
		return icon{content: content[:min(int64(len(content)), max(int64(entry.size), 8))], png: true}, nil
	}
	m, pixels, depth, err := plain.ParseDIB(content)
	if err != nil {
		return icon{}, err
	}
	i := icon{content: content, bitmap: m, cursor: data[2] == 2 && m.Palette.IsGrey()}
	stride := divided(max(1, m.Width), 32) * 4
	mask := int64(entry.size) - times(stride, m.Height)
	if data[2] == 2 { // whose sizes are not to be relied on
		mask = int64(pixels) + times(divided(max(1, m.Width*depth), 32), 4, m.Height)
	}
	switch {
	case depth == 32 && (entry.depth == 32 || data[2] == 2):
		i.opacity = func(y int, dst []uint8) {
			pick(dst, content[pixels+4*m.Width*(m.Height-1-y):], 4, 3)
		}
	case mask >= m.Least:
		if mask+times(stride, m.Height) > int64(len(content)) {
			return icon{}, ErrTruncated
		}
		i.opacity = func(y int, dst []uint8) {
			row := content[int(mask)+stride*(m.Height-1-y):]
			for x := range dst {
				dst[x] = row[x/8]>>(7-x%8)&1 - 1
			}
		}
	}
	return i, nil
}

func iconHeader(w *workspace, data []byte) (header, error) {
	i, err := readIcon(data)
	switch {
	case err != nil:
		return header{}, err
	case i.png:
		return headerOfPNG(w, i.content)
	}
	return plainHeader(i.bitmap), nil
}

func decodeIcon(w *workspace, data []byte, j job) (source, error) {
	i, err := readIcon(data)
	switch {
	case err != nil:
		return source{}, err
	case i.png:
		return decodePNG(w, i.content, j)
	}
	out, err := w.fromPlain(i.bitmap, j)
	if err != nil {
		return source{}, err
	}
	if out.alpha = i.opacity; i.cursor && i.opacity != nil {
		colours, opacity := out.row, make([]uint8, out.width)
		out.row = func(y int, dst []uint8) {
			colours(y, dst)
			i.opacity(y, opacity)
			for x, a := range opacity {
				if a == 0 {
					clear(dst[3*x : 3*x+3])
				}
			}
		}
	}
	return out, nil
}

// macIcons are the names of a macOS icon's images, the largest first, in Pillow's order.
var macIcons = []string{"ic10", "ic09", "ic14", "ic08", "ic13", "ic07", "it32", "icp6", "ih32", "ic12", "icp5", "il32", "ic11", "icp4", "is32"}

// largestMacIcon finds the PNG of the largest size in a macOS icon.
func largestMacIcon(data []byte) ([]byte, error) {
	images := map[string][]byte{}
	for at := int64(8); at+8 <= int64(len(data)) && len(images) < 100; {
		length := int64(binary.BigEndian.Uint32(data[at+4:]))
		if length < 8 {
			break
		}
		if at+length > int64(len(data)) {
			return nil, ErrTruncated
		}
		images[string(data[at:at+4])] = data[at+8 : at+length]
		at += length
	}
	for _, kind := range macIcons {
		image, found := images[kind]
		switch {
		case !found:
			continue
		case starts("\x89PNG\r\n\x1a\n")(image):
			return image, nil
		}
		return nil, fmt.Errorf("%w: a macOS icon whose largest image is no PNG: convert it to PNG", ErrUnsupported)
	}
	return nil, fmt.Errorf("%w: a macOS icon without an image", ErrCorrupt)
}

func macIconHeader(w *workspace, data []byte) (header, error) {
	image, err := largestMacIcon(data)
	if err != nil {
		return header{}, err
	}
	return headerOfPNG(w, image)
}

func decodeMacIcon(w *workspace, data []byte, j job) (source, error) {
	image, err := largestMacIcon(data)
	if err != nil {
		return source{}, err
	}
	return decodePNG(w, image, j)
}
