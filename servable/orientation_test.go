package servable

import (
	"encoding/binary"
	"os"
	"strconv"
	"testing"

	"fovea/picture"
)

// withEXIF inserts a comment and an EXIF block after the first marker of a JPEG file.
func withEXIF(jpeg, block []byte) []byte {
	file := append([]byte{}, jpeg[:2]...)
	file = append(file, 0xff, 0xfe, 0, 6, 'n', 'o', 't', 'e')
	file = append(file, 0xff, 0xe1)
	file = binary.BigEndian.AppendUint16(file, uint16(2+6+len(block)))
	file = append(append(file, "Exif\x00\x00"...), block...)
	return append(file, jpeg[2:]...)
}

const (
	kindByte  = 1
	kindShort = 3
	kindLong  = 4
)

// entry is a directory entry with one value.
type entry struct {
	tag, kind uint16
	value     uint32
}

// tiff is a TIFF structure with a directory at an offset.
func tiff(order binary.AppendByteOrder, offset int, entries ...entry) []byte {
	block := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		block = []byte("MM\x00*")
	}
	block = order.AppendUint32(block, uint32(offset))
	block = append(block, make([]byte, max(0, offset-len(block)))...)
	block = order.AppendUint16(block, uint16(len(entries)))
	for _, e := range entries {
		block = order.AppendUint16(block, e.tag)
		block = order.AppendUint16(block, e.kind)
		block = order.AppendUint32(block, 1)
		switch e.kind {
		case kindByte:
			block = append(block, byte(e.value), 0, 0, 0)
		case kindShort:
			block = order.AppendUint16(block, uint16(e.value))
			block = append(block, 0, 0)
		default:
			block = order.AppendUint32(block, e.value)
		}
	}
	return block
}

// EXIF is read as package picture reads it, damage included.
func TestOrientation(t *testing.T) {
	jpeg, err := os.ReadFile("../testdata/picture/jpeg-444-37x29.jpg")
	if err != nil {
		t.Fatal(err)
	}
	options := picture.Options{Width: 32, Height: 32}
	run := decoder(t, options)
	camera := []entry{{0x010f, 2, 100}, {0x0110, 2, 110}, {tagOrientation, kindShort, 6}, {0x011a, 5, 120}}
	var many []entry
	for i := range 60 {
		many = append(many, entry{uint16(i), 4, uint32(i)})
	}
	blocks := map[string][]byte{
		"little endian":         tiff(binary.LittleEndian, 8, camera...),
		"big endian":            tiff(binary.BigEndian, 8, camera...),
		"a directory far away":  tiff(binary.BigEndian, 40000, camera...),
		"many entries":          tiff(binary.LittleEndian, 8, append(many, camera...)...),
		"0":                     tiff(binary.LittleEndian, 8, entry{tagOrientation, kindShort, 0}),
		"9":                     tiff(binary.LittleEndian, 8, entry{tagOrientation, kindShort, 9}),
		"65535":                 tiff(binary.BigEndian, 8, entry{tagOrientation, kindShort, 65535}),
		"none":                  tiff(binary.LittleEndian, 8, camera[:2]...),
		"no entries":            tiff(binary.LittleEndian, 8),
		"two":                   tiff(binary.LittleEndian, 8, entry{tagOrientation, kindShort, 3}, entry{tagOrientation, kindShort, 6}),
		"a byte":                tiff(binary.BigEndian, 8, entry{tagOrientation, kindByte, 6}),
		"a long number":         tiff(binary.BigEndian, 8, entry{tagOrientation, kindLong, 6}),
		"another long number":   tiff(binary.LittleEndian, 8, entry{tagOrientation, kindLong, 8}),
		"65542":                 tiff(binary.LittleEndian, 8, entry{tagOrientation, kindLong, 1<<16 + 6}),
		"4294967295":            tiff(binary.LittleEndian, 8, entry{tagOrientation, kindLong, 1<<32 - 1}),
		"a text":                tiff(binary.LittleEndian, 8, entry{tagOrientation, 2, 6}),
		"a fraction":            tiff(binary.BigEndian, 8, entry{tagOrientation, 5, 6}),
		"a kind there is not":   tiff(binary.BigEndian, 8, entry{tagOrientation, 99, 6}),
		"a text, then a number": tiff(binary.BigEndian, 8, entry{tagOrientation, 2, 3}, entry{tagOrientation, kindShort, 6}),
		"an offset of 4 GB":     append([]byte("II*\x00\xff\xff\xff\xff"), make([]byte, 30)...),
		"a negative offset":     append([]byte("MM\x00*\x80\x00\x00\x00"), make([]byte, 30)...),
		"empty":                 {},
		"only a byte order":     []byte("II*\x00"),
		"neither order":         append([]byte("XX*\x00\x08\x00\x00\x00"), make([]byte, 30)...),
		"more entries than are": tiff(binary.BigEndian, 8, camera[:3]...)[:8+2+3*12-1],
	}
	for kind := range uint16(20) {
		blocks["kind "+strconv.Itoa(int(kind))] = tiff(binary.LittleEndian, 8, entry{tagOrientation, kind, 3})
	}
	for v := uint32(1); v <= 8; v++ {
		blocks["value "+string(rune('0'+v))] = tiff(binary.BigEndian, 8, entry{tagOrientation, kindShort, v})
	}
	for name, block := range blocks {
		file := withEXIF(jpeg, block)
		want, err := picture.Decode(file, options)
		if err != nil {
			t.Fatal(err)
		}
		got, err := run([][]byte{file})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if largest, _ := distance(got, want.Pix); largest > 1 {
			t.Errorf("%s: pixels differ by %d", name, largest)
		}
	}
	// Without the block the image looks different, so that the test can fail.
	turned, err := run([][]byte{withEXIF(jpeg, blocks["big endian"]), jpeg})
	if err != nil {
		t.Fatal(err)
	}
	if largest, _ := distance(turned[:len(turned)/2], turned[len(turned)/2:]); largest < 10 {
		t.Error("a turned image looks as before")
	}
}
