package pipeline

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fovea/picture"
	"fovea/preprocessing"
)

// idle is an extractor that costs nothing.
type idle struct{ batch int }

func (e idle) BatchSize() int { return e.batch }

func (idle) Extract(_ []float32, n int) ([][]float32, error) {
	return [][]float32{make([]float32, n)}, nil
}

// nowhere is a sink that keeps nothing.
type nowhere struct{}

func (nowhere) Append([]Row) error   { return nil }
func (nowhere) Fail(f Failure) error { return fmt.Errorf("%s: %s", f.Path, f.Reason) }

// BenchmarkRun measures the stages around the model, per image of VGG16's input size. On few
// CPUs the CPU time tells more than the elapsed time.
func BenchmarkRun(b *testing.B) {
	for _, side := range []int{224, 64} { // of the file: small ones leave least to the decode stage
		for _, batch := range []int{8, 64} {
			b.Run(fmt.Sprintf("side=%d/batch=%d", side, batch), func(b *testing.B) {
				benchmarkRun(b, noisePictures(b, 256, side), batch)
			})
		}
	}
}

func benchmarkRun(b *testing.B, items []Item, batch int) {
	b.Helper()
	c := Config{Picture: picture.Options{Width: 224, Height: 224}, Preprocessing: preprocessing.Caffe}
	before := cpuTime(b)
	images := 0
	for b.Loop() {
		if _, err := Run(b.Context(), items, idle{batch}, nowhere{}, c); err != nil {
			b.Fatal(err)
		}
		images += len(items)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(images), "µs/image")
	b.ReportMetric((cpuTime(b)-before)/float64(images), "cpu-µs/image")
}

// cpuTime of this process in microseconds.
func cpuTime(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e3
}

// noisePictures writes n JPEG files.
func noisePictures(b *testing.B, n, side int) []Item {
	b.Helper()
	dir, random := b.TempDir(), rand.New(rand.NewPCG(1, 1))
	items := make([]Item, n)
	for i := range items {
		img := image.NewRGBA(image.Rect(0, 0, side, side))
		for p := range img.Pix {
			img.Pix[p] = uint8(random.Uint32())
		}
		var content bytes.Buffer
		if err := jpeg.Encode(&content, img, nil); err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("%03d.jpg", i)
		items[i] = Item{Path: name, File: filepath.Join(dir, name)}
		if err := os.WriteFile(items[i].File, content.Bytes(), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return items
}

// BenchmarkPreprocess measures the part of the batch stage that only one goroutine does: its
// inverse bounds the images per second of a run.
func BenchmarkPreprocess(b *testing.B) {
	p := picture.Picture{Pix: make([]uint8, 3*224*224)}
	config := Config{Preprocessing: preprocessing.Caffe}
	r := &run{config: config, inputs: config.Inputs(), batchSize: 1}
	current := &batch{}
	for b.Loop() {
		r.preprocess(current, &slot{picture: p})
	}
}
