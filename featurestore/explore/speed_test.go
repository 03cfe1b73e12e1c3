package explore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"fovea/featurestore"
	"fovea/preprocessing"
	"fovea/recipe"
)

// TestMakeRows makes the dataset of scripts/bench-pairs.sh, which runs it: rectified normal values
// around 200 centres, with a near duplicate in every hundred rows.
func TestMakeRows(t *testing.T) {
	dir := os.Getenv("FOVEA_BENCH_PAIRS")
	if dir == "" {
		t.Skip("rows for a measurement: run scripts/bench-pairs.sh")
	}
	rows, err := strconv.Atoi(os.Getenv("FOVEA_BENCH_ROWS"))
	check(t, err)
	cols, err := strconv.Atoi(os.Getenv("FOVEA_BENCH_COLUMNS"))
	check(t, err)
	layer := recipe.Layer{Name: "pool5", Shape: []int{cols}, Layout: recipe.LayoutC}
	w, err := featurestore.Create(dir, featurestore.Info{
		Recipe: recipe.Recipe{Model: "vgg16", ModelSHA256: "ab", Preprocessing: preprocessing.Caffe, Resize: "squash", InputHeight: 224, InputWidth: 224, Pool: "none", Library: "none", Layers: []recipe.Layer{layer}},
		DType:  featurestore.Float32, ToolVersion: "v0", Device: "cpu",
	}, featurestore.Options{Format: featurestore.FormatParquet})
	check(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	centres := make([]float32, 200*cols)
	for i := range centres {
		centres[i] = max(0, float32(random.NormFloat64()))
	}
	row := make([]float32, cols)
	for i := range rows {
		centre := random.IntN(200)
		for j := range row {
			noise := float32(random.NormFloat64())
			if i%100 == 99 { // a copy of the row before it, but for some noise
				row[j] = max(0, row[j]+noise/10)
				continue
			}
			row[j] = max(0, centres[centre*cols+j]+noise)
		}
		check(t, w.Append(featurestore.Row{Path: fmt.Sprintf("%06d.jpg", i), SHA256: fmt.Sprintf("%064x", i), Width: 8, Height: 8, Features: [][]float32{row}}))
	}
	check(t, w.Close(featurestore.StatusComplete))
}
