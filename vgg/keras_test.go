package vgg_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"fovea/inference"
	"fovea/picture"
	"fovea/preprocessing"
	"fovea/recipe"
)

const goldenDir = "../testdata/vgg16"

// cosine of the angle between two vectors.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

func readFloats(t *testing.T, file string) []float32 {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, len(raw)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return values
}

// pixels of a golden image, preprocessed as VGG16's authors do.
func pixels(t *testing.T, file string) []float32 { return preprocessed(t, file, preprocessing.Caffe) }

// preprocessed are the pixels of a golden image, which needs no resizing.
func preprocessed(t *testing.T, file string, how preprocessing.Spec) []float32 {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := picture.Decode(data, picture.Options{Width: 224, Height: 224})
	if err != nil {
		t.Fatal(err)
	}
	if p.SourceWidth != 224 || p.SourceHeight != 224 {
		t.Fatalf("%s is %dx%d", file, p.SourceWidth, p.SourceHeight)
	}
	numbers := make([]float32, len(p.Pix))
	how.Apply(numbers, p.Pix)
	return numbers
}

// The embedded float16 weights, in our graph, give the features of Keras's VGG16 with the
// float32 weights, on real photos.
func TestFeaturesAgreeWithKeras(t *testing.T) {
	const least = 0.9999
	data, err := os.ReadFile(filepath.Join(goldenDir, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var averages map[string]map[string][]float32
	if err := json.Unmarshal(data, &averages); err != nil {
		t.Fatal(err)
	}
	model := openVGG16(t)
	flat, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	blocks := []string{"block1_pool", "block2_pool", "block3_pool", "block4_pool", "block5_pool"}
	averaged, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: blocks, Pool: recipe.PoolAverage, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range averages {
		numbers := pixels(t, filepath.Join(goldenDir, name+".png"))
		features, err := flat.Extract(numbers, 1)
		if err != nil {
			t.Fatal(err)
		}
		if c := cosine(features[0], readFloats(t, filepath.Join(goldenDir, name+".pool5.f32"))); c < least {
			t.Errorf("%s: the cosine of pool5 and Keras's is %.6f, want at least %g", name, c, least)
		} else {
			t.Logf("%s: the cosine of pool5 and Keras's is 1 - %.1e", name, 1-c)
		}
		features, err = averaged.Extract(numbers, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range blocks {
			if c := cosine(features[i], want[block]); c < least {
				t.Errorf("%s: the cosine of averaged %s and Keras's is %.6f", name, block, c)
			}
		}
	}
}

// Real images: their features do not depend on the batch they are computed in.
func TestFeaturesIgnoreNeighbours(t *testing.T) {
	const tolerance = 1e-5 // of the largest value
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.png"))
	if err != nil || len(files) < 2 {
		t.Fatal("there are no golden images", err)
	}
	extractor, err := inference.NewExtractor(openVGG16(t), inference.ExtractorOptions{Layers: []string{"pool5"}, Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for _, file := range files {
		all = append(all, pixels(t, file)...)
	}
	together, err := extractor.Extract(all, len(files))
	if err != nil {
		t.Fatal(err)
	}
	size := extractor.Layers()[0].Size()
	for p, file := range files {
		alone, err := extractor.Extract(pixels(t, file), 1)
		if err != nil {
			t.Fatal(err)
		}
		worst, scale := 0.0, 0.0
		for i, v := range alone[0] {
			worst = max(worst, math.Abs(float64(v-together[0][p*size+i])))
			scale = max(scale, math.Abs(float64(v)))
		}
		if worst > tolerance*scale {
			t.Errorf("%s: alone and together differ by %g of the largest value", file, worst/scale)
		}
	}
}
