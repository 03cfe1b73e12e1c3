package finetuning

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"fovea/head"
	"fovea/recipe"
)

// The model and the head of an earlier training stay until there is a whole new model.
func TestReplaceModel(t *testing.T) {
	out := t.TempDir()
	file := func(dir string) string { return filepath.Join(dir, "saved_model.pb") }
	write := func(content string, err error) func(string) error {
		return func(dir string) error {
			return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(file(dir), []byte(content), 0o644), err)
		}
	}
	holds := func(want string) {
		t.Helper()
		model, err := os.ReadFile(file(filepath.Join(out, ModelDir)))
		if err != nil || string(model) != want {
			t.Errorf("the model is %q, %v, want %q", model, err, want)
		}
		h, err := head.Load(filepath.Join(out, HeadFile))
		if err != nil || h.Notes.ToolVersion != want {
			t.Errorf("the head is %+v, %v, want that of %q", h, err, want)
		}
		if entries, err := os.ReadDir(out); err != nil || len(entries) != 2 {
			t.Errorf("the directory holds %v, %v", entries, err)
		}
	}
	of := func(version string) *head.Head {
		return &head.Head{
			Classes: []string{"a", "b"}, Weights: [][]float32{{1}, {2}}, Biases: []float32{0, 0},
			Standardization: head.Standardization{Mean: []float32{0}, Scale: []float32{1}},
			Layers:          []recipe.Layer{{Name: "fc7", Shape: []int{1}, Layout: recipe.LayoutC}},
			Notes:           head.Notes{ToolVersion: version},
		}
	}
	if err := replaceModel(out, of("old"), write("old", nil)); err != nil {
		t.Fatal(err)
	}
	holds("old")
	failure := errors.New("the disk is full")
	if err := replaceModel(out, of("new"), write("half", failure)); !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	holds("old")
	unwritten := of("new")
	unwritten.Biases[0] = float32(math.NaN())
	if err := replaceModel(out, unwritten, write("without a head", nil)); err == nil {
		t.Error("there is no error without a head")
	}
	holds("old")
	if err := replaceModel(out, of("new"), write("new", nil)); err != nil {
		t.Fatal(err)
	}
	holds("new")
}
