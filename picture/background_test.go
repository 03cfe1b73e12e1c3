package picture

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

func TestParseBackground(t *testing.T) {
	for text, want := range map[string]Background{
		"": "", "white": "#ffffff", "black": "#000000", "#336699": "#336699", "#AbCdEf": "#abcdef",
	} {
		if got, err := ParseBackground(text); got != want || err != nil {
			t.Errorf("%q: got %q, want %q (%v)", text, got, want, err)
		}
	}
	for _, text := range []string{"pink", "#fff", "336699", "#33669g", "#3366990"} {
		if got, err := ParseBackground(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
		if err := (Options{Width: 1, Height: 1, Background: Background(text)}).Validate(); err == nil {
			t.Errorf("options with the background %q are valid", text)
		}
	}
}

// An image of which a hundredth or more is transparent says so, unless a background shows through it.
func TestTransparent(t *testing.T) {
	file := func(clear int, opacity uint8) []byte {
		drawn := image.NewNRGBA(image.Rect(0, 0, 20, 10))
		for i := range 200 {
			drawn.Pix[4*i+3] = 254 // so that it is stored with alpha
			if i < clear {
				drawn.Pix[4*i+3] = opacity
			}
		}
		var out bytes.Buffer
		if err := png.Encode(&out, drawn); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, test := range []struct {
		clear      int
		opacity    uint8
		background Background
		want       bool
	}{{0, 0, "", false}, {1, 0, "", false}, {2, 0, "", true}, {200, 127, "", true}, {200, 128, "", false}, {200, 0, "#ffffff", false}} {
		got, err := Decode(file(test.clear, test.opacity), Options{Width: 8, Height: 8, Background: test.background})
		if err != nil || got.Transparent != test.want {
			t.Errorf("%+v: transparent is %v, %v", test, got.Transparent, err)
		}
	}
	for name, want := range map[string]bool{"png-rgb8.png": false, "png-palette4.png": false, "png-palette-alpha.png": true, "gif.gif": false, "gif-transparent.gif": true, "tiff-rgba.tiff": true} {
		data, err := os.ReadFile(filepath.Join("../testdata/picture", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(data, Options{Width: 8, Height: 8}); err != nil || got.Transparent != want {
			t.Errorf("%s: transparent is %v, %v", name, got.Transparent, err)
		}
	}
}
