package head

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

// beside adds a second block of columns, a copy of the first scaled by factor.
func beside(a, b Matrix, factor float32) Matrix {
	x := Matrix{Rows: a.Rows, Cols: a.Cols + b.Cols, Blocks: []int{a.Cols, b.Cols}}
	for i := range a.Rows {
		x.Data = append(x.Data, a.Row(i)...)
		for _, v := range b.Row(i) {
			x.Data = append(x.Data, factor*v)
		}
	}
	return x
}

// Blocks of columns are scaled on their own: the scale of a layer does not affect what is learned.
func TestBlocksAreScaledApart(t *testing.T) {
	a, labels := clusters(60, 12, 0.4, 3)
	b, _ := clusters(60, 8, 0.4, 4)
	for _, scaling := range []Scaling{ScaleCommon, ScaleColumns, ScaleUnit} {
		var heads [2]*Head
		for i, factor := range []float32{1, 1024} {
			x := beside(a, b, factor)
			h, _, err := Train(context.Background(), x, labels, TrainOptions{Lambdas: []float64{0.1}, Scaling: scaling})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(x.Blocks, h.Standardization.Blocks); d != "" {
				t.Errorf("%s: blocks: %s", scaling, d)
			}
			heads[i] = h
		}
		for c, w := range heads[0].Weights {
			for j, v := range w {
				if math.Abs(float64(v-heads[1].Weights[c][j])) > 1e-5 {
					t.Fatalf("%s: weight %d of class %d is %g, with a larger second block %g", scaling, j, c, v, heads[1].Weights[c][j])
				}
			}
		}
		// In one block the larger columns would rule.
		x := beside(a, b, 1024)
		x.Blocks = nil
		h, _, err := Train(context.Background(), x, labels, TrainOptions{Lambdas: []float64{0.1}, Scaling: scaling})
		if err != nil {
			t.Fatal(err)
		}
		if same := math.Abs(float64(h.Weights[0][0]-heads[0].Weights[0][0])) < 1e-5; same != (scaling == ScaleColumns) {
			t.Errorf("%s: in one block the first weight is %g, in two %g", scaling, h.Weights[0][0], heads[0].Weights[0][0])
		}
	}
}

// The cosine of rows with several blocks is the mean of the blocks' cosines.
func TestDuplicatesOfBlocks(t *testing.T) {
	x := Matrix{Rows: 3, Cols: 4, Blocks: []int{2, 2}, Data: []float32{
		1, 0, 1000, 0,
		1, 0, 0, 1000, // alike in the first, opposite in the second: 0.5
		0, 1, 800, 600, // to the first row 0 and 0.8: 0.4
	}}
	d, err := FindDuplicates(context.Background(), x, []string{"a", "b", "c"}, 0.39)
	if err != nil {
		t.Fatal(err)
	}
	got := map[[2]int]float64{}
	for _, p := range d.Pairs {
		got[[2]int{p.A, p.B}] = math.Round(1e4*p.Similarity) / 1e4
	}
	if d := cmp.Diff(map[[2]int]float64{{0, 1}: 0.5, {0, 2}: 0.4}, got); d != "" {
		t.Error(d)
	}
}

func TestBlocksRefused(t *testing.T) {
	for _, blocks := range [][]int{{1, 2}, {0, 4}, {-1, 5}} {
		x := Matrix{Rows: 4, Cols: 4, Data: make([]float32, 16), Blocks: blocks}
		if _, _, err := Train(context.Background(), x, []string{"a", "a", "b", "b"}, TrainOptions{}); err == nil || !strings.Contains(err.Error(), "blocks of") {
			t.Errorf("blocks %v give %v", blocks, err)
		}
	}
}

// A head on two layers is saved in the version that can hold it, can be loaded, and takes features
// layer by layer.
func TestSeveralLayers(t *testing.T) {
	a, labels := clusters(60, 6, 0.5, 3)
	b, _ := clusters(60, 4, 0.5, 4)
	x := beside(a, b, 10)
	h, _, err := Train(context.Background(), x, labels, TrainOptions{Scaling: ScaleUnit})
	if err != nil {
		t.Fatal(err)
	}
	h.Layers = []recipe.Layer{{Name: "fc6", Shape: []int{6}, Layout: recipe.LayoutC}, {Name: "pool5", Shape: []int{2, 1, 2}, Layout: recipe.LayoutHWC}}
	h.Recipe = recipe.Recipe{Model: "vgg16", Layers: []recipe.Layer{h.Layers[1], h.Layers[0]}}
	name := filepath.Join(t.TempDir(), "head.json")
	if err := h.Save(name); err != nil {
		t.Fatal(err)
	}
	got, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, got); d != "" {
		t.Errorf("the head came back changed: %s", d)
	}
	first, second := append(append([]float32{}, a.Row(0)...), a.Row(1)...), append(append([]float32{}, x.Row(0)[6:]...), x.Row(1)[6:]...)
	joined, err := got.Join([][]float32{first, second}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(x.Data[:20], joined.Data); d != "" {
		t.Error(d)
	}
	if _, err := got.Join([][]float32{first, second[:7]}, 2); err == nil {
		t.Error("too few values are accepted")
	}
	if _, err := got.Join([][]float32{first}, 2); err == nil {
		t.Error("features of one layer are accepted")
	}
	if _, err := got.Check(h.Recipe); err != nil {
		t.Error(err)
	}
	if _, err := got.Check(recipe.Recipe{Model: "vgg16", Layers: h.Layers[:1]}); err == nil || !strings.Contains(err.Error(), "layer: pool5 in the head, fc6 in the features") {
		t.Errorf("features without a layer give %v", err)
	}
}
