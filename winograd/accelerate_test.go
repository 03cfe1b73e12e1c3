package winograd_test

import (
	"testing"

	"fovea/inference"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/winograd"
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

func TestVGG16(t *testing.T) {
	if testing.Short() {
		t.Skip("computes VGG16 twice for all its layers")
	}
	compare(t, openVGG16(t), 3, winograd.Options{})
}

func BenchmarkVGG16(b *testing.B) {
	model := openVGG16(b)
	run := func(name string) {
		extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}})
		if err != nil {
			b.Fatal(err)
		}
		if err := extractor.WarmUp(); err != nil {
			b.Fatal(err)
		}
		pixels := make([]float32, 8*224*224*3)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := extractor.Extract(pixels, 8); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(8*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
	run("direct")
	if err := winograd.Accelerate(model, winograd.Options{}); err != nil {
		b.Fatal(err)
	}
	run("winograd")
}
