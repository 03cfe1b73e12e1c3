package picture

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"
)

// tiffGrid reads the TIFFs that make_tiff.py has made, with the sums of Pillow's pixels.
func tiffGrid(t testing.TB) (files map[string][]byte, sums map[string]string) {
	t.Helper()
	files, sums = map[string][]byte{}, map[string]string{}
	readArchive(t, "tiff.tar.gz", func(member string, data []byte) {
		if name, found := strings.CutSuffix(member, ".tiff"); found {
			files[name] = data
			return
		}
		for line := range strings.Lines(string(data)) {
			name, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
			sums[name] = sum
		}
	})
	if len(files) < 600 || len(files) != len(sums) {
		t.Fatalf("%d files, %d sums", len(files), len(sums))
	}
	return files, sums
}

// TestTIFFGrid: a TIFF gives Pillow's pixels, whatever its tags say, or is refused by its header.
// None is called damaged, since none is.
func TestTIFFGrid(t *testing.T) {
	files, sums := tiffGrid(t)
	decoded := 0
	for name, data := range files {
		picture, err := Decode(data, Options{Width: 29, Height: 19})
		if err != nil {
			var typed *Error
			if !errors.Is(err, ErrUnsupported) || errors.Is(err, ErrNoPicture) || !errors.As(err, &typed) || typed.Stage != StageHeader ||
				!strings.Contains(err.Error(), "convert") && !strings.Contains(err.Error(), "PNG") {
				t.Errorf("%s: refused by %v", name, err)
			}
			if mustDecode.MatchString(name) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		decoded++
		if sum := sha256.Sum256(picture.Pix); hex.EncodeToString(sum[:16]) != sums[name] {
			t.Errorf("%s: the pixels are not Pillow's (its sum is %s)", name, sums[name])
		}
	}
	t.Logf("%d of %d files decoded", decoded, len(files))
}

// TestTIFFBands: of instruments with hundreds of bands the number is told.
func TestTIFFBands(t *testing.T) {
	header := "II*\x00\x08\x00\x00\x00\x05\x00" +
		"\x00\x01\x03\x00\x01\x00\x00\x00\x04\x00\x00\x00" + "\x01\x01\x03\x00\x01\x00\x00\x00\x04\x00\x00\x00" +
		"\x02\x01\x03\x00\xe0\x00\x00\x00\x80\x00\x00\x00" + "\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00" +
		"\x15\x01\x03\x00\x01\x00\x00\x00\xe0\x00\x00\x00" + "\x00\x00\x00\x00"
	_, err := Decode([]byte(header+strings.Repeat("\x10\x00", 400)), small)
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "224 samples a pixel") {
		t.Errorf("got %v", err)
	}
}

// mustDecode are the names of files that scanners, Pillow and others write commonly.
var mustDecode = regexp.MustCompile(`^bilevel-(group3|group3-options0|group4)-(photo|no-photo|pillow)|^bilevel-(none|lzw|deflate|packbits)-photo.-fill1|` +
	`tiles|^(grey8|grey16|palette8|rgb8|rgb16|rgb8-alpha)-(none|lzw|deflate|packbits)-(II|MM)$|^(grey8|grey16|rgb8|rgb16|palette8)-(lzw|deflate)-predictor`)

// TestTIFFTruncated: every beginning of a TIFF is a picture or an error with a reason, also where
// lists of tags lie behind the end.
func TestTIFFTruncated(t *testing.T) {
	files, _ := tiffGrid(t)
	for _, name := range []string{"bilevel-group4-photo1-fill2-strips-MM", "bilevel-group3-photo0-fill1-whole-II", "rgb8-five-none-II", "rgb16-lzw-predictor", "palette8-none-MM"} {
		data := files[name]
		for cut := 4; cut < len(data); cut++ {
			if _, err := Decode(data[:cut], small); err != nil {
				checkError(t, err)
			}
		}
	}
}
