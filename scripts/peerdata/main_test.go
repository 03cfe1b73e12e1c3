package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/recipe"
)

// images writes a dataset of that many images and returns its directory.
func images(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "images")
	info := featurestore.Info{Recipe: recipe.Recipe{Model: "vgg16", Pool: "none", Layers: []recipe.Layer{{Name: "pool5", Shape: []int{1, 1, 2}, Layout: "HWC"}}}}
	w, err := featurestore.Create(dir, info, featurestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		row := featurestore.Row{
			Path: fmt.Sprintf("%d.jpg", n-i), Label: []string{"cat", "dog"}[i%2], SHA256: strings.Repeat(fmt.Sprint(i), 64),
			Width: 3, Height: 2, Features: [][]float32{{1, 2}},
		}
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The features are those of the file, row by row, and the images those of the dataset.
func TestRun(t *testing.T) {
	dir, out := images(t, 3), filepath.Join(t.TempDir(), "out")
	want := make([]float32, 3*channels)
	for i := range want {
		want[i] = float32(i) / 8
	}
	var raw bytes.Buffer
	if err := binary.Write(&raw, binary.LittleEndian, want); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "features")
	if err := os.WriteFile(file, raw.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), dir, file, "rival", out); err != nil {
		t.Fatal(err)
	}
	d, err := featurestore.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Matrix(t.Context(), "pool5")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Data, want) || !slices.Equal(got.Paths, []string{"3.jpg", "2.jpg", "1.jpg"}) || !slices.Equal(got.Labels, []string{"cat", "dog", "cat"}) {
		t.Errorf("got %v, %v, %v", got.Data[:3], got.Paths, got.Labels)
	}
	if r := d.Recipe(); r.Model != "rival" || r.Pool != "avg" {
		t.Errorf("the recipe is %+v", r)
	}
}

// Features of other images are refused before anything is written.
func TestRunRefusesAnotherNumber(t *testing.T) {
	dir, out := images(t, 3), filepath.Join(t.TempDir(), "out")
	file := filepath.Join(t.TempDir(), "features")
	if err := os.WriteFile(file, make([]byte, 2*channels*4), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), dir, file, "rival", out); err == nil || !strings.Contains(err.Error(), "3 images") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("%s: %v", out, err)
	}
}
