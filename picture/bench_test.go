//go:build unix

package picture

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fovea/preprocessing"
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

// processorTime is what the process has taken of all processors. Unlike the time on the wall,
// it doesn't depend on what else runs.
func processorTime(b *testing.B) time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// eachPhoto runs work on one photo after the other and reports the rate.
func eachPhoto(b *testing.B, photos [][]byte, work func(photo []byte) error) {
	i, start := 0, processorTime(b)
	for b.Loop() {
		if err := work(photos[i%len(photos)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/(processorTime(b)-start).Seconds(), "photos/s")
}

// BenchmarkPhotos is real photos from their files' bytes to the model's numbers, and decoding
// alone, by this package and by the standard library. Run it with -cpu 1.
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
					preprocessing.Caffe.Apply(numbers, pix)
				}
				return err
			})
		})
	}
	b.Run("to RGB", func(b *testing.B) { // at the photo's size, as the peers
		w, line := new(workspace), []uint8(nil)
		eachPhoto(b, photos, func(photo []byte) error {
			none := func(int, int) (result, scratch int64, err error) { return 0, 0, nil }
			return w.open(photo, 0, job{parts: []part{{cost: none, use: func(s source) error {
				line = grown(line, 3*s.width)
				for y := range s.height {
					s.row(y, line)
				}
				return nil
			}}}}, new(Picture))
		})
	})
	b.Run("image.jpeg", func(b *testing.B) { // to YCbCr, chroma not enlarged
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
		preprocessing.Caffe.Apply(dst, pix)
	}
}
