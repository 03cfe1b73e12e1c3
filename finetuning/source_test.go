package finetuning

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/internal/budget"
	"fovea/recipe"
)

// datasetOf writes rows, whose hashes and sizes it makes up, and returns where they are.
func datasetOf(t *testing.T, r recipe.Recipe, status featurestore.Status, rows ...featurestore.Row) Source {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dataset")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: r}, featurestore.Options{ShardRows: 2000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if rows[i].SHA256 == "" {
			rows[i].SHA256 = fmt.Sprintf("%016x%048d", i+1, 0)
		}
		if rows[i].Width == 0 {
			rows[i].Width, rows[i].Height = 9, 9
		}
	}
	if err := errors.Join(w.Append(rows...), w.Close(status)); err != nil {
		t.Fatal(err)
	}
	return Source{Dir: dir}
}

// twoLayers are pool5, of three values, and fc7, of two.
var twoLayers = []recipe.Layer{
	{Name: "pool5", Shape: []int{3}, Layout: recipe.LayoutC},
	{Name: "fc7", Shape: []int{2}, Layout: recipe.LayoutC},
}

// fewRows are four rows of twoLayers, of which the third has no label.
func fewRows() []featurestore.Row {
	return []featurestore.Row{
		{Path: "a.jpg", Label: "cat", Split: "test", Features: [][]float32{{1, 2, 3}, {4, 5}}},
		{Path: "b.jpg", Label: "dog\xff", Features: [][]float32{{6, 7, 8}, {9, 10}}},
		{Path: "c.jpg", Features: [][]float32{{11, 12, 13}, {14, 15}}},
		{Path: "d.jpg", Label: "cat", Split: "train", Features: [][]float32{{16, 17, 18}, {19, 20}}},
	}
}

// Layers stand side by side in the order in which they are named, each a block of columns, in memory
// as well as in files. Rows without a label are left out of everything.
func TestLoadLayers(t *testing.T) {
	source := datasetOf(t, recipeOf(twoLayers...), featurestore.StatusComplete, fewRows()...)
	for _, memory := range []int64{0, 1} {
		source.Memory = memory
		warned := logged(t)
		f, err := source.Load(t.Context(), "fc7", "pool5")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]float32{4, 5, 1, 2, 3, 9, 10, 6, 7, 8, 19, 20, 16, 17, 18}, f.X.Data); d != "" || f.X.Rows != 3 || f.X.Cols != 5 {
			t.Errorf("memory %d: %dx%d\n%s", memory, f.X.Rows, f.X.Cols, d)
		}
		if d := cmp.Diff([]int{2, 3}, f.X.Blocks); d != "" {
			t.Errorf("the blocks: %s", d)
		}
		if got := LayerNames(f.Layers); got != "fc7, pool5" {
			t.Errorf("the layers are %s", got)
		}
		if d := cmp.Diff([][]string{{"cat", "dog%FF", "cat"}, {"test", "", "train"}, {"a.jpg", "b.jpg", "d.jpg"}}, [][]string{f.Labels, f.Splits, f.Paths}); d != "" {
			t.Error(d)
		}
		if want := fmt.Sprintf("%016x", 4); shortHash(f.Hashes[2]) != want {
			t.Errorf("the last row has the hash %s, want %s...", f.Hashes[2], want)
		}
		if !warned("1 of 4 rows have no label and are left out") {
			t.Error("no warning says that a row is left out")
		}
		f.Free()
	}
	one, err := source.Load(t.Context(), "", "fc7")
	if err != nil || one.X.Blocks != nil || one.X.Cols != 2 || one.X.Row(1)[0] != 9 {
		t.Errorf("a single layer: %+v, %v", one.X, err)
	}
}

// An only layer needs no name; of several, those wanted must be named, each once and as the dataset has it.
func TestLoadWrongLayers(t *testing.T) {
	source := datasetOf(t, recipeOf(twoLayers...), featurestore.StatusComplete, fewRows()...)
	for want, names := range map[string][]string{
		"has the layers pool5, fc7: choose one or more with --layers":                  nil,
		`has no layer "fc6" (did you mean fc7?): it has pool5, fc7: choose`:            {"pool5", "fc6"},
		`has no layer "block1_conv1": it has pool5, fc7: choose`:                       {"block1_conv1"},
		"the layer fc7 is named twice: choose one or more with --layers":               {"fc7", "pool5", "fc7"},
		"has the layers pool5, fc7: choose one or more with --layers\x00of empty ones": {"", ""},
	} {
		want, _, _ = strings.Cut(want, "\x00")
		if _, err := source.Load(t.Context(), names...); !errors.Is(err, ErrLayers) || !strings.Contains(err.Error(), want) {
			t.Errorf("layers %q: %v, want %q", names, err, want)
		}
	}
}

