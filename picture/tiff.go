package picture

import (
	"encoding/binary"
	"fmt"
)

// TIFF's tags that the package reads by itself.
const (
	tagSubfileType = 254
	tagCompression = 259
	tagFillOrder   = 266
	tagOrientation = 274
	tagSamples     = 277
	tagPlanar      = 284
	tagXMP         = 700
	tagDNGVersion  = 50706
)

// field is an entry of a directory. value is its first number if it is one of at most 32
// bits, stored in place, else where its content lies.
type field struct {
	tag          uint16
	count, value uint32
}

// directory reads the first directory of a TIFF structure, as far as it goes.
func directory(block []byte) []field {
	if len(block) < 8 {
		return nil
	}
	var order binary.ByteOrder
	switch string(block[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return nil
	}
	start := int64(order.Uint32(block[4:]))
	if start+2 > int64(len(block)) {
		return nil
	}
	entries := block[start+2:]
	var fields []field
	for range order.Uint16(block[start:]) {
		if len(entries) < 12 {
			break
		}
		f := field{tag: order.Uint16(entries), count: order.Uint32(entries[4:]), value: order.Uint32(entries[8:])}
		if kind := order.Uint16(entries[2:]); f.count == 1 && kind == 3 {
			f.value = uint32(order.Uint16(entries[8:]))
		} else if f.count == 1 && kind == 1 {
			f.value = uint32(entries[8])
		}
		fields, entries = append(fields, f), entries[12:]
	}
	return fields
}

func tiffXMP(data []byte) []byte {
	for _, f := range directory(data) {
		if f.tag == tagXMP && int64(f.value)+int64(f.count) <= int64(len(data)) {
			return data[f.value:][:f.count]
		}
	}
	return nil
}

// checkTIFF refuses what the decoder would make a wrong picture of: it reads bits and planes
// in the usual order only, and of a camera's raw file the preview that comes first.
func checkTIFF(data []byte) error {
	tags := map[uint16]uint32{}
	for _, f := range directory(data) {
		tags[f.tag] = f.value
	}
	fax := tags[tagCompression] >= 2 && tags[tagCompression] <= 4 // whose decoder knows the order
	_, dng := tags[tagDNGVersion]
	switch {
	case dng:
		return fmt.Errorf("%w: DNG raw: develop it to JPEG or PNG", ErrUnsupported)
	case tags[tagSubfileType]&1 != 0:
		return fmt.Errorf("%w: the first picture is a preview, as in cameras' raw files: develop it to JPEG or PNG", ErrUnsupported)
	case tags[tagPlanar] == 2 && tags[tagSamples] > 1:
		return fmt.Errorf("%w: TIFF with a plane for each colour: convert it to PNG", ErrUnsupported)
	case tags[tagFillOrder] == 2 && !fax:
		return fmt.Errorf("%w: TIFF with bits in reverse order: convert it to PNG", ErrUnsupported)
	}
	return nil
}
