package models_test

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"fovea/inference"
	"fovea/models"
	"fovea/vgg"
)

// BenchmarkBareSession is the speed of the model alone, in images/s, with as many batches at a
// time as keep it busy: what a whole extraction is measured against. PRECISION is one of package inference.
func BenchmarkBareSession(b *testing.B) {
	model, err := models.Open(models.Default, models.Options{Dir: b.TempDir(), Session: inference.SessionConfig{
		Device: inference.DeviceCPU, Precision: inference.Precision(os.Getenv("PRECISION")),
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer model.Close() // the process exits anyway
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}})
	if err != nil {
		b.Fatal(err)
	}
	if err := extractor.WarmUp(); err != nil {
		b.Fatal(err)
	}
	batch := extractor.BatchSize()
	pixels := make([]float32, batch*vgg.InputSize*vgg.InputSize*3)
	for i := range pixels {
		pixels[i] = float32(i%255) - 128
	}
	if ready := os.Getenv("READY_FILE"); ready != "" { // of scripts/alternate
		if err := os.WriteFile(ready, nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	start := time.Now()
	var calls errgroup.Group
	calls.SetLimit(extractor.Parallel())
	pictures := 0
	for b.Loop() {
		calls.Go(func() error {
			_, err := extractor.Extract(pixels, batch)
			return err
		})
		pictures += batch
	}
	if err := calls.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(pictures), "pictures")
	b.ReportMetric(float64(pictures)/time.Since(start).Seconds(), "images/s")
}
