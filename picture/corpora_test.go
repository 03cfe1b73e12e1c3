package picture

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const script = "../testdata/picture/corpora.sh"

// corpora are the folders of test pictures that others ship: how they are found, and how they
// are fetched where they are not at hand.
var corpora = map[string]struct {
	find         []string
	below, fetch string
}{
	"go":      {[]string{"go", "env", "GOROOT"}, "src/image", "install Go with its sources"},
	"x-image": {[]string{"go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/image"}, "testdata", "go mod download"},
	"pillow":  {[]string{script, "path", "pillow"}, "", "testdata/picture/corpora.sh"},
	// Of source packages, for the JPEGs of libjpeg-turbo's own tests and the whole PngSuite.
	"libjpeg-turbo": {[]string{script, "path", "libjpeg-turbo"}, "", "testdata/picture/corpora.sh"},
	"libpng":        {[]string{script, "path", "libpng1.6"}, "", "testdata/picture/corpora.sh"},
}

// forgiven are damaged files that Pillow makes some picture of; here they are refused.
var forgiven = map[string]bool{
	"testdata/video-001.progressive.truncated.jpeg":     true, // lacks its last scans
	"png/testdata/invalid-noend.png":                    true,
	"png/testdata/invalid-trunc.png":                    true,
	"bmp/b/pal8badindex.bmp":                            true,
	"hopper_bad_exif.jpg":                               true, // with codes that its table lacks
	"issue_2811.gif":                                    true,
	"no_palette.gif":                                    true,
	"old-style-jpeg-compression-no-samplesperpixel.tif": true,
	"tiff_wrong_bits_per_sample.tiff":                   true,
	"tiff_wrong_bits_per_sample_2.tiff":                 true,
	"tiff_wrong_bits_per_sample_3.tiff":                 true,
	"total-pages-zero.tif":                              true,
	"contrib/testpngs/crashers/badcrc.png":              true,
	"contrib/testpngs/crashers/huge_IDAT.png":           true, // has more pixels than its header says
}

// own are files of whose samples Pillow makes other pixels: it clips those of more than 8 bits, takes signed ones for
// unsigned ones, and rounds some of Lab the other way. The tests of ranges, of TIFFs of others and of Lab have their values.
var own = map[string]bool{
	"10ct_32bit_128.tiff": true, "12bit.cropped.tif": true, "16_bit_binary_pgm.tiff": true, "8bit.s.tif": true, "separate_planar_extra_samples.tiff": true,
	"hopper.Lab.tif": true,
}

// unforgiven are files that Pillow refuses and that are decoded here.
var unforgiven = map[string]bool{
	"apng/chunk_no_fctl.png": true, // the animation is damaged, its still picture isn't
	"bmp/q/pal2.bmp":         true, // 2 bits a pixel
	// Masks that Pillow does not know, a short header of OS/2, and a palette of 300 colours.
	"bmp/g/rgb32bf.bmp": true, "bmp/q/rgb16-231.bmp": true, "bmp/q/rgb32-111110.bmp": true, "bmp/q/rgba16-4444.bmp": true,
	"bmp/q/rgba32abf.bmp": true, "bmp/q/pal8os2v2-16.bmp": true, "bmp/q/pal8oversizepal.bmp": true,
	// Notes of a Photoshop document that are damaged, and a PNG's profile with another compression.
	"timeout-dedc7a4ebd856d79b4359bbcc79e8ef231ce38f6.psd": true, "unknown_compression_method.png": true,
	"png_decompression_dos.png":        true, // a large text beside one pixel
	"avif/hopper.heif":                 true, // for which Pillow needs pillow-heif
	"hopper_unknown_pixel_mode.tif":    true, // an extra sample of a kind that it does not know
	"hopper_webp.tif":                  true, // its libtiff may lack WebP
	"tiff_overflow_rows_per_strip.tif": true, // a strip has as many rows as there are
	"tiff_tiled_jpeg_oob_read.tif":     true, // a tile has what it says
	// Fewer rows than Pillow allows for the samples, and damaged notes on the resolution.
	"crash-d2c93af851d3ab9a19e34503626368b2ecde9c03.j2k": true, "invalid_header_length.jp2": true,
	// Notes without content.
	"contrib/testpngs/crashers/empty_ancillary_chunks.png": true,
}

// TestCorpora decodes the pictures of others: each has Pillow's pixels, or is refused with a
// reason.
func TestCorpora(t *testing.T) {
	long(t)
	sums, err := os.ReadFile(filepath.Join(goldenDir, "corpora.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for corpus, from := range corpora {
		t.Run(corpus, func(t *testing.T) {
			out, err := exec.Command(from.find[0], from.find[1:]...).Output()
			folder := filepath.Join(strings.TrimSpace(string(out)), from.below)
			if _, missing := os.Stat(folder); err != nil || missing != nil {
				t.Skipf("the images of %s are not at hand; to fetch them: %s (%v, %v)", corpus, from.fetch, err, missing)
			}
			var equal, refused, absent, lines int
			for line := range strings.Lines(string(sums)) {
				var c corpusCase
				if _, err := fmt.Sscan(line, &c.corpus, &c.name, &c.width, &c.height, &c.sum); err != nil {
					t.Fatalf("corpora.txt: %q: %v", line, err)
				}
				if lines++; c.corpus != corpus || raceDetector && lines%10 != 0 {
					continue
				}
				data, err := os.ReadFile(filepath.Join(folder, c.name))
				switch {
				case err != nil: // another version of the corpus
					absent++
				case c.check(t, data):
					equal++
				default:
					refused++
				}
			}
			t.Logf("%d files with Pillow's pixels, %d refused, %d absent", equal, refused, absent)
			if equal == 0 {
				t.Error("no file was decoded")
			}
		})
	}
}

// corpusCase is a line of corpora.txt; sum is "-" where Pillow gives no picture.
type corpusCase struct {
	corpus, name  string
	width, height int
	sum           string
}

func (c corpusCase) check(t *testing.T, data []byte) (decoded bool) {
	picture, err := Decode(data, Options{Width: max(1, c.width), Height: max(1, c.height)})
	if err != nil {
		checkError(t, err)
		if c.sum != "-" && !errors.Is(err, ErrUnsupported) && !forgiven[c.name] {
			t.Errorf("%s: %v; Pillow decodes it", c.name, err)
		}
		return false
	}
	if c.sum == "-" {
		if !unforgiven[c.name] {
			t.Errorf("%s: decoded as %s, which Pillow refuses", c.name, picture.Format)
		}
		return true
	}
	if got := fmt.Sprintf("%08x", crc32.ChecksumIEEE(picture.Pix)); got != c.sum && !own[c.name] {
		t.Errorf("%s: %s: pixels with sum %s, Pillow's have %s", c.name, picture.Format, got, c.sum)
	}
	return true
}
