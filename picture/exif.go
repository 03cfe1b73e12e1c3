package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"

	"fovea/internal/lazy"
)

// orientation finds an image's orientation, 1 to 8, in its EXIF block, or in its XMP packet if EXIF
// does not say; it is 1, upright, if there is none or it is damaged: broken metadata does not spoil
// the image.
func orientation(exif, xmp []byte) int {
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
	unpack := inflater{left: maxText}
	pngChunks(data, func(kind string, content []byte) (stop bool) {
		if kind == "eXIf" {
			exif = bytes.TrimPrefix(content, []byte(exifStart))
			return false
		}
		switch key, text := unpack.text(kind, content); key {
		case "XML:com.adobe.xmp":
			xmp = text
		case "Raw profile type exif":
			if exif == nil {
				exif = rawProfile(text)
			}
		}
		return false
	})
	return exif, xmp
}

// inflater unpacks texts, as far as a hostile file may make it.
type inflater struct{ left int64 }

// maxText bounds what the compressed texts of a file have together, in bytes; notes after that do
// not count.
const maxText = 1 << 20

// text is the key and the text of a PNG's text chunk with notes; other chunks have none.
func (u *inflater) text(kind string, content []byte) (key string, text []byte) {
	before, _, _ := bytes.Cut(content[:min(len(content), 80)], []byte{0}) // a key has 79 bytes at most
	if key = string(before); key != "XML:com.adobe.xmp" && key != "Raw profile type exif" {
		return "", nil
	}
	after := content[min(len(content), len(before)+1):]
	compressed := false
	switch {
	case kind == "tEXt":
		return key, after
	case kind == "zTXt" && len(after) > 0:
		compressed, after = true, after[1:] // after the method
	case kind == "iTXt" && len(after) > 1:
		compressed, after = after[0] != 0, after[2:]
		for range 2 { // language and translated key
			_, after, _ = bytes.Cut(after, []byte{0})
		}
	default:
		return "", nil
	}
	if !compressed {
		return key, after
	}
	unpack, err := zlib.NewReader(bytes.NewReader(after))
	if err != nil {
		return "", nil
	}
	text, err = io.ReadAll(io.LimitReader(unpack, u.left))
	u.left -= int64(len(text))
	if err != nil {
		return "", nil
	}
	return key, text
}

// rawProfile reads ImageMagick's text: an empty line, what it is, its length, and hexadecimal
// digits.
func rawProfile(text []byte) []byte {
	lines := bytes.SplitN(text[:min(len(text), maxText)], []byte("\n"), 4)
	if len(lines) < 4 {
		return nil
	}
	digits := bytes.TrimSpace(bytes.ReplaceAll(lines[3], []byte("\n"), nil))
	if len(text) > maxText {
		digits = digits[:len(digits)&^1] // what is left has the directory
	}
	profile, err := hex.AppendDecode(nil, digits)
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

// xmpPattern is what Pillow looks for.
var xmpPattern = lazy.Regexp(`tiff:Orientation(?:="|>)([0-9])`)

func xmpOrientation(xmp []byte) (orientation int, found bool) {
	match := xmpPattern().FindSubmatch(xmp)
	if match == nil {
		return 0, false
	}
	return int(match[1][0] - '0'), true
}
