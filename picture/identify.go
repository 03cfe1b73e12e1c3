package picture

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// sniff recognises the formats that are decoded by their first bytes; "" is any other.
func sniff(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		return "jpeg"
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return "png"
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return "gif"
	case len(data) >= 18 && data[0] == 'B' && data[1] == 'M' && data[15]|data[16]|data[17] == 0:
		return "bmp" // the header's own size, bytes 14 to 17, is small
	case bytes.HasPrefix(data, []byte("II*\x00")), bytes.HasPrefix(data, []byte("MM\x00*")):
		if len(data) >= 10 && string(data[8:10]) == "CR" {
			return "" // Canon's raw files are TIFFs too
		}
		return "tiff"
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return "webp"
	}
	return ""
}

// signatures are the starts of files that are not decoded, and what they are.
var signatures = []struct{ start, name string }{
	{"\x00\x00\x00\x0cJXL ", "JPEG XL: convert it to JPEG or PNG"},
	{"\xff\x0a", "JPEG XL: convert it to JPEG or PNG"},
	{"\x00\x00\x00\x0cjP  ", "JPEG 2000: convert it to JPEG or PNG"},
	{"\xff\x4f\xff\x51", "JPEG 2000: convert it to JPEG or PNG"},
	{"FUJIFILMCCD-RAW", "Fuji raw: develop it to JPEG or PNG"},
	{"IIRO", "Olympus raw: develop it to JPEG or PNG"},
	{"IIU\x00", "Panasonic raw: develop it to JPEG or PNG"},
	{"II*\x00", "Canon raw: develop it to JPEG or PNG"}, // other TIFFs are decoded
	{"II+\x00", "BigTIFF: convert it to TIFF or PNG"},
	{"MM\x00+", "BigTIFF: convert it to TIFF or PNG"},
	{"8BPS", "a Photoshop document: export it as JPEG or PNG"},
	{"\x00\x00\x01\x00", "a Windows icon: convert it to PNG"},
	{"\x00\x00\x02\x00", "a Windows cursor or TGA: convert it to PNG"},
	{"icns", "a macOS icon: convert it to PNG"},
	{"DDS ", "DDS: convert it to PNG"},
	{"qoif", "QOI: convert it to PNG"},
	{"\x01\xda", "SGI: convert it to PNG"},
	{"v/1\x01", "OpenEXR: convert it to PNG"},
	{"#?RADIANCE", "Radiance HDR: convert it to PNG"},
	{"SIMPLE  =", "FITS: convert it to PNG"},
	{"\xd7\xcd\xc6\x9a", "a Windows metafile: render it to PNG"},
	{"%!PS", "PostScript: render it to PNG"},
	{"%PDF", "a PDF document"},
	{"PK\x03\x04", "a ZIP archive"},
	{"\x1f\x8b", "a gzip archive"},
	{"\x1aE\xdf\xa3", "a Matroska or WebM video"},
	{"version https://git-lfs", "a Git LFS pointer: fetch the file itself"},
}

// identify says what a file is that cannot be decoded.
func identify(data []byte) string {
	if len(data) == 0 {
		return "the file is empty"
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		return identifyContainer(string(data[8:12]))
	}
	for _, s := range signatures {
		if bytes.HasPrefix(data, []byte(s.start)) {
			return s.name
		}
	}
	if len(data) >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '7' && strings.ContainsRune(" \t\r\n#", rune(data[2])) {
		return "PNM: convert it to PNG"
	}
	start := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(string(data[:min(512, len(data))]), "\ufeff")))
	switch {
	case strings.Contains(start, "<svg"):
		return "SVG: render it to PNG"
	case strings.HasPrefix(start, "<?xml"):
		return "an XML document"
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"):
		return "an HTML page"
	case strings.Trim(start, "\x00") == "":
		return "nothing but zeros or blanks"
	case utf8.ValidString(start[:max(0, len(start)-3)]) && !strings.ContainsRune(start, 0):
		return "a text"
	}
	return "neither JPEG, PNG, GIF, BMP, TIFF nor WebP by its content"
}

// identifyContainer names ISO media files by their brand.
func identifyContainer(brand string) string {
	switch {
	case strings.HasPrefix(brand, "avi"):
		return "AVIF: convert it to JPEG or PNG"
	case strings.HasPrefix(brand, "hei"), strings.HasPrefix(brand, "hev"), brand == "mif1", brand == "msf1":
		return "HEIC: convert it to JPEG or PNG"
	case brand == "crx ":
		return "Canon raw: develop it to JPEG or PNG"
	}
	return "an MP4 or similar container"
}
