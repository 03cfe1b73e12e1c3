package main

import (
	"testing"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/recipe"
)

// What continues a run depends on what it has left, and on its flags.
func TestAgain(t *testing.T) {
	empty, full := t.TempDir(), t.TempDir()
	w, err := featurestore.Create(full, featurestore.Info{Recipe: recipe.Recipe{Layers: []recipe.Layer{{Name: "a", Shape: []int{1}}}}, ToolVersion: "v0", Device: "cpu"}, featurestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(featurestore.Row{Path: "x.jpg", Features: [][]float32{{1}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(featurestore.StatusInterrupted); err != nil {
		t.Fatal(err)
	}
	var first, overwriting, syncing options
	overwriting.Overwrite, syncing.Sync = true, true
	for name, test := range map[string]struct {
		options     options
		result      extraction.Result
		again, kept string
	}{
		"before the output":   {first, extraction.Result{}, "the same command", ""},
		"nothing":             {first, extraction.Result{Dir: empty, Begun: true}, "the same command", "; nothing was kept"},
		"a row":               {first, extraction.Result{Dir: full, Begun: true}, "the same command with --resume", "; the dataset has kept 1 row"},
		"a row, --overwrite":  {overwriting, extraction.Result{Dir: full, Begun: true}, "the same command with --resume instead of --overwrite", "; the dataset has kept 1 row"},
		"perhaps the old row": {overwriting, extraction.Result{Dir: full}, "the same command", ""},
		"a row, --sync":       {syncing, extraction.Result{Dir: full}, "the same command", "; the dataset has kept 1 row"},
	} {
		if again, kept := test.options.again(test.result); again != test.again || kept != test.kept {
			t.Errorf("%s: %q, %q; want %q, %q", name, again, kept, test.again, test.kept)
		}
	}
}
