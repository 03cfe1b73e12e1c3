package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/recipe"
)

// TestSynthesize writes a dataset of FOVEA_BENCH_ROWS rows of 4,096 values to
// FOVEA_BENCH_DATASET, for scripts/bench-training-memory.sh: four in five values are zero, and
// two classes differ a little in each of the others.
func TestSynthesize(t *testing.T) {
	dir := os.Getenv("FOVEA_BENCH_DATASET")
	if dir == "" {
		t.Skip("part of a measurement: run scripts/bench-training-memory.sh")
	}
	count, err := strconv.Atoi(os.Getenv("FOVEA_BENCH_ROWS"))
	if err != nil {
		t.Fatal(err)
	}
	layer := recipe.Layer{Name: "fc7", Shape: []int{4096}, Layout: recipe.LayoutC}
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipe.Recipe{
		Model: "synthetic", ModelSHA256: strings.Repeat("0", 64), InputHeight: 224, InputWidth: 224, Layers: []recipe.Layer{layer},
	}}, featurestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, layer.Size())
	for i := range count {
		class := i % 2
		for j := range values {
			values[j] = 0
			if random.Uint32()%5 == 0 {
				values[j] = random.Float32() + 0.05*float32((j/7+class)%2)
			}
		}
		err := w.Append(featurestore.Row{
			Path: fmt.Sprintf("%d.jpg", i), Label: []string{"cat", "dog"}[class], SHA256: fmt.Sprintf("%064x", i), Width: 224, Height: 224,
			Features: [][]float32{values},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
}
