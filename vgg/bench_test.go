package vgg_test

import (
	"testing"

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
