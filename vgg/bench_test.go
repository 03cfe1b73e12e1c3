package vgg_test

import (
	"testing"
	"time"

	"fovea/inference"
	"fovea/vgg"
	"fovea/vgg/imagenet"
)

func openVGG16(tb testing.TB) *inference.Model {
	tb.Helper()
	set, err := imagenet.VGG16()
	if err != nil {
		tb.Fatal(err)
	}
	configuration, err := vgg.ByName("vgg16")
	if err != nil {
		tb.Fatal(err)
	}
	model, err := vgg.Open(configuration, set, inference.SessionConfig{Device: inference.DeviceCPU})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := model.Close(); err != nil {
			tb.Error(err)
		}
	})
	return model
}

// BenchmarkOpen is the time from nothing to a session with weights.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		openVGG16(b)
	}
}

// BenchmarkBareSession is the speed of the model alone, in images/s: what a whole
// extraction is measured against.
func BenchmarkBareSession(b *testing.B) {
	extractor, err := inference.NewExtractor(openVGG16(b), inference.ExtractorOptions{Layers: []string{"pool5"}})
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
	start := time.Now()
	pictures := 0
	for b.Loop() {
		if _, err := extractor.Extract(pixels, batch); err != nil {
			b.Fatal(err)
		}
		pictures += batch
	}
	b.ReportMetric(float64(pictures)/time.Since(start).Seconds(), "images/s")
}
