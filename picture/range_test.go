package picture

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]Range{
		"": "", "auto": "", "full": "full", "minmax": "minmax", "percentile:1,99": "percentile:1,99", "percentile:0.50,99.5": "percentile:0.5,99.5",
		"window:40,400": "window:40,400", "window:-600,1500.0": "window:-600,1500", "0..4095": "0..4095", "-1024..3071": "-1024..3071",
		"0.5..1.50": "0.5..1.5", "1e3..2e3": "1000..2000",
	} {
		got, err := ParseRange(text)
		if got != want || err != nil {
			t.Errorf("%q: got %q, want %q (%v)", text, got, want, err)
		}
		if again, err := ParseRange(string(got)); again != got || err != nil {
			t.Errorf("%q: got %q the second time (%v)", got, again, err)
		}
	}
	for _, text := range []string{
		"all", "percentile:", "percentile:1", "percentile:99,1", "percentile:-1,99", "percentile:1,101", "percentile:1,99,2", "percentile:nan,99",
		"window:40", "window:40,0", "window:40,-1", "window:inf,1", "window:1e308,1e-300", "4095..0", "0..0", "0..", "..5", "nan..1", "0..inf",
		"-1.7e308..1.7e308", "0...", "0,1",
	} {
		if got, err := ParseRange(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
		if (Options{Width: 1, Height: 1, Range: Range(text)}).Validate() == nil || (Dense{Sides: []int{1}, Range: Range(text)}).Validate() == nil {
			t.Errorf("options with the range %q are valid", text)
		}
	}
}

// rangeCase is a line of ranges.json.gz.
type rangeCase struct {
	Name                          string
	Width, Height, Channels, Bits int
	Signed, Float                 bool
	NoData                        *float64
	Samples, Opacity              []byte
	Ranges                        map[string][]byte
}

func rangeCases(t *testing.T) (cases []rangeCase) {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "testdata", "picture", "ranges.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err == nil {
		err = json.NewDecoder(unpacked).Decode(&cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	inflate := func(packed []byte) []byte {
		r, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for i := range cases {
		cases[i].Samples, cases[i].Opacity = inflate(cases[i].Samples), inflate(cases[i].Opacity)
		for how, pixels := range cases[i].Ranges {
			cases[i].Ranges[how] = inflate(pixels)
		}
	}
	return cases
}

// image is the case as a decoder hands it over, as words or not.
func (c rangeCase) image(words bool) deep {
	at := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(c.Samples[8*i:])) }
	n := c.Width * c.Channels
	d := deep{width: c.Width, height: c.Height, channels: c.Channels, bits: c.Bits, signed: c.Signed, float: c.Float, noData: c.NoData}
	if words {
		d.words = func(y int, dst []uint16) {
			for i := range dst {
				dst[i] = uint16(int(at(y*n + i)))
			}
		}
		return d
	}
	d.row = func(y int, dst []float64) {
		for i := range dst {
			dst[i] = at(y*n + i)
		}
	}
	return d
}

// Every kind of range gives NumPy's bytes for every kind of sample.
func TestRangesAgainstNumPy(t *testing.T) {
	long(t)
	w := new(workspace)
	w.clock.begin(0)
	defer w.clock.end()
	count := 0
	for _, c := range rangeCases(t) {
		for _, words := range []bool{false, true} {
			if words && (c.Float || c.Bits > 16) {
				continue
			}
			for how, want := range c.Ranges {
				for _, inverted := range []bool{false, true} {
					d := c.image(words)
					d.inverted = inverted
					s, err := w.ranged(d, Range(how))
					if err != nil {
						t.Fatal(err)
					}
					compareRange(t, c, how, s, want, inverted)
					count++
				}
			}
		}
	}
	t.Logf("%d cases", count)
}

func compareRange(t *testing.T, c rangeCase, how string, s source, want []byte, inverted bool) {
	t.Helper()
	row, opacity := make([]uint8, 3*c.Width), make([]uint8, c.Width)
	at := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(c.Samples[8*i:])) }
	d := c.image(false)
	for y := range c.Height {
		s.row(y, row)
		for i := range opacity {
			opacity[i] = 255
		}
		if s.alpha != nil {
			s.alpha(y, opacity)
		}
		if !bytes.Equal(opacity, c.Opacity[y*c.Width:(y+1)*c.Width]) {
			t.Errorf("%s, %s: the opacity of row %d differs", c.Name, how, y)
		}
		for i, got := range row {
			sample := (y*c.Width+i/3)*c.Channels + i%3*(c.Channels/3)
			value := want[sample]
			if inverted && !d.missing(at(sample)) {
				value = ^value
			}
			if got != value {
				t.Fatalf("%s, %s: %v at %d, %d is %d, NumPy has %d", c.Name, how, at(sample), i/3, y, got, value)
			}
		}
	}
}

