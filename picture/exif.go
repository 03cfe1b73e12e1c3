package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation finds the EXIF orientation, 1 to 8; 1, upright, where there is none or where
// it is damaged: a broken note about a picture does not spoil the picture.
func orientation(data []byte, format string) int {
	var block []byte
	switch format {
	case "jpeg":
		block = jpegEXIF(data)
	case "png":
		block = pngEXIF(data)
	case "webp":
		block = webpEXIF(data)
	case "tiff":
		block = data
	}
	return tiffOrientation(block)
}

// jpegEXIF is the content of the first APP1 segment with EXIF.
func jpegEXIF(data []byte) []byte {
	const app1, startOfScan = 0xe1, 0xda
	rest := data[min(2, len(data)):]
	for len(rest) >= 4 && rest[0] == 0xff {
		marker := rest[1]
		if marker == 0xff { // fill byte
			rest = rest[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(rest[2:]))
		if marker == startOfScan || length < 2 || 2+length > len(rest) {
			return nil
		}
		content := rest[4 : 2+length]
		if after, found := bytes.CutPrefix(content, []byte("Exif\x00\x00")); marker == app1 && found {
			return after
		}
		rest = rest[2+length:]
	}
	return nil
}

func pngEXIF(data []byte) []byte {
	rest := data[min(8, len(data)):]
	for len(rest) >= 12 {
		length := int64(binary.BigEndian.Uint32(rest))
		if length+12 > int64(len(rest)) {
			return nil
		}
		if string(rest[4:8]) == "eXIf" {
			return rest[8 : 8+length]
		}
		rest = rest[length+12:]
	}
	return nil
}

func webpEXIF(data []byte) []byte {
	rest := data[min(12, len(data)):]
	for len(rest) >= 8 {
		length := int64(binary.LittleEndian.Uint32(rest[4:]))
		if length+8 > int64(len(rest)) {
			return nil
		}
		if string(rest[:4]) == "EXIF" {
			block := rest[8 : 8+length]
			after, _ := bytes.CutPrefix(block, []byte("Exif\x00\x00"))
			return after
		}
		rest = rest[min(int64(len(rest)), 8+length+length%2):]
	}
	return nil
}

// tiffOrientation reads tag 0x0112 of the first directory of a TIFF structure.
func tiffOrientation(block []byte) int {
	const upright, tag, shortType = 1, 0x0112, 3
	if len(block) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(block[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	start := int64(order.Uint32(block[4:]))
	if start+2 > int64(len(block)) {
		return upright
	}
	entries := block[start+2:]
	for range order.Uint16(block[start:]) {
		if len(entries) < 12 {
			return upright
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == shortType {
			if value := int(order.Uint16(entries[8:])); value >= 1 && value <= 8 {
				return value
			}
			return upright
		}
		entries = entries[12:]
	}
	return upright
}
