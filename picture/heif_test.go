package picture

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/picture/internal/codec"
)

// needCodecs skips a test where the libraries are not at hand.
func needCodecs(t testing.TB) {
	t.Helper()
	for _, kind := range []codec.Kind{codec.AVIF, codec.HEIF} {
		if _, _, err := codec.Decode(kind, []byte("nothing"), nil, codec.Limits{Pixels: 1, Memory: 1 << 30, Time: DefaultMaxTime}); errors.Is(err, codec.ErrMissing) {
			t.Skipf("AVIF and HEIC are not tested: %v", err)
		}
	}
}

// heifFiles are those of heif.tar.gz.
func heifFiles(t testing.TB) map[string][]byte {
	t.Helper()
	packed, err := os.Open(filepath.Join(goldenDir, "heif.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(unpacked); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

// heifCase is a line of heif.txt.
type heifCase struct {
	file, format              string
	sourceWidth, sourceHeight int
	background                string
	width, height             int
	sum                       uint32
}

func heifCases(t testing.TB) (cases []heifCase, refused map[string]error) {
	t.Helper()
	list, err := os.Open(filepath.Join(goldenDir, "heif.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	refused = map[string]error{}
	reasons := map[string]error{"unsupported": ErrUnsupported, "corrupt": ErrCorrupt}
	for lines := bufio.NewScanner(list); lines.Scan(); {
		if name, reason, is := strings.Cut(lines.Text(), " refused "); is {
			refused[name] = reasons[reason]
			continue
		}
		var c heifCase
		if _, err := fmt.Sscan(lines.Text(), &c.file, &c.format, &c.sourceWidth, &c.sourceHeight, &c.background, &c.width, &c.height, &c.sum); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		cases = append(cases, c)
	}
	if len(cases) < 100 || len(refused) < 10 {
		t.Fatalf("%d cases, %d files to refuse", len(cases), len(refused))
	}
	return cases, refused
}

// TestHEIF compares with the pixels of Pillow and pillow-heif: of every sampling, depth, range and matrix, of grids,
// turned, mirrored, cropped and animated, with opacity, and with EXIF that says something else.
func TestHEIF(t *testing.T) {
	needCodecs(t)
	files := heifFiles(t)
	cases, _ := heifCases(t)
	for _, c := range cases {
		t.Run(c.file+c.background, func(t *testing.T) {
			options := Options{Width: c.width, Height: c.height, Background: Background(strings.TrimPrefix(c.background, "-"))}
			p, err := Decode(files[c.file], options)
			if err != nil {
				t.Fatal(err)
			}
			if p.Format != c.format || p.SourceWidth != c.sourceWidth || p.SourceHeight != c.sourceHeight {
				t.Errorf("got %s of %dx%d, want %s of %dx%d", p.Format, p.SourceWidth, p.SourceHeight, c.format, c.sourceWidth, c.sourceHeight)
			}
			if sum := crc32.ChecksumIEEE(p.Pix); sum != c.sum {
				t.Errorf("other pixels than Pillow's: sum %d, want %d", sum, c.sum)
			}
		})
	}
}

// TestHEIFRefused: what is not decoded is told apart from what is damaged.
func TestHEIFRefused(t *testing.T) {
	needCodecs(t)
	files := heifFiles(t)
	_, refused := heifCases(t)
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
		if errors.Is(want, ErrUnsupported) && !strings.Contains(err.Error(), convert) {
			t.Errorf("%s: no remedy: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
	if bytes.Equal(files["grid.heic"], files["grid.avif"]) {
		t.Error("the archive is wrong")
	}
}
