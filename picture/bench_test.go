package picture

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"testing"
)

// typicalJPEG is of the size of a typical photo of the cats-vs-dogs set, 500x375, with
// smooth and busy parts, 4:2:0.
func typicalJPEG(tb testing.TB) []byte {
	tb.Helper()
	const w, h = 500, 375
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			busy := 40 * math.Sin(float64(x*y)/97)
			i := img.PixOffset(x, y)
			img.Pix[i] = uint8(100 + x/5 + int(busy)/2)
			img.Pix[i+1] = uint8(90 + y/4 + int(busy)/2)
			img.Pix[i+2] = uint8(60 + (x+y)/9)
			img.Pix[i+3] = 255
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 92}); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkDecode is one photo from its file's bytes to the model's pixels.
func BenchmarkDecode(b *testing.B) {
	data := typicalJPEG(b)
	for _, resize := range []Resize{Squash, Crop} {
		b.Run(string(resize), func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(data, Options{Width: 224, Height: 224, Resize: resize}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "photos/s")
		})
	}
	b.Run("jpeg alone", func(b *testing.B) {
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "photos/s")
	})
}

func BenchmarkNormalize(b *testing.B) {
	pix, dst := make([]uint8, 224*224*3), make([]float32, 224*224*3)
	for b.Loop() {
		Caffe.Apply(dst, pix)
	}
}
