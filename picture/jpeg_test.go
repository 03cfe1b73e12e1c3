package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"fovea/picture/internal/jpeg"
	"fovea/picture/internal/jpegls"
)

// rareJPEG is a file of jpeg.tar.gz, and what it decodes to.
type rareJPEG struct {
	data                               []byte
	precision, width, height, channels int
	sum                                string
}

func rareJPEGs(t testing.TB) map[string]*rareJPEG {
	t.Helper()
	files := map[string]*rareJPEG{}
	file := func(name string) *rareJPEG {
		if files[name] == nil {
			files[name] = new(rareJPEG)
		}
		return files[name]
	}
	readArchive(t, "jpeg.tar.gz", func(member string, data []byte) {
		if name, found := strings.CutSuffix(member, ".jpg"); found {
			file(name).data = data
			return
		}
		for line := range strings.Lines(string(data)) {
			name, rest, _ := strings.Cut(line, " ")
			f := file(name)
			if _, err := fmt.Sscan(rest, &f.precision, &f.width, &f.height, &f.channels, &f.sum); err != nil {
				t.Fatal(err)
			}
		}
	})
	for name, f := range files {
		if len(f.data) == 0 || f.sum == "" {
			t.Fatalf("%s is not complete", name)
		}
	}
	if len(files) < 200 {
		t.Fatalf("%d files", len(files))
	}
	return files
}

// rareExamples are some of them, of each kind.
func rareExamples(t testing.TB) map[string][]byte {
	t.Helper()
	files, out := rareJPEGs(t), map[string][]byte{}
	for _, name := range []string{
		"no-tables-420-restarts", "height-behind-420", "height-behind-progressive", "arithmetic-sequential-420", "arithmetic-sequential-restarts",
		"arithmetic-progressive-422", "arithmetic-progressive-restarts", "12-bits-huffman-420", "12-bits-huffman-grey", "12-bits-progressive-411",
		"12-bits-arithmetic-440", "lossless-4-bits-predictor-3", "lossless-8-bits-predictor-4", "lossless-16-bits-predictor-7", "lossless-16-bits-420",
	} {
		if files[name] == nil {
			t.Fatalf("there is no %s", name)
		}
		out[name+".jpg"] = files[name].data
	}
	return out
}

