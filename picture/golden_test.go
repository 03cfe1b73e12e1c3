package picture

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

const goldenDir = "../testdata/picture"

// goldenCase is one line of golden.txt: a file, how it is prepared, and Pillow's pixels.
type goldenCase struct {
	file, format              string
	sourceWidth, sourceHeight int
	resize, interpolation     string
	width, height             int
	encoded                   string
}

func (c goldenCase) name() string {
	return fmt.Sprintf("%s/%s-%s-%dx%d", c.file, c.resize, c.interpolation, c.width, c.height)
}

func (c goldenCase) options() Options {
	return Options{Width: c.width, Height: c.height, Resize: Resize(c.resize), Interpolation: Interpolation(c.interpolation)}
}

func (c goldenCase) pixels(t testing.TB) []uint8 {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(c.encoded)
	if err != nil {
		t.Fatal(err)
	}
	unpack, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	pixels, err := io.ReadAll(unpack)
	if err != nil {
		t.Fatal(err)
	}
	return pixels
}

// goldenCases reads golden.txt, or another list like it.
func goldenCases(t testing.TB, list string) []goldenCase {
	t.Helper()
	file, err := os.Open(filepath.Join(goldenDir, list))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []goldenCase
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c goldenCase
		if _, err := fmt.Sscan(lines.Text(), &c.file, &c.format, &c.sourceWidth, &c.sourceHeight,
			&c.resize, &c.interpolation, &c.width, &c.height, &c.encoded); err != nil {
			t.Fatalf("%s: case %d: %v", list, len(cases), err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil || len(cases) == 0 {
		t.Fatalf("%s: %d cases, %v", list, len(cases), err)
	}
	return cases
}

func readGolden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// difference is the largest and the mean difference in levels.
func difference(a, b []uint8) (largest int, mean float64) {
	sum := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		d = max(d, -d)
		largest, sum = max(largest, d), sum+d
	}
	return largest, float64(sum) / float64(len(a))
}

// TestGolden compares with Pillow's pixels for every format, mode and way to resize.
func TestGolden(t *testing.T) {
	for _, c := range goldenCases(t, "golden.txt") {
		t.Run(c.name(), func(t *testing.T) { compareGolden(t, c, c.options()) })
	}
}

// TestBackground compares with what Pillow pastes over a colour.
func TestBackground(t *testing.T) {
	for _, c := range goldenCases(t, "background.txt") {
		t.Run(c.name(), func(t *testing.T) {
			options := c.options()
			options.Background = "#336699"
			compareGolden(t, c, options)
		})
	}
}

func compareGolden(t *testing.T, c goldenCase, options Options) {
	t.Helper()
	picture, err := Decode(readGolden(t, c.file), options)
	if err != nil {
		t.Fatal(err)
	}
	if picture.Format != c.format || picture.SourceWidth != c.sourceWidth || picture.SourceHeight != c.sourceHeight {
		t.Errorf("got %s of %dx%d, want %s of %dx%d", picture.Format, picture.SourceWidth, picture.SourceHeight,
			c.format, c.sourceWidth, c.sourceHeight)
	}
	want := c.pixels(t)
	if picture.Width != c.width || picture.Height != c.height || len(picture.Pix) != len(want) {
		t.Fatalf("got %d bytes, %dx%d, want %d, %dx%d", len(picture.Pix), picture.Width, picture.Height, len(want), c.width, c.height)
	}
	largest, mean := difference(picture.Pix, want)
	if largest > 0 { // the tolerance is none
		t.Errorf("differs from Pillow by up to %d levels, %.3f in the mean", largest, mean)
	}
}

// long leaves a test out of short ones, which are those that the race detector watches: it decodes many pictures one after
// the other, in Go alone.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("decodes many pictures, one after the other")
	}
}