// The file's own window is what auto means, and values of words are in other units.
func TestRangeOfWindowAndUnits(t *testing.T) {
	w := new(workspace)
	w.clock.begin(0)
	defer w.clock.end()
	d := deep{width: 3, height: 1, channels: 1, bits: 16, window: &span{-10, 10}, value: func(word uint16) float64 { return float64(word)/2 - 20 },
		words: func(_ int, dst []uint16) { copy(dst, []uint16{10, 40, 61}) }} // -15, 0, 10.5
	for how, want := range map[Range][3]uint8{
		"": {0, 128, 255}, "minmax": {0, 150, 255}, "full": {0, 0, 0}, "-15..0": {0, 255, 255}, "window:0,40": {32, 128, 194},
	} {
		s, err := w.ranged(d, how)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]uint8, 9)
		s.row(0, row)
		if got := [3]uint8{row[0], row[3], row[6]}; got != want {
			t.Errorf("%s: got %v, want %v", how, got, want)
		}
	}
}

// deepPNG is a PNG of 16 bits in grey, of these samples in a row, or with colours of them and more in green and blue.
func deepPNG(t *testing.T, width, height int, at func(x, y int) uint16) []byte {
	t.Helper()
	drawn := image.NewGray16(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			drawn.SetGray16(x, y, color.Gray16{at(x, y)})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, drawn); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// PNGs of 16 bits are seen in the range, and those that come out black say so; those of 8 bits are left alone.
func TestRangeOfPNG(t *testing.T) {
	twelve := deepPNG(t, 64, 32, func(x, y int) uint16 { return uint16(2 * (32*x + y)) })
	for how, want := range map[Range]struct {
		last  uint8
		faint bool
	}{
		"": {15, true}, RangeFull: {15, true}, "0..4095": {255, false}, RangeMinMax: {255, false}, "percentile:0,100": {255, false}, "0..8190": {127, false}, "0..65535": {16, true},
	} {
		got, err := Decode(twelve, Options{Width: 64, Height: 32, Range: how})
		if err != nil {
			t.Fatal(err)
		}
		if last := got.Pix[len(got.Pix)-1]; last != want.last || got.Faint != want.faint {
			t.Errorf("%s: the last sample is %d, want %d; faint: %t", how, last, want.last, got.Faint)
		}
	}
	for _, name := range []string{"png-grey8.png", "png-rgb8.png", "png-rgba8.png", "png-grey4.png", "jpeg-grey.jpg", "tiff-rgb.tiff", "webp-lossless.webp"} {
		data := readGolden(t, name)
		plain, err := Decode(data, Options{Width: 20, Height: 20})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data, Options{Width: 20, Height: 20, Range: "0..100"})
		if err != nil || !bytes.Equal(got.Pix, plain.Pix) || got.Faint {
			t.Errorf("%s: the range changes an image of 8 bits, or it is faint (%t), %v", name, got.Faint, err)
		}
	}
	for _, name := range []string{"png-grey16.png", "png-rgb16.png", "png-rgba16.png", "png-greyalpha16-interlaced.png", "tiff-grey16.tiff"} {
		data := readGolden(t, name)
		auto, err := Decode(data, Options{Width: 37, Height: 29})
		if err != nil {
			t.Fatal(err)
		}
		full, err := Decode(data, Options{Width: 37, Height: 29, Range: RangeFull})
		if err != nil || !bytes.Equal(full.Pix, auto.Pix) || full.Faint || auto.Faint {
			t.Errorf("%s: full differs from auto, or the image is faint, %v", name, err)
		}
		narrow, err := Decode(data, Options{Width: 37, Height: 29, Range: "0..20000"})
		if err != nil || bytes.Equal(narrow.Pix, auto.Pix) {
			t.Errorf("%s: a narrower range changes nothing, %v", name, err)
		}
	}
}

// Memory of a range is in the estimate.
func TestRangeEstimate(t *testing.T) {
	measures(t)
	data := deepPNG(t, 700, 600, func(x, y int) uint16 { return uint16(x * y) })
	for _, how := range []Range{"", RangeFull, RangeMinMax, "percentile:1,99", "0..9"} {
		compareCost(t, string(how), data, Options{Width: 224, Height: 224, Range: how, Background: "#ffffff"})
	}
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"auto", "minmax", "percentile:1,99", "window:40,400", "0..4095", "-1e3..1e-3", "1...5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseRange(text)
		if err != nil {
			return
		}
		if again, err := ParseRange(string(got)); again != got || err != nil {
			t.Errorf("%q: %q, then %q, %v", text, got, again, err)
		}
	})
}
