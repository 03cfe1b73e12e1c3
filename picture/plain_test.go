package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// plainFiles are the members of plain.tar.gz: files, and their pixels under the file's name with .rgb and .over.
func plainFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	readArchive(t, "plain.tar.gz", func(name string, data []byte) { files[name] = data })
	if len(files) < 500 {
		t.Fatalf("%d members", len(files))
	}
	return files
}

// TestPlain compares the pixels of files of every kind with Pillow's, or with the samples that were written, plain and
// over a background; make_plain.py says which.
func TestPlain(t *testing.T) {
	files := plainFiles(t)
	for name, want := range files {
		file, plain := strings.CutSuffix(name, ".rgb")
		options := Options{Width: int(binary.LittleEndian.Uint32(want)), Height: int(binary.LittleEndian.Uint32(want[4:]))}
		if !plain {
			var over bool
			if file, over = strings.CutSuffix(name, ".over"); !over {
				continue
			}
			options.Background = "#336699"
		} else if files[file+".over"] == nil {
			compareOpaque(t, file, files[file])
		}
		got, err := Decode(files[file], options)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if largest, mean := difference(got.Pix, want[8:]); largest > 0 {
			t.Errorf("%s: differs by up to %d levels, %.3f in the mean", name, largest, mean)
		}
		if kind, _, _ := strings.Cut(file, "-"); !strings.HasPrefix(kind, strings.TrimSuffix(got.Format, "m")) && kind != "xbm.xbm" && kind != "icns.icns" && kind != "pfm" {
			t.Errorf("%s is %s", file, got.Format)
		}
	}
}

// compareOpaque: where there is no opacity, no background shows.
func compareOpaque(t *testing.T, name string, data []byte) {
	t.Helper()
	plain, err := Decode(data, Options{Width: 9, Height: 7})
	over, errOver := Decode(data, Options{Width: 9, Height: 7, Background: "#336699"})
	if err != nil || errOver != nil {
		return // told elsewhere
	}
	if largest, _ := difference(plain.Pix, over.Pix); largest > 0 {
		t.Errorf("%s: the background shows through", name)
	}
}

// TestPlainTruncated cuts the files: none gives a picture where pixels are missing, and none is unsupported then.
func TestPlainTruncated(t *testing.T) {
	files := plainFiles(t)
	for name, want := range files {
		name, plain := strings.CutSuffix(name, ".rgb")
		if !plain || strings.HasPrefix(name, "gif") || strings.HasPrefix(name, "webp") {
			continue
		}
		data := files[name]
		width, height := int(binary.LittleEndian.Uint32(want)), int(binary.LittleEndian.Uint32(want[4:]))
		for cut := 0; cut < len(data); cut += 1 + len(data)/30 {
			got, err := Decode(data[:cut], Options{Width: width, Height: height})
			if err != nil {
				checkError(t, err)
				continue
			}
			// What is behind the pixels may be missing, and of a PCX the palette, without which it is grey.
			if largest, _ := difference(got.Pix, want[8:]); largest > 0 && !strings.HasPrefix(name, "pcx-palette") {
				t.Errorf("%s: decoded from %d of %d bytes", name, cut, len(data))
			}
		}
	}
}

// TestPlainRefused names what is not decoded.
func TestPlainRefused(t *testing.T) {
	files := plainFiles(t)
	change := func(name string, at int, with ...byte) []byte {
		if files[name] == nil {
			t.Fatalf("no %s", name)
		}
		return putBytes(files[name], at, with...)
	}
	for _, test := range []struct {
		data []byte
		want error
		text string
	}{
		{change("bmp-24-header40.bmp", 30, 4), ErrUnsupported, "a BMP with a JPEG inside"},
		{change("bmp-24-header40.bmp", 30, 5), ErrUnsupported, "a BMP with a PNG inside"},
		{change("bmp-24-header64.bmp", 30, 4), ErrUnsupported, "run lengths of 24 bits"},
		{change("bmp-24-header64.bmp", 30, 3), ErrUnsupported, "Huffman"},
		{change("bmp-24-header40.bmp", 28, 48), ErrUnsupported, "48 bits"},
		{change("bmp-24-header40.bmp", 30, 1), ErrCorrupt, "run lengths"},
		{change("bmp-8-header40-short-gap0.bmp", 46, 3), ErrCorrupt, "palette of 3"},
		{change("psd-rgb-raw.psd", 24, 0, 9), ErrUnsupported, "Lab"},
		{change("psd-rgb-raw.psd", 22, 0, 32), ErrUnsupported, "32 bits"},
		{change("dds-DXT1.dds", 84, 'D', 'X', 'T', '2'), ErrUnsupported, `"DXT2"`},
		{change("dds-dx10-71.dds", 128, 95), ErrUnsupported, "DXGI's format 95"},
		{change("sun-24.ras", 15, 32), ErrUnsupported, "32 bits"},
		{change("sgi-rgb-rle.sgi", 11, 7), ErrUnsupported, "7 channels"},
		{change("pcx-rgb.pcx", 2, 0), ErrUnsupported, "without run lengths"},
		{change("icns.icns", 8+bytes.Index(files["icns.icns"], []byte("ic11")), 0), ErrUnsupported, "no PNG"},
		{[]byte("P5\n2 2\n0\n\x00\x00\x00\x00"), ErrUnsupported, ""},
		{[]byte("P3\n1 1\n255\n256 0 0\n"), ErrCorrupt, "256"},
		{[]byte("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\n12345"), ErrUnsupported, "5 channels"},
	} {
		_, err := Decode(test.data, small)
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("got %v, want %v: %s", err, test.want, test.text)
			continue
		}
		checkError(t, err)
	}
}