// An unfinished dataset is loaded as far as it is, with a warning; one without labels, without rows or
// without anything is refused with its name.
func TestLoadIncomplete(t *testing.T) {
	warned := logged(t)
	source := datasetOf(t, recipeOf(twoLayers...), featurestore.StatusInterrupted, fewRows()...)
	if f, err := source.Load(t.Context(), "fc7"); err != nil || f.X.Rows != 3 {
		t.Errorf("an unfinished dataset gives %d rows, %v", f.X.Rows, err)
	}
	if !warned(source.Dir + " is not complete (interrupted): it has 4 rows so far") {
		t.Error("no warning says that the dataset is not complete")
	}
	unlabelled := datasetOf(t, recipeOf(twoLayers...), featurestore.StatusComplete, fewRows()[2])
	if _, err := unlabelled.Load(t.Context(), "fc7"); err == nil || !strings.Contains(err.Error(), "the rows of "+unlabelled.Dir+" have no labels") {
		t.Errorf("without labels: %v", err)
	}
	empty := datasetOf(t, recipeOf(twoLayers...), featurestore.StatusComplete)
	if _, err := empty.Load(t.Context(), "fc7"); !errors.Is(err, featurestore.ErrEmpty) || !strings.Contains(err.Error(), "extract images") {
		t.Errorf("without rows: %v", err)
	}
	nowhere := Source{Dir: filepath.Join(t.TempDir(), "nowhere")}
	if _, err := nowhere.Load(t.Context()); err == nil || !strings.Contains(err.Error(), nowhere.Dir) {
		t.Errorf("without a dataset: %v", err)
	}
}

// The images that a head was trained on are found by the beginnings of their hashes, each recorded once.
func TestSeen(t *testing.T) {
	f := Features{Hashes: []string{strings.Repeat("b", 64), strings.Repeat("a", 64), strings.Repeat("c", 64), strings.Repeat("a", 16) + "f", "ab"}}
	h := zeroHead([]string{"x", "y"}, 1)
	h.Notes.Seen = shortHashes([]string{f.Hashes[2], f.Hashes[1], f.Hashes[3], f.Hashes[4]})
	if d := cmp.Diff([]string{strings.Repeat("a", 16), "ab", strings.Repeat("c", 16)}, h.Notes.Seen); d != "" {
		t.Error(d)
	}
	seen, unseen := f.Seen(h)
	if d := cmp.Diff([][]int{{1, 2, 3, 4}, {0}}, [][]int{seen, unseen}); d != "" {
		t.Error(d)
	}
}

// Tables go to files from a fourth of the memory that is allowed, and never for want of a number.
func TestFileAbove(t *testing.T) {
	for memory, want := range map[int64]int64{1: 1, 3: 1, 4: 1, 4096: 1024, 1 << 40: 1 << 38} {
		if got := (Source{Memory: memory}).fileAbove(); got != want {
			t.Errorf("of %d bytes, tables may take %d, want %d", memory, got, want)
		}
	}
	if got, most := (Source{}).fileAbove(), budget.Total()/2; got < 0 || got > most {
		t.Errorf("a table may take %d bytes of %d", got, most)
	}
}

func TestColumnOf(t *testing.T) {
	for column, want := range map[int]string{0: "pool5 0", 2: "pool5 2", 3: "fc7 0", 4: "fc7 1", 5: " 0"} {
		layer, within := columnOf(twoLayers, column)
		if got := fmt.Sprint(layer.Name, " ", within); got != want {
			t.Errorf("column %d is %q, want %q", column, got, want)
		}
	}
}

// classesDataset has so many rows of each class around an own point, distance away from the others'.
func classesDataset(t *testing.T, classes []string, each int, distance float32) Source {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 8))
	var rows []featurestore.Row
	for i := range each * len(classes) {
		v := make([]float32, 16)
		for j := range v {
			v[j] = float32(random.NormFloat64())
		}
		c := i % len(classes)
		v[c] += distance
		rows = append(rows, featurestore.Row{Path: fmt.Sprintf("%03d.jpg", i), Label: classes[c], Features: [][]float32{v}})
	}
	return datasetOf(t, recipeOf(recipe.Layer{Name: "fc7", Shape: []int{16}, Layout: recipe.LayoutC}), featurestore.StatusComplete, rows...)
}
