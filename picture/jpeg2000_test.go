package picture

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/picture/internal/picturetest"
)

// archived are the files of an archive in testdata/picture.
func archived(t testing.TB, name string) map[string][]byte {
	t.Helper()
	return picturetest.Files(t, filepath.Join(goldenDir, name))
}

// codecCase is a line of jpeg2000.txt.
type codecCase struct {
	file, source, background, ranged string
	width, height                    int
	sum                              uint32
	bound                            int // of jpegxl.txt
}

func (c codecCase) options() Options {
	o := Options{Width: c.width, Height: c.height, Interpolation: Nearest, Background: Background(strings.TrimPrefix(c.background, "-"))}
	if c.ranged != "-" {
		o.Range = Range(c.ranged)
	}
	return o
}

func codecCases(t testing.TB, name string) (cases []codecCase, refused map[string]error) {
	t.Helper()
	list, err := os.Open(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	refused = map[string]error{}
	reasons := map[string]error{"unsupported": ErrUnsupported, "corrupt": ErrCorrupt, "truncated": ErrTruncated}
	for lines := bufio.NewScanner(list); lines.Scan(); {
		if file, reason, is := strings.Cut(lines.Text(), " refused "); is {
			refused[file] = reasons[reason]
			continue
		}
		var c codecCase
		n, err := fmt.Sscan(lines.Text(), &c.file, &c.source, &c.background, &c.ranged, &c.width, &c.height, &c.sum, &c.bound)
		if n < 7 {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		cases = append(cases, c)
	}
	return cases, refused
}

// decode decodes the case's file, which has to be of that format.
func (c codecCase) decode(t *testing.T, data []byte, format string) Picture {
	t.Helper()
	p, err := Decode(data, c.options())
	if err != nil {
		t.Fatal(err)
	}
	if p.Format != format || p.SourceWidth != c.width || p.SourceHeight != c.height {
		t.Errorf("got %s of %dx%d, want %dx%d", p.Format, p.SourceWidth, p.SourceHeight, c.width, c.height)
	}
	return p
}

// TestJPEG2000 compares with the pixels of Pillow, of imagecodecs, and of the parts that files were put together from.
func TestJPEG2000(t *testing.T) {
	needCodecs(t)
	files := archived(t, "jpeg2000.tar.gz")
	cases, _ := codecCases(t, "jpeg2000.txt")
	if len(cases) < 110 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.file+c.background+c.ranged, func(t *testing.T) {
			p := c.decode(t, files[c.file], "jpeg2000")
			if sum := crc32.ChecksumIEEE(p.Pix); sum != c.sum {
				t.Errorf("other pixels than those of %s: sum %d, want %d", c.source, sum, c.sum)
			}
		})
	}
}

// TestJPEG2000Refused: what is not decoded is told apart from what is damaged.
func TestJPEG2000Refused(t *testing.T) {
	needCodecs(t)
	checkRefused(t, "jpeg2000")
}

func checkRefused(t *testing.T, name string) {
	t.Helper()
	files := archived(t, name+".tar.gz")
	_, refused := codecCases(t, name+".txt")
	if len(refused) < 3 {
		t.Fatalf("%d files to refuse", len(refused))
	}
	for name, want := range refused {
		_, err := Decode(files[name], small)
		if err == nil {
			t.Errorf("%s was decoded", name)
			continue
		}
		checkError(t, err)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if errors.Is(want, ErrUnsupported) && !strings.Contains(err.Error(), "PNG") {
			t.Errorf("%s: no remedy: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
}
