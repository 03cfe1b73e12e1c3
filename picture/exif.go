package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
)

// orientation finds an image's orientation, 1 to 8, in its EXIF block, or in its XMP packet if EXIF
// does not say; it is 1, upright, if there is none or it is damaged: broken metadata does not spoil
// the image.
func orientation(data []byte, format string) int {
	var exif, xmp []byte
	switch format {
	case "jpeg":
		exif, xmp = jpegNotes(data)
	case "png":
		exif, xmp = pngNotes(data)
	case "webp":
		exif, xmp = webpNotes(data)
	case "tiff":
		exif, xmp = data, tiffXMP(data)
	}
	found, is := exifOrientation(exif)
	if !is {
		found, is = xmpOrientation(xmp)
	}
	if !is || found < 1 || found > 8 {
		return 1
	}
	return found
}

const exifStart = "Exif\x00\x00"

// jpegNotes returns the contents of the first APP1 segment with EXIF and of the last with XMP.
func jpegNotes(data []byte) (exif, xmp []byte) {
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
			break
		}
		content := rest[4 : 2+length]
		if marker == app1 {
			if after, found := bytes.CutPrefix(content, []byte(exifStart)); found && exif == nil {
				exif = after
			}
			if after, found := bytes.CutPrefix(content, []byte("http://ns.adobe.com/xap/1.0/\x00")); found {
				xmp = after
			}
		}
		rest = rest[2+length:]
	}
	return exif, xmp
}

// pngNotes returns the contents of the EXIF chunk, or of the text chunk that ImageMagick writes
// instead, and of the text chunk with XMP.
func pngNotes(data []byte) (exif, xmp []byte) {
	rest := data[min(8, len(data)):]
	for len(rest) >= 12 {
		length := int64(binary.BigEndian.Uint32(rest))
		if length+12 > int64(len(rest)) {
			break
		}
		kind, content := string(rest[4:8]), rest[8:8+length]
		rest = rest[length+12:]
		if kind == "eXIf" {
			exif = bytes.TrimPrefix(content, []byte(exifStart))
			continue
		}
		switch key, text := pngText(kind, content); key {
		case "XML:com.adobe.xmp":
			xmp = text
		case "Raw profile type exif":
			if exif == nil {
				exif = rawProfile(text)
			}
		}
	}
	return exif, xmp
}

// pngText is the key and the text of a PNG's text chunk; other chunks have none.
func pngText(kind string, content []byte) (key string, text []byte) {
	before, after, _ := bytes.Cut(content, []byte{0})
	compressed := false
	switch {
	case kind == "tEXt":
		return string(before), after
	case kind == "zTXt" && len(after) > 0:
		compressed, after = true, after[1:] // behind the method
	case kind == "iTXt" && len(after) > 1:
		compressed, after = after[0] != 0, after[2:]
		for range 2 { // language and translated key
			_, after, _ = bytes.Cut(after, []byte{0})
		}
	default:
		return "", nil
	}
	if !compressed {
		return string(before), after
	}
	const most = 1 << 20 // of a hostile file's text
	unpack, err := zlib.NewReader(bytes.NewReader(after))
	if err != nil {
		return "", nil
	}
	text, err = io.ReadAll(io.LimitReader(unpack, most))
	if err != nil {
		return "", nil
	}
	return string(before), text
}

// rawProfile reads ImageMagick's text: an empty line, what it is, its length, and hexadecimal
// digits.
func rawProfile(text []byte) []byte {
	lines := bytes.SplitN(text, []byte("\n"), 4)
	if len(lines) < 4 {
		return nil
	}
	digits := bytes.ReplaceAll(lines[3], []byte("\n"), nil)
	profile, err := hex.AppendDecode(nil, bytes.TrimSpace(digits))
	if err != nil {
		return nil
	}
	return bytes.TrimPrefix(profile, []byte(exifStart))
}

func webpNotes(data []byte) (exif, xmp []byte) {
	chunks(data[min(12, len(data)):], func(name string, content, _ []byte) (stop bool) {
		switch name {
		case "EXIF":
			exif = bytes.TrimPrefix(content, []byte(exifStart))
		case "XMP ":
			xmp = content
		}
		return false
	})
	return exif, xmp
}

// exifOrientation reads the orientation of a TIFF structure's first directory.
func exifOrientation(block []byte) (orientation int, found bool) {
	for _, field := range directory(block) {
		if field.tag == tagOrientation {
			return int(field.value), true
		}
	}
	return 0, false
}

// xmpPattern is what Pillow looks for.
var xmpPattern = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

func xmpOrientation(xmp []byte) (orientation int, found bool) {
	match := xmpPattern.FindSubmatch(xmp)
	if match == nil {
		return 0, false
	}
	return int(match[1][0] - '0'), true
}
