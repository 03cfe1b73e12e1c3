package convolution_test

import (
	"testing"

	"fovea/convolution"
	"fovea/inference"
	"fovea/models"
	"fovea/vectors"
)

func openVGG16(tb testing.TB, precision inference.Precision) *inference.Model {
	tb.Helper()
	session := inference.SessionConfig{Device: inference.DeviceCPU, Precision: precision}
	if err := session.Validate(); err != nil {
		tb.Skip(err)
	}
	model, err := models.Open(models.Default, models.Options{Dir: tb.TempDir(), Convolutions: models.Direct, Session: session})
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
	compare(t, openVGG16(t, inference.Float32), 3, convolution.Options{})
}

// In lower precision, all layers point where float32's do.
func TestVGG16LowPrecision(t *testing.T) {
	if testing.Short() {
		t.Skip("computes VGG16 twice for all its layers")
	}
	pictures := 3
	if softwareAMX {
		pictures = 1
	}
	want := features(t, openVGG16(t, inference.Float32), pictures)
	for precision, least := range map[inference.Precision]float64{inference.BFloat16: 0.9995, inference.Int16: 0.9998, inference.Int8: 0.99} {
		t.Run(string(precision), func(t *testing.T) {
			if softwareAMX && precision == inference.BFloat16 {
				t.Skip("AMX's instructions in software take too long for it: TestTiles runs them")
			}
			model := openVGG16(t, precision)
			accelerate(t, model, precision, convolution.Options{})
			if model.Convolutions.Count != 13 {
				t.Errorf("%d of 13 convolutions were changed", model.Convolutions.Count)
			}
			got := features(t, model, pictures)
			for l, layer := range model.Layers {
				size := len(want[l]) / pictures
				for i := range pictures {
					if cosine := vectors.Cosine(want[l][i*size:][:size], got[l][i*size:][:size]); !(cosine > least) {
						t.Errorf("layer %s of image %d has a cosine of %g with float32's", layer.Name, i, cosine)
					}
				}
			}
		})
	}
}

func BenchmarkVGG16(b *testing.B) {
	for _, precision := range []inference.Precision{inference.Float32, inference.BFloat16, inference.Int16, inference.Int8} {
		b.Run(string(precision), func(b *testing.B) { benchmarkVGG16(b, openVGG16(b, precision)) })
	}
}

func benchmarkVGG16(b *testing.B, model *inference.Model) {
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
	run("TensorFlow")
	accelerate(b, model, model.Precision, convolution.Options{})
	run(model.Convolutions.Method)
}
