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
	if depth == 32 && (entry.depth == 32 || data[2] == 2) {
		i.opacity = func(y int, dst []uint8) {
			pick(dst, content[pixels+4*m.Width*(m.Height-1-y):], 4, 3)
		}
		return i, nil
	}
	mask := int64(entry.size) - times(maskStride(m), m.Height)
	if data[2] == 2 { // whose sizes are not to be relied on
		mask = int64(pixels) + times(divided(max(1, m.Width*depth), 32), 4, m.Height)
	}
	if mask < m.Least {
		return i, nil
	}
	err = i.maskAt(mask)
	return i, err
}

// maskStride is the number of bytes in a row of a mask of a bit a pixel.
func maskStride(m *plain.Image) int { return divided(max(1, m.Width), 32) * 4 }

// maskAt takes the opacity from a mask, whose bits are set where pixels are transparent.
func (i *icon) maskAt(mask int64) error {
	content, height, stride := i.content, i.bitmap.Height, maskStride(i.bitmap)
	if mask+times(stride, height) > int64(len(content)) {
		return ErrTruncated
	}
	i.opacity = func(y int, dst []uint8) {
		row := content[int(mask)+stride*(height-1-y):]
		for x := range dst {
			dst[x] = row[x/8]>>(7-x%8)&1 - 1
		}
	}
	return nil
}

// iconFormat is one of icons, whose largest image read finds.
func iconFormat(name string, is func([]byte) bool, read func([]byte) (icon, error)) format {
	return format{name: name, is: is, header: func(w *workspace, data []byte) (header, error) {
		i, err := read(data)
		switch {
		case err != nil:
			return header{}, err
		case i.png:
			return headerOfPNG(w, i.content)
		}
		return plainHeader(i.bitmap), nil
	}, decode: func(w *workspace, data []byte, j job) (source, error) {
		i, err := read(data)
		switch {
		case err != nil:
			return source{}, err
		case i.png:
			return decodePNG(w, i.content, j)
		}
		return w.fromIcon(i, j)
	}}
}

// fromIcon supplies the rows of an icon's bitmap.
func (w *workspace) fromIcon(i icon, j job) (source, error) {
	out, err := w.fromPlain(i.bitmap, j)
	if err != nil || i.opacity == nil {
		return out, err
	}
	out.alpha = i.opacity
	if !i.cursor {
		return out, nil
	}
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
	return out, nil
}

// macIcons are the names of a macOS icon's images, the largest first, in Pillow's order; those with a side are not files
// of their own, and may have a mask.
var macIcons = []struct {
	name, mask string
	side       int
}{
	{name: "ic10"}, {name: "ic09"}, {name: "ic14"}, {name: "ic08"}, {name: "ic13"}, {name: "ic07"}, {"it32", "t8mk", 128}, {name: "icp6"}, {"ih32", "h8mk", 48},
	{name: "ic12"}, {name: "icp5"}, {"il32", "l8mk", 32}, {name: "ic11"}, {name: "icp4"}, {"is32", "s8mk", 16},
}

// readMacIcon finds the image of the largest size in a macOS icon.
func readMacIcon(data []byte) (icon, error) {
	images := map[string][]byte{}
	for at := int64(8); at+8 <= int64(len(data)) && len(images) < 100; {
		length := int64(binary.BigEndian.Uint32(data[at+4:]))
		if length < 8 {
			break
		}
		if at+length > int64(len(data)) {
			return icon{}, ErrTruncated
		}
		images[string(data[at:at+4])] = data[at+8 : at+length]
		at += length
	}
	for _, kind := range macIcons {
		image, found := images[kind.name]
		switch {
		case !found:
			continue
		case kind.side > 0:
			if kind.name == "it32" { // has four bytes in front
				image = image[min(4, len(image)):]
			}
			m, err := plain.ParseMacIcon(image, images[kind.mask], kind.side)
			return icon{bitmap: m}, err
		case starts("\x89PNG\r\n\x1a\n")(image):
			return icon{content: image, png: true}, nil
		}
		return icon{}, fmt.Errorf("%w: a macOS icon whose largest image is no PNG: convert it to PNG", ErrUnsupported)
	}
	return icon{}, fmt.Errorf("%w: a macOS icon without an image", ErrCorrupt)
}
