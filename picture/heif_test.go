package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fovea/picture/internal/codec"
)

// needCodecs skips a test where the libraries are not at hand.
func needCodecs(t testing.TB) {
	t.Helper()
	for _, kind := range []codec.Kind{codec.AVIF, codec.HEIF, codec.JPEG2000, codec.JPEGXL} {
		if _, _, err := codec.Decode(kind, []byte("nothing"), nil, codec.Options{}, codec.Limits{Pixels: 1, Memory: 1 << 30, Time: DefaultMaxTime}); errors.Is(err, ErrMissing) {
			t.Skipf("AVIF and HEIC are not tested: %v", err)
		}
	}
}

// heifFiles are those of heif.tar.gz.
func heifFiles(t testing.TB) map[string][]byte {
	t.Helper()
	return archived(t, "heif.tar.gz")
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

// TestHEIFTruncated cuts files: none of them is decoded, unless only what nobody needs is missing, and each is said to
// be truncated where that shows by its structure.
func TestHEIFTruncated(t *testing.T) {
	needCodecs(t)
	files := heifFiles(t)
	for _, name := range []string{"420.heic", "grid.heic", "alpha.heic", "420-full.avif", "grid.avif", "animated.avif"} {
		data := files[name]
		for cut := 0; cut < len(data); cut += 1 + len(data)/60 {
			_, err := Decode(data[:cut], small)
			if err == nil {
				if name != "animated.avif" { // whose first frame is near the beginning
					t.Errorf("%s: decoded %d of %d bytes", name, cut, len(data))
				}
				continue
			}
			checkError(t, err)
			if cut >= 12 && !errors.Is(err, ErrTruncated) && name != "animated.avif" {
				t.Errorf("%s: %d of %d bytes: %v", name, cut, len(data), err)
			}
		}
	}
}

// TestHEIFMutated damages files of every kind, everywhere: each is decoded or refused with a reason, and the processes
// that decode are no more than were in use at a time.
func TestHEIFMutated(t *testing.T) {
	needCodecs(t)
	files := heifFiles(t)
	trials := 6
	if text := os.Getenv("FOVEA_TRIALS"); text != "" {
		trials, _ = strconv.Atoi(text)
	}
	decoded, reasons := 0, map[error]int{}
	for i, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) > 20_000 {
			continue
		}
		random := rand.New(rand.NewPCG(30, uint64(i)))
		for range trials {
			data := mutated(files[name], random)
			if random.IntN(2) == 0 { // among the compressed pixels
				data = bytes.Clone(files[name])
				for range 1 + random.IntN(20) {
					at := len(data) - 1 - random.IntN(len(data)*3/4)
					data[at] = byte(random.Uint32())
				}
			}
			p, err := Decode(data, Options{Width: 9, Height: 7, MaxPixels: 1 << 20})
			if err != nil {
				checkError(t, err)
				for _, reason := range []error{ErrUnsupported, ErrTooLarge, ErrTooSlow, ErrTruncated, ErrCorrupt} {
					if errors.Is(err, reason) {
						reasons[reason]++
					}
				}
				if strings.Contains(err.Error(), "crashed") {
					t.Logf("%s: %v", name, err)
				}
				continue
			}
			if decoded++; len(p.Pix) != 9*7*3 {
				t.Errorf("%s: %d bytes of pixels", name, len(p.Pix))
			}
		}
	}
	t.Logf("%d decoded, refused: %v", decoded, reasons)
	if decoded == 0 || reasons[ErrCorrupt] == 0 {
		t.Error("nothing was decoded or nothing refused")
	}
}

// TestHEIFTooSlow: the processor's time is that of the process that decodes.
func TestHEIFTooSlow(t *testing.T) {
	needCodecs(t)
	files := heifFiles(t)
	for _, name := range []string{"large.heic", "large-12-bits-alpha.avif"} {
		if _, err := Decode(files[name], Options{Width: 8, Height: 8, MaxTime: 1}); !errors.Is(err, ErrTooSlow) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Decode(files[name], Options{Width: 8, Height: 8, MaxPixels: 1_900_000}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A photo with a video behind it, as phones write them, and a file of several JPEGs show their first image.
func TestFirstImage(t *testing.T) {
	photo, err := os.ReadFile("../testdata/photos/cat.3.jpg")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Decode(photo, small)
	if err != nil {
		t.Fatal(err)
	}
	video := []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x10moov\x00\x00\x00\x00\x00\x00\x00\x00")
	second := readGolden(t, "jpeg-420-40x32.jpg")
	for what, behind := range map[string][]byte{"a video": video, "another image": second, "both": append(bytes.Clone(second), video...)} {
		got, err := Decode(append(bytes.Clone(photo), behind...), small)
		if err != nil || !bytes.Equal(got.Pix, want.Pix) || got.Format != "jpeg" {
			t.Errorf("with %s behind it: %v", what, err)
		}
	}
}

// By name or by content they are images, and videos, which begin alike, are not.
func TestHEIFIsFound(t *testing.T) {
	files := heifFiles(t)
	for name, want := range map[string]bool{"x.HEIC": true, "x.heif": true, "x.hif": true, "x.avif": true, "x.avifs": true, "x.mp4": false} {
		if Decodes(name, nil) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	for name, data := range files {
		if !Decodes("no name", data[:min(len(data), HeadBytes)]) {
			t.Errorf("%s is not found by its content", name)
		}
	}
	for _, brand := range []string{"isom", "mp42", "qt  ", "crx ", "M4A "} {
		if Decodes("no name", []byte("\x00\x00\x00\x18ftyp"+brand+"\x00\x00\x00\x00isomiso2")) {
			t.Errorf("%s is taken for an image", brand)
		}
	}
}
