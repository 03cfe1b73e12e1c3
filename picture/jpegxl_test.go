package picture

import (
	"bytes"
	"errors"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestJPEGXL compares with the pixels of pillow-jxl-plugin, with samples that were encoded without loss, and with the
// JPEGs that files were made of.
func TestJPEGXL(t *testing.T) {
	needCodecs(t)
	files := archived(t, "jpegxl.tar.gz")
	cases, _ := codecCases(t, "jpegxl.txt")
	if len(cases) < 110 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.file+c.background+c.ranged, func(t *testing.T) {
			p := c.decode(t, files[c.file], "jxl")
			if crc32.ChecksumIEEE(p.Pix) == c.sum {
				return
			}
			if c.bound == 0 {
				t.Fatalf("other pixels than those of %s", c.source)
			}
			want := files[c.file+strings.TrimPrefix(c.background, "-")+".rgb"]
			if len(want) != len(p.Pix) {
				t.Fatalf("%d bytes of pixels, of which %d are known", len(p.Pix), len(want))
			}
			others := 0
			for i, v := range p.Pix {
				if v != want[i] {
					others++
				}
				if d := int(v) - int(want[i]); d > c.bound || d < -c.bound {
					t.Fatalf("byte %d is %d, with %s %d", i, v, c.source, want[i])
				}
			}
			t.Logf("%d of %d bytes are %d off", others, len(want), c.bound)
		})
	}
}

// TestJPEGXLRefused: what is not decoded is told apart from what is damaged.
func TestJPEGXLRefused(t *testing.T) {
	needCodecs(t)
	checkRefused(t, "jpegxl")
}

// TestJPEG2000AndXLTruncated cuts files: none is decoded, but for ends that nobody needs, and all are said to be truncated.
func TestJPEG2000AndXLTruncated(t *testing.T) {
	needCodecs(t)
	pictures, others := archived(t, "jpeg2000.tar.gz"), archived(t, "jpegxl.tar.gz")
	for name, spare := range map[string]int{
		"rgb.jp2": 2, "rgb-lossy.jp2": 2, "tiles.jp2": 2, "rgb.j2k": 2, "rgb.jph": 2, "palette.jp2": 2, "cprl.jp2": 2,
		"rgb.jxl": 1, "rgb-40.jxl": 1, "rgb-container.jxl": 0, "rgba-16-bits.jxl": 1, "jpeg-420.jxl": 0, "parts.jxl": 0,
	} {
		data := pictures[name]
		if data == nil {
			data = others[name]
		}
		for cut := 0; cut < len(data); cut += 1 + len(data)/60 {
			_, err := Decode(data[:cut], small)
			if err == nil {
				if len(data)-cut > spare {
					t.Errorf("%s: decoded %d of %d bytes", name, cut, len(data))
				}
				continue
			}
			checkError(t, err)
			if cut >= 12 && !errors.Is(err, ErrTruncated) {
				t.Errorf("%s: %d of %d bytes: %v", name, cut, len(data), err)
			}
		}
	}
}

// TestJPEG2000AndXLMutated damages files of every kind, everywhere: each is decoded or refused with a reason.
func TestJPEG2000AndXLMutated(t *testing.T) {
	needCodecs(t)
	files := archived(t, "jpeg2000.tar.gz")
	maps.Copy(files, archived(t, "jpegxl.tar.gz"))
	trials := 6
	if text := os.Getenv("FOVEA_TRIALS"); text != "" {
		trials, _ = strconv.Atoi(text)
	}
	decoded, refused, reasons := 0, 0, map[error]int{}
	for i, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) > 20_000 || strings.HasSuffix(name, ".rgb") {
			continue
		}
		random := rand.New(rand.NewPCG(40, uint64(i)))
		for range trials {
			data := mutated(files[name], random)
			if random.IntN(2) == 0 { // among the compressed pixels
				data = bytes.Clone(files[name])
				for range 1 + random.IntN(20) {
					at := len(data) - 1 - random.IntN(max(1, len(data)*3/4))
					data[at] = byte(random.Uint32())
				}
			}
			p, err := Decode(data, Options{Width: 9, Height: 7, MaxPixels: 1 << 20})
			if err == nil {
				if decoded++; len(p.Pix) != 9*7*3 {
					t.Errorf("%s: %d bytes of pixels", name, len(p.Pix))
				}
				continue
			}
			checkError(t, err)
			refused++
			for _, reason := range []error{ErrUnsupported, ErrTooLarge, ErrTooSlow, ErrTruncated, ErrCorrupt} {
				if errors.Is(err, reason) {
					reasons[reason]++
				}
			}
			if strings.Contains(err.Error(), "crashed") {
				t.Logf("%s: %v", name, err)
			}
		}
	}
	t.Logf("%d decoded, %d refused: %v", decoded, refused, reasons)
	if decoded == 0 || reasons[ErrCorrupt] == 0 {
		t.Error("nothing was decoded or nothing refused")
	}
}

// TestJPEG2000AndXLTooSlow: the processor's time is that of the process that decodes.
func TestJPEG2000AndXLTooSlow(t *testing.T) {
	needCodecs(t)
	for archive, name := range map[string]string{"jpeg2000.tar.gz": "large.jp2", "jpegxl.tar.gz": "large-float.jxl"} {
		data := archived(t, archive)[name]
		if _, err := Decode(data, Options{Width: 8, Height: 8, MaxTime: 1}); !errors.Is(err, ErrTooSlow) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Decode(data, Options{Width: 8, Height: 8, MaxPixels: 1_300_000}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJPEG2000AndXLBombs: sizes are refused by the header, before anything is decoded.
func TestJPEG2000AndXLBombs(t *testing.T) {
	stream := archived(t, "jpeg2000.tar.gz")["rgb.j2k"]
	sized := func(size, tile []byte) []byte {
		out := bytes.Clone(stream)
		copy(out[8:], size)
		copy(out[24:], tile)
		return out
	}
	huge := []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}
	for what, test := range map[string]struct {
		data []byte
		want error
	}{
		"one tile":               {sized(huge, huge), ErrTooLarge},
		"tiles of a pixel":       {sized(huge, []byte{0, 0, 0, 1, 0, 0, 0, 1}), ErrCorrupt},
		"tiles of nothing":       {sized(huge, make([]byte, 8)), ErrCorrupt},
		"no pixels":              {sized(make([]byte, 8), huge), ErrCorrupt},
		"10,000 x 10,000":        {sized([]byte{0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10}, huge), ErrTooLarge}, // of memory, at the limit below
		"a square of 2^30 in XL": {[]byte{0xff, 0x0a, 0xfe, 0xff, 0xff, 0xff, 0x3f | 0x40, 0x02, 0, 0, 0, 0, 0, 0}, ErrTooLarge},
	} {
		var err error
		took := allocated(func() { _, err = Decode(test.data, Options{Width: 8, Height: 8, MaxPixels: 20_000_000}) })
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
		if took > 1<<20 {
			t.Errorf("%s: %d bytes", what, took)
		}
	}
}
