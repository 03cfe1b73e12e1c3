package picture

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"fovea/preprocessing"
)

// fuzzFormat feeds a format's decoder, and what stands before it, with files that begin as the
// format's do: whatever follows gives a picture of the right size, the same each time, or an
// error with a reason.
func fuzzFormat(f *testing.F, start string, suffixes ...string) {
	const most = 4000
	for name, data := range fuzzSeeds(f, suffixes) {
		if len(data) < most && bytes.HasPrefix(data, []byte(start)) {
			f.Add(bytes.TrimPrefix(data, []byte(start)), uint8(len(name)))
		}
	}
	fuzzDecode(f, start)
}

func fuzzDecode(f *testing.F, start string) {
	interpolations := []Interpolation{Bilinear, Bicubic, Lanczos, Nearest}
	f.Fuzz(func(t *testing.T, rest []byte, how uint8) {
		data := append([]byte(start), rest...)
		options := Options{Width: 7, Height: 7, MaxPixels: 1 << 16, Interpolation: interpolations[how&3]}
		if how&4 != 0 {
			options.Resize = Crop
		}
		options.Views = []Views{Center, TenCrop}[how>>3&1]
		picture, err := Decode(data, options)
		if err != nil {
			checkError(t, err)
			return
		}
		if len(picture.Pix) != options.Views.Count()*7*7*3 || picture.SourceWidth < 1 || picture.SourceHeight < 1 || picture.Format == "" {
			t.Fatalf("%+v", picture)
		}
		again, err := Decode(data, options)
		if err != nil || !bytes.Equal(picture.Pix, again.Pix) {
			t.Fatalf("decoding again gives other pixels, %v", err)
		}
	})
}

// fuzzSeeds are the golden files, and those of plain kinds, with some suffixes.
func fuzzSeeds(f *testing.F, suffixes []string) map[string][]byte {
	all := map[string][]byte{}
	for name, data := range plainFiles(f) {
		if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
			all[name] = data
		}
	}
	if len(all) == 0 || slices.Contains(suffixes, ".bmp") {
		for _, name := range examples(f, suffixes...) {
			all[name] = readGolden(f, name)
		}
	}
	return all
}

// FuzzDecode begins with any bytes.
func FuzzDecode(f *testing.F) {
	fuzzFormat(f, "", "-8x8.jpg", "grey8.png", "gif.gif", "rgb.bmp", "rgb.tiff", "1x1.webp")
}

func FuzzJPEG(f *testing.F) {
	for name, data := range rareExamples(f) {
		f.Add(data[2:], uint8(len(name)))
	}
	fuzzFormat(f, "\xff\xd8", ".jpg")
}
func FuzzJPEGLS(f *testing.F) {
	for name, data := range jpegLSExamples(f) {
		f.Add(data[4:], uint8(len(name)))
	}
	fuzzFormat(f, "\xff\xd8\xff\xf7", "-8x8.jpg")
}
func FuzzPNG(f *testing.F) { fuzzFormat(f, "\x89PNG\r\n\x1a\n", ".png") }
func FuzzGIF(f *testing.F) { fuzzFormat(f, "GIF89a", ".gif") }
func FuzzBMP(f *testing.F) { fuzzFormat(f, "BM", ".bmp") }
func FuzzTIFF(f *testing.F) {
	more, _ := tiffArchive(f, "tiff-more.tar.gz")
	for name, data := range more {
		if strings.HasPrefix(string(data), "II*\x00") && len(data) < 4000 {
			f.Add(data[4:], uint8(len(name)))
		}
	}
	fuzzFormat(f, "II*\x00", ".tiff")
}
func FuzzWebP(f *testing.F) { fuzzFormat(f, "RIFF", ".webp") }

func FuzzPNM(f *testing.F)     { fuzzFormat(f, "P", ".pbm", ".pgm", ".pnm", ".pfm", ".pam") }
func FuzzPSD(f *testing.F)     { fuzzFormat(f, "8BPS", ".psd") }
func FuzzTGA(f *testing.F)     { fuzzFormat(f, "", ".tga") }
func FuzzPCX(f *testing.F)     { fuzzFormat(f, "\x0a", ".pcx") }
func FuzzDDS(f *testing.F)     { fuzzFormat(f, "DDS \x7c\x00\x00\x00", ".dds") }
func FuzzQOI(f *testing.F)     { fuzzFormat(f, "qoif", ".qoi") }
func FuzzSGI(f *testing.F)     { fuzzFormat(f, "\x01\xda", ".sgi") }
func FuzzSun(f *testing.F)     { fuzzFormat(f, "\x59\xa6\x6a\x95", ".ras") }
func FuzzXBM(f *testing.F)     { fuzzFormat(f, "#define ", ".xbm") }
func FuzzIcon(f *testing.F)    { fuzzFormat(f, "\x00\x00", ".ico", ".cur") }
func FuzzMacIcon(f *testing.F) { fuzzFormat(f, "icns", ".icns") }

// FuzzHEIF begins with AVIF and HEIC files.
func FuzzHEIF(f *testing.F) {
	needCodecs(f)
	for name, data := range heifFiles(f) {
		if len(data) < 3000 {
			f.Add(data, uint8(len(name)))
		}
	}
	fuzzDecode(f, "")
}

// FuzzDense keeps the scales of long pictures within the limit.
func FuzzDense(f *testing.F) {
	for _, name := range examples(f, "1x17.jpg", "17x1.jpg", "8x8.jpg", "exif-6.png") {
		f.Add(readGolden(f, name), uint16(10))
	}
	f.Fuzz(func(t *testing.T, data []byte, side uint16) {
		dense := Dense{Sides: []int{1 + int(side)%300}, Flip: side&1 != 0, MaxPixels: 1 << 16}
		tensors, _, err := DecodeDense(data, dense, preprocessing.TF)
		if err != nil {
			checkError(t, err)
			return
		}
		for _, tensor := range tensors {
			if min(tensor.Width, tensor.Height) != dense.Sides[0] || tensor.Width*tensor.Height > maxViewPixels ||
				len(tensor.Values) != 3*tensor.Width*tensor.Height {
				t.Fatalf("%dx%d, %d values", tensor.Width, tensor.Height, len(tensor.Values))
			}
		}
	})
}

func FuzzOrientation(f *testing.F) {
	for _, name := range examples(f, "exif-3.jpg", "xmp-3.jpg", "xmp-6.png", "text-6-compressed.png", "exif-6.png", "exif-6.webp", "exif-6.tiff") {
		data := readGolden(f, name)
		f.Add(data[:min(len(data), 300)], uint8(0))
		f.Add(data, uint8(slices.IndexFunc(formats[:], func(k format) bool { return k.is(data) })))
	}
	f.Fuzz(func(t *testing.T, data []byte, kind uint8) {
		if got := formats[int(kind)%len(formats)].orientation(data); got < 1 || got > 8 {
			t.Fatalf("orientation %d", got)
		}
	})
}

// FuzzIdentify: whatever is no picture is named without a panic.
func FuzzIdentify(f *testing.F) {
	for _, k := range foreignKinds {
		for _, start := range k.starts {
			f.Add([]byte(start))
		}
	}
	for _, s := range noPictures {
		f.Add([]byte(s.start))
	}
	f.Add([]byte("\x00\x00\x00\x18ftypheic"))
	f.Add([]byte("P6 # a comment\n8 8 255\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if name, _ := identify(data); name == "" || strings.ContainsAny(name, "\x00\n") {
			t.Fatalf("%q is %q", data, name)
		}
	})
}
