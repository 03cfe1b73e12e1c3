package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// examples are the names of the golden files with a suffix.
func examples(t testing.TB, suffixes ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		for _, suffix := range suffixes {
			if strings.HasSuffix(entry.Name(), suffix) {
				names = append(names, entry.Name())
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("no files %v", suffixes)
	}
	return names
}

var small = Options{Width: 8, Height: 8}

// checkError makes sure that an error about a file has the promised type and reason.
func checkError(t testing.TB, err error) {
	t.Helper()
	var typed *Error
	if !errors.As(err, &typed) || typed.Stage == "" {
		t.Fatalf("error of type %T: %v", err, err)
	}
	if !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrTooSlow) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) &&
		!errors.Is(err, ErrDamaged) {
		t.Fatalf("error without a reason: %v", err)
	}
	if errors.Is(err, ErrDamaged) && !strings.Contains(err.Error(), "download it again") || errors.Is(err, ErrTooLarge) && !strings.Contains(err.Error(), "scale it down") {
		t.Fatalf("error without a remedy: %v", err)
	}
	if strings.Contains(err.Error(), "the decoder failed") && !slices.Contains([]string{"png", "gif", "tiff", "webp"}, typed.Format) { // which others have written
		t.Fatalf("a panic: %v", err)
	}
	if !strings.HasPrefix(err.Error(), "image: ") {
		t.Fatalf("error without the package: %v", err)
	}
}

// TestTruncated cuts files at every offset. A JPEG, which has an end marker, must be
// refused wherever it is cut; a short PNG may lack what nobody needs.
func TestTruncated(t *testing.T) {
	long(t)
	files := rareExamples(t)
	maps.Copy(files, jpegLSExamples(t))
	for _, name := range examples(t, ".jpg", "6.png", "rgb8.png", ".gif", ".bmp", "rgb.tiff", "lzw.tiff", ".webp") {
		files[name] = readGolden(t, name)
	}
	for name, data := range files {
		stride := 1 + len(data)/200
		for cut := 0; cut < len(data); cut += stride {
			_, err := Decode(data[:cut], small)
			if err == nil {
				if strings.HasSuffix(name, ".jpg") {
					t.Errorf("%s: decoded %d of %d bytes", name, cut, len(data))
				}
				continue
			}
			checkError(t, err)
			if strings.HasSuffix(name, ".jpg") && cut >= 2 && !errors.Is(err, ErrTruncated) {
				t.Errorf("%s: %d of %d bytes: %v", name, cut, len(data), err)
			}
		}
	}
}

// TestBitFlips damages every example: it must give a picture of the right size or an
// error, and must not panic.
func TestBitFlips(t *testing.T) {
	long(t)
	random := rand.New(rand.NewPCG(1, 2))
	files := rareExamples(t)
	maps.Copy(files, jpegLSExamples(t))
	for _, name := range examples(t, ".jpg", ".png", ".gif", ".bmp", ".tiff", ".webp") {
		files[name] = readGolden(t, name)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) { // for the same damage each time
		data := files[name]
		for range 60 {
			damaged := bytes.Clone(data)
			for range 1 + random.IntN(4) {
				damaged[random.IntN(len(damaged))] ^= 1 << random.IntN(8)
			}
			picture, err := Decode(damaged, Options{Width: 8, Height: 8, MaxPixels: 1 << 20})
			if err != nil {
				checkError(t, err)
			} else if len(picture.Pix) != 8*8*3 {
				t.Errorf("%s: %d bytes", name, len(picture.Pix))
			}
		}
	}
}

// pngHeader is a PNG that claims a size; its data are a valid stream of a few zeros.
func pngHeader(width, height uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	var body bytes.Buffer
	pack := zlib.NewWriter(&body)
	pack.Write(make([]byte, 1000))
	pack.Close()
	out := []byte("\x89PNG\r\n\x1a\n")
	out = append(out, pngChunk("IHDR", append(header, 8, 2, 0, 0, 0))...)
	return append(append(out, pngChunk("IDAT", body.Bytes())...), pngChunk("IEND", nil)...)
}

// patched is an example with bytes replaced.
func patched(t testing.TB, name string, at int, with ...byte) []byte {
	t.Helper()
	data := bytes.Clone(readGolden(t, name))
	copy(data[at:], with)
	return data
}

