package finetuning

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/head"
	"fovea/recipe"
)

var (
	wide   = recipe.Layer{Name: "pool5", Shape: []int{24}, Layout: recipe.LayoutC}
	narrow = recipe.Layer{Name: "fc7", Shape: []int{8}, Layout: recipe.LayoutC}
)

// unlabelled are rows of two layers without labels, and a head that reads them in the other order.
func unlabelled(t *testing.T, count int) (Source, *head.Head, []featurestore.Row) {
	t.Helper()
	random := rand.New(rand.NewPCG(9, 9))
	values := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(random.NormFloat64())
		}
		return v
	}
	var rows []featurestore.Row
	for i := range count {
		rows = append(rows, featurestore.Row{Path: fmt.Sprintf("%d.jpg", i), Features: [][]float32{values(wide.Size()), values(narrow.Size())}})
	}
	h := &head.Head{
		Classes: []string{"ant", "bee", "cow"}, Layers: []recipe.Layer{narrow, wide}, Recipe: recipeOf(wide, narrow),
		Standardization: head.Standardization{Mean: make([]float32, 32), Scale: slices.Repeat([]float32{1}, 32)},
		Weights:         [][]float32{values(32), values(32), values(32)}, Biases: values(3),
	}
	return datasetOf(t, h.Recipe, featurestore.StatusComplete, rows...), h, rows
}

// Rows without labels are predicted in the order of the dataset, with the probabilities of each by itself.
func TestPredict(t *testing.T) {
	const count = 9000 // more than a block
	source, h, rows := unlabelled(t, count)
	next, last, calls := 0, 0, 0
	err := Predict(t.Context(), PredictOptions{Head: h, Source: source, Progress: func(done, of int) {
		if calls++; done <= last || of != count {
			t.Errorf("%d of %d after %d", done, of, last)
		}
		last = done
	}, Row: func(path string, p []float64, _ *float64) error {
		row := rows[next]
		x := head.Matrix{Rows: 1, Cols: 32, Data: slices.Concat(row.Features[1], row.Features[0])}
		want, err := h.Probabilities(x)
		if err != nil || path != row.Path || len(p) != 3 || math.Abs(p[0]-want[0][0])+math.Abs(p[1]-want[0][1]) > 1e-6 {
			t.Fatalf("row %d is %s, %v, want %v, %v", next, path, p, want, err)
		}
		next++
		return nil
	}})
	if err != nil || next != count || last != count || calls < 2 {
		t.Errorf("%d rows, %d calls, %v", next, calls, err)
	}
}

func TestPredictRefuses(t *testing.T) {
	source, h, rows := unlabelled(t, 5)
	ignore := func(string, []float64, *float64) error { return nil }
	own := errors.New("the disk is full")
	if err := Predict(t.Context(), PredictOptions{Head: h, Source: source, Row: func(string, []float64, *float64) error { return own }}); !errors.Is(err, own) {
		t.Errorf("a row that cannot be written: %v", err)
	}
	stopped, stop := context.WithCancelCause(t.Context())
	stop(own)
	if err := Predict(stopped, PredictOptions{Head: h, Source: source, Row: ignore}); !errors.Is(err, own) {
		t.Errorf("after a stop: %v", err)
	}
	other := recipeOf(wide, narrow)
	other.Resize = "crop"
	for name, test := range map[string]struct {
		source Source
		want   string
	}{
		"another recipe": {datasetOf(t, other, featurestore.StatusComplete, rows...), "crop"},
		"a layer less":   {datasetOf(t, recipeOf(wide), featurestore.StatusComplete, featurestore.Row{Path: "a", Features: rows[0].Features[:1]}), "layer: fc7"},
		"no rows":        {datasetOf(t, h.Recipe, featurestore.StatusComplete), "no rows"},
		"no dataset":     {Source{Dir: t.TempDir()}, ""},
	} {
		if err := Predict(t.Context(), PredictOptions{Head: h, Source: test.source, Row: ignore}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Another program's file may have an infinity.
	p := predicting{options: &PredictOptions{Head: h, Row: ignore}, dir: "features"}
	p.reset()
	rows[3].Features[0][5] = float32(math.Inf(1))
	for _, row := range rows {
		if err := p.add(&featurestore.Batch{Rows: []featurestore.Row{row}, Vectors: [][]float32{row.Features[1], row.Features[0]}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.flush(t.Context()); err == nil || !strings.Contains(err.Error(), "features: value 5 of pool5 of 3.jpg is +Inf") {
		t.Errorf("an infinity: %v", err)
	}
}

// Features that are finite, but so large that the head's scores are not, have no class: that of the first one, with
// probabilities of NaN, would be wrong.
func TestPredictBeyondFloat32(t *testing.T) {
	_, h, rows := unlabelled(t, 5)
	for _, v := range rows[3].Features {
		for i := range v {
			v[i] = float32(math.Copysign(3e38, float64(v[i])))
		}
	}
	source := datasetOf(t, h.Recipe, featurestore.StatusComplete, rows...)
	const want = "3.jpg: the head's scores are beyond float32"
	err := Predict(t.Context(), PredictOptions{Head: h, Source: source, Row: func(string, []float64, *float64) error { return nil }})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("predicted: %v", err)
	}
	f := Features{X: head.Matrix{Cols: 32}, Labels: slices.Repeat([]string{"ant"}, 5)}
	for _, row := range rows {
		f.X.Data, f.X.Rows, f.Paths = append(f.X.Data, slices.Concat(row.Features[1], row.Features[0])...), f.X.Rows+1, append(f.Paths, row.Path)
	}
	if _, err := measure(h, f); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("measured: %v", err)
	}
	var overflow *head.OverflowError
	if _, err := h.Probabilities(f.X); !errors.As(err, &overflow) || overflow.Row != 3 {
		t.Errorf("of rows without names: %v", err)
	}
}

// Memory does not grow with the number of rows.
func TestPredictMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a large dataset")
	}
	used := func(count int) uint64 {
		source, h, _ := unlabelled(t, count)
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		most, row := uint64(0), 0
		check := func(string, []float64, *float64) error {
			if row++; row%5000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
			}
			return nil
		}
		if err := Predict(t.Context(), PredictOptions{Head: h, Source: source, Row: check}); err != nil || row != count {
			t.Fatalf("%d rows, %v", row, err)
		}
		return most
	}
	few, many := used(30_000), used(240_000)
	t.Logf("%d and %d bytes", few, many)
	if many > 2*few+8<<20 {
		t.Errorf("30,000 rows take %d bytes, 240,000 take %d", few, many)
	}
}
