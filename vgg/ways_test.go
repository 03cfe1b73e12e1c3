package vgg_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"fovea/convolution"
	"fovea/inference"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// randomWeights keep the size of what goes through them.
func randomWeights(c vgg.Configuration, d vgg.Dimensions) weights.Set {
	set := smallWeights(c, d)
	random := rand.New(rand.NewPCG(1, 1))
	for _, l := range c.LayersFor(d, true) {
		if l.Kernel == nil {
			continue
		}
		raw, fanIn := set.Tensors[l.Name+"/kernel"].Raw, 1
		for _, n := range l.Kernel[:len(l.Kernel)-1] {
			fanIn *= n
		}
		for i := 0; i < len(raw); i += 4 {
			binary.LittleEndian.PutUint32(raw[i:], math.Float32bits(float32(random.NormFloat64()*math.Sqrt(2/float64(fanIn)))))
		}
	}
	return set
}

// allLayers opens a network, gives it our own convolutions where those are asked for and can be had, and
// computes all its layers of one picture. It skips where the CPU has not the precision.
func allLayers(t *testing.T, c vgg.Configuration, set weights.Set, precision inference.Precision, own bool) (names []string, features [][]float32) {
	t.Helper()
	config := inference.SessionConfig{Device: inference.DeviceCPU, Precision: precision}
	if err := config.Validate(); err != nil {
		t.Skip(err)
	}
	model, err := vgg.Open(c, set, config)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if own {
		// More shares than pictures: some are empty.
		if err := convolution.Accelerate(model, convolution.Options{Shares: 3}); errors.Is(err, convolution.ErrNotFaster) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range model.Layers {
		names = append(names, l.Name)
	}
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(2, 2))
	pixels := make([]float32, 3*model.InputHeight*model.InputWidth)
	for i := range pixels {
		pixels[i] = float32(random.IntN(256)) - 110
	}
	if features, err = extractor.Extract(pixels, 1); err != nil {
		t.Fatal(err)
	}
	return names, features
}

// In bfloat16 and with our own convolutions, all layers, the dense ones and local response normalization among
// them, point where TensorFlow's do in float32.
func TestWaysAgree(t *testing.T) {
	for _, configuration := range []string{"vgg-a", "vgg-a-lrn"} {
		c, err := vgg.ByName(configuration)
		if err != nil {
			t.Fatal(err)
		}
		set := randomWeights(c, vgg.Dimensions{InputSize: 64, Units: 96, Classes: 10})
		_, want := allLayers(t, c, set, inference.Float32, false)
		for name, way := range map[string]struct {
			precision inference.Precision
			own       bool
			least     float64
		}{
			"float32, our own":  {inference.Float32, true, 0.999999},
			"bfloat16":          {inference.BFloat16, false, 0.999},
			"bfloat16, our own": {inference.BFloat16, true, 0.999},
		} {
			t.Run(configuration+", "+name, func(t *testing.T) {
				names, got := allLayers(t, c, set, way.precision, way.own)
				for l, layer := range names {
					if off := cosine(want[l], got[l]); !(off >= way.least) {
						t.Errorf("layer %s has a cosine of %g", layer, off)
					}
				}
			})
		}
	}
}
