package picture

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

func isJPEG(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xff\xd8")) && !isJPEGLS(data)
}

func isBMP(data []byte) bool {
	// The header's own size, bytes 14 to 17, is small: texts may begin with BM, too.
	return len(data) >= 18 && data[0] == 'B' && data[1] == 'M' && data[15]|data[16]|data[17] == 0
}

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// noPictures are the first bytes of files that are not images, and what they are.
var noPictures = []struct{ start, name string }{
	{"%PDF", "a PDF document"},
	{"%!PS", "a PostScript document"},
	{"PK\x03\x04", "a ZIP archive"},
	{"\x1f\x8b", "a gzip archive"},
	{"\x1aE\xdf\xa3", "a Matroska or WebM video"},
	{"\xd0\xcf\x11\xe0", "a document of Microsoft's compound format"},
	{"SQLite format 3", "a database"},
	{"\x7fELF", "a program"},
	{"PAR1", "a Parquet file"},
	{"version https://git-lfs", "a Git LFS pointer: fetch the file itself"},
}

// identify says what an undecodable file is, and whether it is an image.
func identify(data []byte) (what string, isPicture bool) {
	if k := foreignContent(data); k != nil {
		return k.String(), true
	}
	if what := noPictureContent(data); what != "" {
		return what, false
	}
	return "its content is neither JPEG, PNG, GIF, BMP, TIFF, WebP nor of another kind that is decoded", false
}

// noPictureContent says what a file whose content is not an image is, or "".
func noPictureContent(data []byte) string {
	if len(data) == 0 {
		return "the file is empty"
	}
	for _, s := range noPictures {
		if bytes.HasPrefix(data, []byte(s.start)) {
			return s.name
		}
	}
	start := beginning(data)
	switch {
	case len(data) >= 12 && string(data[4:8]) == "ftyp":
		return "an MP4 or similar container"
	case len(data) >= 12 && string(data[:4]) == "RIFF":
		return "a sound or video (RIFF)"
	case strings.HasPrefix(start, "<?xml"):
		return "an XML document"
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"):
		return "an HTML page"
	case strings.Trim(start, "\x00") == "":
		return "nothing but zeros or blanks"
	case utf8.ValidString(start[:max(0, len(start)-3)]) && !strings.ContainsFunc(start, isBinary):
		return "a text file"
	}
	return ""
}

// isBinary looks for control characters that texts do not contain.
func isBinary(r rune) bool {
	return r < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1b", r)
}
