package explore

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/recipe"
)

// numbered is a dataset of a row for each path, whose vector of layer b is the row's number.
func numbered(t *testing.T, paths ...string) *featurestore.Dataset {
	t.Helper()
	layers := []recipe.Layer{{Name: "a", Shape: []int{1}, Layout: recipe.LayoutC}, {Name: "b", Shape: []int{2}, Layout: recipe.LayoutC}}
	dir := filepath.Join(t.TempDir(), "features")
	r := recipe.Recipe{Model: "none", ModelSHA256: strings.Repeat("0", 64), InputHeight: 1, InputWidth: 1, Layers: layers}
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: r}, featurestore.Options{ShardRows: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		v := float32(i)
		row := featurestore.Row{Path: path, SHA256: fmt.Sprintf("%064x", i), Width: 1, Height: 1, Features: [][]float32{{-v}, {v, 10 * v}}}
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	d, err := featurestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFind(t *testing.T) {
	// The last but one is the spelling of the one before it.
	d := numbered(t, "a.jpg", "7", "4", "caf\xe9.jpg", "caf%E9.jpg", "b.jpg")
	for name, want := range map[string]int{"a.jpg": 0, "b.jpg": 5, "7": 1, "4": 2, "0": 0, "5": 5, "caf%E9.jpg": 3, "caf\xe9.jpg": 3} {
		if row, err := Find(t.Context(), d, name); err != nil || row != want {
			t.Errorf("%q is row %d, %v, want %d", name, row, err, want)
		}
	}
	for name, want := range map[string]string{"c.jpg": "not a row", "6": "which has the rows 0 to 5", "-1": "the rows 0 to 5"} {
		if _, err := Find(t.Context(), d, name); !errors.Is(err, ErrNoRow) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
	if _, err := Project(t.Context(), numbered(t), Selection{}); !errors.Is(err, featurestore.ErrEmpty) {
		t.Errorf("a map of no rows: %v", err)
	}
	if _, err := Find(t.Context(), numbered(t), "0"); !errors.Is(err, featurestore.ErrEmpty) {
		t.Errorf("a dataset without rows: %v", err)
	}
}

func TestVector(t *testing.T) {
	d := numbered(t, "0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg")
	for row := range 5 {
		vector, path, err := Vector(t.Context(), d, "b", row)
		if err != nil || path != fmt.Sprintf("%d.jpg", row) || len(vector) != 2 || vector[1] != float32(10*row) {
			t.Errorf("row %d is %v of %s, %v", row, vector, path, err)
		}
	}
	if _, _, err := Vector(t.Context(), d, "b", 5); !errors.Is(err, ErrNoRow) {
		t.Errorf("a row that does not exist: %v", err)
	}
	if _, _, err := Vector(t.Context(), d, "c", 0); err == nil {
		t.Error("a layer that does not exist is read")
	}
}