// TestPlainRange: samples of more than 8 bits are shown in the range that is asked for.
func TestPlainRange(t *testing.T) {
	twelve := []byte("P5 2 2 4095\n\x00\x00\x03\xe8\x07\xd0\x0f\xff")                                           // 0, 1000, 2000, 4095
	floats := []byte("Pf 2 1 -1\n\x00\x00\x20\x41\x00\x00\xc8\x42")                                             // 10, 100
	colours := []byte("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 65535\nENDHDR\n\x01\x00\x02\x00\x03\x00\x80\x00") // 256, 512, 768
	for _, test := range []struct {
		data  []byte
		how   Range
		wide  int
		high  int
		reds  []uint8
		bytes []uint8
	}{
		{twelve, "", 2, 2, []uint8{0, 62, 125, 255}, nil},
		{twelve, RangeFull, 2, 2, []uint8{0, 62, 125, 255}, nil},
		{twelve, "0..2000", 2, 2, []uint8{0, 128, 255, 255}, nil}, // 127.5 becomes even
		{floats, "", 2, 1, []uint8{0, 255}, nil},
		{floats, "0..200", 2, 1, []uint8{13, 128}, nil},
		{floats, RangeFull, 2, 1, []uint8{255, 255}, nil},
		{colours, RangeFull, 1, 1, nil, []uint8{1, 2, 3}},
		{colours, "0..768", 1, 1, nil, []uint8{85, 170, 255}},
	} {
		got, err := Decode(test.data, Options{Width: test.wide, Height: test.high, Range: test.how})
		if err != nil {
			t.Errorf("%q, %s: %v", test.data[:12], test.how, err)
			continue
		}
		want := test.bytes
		for _, r := range test.reds {
			want = append(want, r, r, r)
		}
		if !bytes.Equal(got.Pix, want) {
			t.Errorf("%q, %s: %v, want %v", test.data[:12], test.how, got.Pix, want)
		}
	}
}

// TestChecksums: only those of a PNG's notes may be wrong.
func TestChecksums(t *testing.T) {
	grey := readGolden(t, "png-grey8-trns.png")
	palette := readGolden(t, "png-palette4.png")
	note := pngChunk("tIME", []byte("\x07\xe0\x01\x01\x01\x01\x01"))
	note[len(note)-1] ^= 1
	for _, test := range []struct {
		data    []byte
		chunk   string
		refused bool
	}{{grey, "IHDR", true}, {grey, "tRNS", true}, {grey, "IDAT", true}, {palette, "PLTE", true}, {grey, "IEND", true}} {
		at := bytes.Index(test.data, []byte(test.chunk))
		sum := at + 4 + int(binary.BigEndian.Uint32(test.data[at-4:]))
		if _, err := Decode(putBytes(test.data, sum, ^test.data[sum]), small); (err != nil) != test.refused {
			t.Errorf("%s: %v", test.chunk, err)
		}
		with := append(append(bytes.Clone(test.data[:at-4]), note...), test.data[at-4:]...)
		if test.chunk == "IHDR" {
			continue
		}
		if _, err := Decode(with, small); err != nil {
			t.Errorf("a wrong note before %s: %v", test.chunk, err)
		}
	}
}
