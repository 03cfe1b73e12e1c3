package picture

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// realPhotos are JPEG photos: those of the repository, and a spread of the cats-vs-dogs
// photos where they are at hand.
func realPhotos(tb testing.TB) (names []string, photos [][]byte) {
	tb.Helper()
	const most = 100
	var err error
	names, err = filepath.Glob("../testdata/photos/*.jpg")
	if err != nil || len(names) == 0 {
		tb.Fatalf("%d photos in testdata, %v", len(names), err)
	}
	more, err := filepath.Glob("../../shared/cats-vs-dogs/train/*.jpg")
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(more); i += max(1, len(more)/most) {
		names = append(names, more[i])
	}
	photos = make([][]byte, len(names))
	for i, name := range names {
		if photos[i], err = os.ReadFile(name); err != nil {
			tb.Fatal(err)
		}
	}
	return names, photos
}

// eachPhoto runs work on one photo after the other and reports the rate.
func eachPhoto(b *testing.B, photos [][]byte, work func(photo []byte) error) {
	i := 0
	for b.Loop() {
		if err := work(photos[i%len(photos)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "photos/s")
}

// BenchmarkPhotos is real photos from their files' bytes to the model's numbers, on one
// core, and for comparison the standard library's decoder, without resize and numbers.
func BenchmarkPhotos(b *testing.B) {
	_, photos := realPhotos(b)
	numbers := make([]float32, 224*224*3)
	for _, resize := range []Resize{Squash, Crop} {
		b.Run(string(resize), func(b *testing.B) {
			var pix []uint8
			eachPhoto(b, photos, func(photo []byte) error {
				picture, err := DecodeInto(pix, photo, Options{Width: 224, Height: 224, Resize: resize})
				if err == nil {
					pix = picture.Pix
					Caffe.Apply(numbers, pix)
				}
				return err
			})
		})
	}
	b.Run("decoder alone", func(b *testing.B) {
		w := new(workspace)
		eachPhoto(b, photos, func(photo []byte) error {
			_, err := w.jpeg.Decode(photo)
			return err
		})
	})
	b.Run("image.jpeg alone", func(b *testing.B) {
		eachPhoto(b, photos, func(photo []byte) error {
			_, err := jpeg.Decode(bytes.NewReader(photo))
			return err
		})
	})
}

// BenchmarkPeers is other decoders on the same photos: Pillow, and TensorFlow's operation.
// FOVEA_PEERS_PYTHON names a Python that has both.
func BenchmarkPeers(b *testing.B) {
	python := os.Getenv("FOVEA_PEERS_PYTHON")
	if python == "" {
		b.Skip("FOVEA_PEERS_PYTHON names no Python with Pillow and TensorFlow")
	}
	names, _ := realPhotos(b)
	for _, peer := range []string{"pillow", "pillow-whole", "tensorflow"} {
		b.Run(peer, func(b *testing.B) {
			out, err := exec.Command(python, append([]string{"../testdata/picture/speed.py", peer, "10"}, names...)...).Output()
			var seconds float64
			if err == nil {
				_, err = fmt.Sscan(string(out), &seconds)
			}
			if err != nil {
				b.Fatalf("speed.py: %v", err)
			}
			for b.Loop() { // the script has measured
			}
			b.ReportMetric(1e9*seconds, "ns/op")
			b.ReportMetric(1/seconds, "photos/s")
		})
	}
}

func BenchmarkNormalize(b *testing.B) {
	pix, dst := make([]uint8, 224*224*3), make([]float32, 224*224*3)
	for b.Loop() {
		Caffe.Apply(dst, pix)
	}
}