// TestBombs refuses pictures of a hostile size by their headers.
func TestBombs(t *testing.T) {
	frame := bytes.Index(readGolden(t, "jpeg-420-8x8.jpg"), []byte{0xff, 0xc0}) + 5
	for name, data := range map[string][]byte{
		"png":                      pngHeader(50_000, 50_000),
		"jpeg":                     patched(t, "jpeg-420-8x8.jpg", frame, 0xff, 0xdc, 0xff, 0xdc),
		"gif":                      patched(t, "gif.gif", 6, 0xff, 0xff, 0xff, 0xff),
		"bmp":                      patched(t, "bmp-rgb.bmp", 18, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0),
		"bmp runs":                 putBytes(bmpRuns(8, 8, make([]byte, 64)), 18, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0),
		"bmp, the smallest height": putBytes(bmpRuns(8, 8, make([]byte, 64)), 18, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80),
		"pnm":                      []byte("P6\n1000000000 1000000000\n255\n"),
		"pam":                      []byte("P7\nWIDTH 1000000000\nHEIGHT 1000000000\nDEPTH 4\nMAXVAL 255\nENDHDR\n"),
		"psd":                      putBytes(psdRuns(8, 8, make([]byte, 64)), 14, 0, 4, 0x93, 0xe0, 0, 4, 0x93, 0xe0),
		"tga":                      tgaHead(65_535, 65_535, 10, 32),
		"pcx":                      putBytes(pcxFile(8, 8, make([]byte, 64)), 8, 0xff, 0xff, 0xff, 0xff),
		"dds":                      putBytes(ddsBlocks(8, 8, make([]byte, 64)), 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"qoi":                      []byte("qoif\xff\xff\xff\xff\xff\xff\xff\xff\x04\x00"),
		"sgi":                      putBytes(sgiRuns(8, 8, make([]byte, 64)), 6, 0xff, 0xff, 0xff, 0xff),
		"sun":                      putBytes(sunRuns(8, 8, make([]byte, 64)), 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"xbm":                      []byte("#define a_width 999999999\n#define a_height 999999999\nstatic char a_bits[] = {"),
		"ico":                      putBytes(iconFile(16, 16, nil), 22+4, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f),
		"webp lossless":            patched(t, "webp-lossless.webp", 21, 0xff, 0xff, 0xff, 0x0f),
		"webp animated":            patched(t, "webp-animated.webp", 24, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"tiff": []byte("II*\x00\x08\x00\x00\x00\x06\x00" +
			"\x00\x01\x04\x00\x01\x00\x00\x00\x00\x00\x01\x00" + "\x01\x01\x04\x00\x01\x00\x00\x00\x00\x00\x01\x00" +
			"\x02\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00" + "\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00" +
			"\x11\x01\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00" + "\x15\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00" + "\x00\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(data, small)
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("within the limit, without the data", func(t *testing.T) {
		_, err := Decode(patched(t, "jpeg-420-8x8.jpg", frame, 0x20, 0, 0x20, 0), small)
		if !errors.Is(err, ErrTruncated) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("zero size", func(t *testing.T) {
		for _, data := range [][]byte{pngHeader(0, 10), patched(t, "jpeg-420-8x8.jpg", frame, 0, 0, 0, 8), patched(t, "gif.gif", 6, 0, 0)} {
			if _, err := Decode(data, small); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// TestUnsupported names what a file is by its content.
func TestUnsupported(t *testing.T) {
	for content, want := range map[string]string{
		"":                              "empty",
		"\x00\x00\x00\x18ftypcrx ":      "Canon raw",
		"II*\x00\x10\x00\x00\x00CR\x02": "Canon raw",
		"FUJIFILMCCD-RAW 0201":          "Fuji raw",
		"II*\x00\x08\x00\x00\x00\x01\x00\xfe\x00\x04\x00\x01\x00\x00\x00\x01\x00\x00\x00": "preview", // as Nikon's and Sony's
		"MM\x00*\x00\x00\x00\x08\x00\x01\xc6\x12\x00\x01\x00\x00\x00\x04\x01\x04\x00\x00": "DNG raw",
		"\xff\xd8\xff\xcb\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00":                    "lossless arithmetic coding",
		"\xff\xd8\xff\xde\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00":                    "hierarchical",
		"\xff\xd8\xff\xc5\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00":                    "hierarchical",
		"\xff\xd8\xff\xc1\x00\x0b\x0a\x00\x08\x00\x08\x01\x01\x11\x00":                    "10 bits",
		"v/1\x01":                        "OpenEXR",
		"<?xml version='1.0'?>\n<svg>":   "SVG",
		"<svg xmlns='x'/>":               "SVG",
		"<!DOCTYPE html><html>":          "HTML",
		"%PDF-1.7":                       "PDF",
		"Just some words.\n":             "text",
		"version https://git-lfs.github": "Git LFS",
		"\x00\x00\x00\x00\x00":           "zeros",
		"\x80\x81\x82\x00\x01\x02":       "neither JPEG",
	} {
		_, err := Decode([]byte(content), small)
		var typed *Error
		if !errors.Is(err, ErrUnsupported) || !errors.As(err, &typed) || typed.Stage != StageHeader || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: got %v, want %s", content, err, want)
		}
	}
}

// TestWrongExtension: content decides.
func TestWrongExtension(t *testing.T) {
	picture, err := Decode(readGolden(t, filepath.Base("wrong-extension.png")), small)
	if err != nil || picture.Format != "jpeg" {
		t.Errorf("got %s, %v", picture.Format, err)
	}
}
