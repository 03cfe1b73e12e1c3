package vgg_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/savedmodel"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// smallWeights are constant weights of a network of other dimensions than the published one.
func smallWeights(c vgg.Configuration, d vgg.Dimensions) weights.Set {
	set := weights.Set{Tensors: map[string]weights.Tensor{}}
	add := func(name string, shape ...int) {
		size := 4
		for _, n := range shape {
			size *= n
		}
		raw := make([]byte, size)
		for i := 0; i < size; i += 4 {
			copy(raw[i:], []byte{byte(i), byte(i >> 3), 0x80, 0x3b}) // about 0.004
		}
		set.Tensors[name] = weights.Tensor{Shape: shape, DType: weights.F32, Raw: raw}
	}
	for _, l := range c.LayersFor(d, true) {
		if l.Kernel != nil {
			add(l.Name+"/kernel", l.Kernel...)
			add(l.Name+"/bias", l.Kernel[len(l.Kernel)-1])
		}
	}
	return d.Note(set)
}

// Weights that note other dimensions make a network of those, opened and exported.
func TestDimensions(t *testing.T) {
	c, err := vgg.ByName("vgg-a")
	if err != nil {
		t.Fatal(err)
	}
	d := vgg.Dimensions{InputSize: 70, Units: 8, Classes: 3} // 70 -> 35 -> 17 -> 8 -> 4 -> 2
	set := smallWeights(c, d)
	dir := filepath.Join(t.TempDir(), "model")
	if err := vgg.Export(c, set, dir); err != nil {
		t.Fatal(err)
	}
	opened, err := vgg.Open(c, set, inference.SessionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	loaded, err := savedmodel.Open(dir, savedmodel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	pixels := make([]float32, 70*70*3)
	for i := range pixels {
		pixels[i] = float32(i%251) - 100
	}
	var features [2][][]float32
	for i, m := range []*inference.Model{opened, loaded} {
		if m.InputHeight != 70 || m.InputWidth != 70 {
			t.Errorf("the input is %dx%d", m.InputHeight, m.InputWidth)
		}
		e, err := inference.NewExtractor(m, inference.ExtractorOptions{Layers: []string{"pool5", "fc7", "softmax"}, Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		if features[i], err = e.Extract(pixels, 1); err != nil {
			t.Fatal(err)
		}
	}
	for l, size := range []int{2 * 2 * 512, 8, 3} {
		if len(features[0][l]) != size || !slices.Equal(features[0][l], features[1][l]) {
			t.Errorf("layer %d has %d values, %d when loaded, want %d equal ones", l, len(features[0][l]), len(features[1][l]), size)
		}
	}
}

func TestDimensionsRefused(t *testing.T) {
	c, _ := vgg.ByName("vgg-a")
	d := vgg.Dimensions{InputSize: 64, Units: 8, Classes: 3}
	good := smallWeights(c, d)
	unnoted := good
	unnoted.Metadata = nil
	if err := c.Check(unnoted); err == nil || !strings.Contains(err.Error(), "fc6/") && !strings.Contains(err.Error(), "fc7/") && !strings.Contains(err.Error(), "fc8/") {
		t.Errorf("weights that do not note their dimensions give %v", err)
	}
	for value, want := range map[string]string{"x": "not a size", "-3": "not a size", "16": "use 32 to", "100000": "use 32 to"} {
		wrong := d.Note(good)
		wrong.Metadata["input_size"] = value
		if err := c.Check(wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an input size of %q gives %v", value, err)
		}
	}
	if err := c.Check(good); err != nil {
		t.Error(err)
	}
}
