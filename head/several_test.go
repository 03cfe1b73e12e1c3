package head

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/internal/seal"
	"fovea/recipe"
)

// partOf is the recipe of a model with a column that is called as its layer, or otherwise.
func partOf(model, column, layer string, size int) recipe.Recipe {
	l := recipe.Layer{Name: column, Shape: []int{size}, Layout: recipe.LayoutC}
	if layer != column {
		l.Of = layer
	}
	return recipe.Recipe{Model: model, ModelSHA256: strings.Repeat(model[:1], 64), Pool: "avg", Resize: "squash", Precision: "float32", Library: "TensorFlow 2.18.1", Layers: []recipe.Layer{l}}
}

func joinedRecipe(t *testing.T, parts ...recipe.Recipe) recipe.Recipe {
	t.Helper()
	r, err := recipe.Join(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// severalHead is a head on columns of two models, the second model's first.
func severalHead(t *testing.T) *Head {
	t.Helper()
	h := trained(t)
	h.Recipe = joinedRecipe(t, partOf("vgg16", "pool5", "pool5", 4), partOf("small", "edges", "conv1", 2))
	h.Layers = []recipe.Layer{h.Recipe.Layers[1], h.Recipe.Layers[0]}
	h.Standardization.Blocks = []int{2, 4}
	return h
}

// version is that of a head's file.
func version(t *testing.T, h *Head) (int, []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.head")
	if err := h.Save(name); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Version int }
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	got, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, got); d != "" {
		t.Errorf("the head came back changed: %s", d)
	}
	return f.Version, text
}

// Only a head on several models, on a column with another name than its layer, or on features with a range, bands or
// a projection needs the newest version: older programs would compute its features by one model, take another layer, or
// leave these out.
func TestVersionOfSeveralModels(t *testing.T) {
	one, several, renamed := trained(t), severalHead(t), trained(t)
	renamed.Recipe = partOf("small", "edges", "conv1", 6)
	renamed.Layers = renamed.Recipe.Layers
	ranged, banded, projected := trained(t), trained(t), trained(t)
	ranged.Recipe.Range, banded.Recipe.Bands, projected.Recipe.Projection = "minmax", "4,3,2", "sparse:8:1"
	for want, h := range map[int][]*Head{1: {one}, 5: {several, renamed, ranged, banded, projected}} {
		for _, h := range h {
			if got, _ := version(t, h); got != want {
				t.Errorf("a head on %s of %s has version %d, want %d", h.LayerNames(), h.Recipe.Models(), got, want)
			}
		}
	}
}

// What does not fit together in a head on several models is damage.
func TestLoadRefusesSeveral(t *testing.T) {
	_, text := version(t, severalHead(t))
	dir := t.TempDir()
	added := func(o map[string]any) map[string]any {
		return o["recipe"].(map[string]any)["added"].([]any)[0].(map[string]any)
	}
	for want, change := range map[string]func(o map[string]any){
		"files of version 4 cannot be":    func(o map[string]any) { o["version"] = 4 },
		"the added recipe of small has":   func(o map[string]any) { added(o)["layers"] = []any{} },
		"those of the added models fc6":   func(o map[string]any) { added(o)["layers"].([]any)[0].(map[string]any)["name"] = "fc6" },
		"those of the added models edges": func(o map[string]any) { added(o)["layers"].([]any)[0].(map[string]any)["of"] = "conv2" },
		"the layer edges[2] is not one":   func(o map[string]any) { o["layers"].([]any)[0].(map[string]any)["of"] = "conv2" },
		"has 1 layers and 1 parts": func(o map[string]any) {
			added(o)["added"] = []any{map[string]any{"model": "third", "layers": added(o)["layers"]}}
		},
		"it is on no layer of vgg16":          func(o map[string]any) { o["layers"] = o["layers"].([]any)[:1] },
		"means and 6 scales for a layer of 8": func(o map[string]any) { o["layers"] = append(o["layers"].([]any), o["layers"].([]any)[0]) },
	} {
		var o map[string]any
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(err)
		}
		delete(o, "checksum")
		change(o)
		changed, err := json.MarshalIndent(o, "", " ")
		if err == nil {
			changed, err = seal.Append(append(changed, '\n'))
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "bad")
		if err := os.WriteFile(name, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want ErrFile with %q", err, want)
		}
	}
}

// Features are compared model by model: other columns and the order of the models make no difference.
func TestCheckSeveral(t *testing.T) {
	h := severalHead(t)
	vgg, small, third := partOf("vgg16", "pool5", "pool5", 4), partOf("small", "edges", "conv1", 2), partOf("third", "fc1", "fc1", 3)
	pooled, newer, other, both := vgg, small, small, vgg
	pooled.Pool, newer.Library = "max", "TensorFlow 9"
	other.Layers = []recipe.Layer{{Name: "edges", Shape: []int{2}, Layout: recipe.LayoutC, Of: "conv2"}}
	both.Layers = append(both.Layers, small.Layers...)
	for _, c := range []struct {
		what     string
		features recipe.Recipe
		warnings int
		reason   string
	}{
		{"the same", joinedRecipe(t, vgg, small), 0, ""},
		{"another order, and a third model", joinedRecipe(t, third, small, vgg), 0, ""},
		{"a newer library", joinedRecipe(t, vgg, newer), 1, ""},
		{"another pooling", joinedRecipe(t, pooled, small), 0, "vgg16: pool: avg in the head, max in the features"},
		{"another layer in the column", joinedRecipe(t, vgg, other), 0, "layer of column edges: conv1 in the head, conv2 in the features"},
		{"one model only", vgg, 0, "layer: edges in the head, pool5 in the features"},
		{"both columns of one model", both, 0, "small: model: small in the head, vgg16 in the features"},
		{"other models", joinedRecipe(t, third, partOf("fourth", "x", "x", 2)), 0, "layer: pool5 in the head, fc1,x in the features"},
	} {
		warnings, err := h.Check(c.features)
		if c.reason == "" && (err != nil || len(warnings) != c.warnings) || c.reason != "" && (!errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), c.reason)) {
			t.Errorf("%s: %v, %v", c.what, warnings, err)
		}
	}
	one := trained(t)
	one.Recipe, one.Layers = vgg, vgg.Layers
	if _, err := one.Check(joinedRecipe(t, small, vgg)); err != nil {
		t.Errorf("a head on one model, features of two: %v", err)
	}
	if _, err := one.Check(joinedRecipe(t, small, pooled)); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "pool: avg in the head, max") {
		t.Errorf("a head on one model, other features of two: %v", err)
	}
}
