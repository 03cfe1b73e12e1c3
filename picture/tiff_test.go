package picture

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"fovea/picture/internal/tiff"
)

// What crafted files are compressed by.
const (
	uncompressed = tiff.Uncompressed
	deflate      = tiff.Deflate
)

// tiffGrid reads the TIFFs that make_tiff.py has made, with the sums of Pillow's pixels.
func tiffGrid(t testing.TB) (files map[string][]byte, sums map[string]string) {
	t.Helper()
	files, sums = tiffArchive(t, "tiff.tar.gz")
	if len(files) < 600 || len(files) != len(sums) {
		t.Fatalf("%d files, %d sums", len(files), len(sums))
	}
	return files, sums
}

func tiffArchive(t testing.TB, archive string) (files map[string][]byte, sums map[string]string) {
	t.Helper()
	files, sums = map[string][]byte{}, map[string]string{}
	readArchive(t, archive, func(member string, data []byte) {
		if name, found := strings.CutSuffix(member, ".tiff"); found {
			files[name] = data
			return
		}
		for line := range strings.Lines(string(data)) {
			name, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
			sums[name] = sum
		}
	})
	return files, sums
}

// TestTIFFGrid: a TIFF gives Pillow's pixels, whatever its tags say, or is refused by its header.
// None is called damaged, since none is.
func TestTIFFGrid(t *testing.T) {
	files, sums := tiffGrid(t)
	_, others := tiffArchive(t, "tiff-more.tar.gz")
	decoded, lab := 0, [16]byte{}
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
		if strings.HasPrefix(name, "lab8-") && !strings.Contains(name, "predictor") && !strings.Contains(name, "signed") { // all have the same colours; TestLab has Pillow's
			sum := sha256.Sum256(picture.Pix)
			if lab == [16]byte{} {
				lab = [16]byte(sum[:16])
			}
			if lab != [16]byte(sum[:16]) {
				t.Errorf("%s: other pixels than those of another Lab", name)
			}
		}
		want := cmp.Or(others["grid/"+name], sums[name])
		if sum := sha256.Sum256(picture.Pix); hex.EncodeToString(sum[:16]) != want && !strings.Contains(strings.ToLower(name), "lab") {
			t.Errorf("%s: the pixels are not Pillow's (its sum is %s)", name, want)
		}
	}
	t.Logf("%d of %d files decoded", decoded, len(files))
}

// TestTIFFsOfOthers: TIFFs of tifffile, imagecodecs and libtiff have the pixels that make_tiff_more.py has found.
func TestTIFFsOfOthers(t *testing.T) {
	long(t)
	files, sums := tiffArchive(t, "tiff-more.tar.gz")
	if len(files) < 200 {
		t.Fatalf("%d files", len(files))
	}
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	for name, data := range files {
		size, err := Inspect(data, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		o := Options{Width: size.SourceWidth, Height: size.SourceHeight}
		if wrong := withinEstimate(data, o); wrong != "" && !raceDetector {
			t.Errorf("%s: %s", name, wrong)
		}
		picture, err := Decode(data, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if sum := sha256.Sum256(picture.Pix); hex.EncodeToString(sum[:16]) != sums[name] {
			t.Errorf("%s: other pixels than those of sum %s", name, sums[name])
		}
	}
}

// TestTIFFBands: of instruments with hundreds of bands the first is shown.
func TestTIFFBands(t *testing.T) {
	block := make([]byte, 4*4*224*2)
	for i := range 4 * 4 {
		block[224*2*i+1], block[224*2*i+3] = byte(10*i), 99
	}
	got, err := Decode(tiffFile{width: 4, height: 4, bits: 16, samples: 224, photometric: 1, compression: tiff.Uncompressed, rows: 4, block: block}.bytes(), Options{Width: 4, Height: 4})
	if err != nil || got.Pix[3*15+1] != 150 || got.Pix[0] != 0 {
		t.Errorf("%v, %v", got.Pix, err)
	}
}

// TestLab: colours of Lab are those of Pillow's LittleCMS, whose nodes have the rounding of float32.
func TestLab(t *testing.T) {
	const most = 1
	sum, count := 0, 0
	for line := range strings.Lines(string(readGolden(t, "lab.txt"))) {
		var l, a, b uint8
		var want [3]int
		if _, err := fmt.Sscan(line, &l, &a, &b, &want[0], &want[1], &want[2]); err != nil {
			t.Fatal(err)
		}
		for i, v := range labToRGB(l, a, b) {
			difference := max(int(v)-want[i], want[i]-int(v))
			if sum, count = sum+difference, count+1; difference > most {
				t.Errorf("%s: %d in place of %d", strings.TrimSpace(line), v, want[i])
			}
		}
	}
	if mean := float64(sum) / float64(count); count < 600 || mean > 0.02 {
		t.Errorf("%d values, on average %.4f off", count, mean)
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
