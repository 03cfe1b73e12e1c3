package picture

import (
	"encoding/binary"
	"slices"
)

// The TIFF tags that the package reads itself.
const (
	tagSubfileType  = 254
	tagWidth        = 256
	tagHeight       = 257
	tagBits         = 258
	tagCompression  = 259
	tagPhotometric  = 262
	tagFillOrder    = 266
	tagOrientation  = 274
	tagSamples      = 277
	tagRowsPerStrip = 278
	tagPlanar       = 284
	tagT4Options    = 292
	tagT6Options    = 293
	tagPredictor    = 317
	tagTileWidth    = 322
	tagTileHeight   = 323
	tagExtra        = 338
	tagSampleFormat = 339
	tagXMP          = 700
	tagDNGVersion   = 50706
)

// field is an entry of a directory. value is its first number if that has at most 32 bits and is
// stored in place, else the location of its content.
type field struct {
	tag          uint16
	count, value uint32
	// values are those of a short list with an entry per sample, wherever it is stored.
	values []uint32
}

// tagsRead are the tags above; others, and repeated ones, are passed over.
var tagsRead = map[uint16]bool{
	tagSubfileType: true, tagWidth: true, tagHeight: true, tagBits: true, tagCompression: true, tagPhotometric: true,
	tagFillOrder: true, tagOrientation: true, tagSamples: true, tagRowsPerStrip: true, tagPlanar: true, tagT4Options: true,
	tagT6Options: true, tagPredictor: true, tagTileWidth: true, tagTileHeight: true, tagExtra: true, tagSampleFormat: true,
	tagXMP: true, tagDNGVersion: true,
}

// maxListed bounds the lists that are read: no decodable image has that many samples.
const maxListed = 64

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
		if !tagsRead[f.tag] || slices.ContainsFunc(fields, func(other field) bool { return other.tag == f.tag }) {
			entries = entries[12:]
			continue
		}
		if kind := order.Uint16(entries[2:]); f.count == 1 && kind == 3 {
			f.value = uint32(order.Uint16(entries[8:]))
		} else if f.count == 1 && kind == 1 {
			f.value = uint32(entries[8])
		}
		if f.tag == tagBits || f.tag == tagExtra || f.tag == tagSampleFormat || f.isSize() {
			f.values = list(block, order, entries, f)
		}
		fields, entries = append(fields, f), entries[12:]
	}
	return fields
}

// isSize says that the decoder takes the first value of a list as a size.
func (f field) isSize() bool {
	switch f.tag {
	case tagWidth, tagHeight, tagRowsPerStrip, tagTileWidth, tagTileHeight:
		return true
	}
	return false
}

func tiffXMP(data []byte) []byte {
	for _, f := range directory(data) {
		if f.tag == tagXMP && int64(f.value)+int64(f.count) <= int64(len(data)) {
			return data[f.value:][:f.count]
		}
	}
	return nil
}

// list reads the values of an entry; nil if they are not a short list of whole numbers or lie
// outside block.
func list(block []byte, order binary.ByteOrder, entry []byte, f field) []uint32 {
	var size int64
	switch order.Uint16(entry[2:]) {
	case 1:
		size = 1
	case 3:
		size = 2
	case 4:
		size = 4
	}
	if size == 0 || f.count > maxListed {
		return nil
	}
	at := entry[8:12]
	if length := size * int64(f.count); length > 4 {
		if int64(f.value)+length > int64(len(block)) {
			return nil
		}
		at = block[f.value:]
	}
	values := make([]uint32, f.count)
	for i := range values {
		switch size {
		case 1:
			values[i] = uint32(at[i])
		case 2:
			values[i] = uint32(order.Uint16(at[2*i:]))
		default:
			values[i] = order.Uint32(at[4*i:])
		}
	}
	return values
}