// sumOfWords is as make_jpeg.py computes it.
func sumOfWords(words []uint16) string {
	h := sha256.New()
	for _, v := range words {
		h.Write(binary.BigEndian.AppendUint16(nil, v))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// TestRareJPEGs: JPEGs without Huffman tables, with arithmetic coding, of 12 bits, lossless ones and those with their
// height behind the scan have the samples that libjpeg-turbo decodes, or encoded.
func TestRareJPEGs(t *testing.T) {
	for name, f := range rareJPEGs(t) {
		decoded, err := new(jpeg.Decoder).Decode(f.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if decoded.Width != f.width || decoded.Height != f.height || decoded.Precision != f.precision {
			t.Errorf("%s is %d bits of %dx%d", name, decoded.Precision, decoded.Width, decoded.Height)
		}
		channels, words := 3, []uint16(nil)
		row := func(y int, dst []uint16) {
			bytes := make([]uint8, len(dst))
			new(workspace).fromJPEG(decoded).row(y, bytes)
			for i, v := range bytes {
				dst[i] = uint16(v)
			}
		}
		switch {
		case len(decoded.Planes) == 4:
			decoded, f.precision = shallowJPEG(decoded), 8
		case f.precision != 8:
			channels, row = deepJPEG(decoded)
		}
		for y := range f.height {
			words = append(words, make([]uint16, channels*f.width)...)
			row(y, words[len(words)-channels*f.width:])
		}
		if len(words) != f.width*f.height*f.channels || sumOfWords(words) != f.sum {
			t.Errorf("%s: %d samples are not libjpeg-turbo's", name, len(words))
		}
		checkBytes(t, name, f.data, "jpeg", words, f.precision, channels)
	}
}

// checkBytes compares an image's pixels with its samples, of which the highest 8 bits are kept; fewer are stretched.
func checkBytes(t *testing.T, name string, data []byte, format string, words []uint16, precision, channels int) {
	t.Helper()
	h, err := Inspect(data, 0)
	if err != nil || h.Format != format {
		t.Errorf("%s is %s, %v", name, h.Format, err)
		return
	}
	p, err := Decode(data, Options{Width: h.SourceWidth, Height: h.SourceHeight})
	if err != nil || p.Format != format {
		t.Errorf("%s is %s, %v", name, p.Format, err)
		return
	}
	for i, got := range p.Pix {
		v := int(words[i/3*channels+i%3*channels/3])
		want := v >> max(0, precision-8)
		if precision < 8 {
			top := 1<<precision - 1
			want = (255*v + top/2) / top
		}
		if int(got) != want {
			t.Errorf("%s: byte %d is %d, want %d of %d", name, i, got, want, v)
			return
		}
	}
}

// TestJPEGLS: JPEG-LS files have the samples that CharLS decodes, and so the pixels.
func TestJPEGLS(t *testing.T) {
	for name, data := range jpegLSFiles(t) {
		decoded, err := new(jpegls.Decoder).Decode(data) // whose samples are compared in its package
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if decoded.Width > 1000 { // wide ones are not resized
			continue
		}
		var words []uint16
		for at := range decoded.Width * decoded.Height {
			for _, plane := range decoded.Planes {
				words = append(words, plane[at])
			}
		}
		checkBytes(t, name, data, "jpeg-ls", words, decoded.Precision, len(decoded.Planes))
	}
}

// TestJPEGLSTurned: EXIF turns a JPEG-LS as it turns a JPEG, wherever it stands before the frame.
func TestJPEGLSTurned(t *testing.T) {
	data := jpegLSExamples(t)["rgb-8-bits-samples.jls"]
	turned := slices.Concat(data[:2], exifTurned(6), data[2:])
	plain, err := Decode(data, Options{Width: 23, Height: 19})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(turned, Options{Width: 19, Height: 23})
	if err != nil || got.Format != "jpeg-ls" {
		t.Fatalf("%s, %v", got.Format, err)
	}
	for y := range 23 {
		for x := range 19 { // to the right by 90 degrees
			if a, b := got.Pix[3*(19*y+x):][:3], plain.Pix[3*(23*(18-x)+y):][:3]; !bytes.Equal(a, b) {
				t.Fatalf("%v at %d,%d, want %v", a, x, y, b)
			}
		}
	}
}

// TestDeepRange: the range reaches the samples of deep JPEGs.
func TestDeepRange(t *testing.T) {
	files := rareExamples(t)
	maps.Copy(files, jpegLSExamples(t))
	for _, name := range []string{"12-bits-huffman-420.jpg", "lossless-16-bits-predictor-7.jpg", "grey-12-bits.jls", "rgb-16-bits-lines.jls"} {
		o := Options{Width: 37, Height: 29}
		full, err := Decode(files[name], o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o.Range = "0..100"
		narrow, err := Decode(files[name], o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if bytes.Equal(full.Pix, narrow.Pix) || slices.Max(narrow.Pix) != 255 {
			t.Errorf("%s: the range changes nothing", name)
		}
	}
}

func jpegLSFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	readArchive(t, "jpegls.tar.gz", func(member string, data []byte) {
		if strings.HasSuffix(member, ".jls") {
			files[member] = data
		}
	})
	if len(files) < 150 {
		t.Fatalf("%d files", len(files))
	}
	return files
}

// jpegLSExamples are some of them, of each kind.
func jpegLSExamples(t testing.TB) map[string][]byte {
	t.Helper()
	files, out := jpegLSFiles(t), map[string][]byte{}
	for _, name := range []string{
		"grey-3-bits.jls", "grey-8-bits.jls", "grey-12-bits.jls", "grey-16-bits-near-3.jls", "rgb-8-bits-planes.jls", "rgb-8-bits-samples.jls",
		"rgb-16-bits-lines.jls", "restarts-2.jls", "restarts-rgb-samples.jls", "height-behind.jls", "size-in-preset.jls", "preset-12-bits-to-3000-near-0.jls",
	} {
		if files[name] == nil {
			t.Fatalf("there is no %s", name)
		}
		out[name] = files[name]
	}
	return out
}
