package vgg_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"fovea/inference"
	"fovea/vgg"
)

// In bfloat16, all layers, the dense ones among them, point where float32's do.
func TestBFloat16(t *testing.T) {
	rounding := inference.SessionConfig{Device: inference.DeviceCPU, Precision: inference.BFloat16}
	if err := rounding.Validate(); err != nil {
		t.Skip(err)
	}
	c, err := vgg.ByName("vgg-a")
	if err != nil {
		t.Fatal(err)
	}
	const side = 64
	d := vgg.Dimensions{InputSize: side, Units: 96, Classes: 10}
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
	const pictures = 2
	pixels := make([]float32, pictures*side*side*3)
	for i := range pixels {
		pixels[i] = float32(random.IntN(256)) - 110
	}
	var features [2][][]float32
	var names []string
	for i, config := range []inference.SessionConfig{{Device: inference.DeviceCPU}, rounding} {
		model, err := vgg.Open(c, set, config)
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close() //nolint:errcheck // not what is tested
		names = nil
		for _, l := range model.Layers {
			names = append(names, l.Name)
		}
		extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names, Batch: pictures})
		if err != nil {
			t.Fatal(err)
		}
		if features[i], err = extractor.Extract(pixels, pictures); err != nil {
			t.Fatal(err)
		}
	}
	for l, name := range names {
		size := len(features[0][l]) / pictures
		for i := range pictures {
			if got := cosine(features[0][l][i*size:][:size], features[1][l][i*size:][:size]); !(got > 0.999) {
				t.Errorf("layer %s of picture %d has a cosine of %g with float32's", name, i, got)
			}
		}
	}
}
