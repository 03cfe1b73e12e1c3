package servable

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"fovea/picture"
)

// proportioned is a PNG file of that size: a stretched photo on the left, and noise, which is hardest
// to scale, on the right.
func proportioned(t *testing.T, width, height int) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(photos, "cat.3.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	const side = 224
	photo, err := picture.Decode(data, picture.Options{Width: side, Height: side})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(uint64(width), uint64(height)))
	drawn := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{R: uint8(random.IntN(256)), G: uint8(random.IntN(256)), B: uint8(random.IntN(256)), A: 255}
			if 2*x < width {
				at := 3 * (y*side/height*side + x*side/width)
				c.R, c.G, c.B = photo.Pix[at], photo.Pix[at+1], photo.Pix[at+2]
			}
			drawn.SetNRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, drawn); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bounds are what docs/serving.md promises: the largest difference of values, of 255, and the share of
// an image's values that differ. Cropping enlarges small images by 8/7, where many sums lie on the
// boundary of two values.
var bounds = map[picture.Resize]struct {
	largest int
	share   float64
}{
	picture.Squash: {1, 0.022},
	picture.Crop:   {2, 0.06},
}

// Pillow scales the height first if it shrinks by more than twice as much as the width, as it does in
// every portrait from a phone.
func TestProportionsAgreeWithPicture(t *testing.T) {
	sizes := [][2]int{
		{360, 640}, {640, 360}, {3000, 200}, {200, 3000}, {224, 1000}, {1000, 224}, {1, 500}, {500, 1}, {1080, 1920}, {223, 225}, {225, 223}, {224, 224},
		// On both sides of the boundary: 100 fewer columns, and 200 or 201 fewer rows.
		{324, 424}, {324, 425}, {324, 426}, {100, 225}, {100, 100},
	}
	for _, resize := range []picture.Resize{picture.Squash, picture.Crop} {
		worst, at := 0.0, ""
		for _, by := range []picture.Interpolation{picture.Bilinear, picture.Bicubic, picture.Lanczos, picture.Nearest} {
			o := picture.Options{Width: 224, Height: 224, Resize: resize, Interpolation: by}
			run := decoder(t, o)
			for _, size := range sizes {
				if resize == picture.Crop && (min(size[0], size[1]) == 1 || max(size[0], size[1]) > 1000) {
					continue // very large in between
				}
				name := fmt.Sprintf("%dx%d, %s, %s", size[0], size[1], resize, by)
				file := proportioned(t, size[0], size[1])
				want, err := picture.Decode(file, o)
				if err != nil {
					t.Fatal(name, err)
				}
				got, err := run([][]byte{file})
				if err != nil {
					t.Fatal(name, err)
				}
				largest, share := distance(got, want.Pix)
				if by == picture.Nearest {
					largest = 0 // it takes a neighbour for a few samples, whose positions are summed up
				}
				if bound := bounds[resize]; largest > bound.largest || share > bound.share {
					t.Errorf("%s: pixels differ by %d, %.2f %% of them", name, largest, 100*share)
				}
				if share > worst {
					worst, at = share, name
				}
			}
		}
		t.Logf("at most %.2f %% of an image's values differ (%s)", 100*worst, at)
	}
}
