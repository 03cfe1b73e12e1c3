package savedmodel

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"fovea/inference"
)

// notes is a Memory that says what it was asked and told.
type notes struct {
	known       map[string]Found
	asked, kept int
}

func (n *notes) Recall(sum string) (Found, bool) {
	n.asked++
	found, ok := n.known[sum]
	return found, ok
}

func (n *notes) Keep(sum string, found Found) {
	n.kept++
	if n.known == nil {
		n.known = map[string]Found{}
	}
	n.known[sum] = found
}

// What a model was found to be is kept, and taken from memory later; it computes the same.
func TestMemory(t *testing.T) {
	for _, kind := range []string{"keras-export", "tf1-resource"} {
		memory := &notes{}
		dir := filepath.Join(models, kind)
		var first []float32
		for turn := range 2 {
			model, err := Open(dir, Options{Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{model.Layers[len(model.Layers)-1].Name}, Batch: 1})
			if err != nil {
				t.Fatal(err)
			}
			features, err := extractor.Extract(goldenInput(1, model.InputHeight), 1)
			if err != nil {
				t.Fatal(err)
			}
			if turn == 0 {
				first = features[0]
			}
			if worst := difference(first, features[0]); worst != 0 {
				t.Errorf("%s: from memory, features are off by %.1e", kind, worst)
			}
			if sum, err := SHA256(dir); err != nil || sum != model.SHA256 {
				t.Errorf("%s: the hash is %s, %v, want %s", kind, model.SHA256, err, sum)
			}
		}
		if memory.asked != 2 || memory.kept != 1 || len(memory.known) != 1 {
			t.Errorf("%s: %+v", kind, memory)
		}
	}
}

// What is remembered is believed, and so is not computed again; it is for the very same content only.
func TestMemoryIsOfTheContent(t *testing.T) {
	dir := copyModel(t, "tf1-resource")
	sum, err := SHA256(dir)
	if err != nil {
		t.Fatal(err)
	}
	memory := &notes{known: map[string]Found{sum: {MaxBatch: 7, Unfused: true}}}
	check := func(want int) {
		t.Helper()
		model, err := Open(dir, Options{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if model.MaxBatch != want || model.Unfused != (want == 7) {
			t.Errorf("batches of %d, unfused: %t; want %d", model.MaxBatch, model.Unfused, want)
		}
	}
	check(7)
	variables := filepath.Join(dir, "variables", "variables.index")
	data, err := os.ReadFile(variables)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "variables", "variables.more"), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	check(0)
}

// Models that are refused, or that more than their own content decides, leave no trace in a memory.
func TestMemoryLeavesOut(t *testing.T) {
	for name, make := range map[string]func() (dir string, asked int, refused bool){
		"random, refused":   func() (string, int, bool) { return filepath.Join(models, "keras-crop"), 1, true },
		"random layers cut": func() (string, int, bool) { return filepath.Join(models, "keras-random"), 1, false },
		"variables found":   func() (string, int, bool) { return filepath.Join(models, "keras-save"), 1, false },
		"assets": func() (string, int, bool) {
			dir, _ := stranger{"tf1-resource", func(m *core.MetaGraphDef, _ string) {
				start(m, "legacy_init_op", tables("replaced")...)
				m.AssetFileDef = assets("words")
			}, nil, harmless, true}.make(t)
			return dir, 0, false
		},
	} {
		dir, asked, refused := make()
		memory := &notes{}
		model, err := Open(dir, Options{Memory: memory})
		if err == nil {
			model.Close()
		}
		if errors.Is(err, ErrFormat) != refused || err != nil && !refused || memory.asked != asked || memory.kept != 0 {
			t.Errorf("%s: %v, %+v", name, err, memory)
		}
	}
}
