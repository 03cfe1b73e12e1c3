package inference

import (
	"errors"
	"math"
	"slices"
	"testing"

	"fovea/projection"
	"fovea/recipe"
)

// A projected layer has the same bits in batches of any size, and is what the projection makes of the layer itself.
func TestProjectedBatches(t *testing.T) {
	shape := []int{6, 5, 4}
	const width, images = 120, 5
	model := mapModel(t, shape)
	p, err := projection.Parse("sparse:9:3")
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]float32, images*width)
	for i := range pixels {
		pixels[i] = float32(i*7919%1009-504) / 64
	}
	_, apply, err := p.Layer(recipe.Layer{Name: "map", Shape: shape, Layout: recipe.LayoutHWC})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, images*9)
	for i := range images {
		apply(want[i*9:(i+1)*9], pixels[i*width:(i+1)*width])
	}
	for _, batch := range []int{1, 2, 5} {
		e := extractor(t, model, ExtractorOptions{Layers: []string{"map"}, Project: p.Layer, Batch: batch})
		if l := e.Layers()[0]; !slices.Equal(l.Shape, []int{9}) || l.Layout != recipe.LayoutC || e.Computed()[0].Size() != width {
			t.Fatalf("%+v of %+v", l, e.Computed()[0])
		}
		var got []float32
		for from := 0; from < images; from += batch {
			n := min(batch, images-from)
			features, err := e.Extract(pixels[from*width:(from+n)*width], n)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, features[0]...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("in batches of %d: %v, want %v", batch, got, want)
		}
		if err := e.Project(nil); err != nil || e.Layers()[0].Size() != width {
			t.Errorf("%v, %v", e.Layers(), err)
		}
	}
}

// What a projection might pass over is not lost: a layer with a NaN is one of NaNs alone.
func TestProjectedNaN(t *testing.T) {
	p, err := projection.Parse("1")
	if err != nil {
		t.Fatal(err)
	}
	e := extractor(t, mapModel(t, []int{6, 5, 4}), ExtractorOptions{Layers: []string{"map"}, Project: p.Layer, Batch: 2})
	for at := range 120 {
		pixels := make([]float32, 240)
		pixels[120+at] = float32(math.Inf(1))
		features, err := e.Extract(pixels, 2)
		if err != nil || features[0][0] != 0 || !math.IsNaN(float64(features[0][1])) {
			t.Fatalf("value %d: %v, %v", at, features, err)
		}
	}
}

// Long layers are computed a few images at a time, so that they do not fill the memory.
func TestProjectedTogether(t *testing.T) {
	long := recipe.Layer{Name: "long", Shape: []int{mostOutputBytes / 4 / 3}, Layout: recipe.LayoutC}
	apply := func(out, x []float32) {}
	for want, e := range map[int]*Extractor{
		3: {batch: 8, computed: []recipe.Layer{long}, projectors: []func(out, x []float32){apply}},
		2: {batch: 2, computed: []recipe.Layer{long}, projectors: []func(out, x []float32){apply}},
		8: {batch: 8, computed: []recipe.Layer{long}, projectors: []func(out, x []float32){nil}},
		1: {batch: 8, computed: []recipe.Layer{long, long, long, long}, projectors: []func(out, x []float32){apply, apply, apply, apply}},
	} {
		if got := e.together(); got != want {
			t.Errorf("%d images together, want %d", got, want)
		}
	}
}

func TestProjectErrors(t *testing.T) {
	refuse := func(recipe.Layer) (int, func(out, x []float32), error) { return 0, nil, projection.ErrUnsuitable }
	if _, err := NewExtractor(mapModel(t, []int{6, 5, 4}), ExtractorOptions{Layers: []string{"map"}, Project: refuse}); !errors.Is(err, projection.ErrUnsuitable) {
		t.Error(err)
	}
}
