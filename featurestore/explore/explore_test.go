package explore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/vectors"
)

// dataset has the rows 0 to 5, cats and dogs in turn, with vectors at angles of 10 degrees times their square,
// but row 4 has the vector and the file of row 1.
func dataset(t *testing.T) *featurestore.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "features")
	layers := []recipe.Layer{{Name: "pool5", Shape: []int{2}, Layout: recipe.LayoutC}, {Name: "fc7", Shape: []int{3}, Layout: recipe.LayoutC}}
	w, err := featurestore.Create(dir, featurestore.Info{
		Recipe: recipe.Recipe{Model: "vgg16", ModelSHA256: "ab", Preprocessing: preprocessing.Caffe, Resize: "squash", InputHeight: 224, InputWidth: 224, Pool: "none", Library: "none", Layers: layers},
		DType:  featurestore.Float32, ToolVersion: "v0", Device: "cpu",
	}, featurestore.Options{Format: featurestore.FormatParquet, ShardBytes: 40})
	check(t, err)
	for i := range 6 {
		of := i
		if i == 4 {
			of = 1
		}
		angle := float64(of*of) * 10 * math.Pi / 180
		check(t, w.Append(featurestore.Row{
			Path: fmt.Sprintf("%d\xff.jpg", i), Label: []string{"cat", "dog"}[i%2], Split: []string{"", "train", "test"}[i%3], SHA256: fmt.Sprintf("%064x", of), Width: 8, Height: 8,
			Features: [][]float32{{float32(math.Cos(angle)), float32(math.Sin(angle))}, {1, 0, float32(i)}},
		}))
	}
	check(t, w.AppendFailure(featurestore.Failure{Path: "broken.jpg", Stage: "decode", Reason: "no image"}))
	check(t, w.Close(featurestore.StatusComplete))
	d, err := featurestore.Open(dir)
	check(t, err)
	return d
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func places(rows []Row) (places []int) {
	for _, r := range rows {
		places = append(places, r.Row)
	}
	return places
}

func TestNearest(t *testing.T) {
	ctx, d := context.Background(), dataset(t)
	for name, test := range map[string]struct {
		selection Selection
		vector    []float32
		k, except int
		want      []int
	}{
		"of all":         {Selection{}, []float32{1, 0}, 3, -1, []int{0, 1, 4}},
		"but one":        {Selection{Layer: "pool5"}, []float32{1, 0}, 3, 0, []int{1, 4, 2}},
		"of a label":     {Selection{Labels: []string{"dog"}}, []float32{1, 0}, 2, -1, []int{1, 3}},
		"of no split":    {Selection{Splits: []string{""}}, []float32{1, 0}, 9, -1, []int{0, 3}},
		"of a layer":     {Selection{Layer: "fc7"}, []float32{0, 0, 1}, 1, -1, []int{5}},
		"more than rows": {Selection{}, []float32{1, 0}, 99, 5, []int{0, 1, 4, 2, 3}},
	} {
		got, err := Nearest(ctx, d, test.selection, test.vector, test.k, test.except)
		check(t, err)
		if diff := cmp.Diff(test.want, places(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := Nearest(ctx, d, Selection{}, []float32{0, 0}, 3, -1); !errors.Is(err, vectors.ErrZero) || !strings.HasPrefix(err.Error(), "the vector is all zero, so that nothing is similar to it: choose") {
		t.Errorf("a vector without a direction: %v", err)
	}
}

func TestSelectionRefuses(t *testing.T) {
	ctx, d := context.Background(), dataset(t)
	for want, test := range map[string]struct {
		selection Selection
		err       error
	}{
		`unknown layer "pol5" (did you mean pool5?): the dataset has pool5, fc7`: {Selection{Layer: "pol5"}, ErrUnknownLayer},
		`no row has the label "cta" (did you mean cat?): there are cat, dog`:     {Selection{Labels: []string{"cat", "cta"}}, ErrUnknownValue},
		`no row has no label: there are cat, dog`:                                {Selection{Labels: []string{""}}, ErrUnknownValue},
		`no row has the split "x": there are rows without one, test, train`:      {Selection{Splits: []string{"x"}}, ErrUnknownValue},
	} {
		if _, _, err := test.selection.Resolve(ctx, d); !errors.Is(err, test.err) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	counts := map[string]int{`a,b`: 1, `q"x`: 1, "line\nbreak": 1}
	for i := range 20 {
		counts[fmt.Sprintf("z%02d", i)] = 1
	}
	if _, err := known("label", []string{"nope"}, counts); err == nil || !strings.HasSuffix(err.Error(), `: there are "a,b", line\nbreak, "q""x", z00, z01, z02, z03, z04, z05, z06 and 13 more`) {
		t.Errorf("names that must be quoted, not seen, or are many: %v", err)
	}
}

// Names are taken as they are and as results show them.
func TestSelectionTakesNamesAsShown(t *testing.T) {
	counts := map[string]int{"": 1, "dog": 1, "dog ": 1, `cat\x20`: 1, "cat ": 1, "do\u0301g": 1, "d\u00f3g": 1, "l%E9": 1, "line\nbreak": 1, `ox\x20\x20`: 1, `ox\x20 `: 1}
	for given, want := range map[string]string{
		"": "", "dog": "dog", "dog ": "dog ", `dog\x20`: "dog ", `cat\x20`: `cat\x20`, "cat ": "cat ", `do\u0301g`: "do\u0301g", "d\u00f3g": "d\u00f3g",
		"do\u0301g": "do\u0301g", "l%E9": "l\xe9", "l\xe9": "l\xe9", `line\nbreak`: "line\nbreak", `ox\x20 `: `ox\x20 `,
	} {
		if got, err := known("label", []string{given}, counts); err != nil || got[0] != want {
			t.Errorf("%q: %q, %v; want %q", given, got, err, want)
		}
	}
	// Of two names that are shown alike neither is meant.
	if value, found := meant(`a\x20b\x20`, map[string]int{`a\x20b `: 1, "c": 1}); !found || value != `a\x20b ` {
		t.Errorf("one name: %q, %t", value, found)
	}
	if value, found := meant(`\x20\x20`, map[string]int{`\x20 `: 1, ` \x20`: 1}); found {
		t.Errorf("two names: %q", value)
	}
}

func TestDuplicates(t *testing.T) {
	ctx, d := context.Background(), dataset(t)
	exact, err := Duplicates(ctx, d, Selection{}, DuplicateOptions{})
	check(t, err)
	if len(exact) != 1 || exact[0].Kind != Exact || exact[0].Similarity != 1 || !cmp.Equal(places(exact[0].Rows), []int{1, 4}) {
		t.Errorf("exact duplicates: %+v", exact)
	}
	near, err := Duplicates(ctx, d, Selection{}, DuplicateOptions{Threshold: 0.98})
	check(t, err)
	if len(near) != 1 || near[0].Kind != Near || !cmp.Equal(places(near[0].Rows), []int{0, 1, 4}) || near[0].Similarity < 0.98 || near[0].Similarity > 0.99 {
		t.Errorf("near duplicates: %+v", near)
	}
	none, err := Duplicates(ctx, d, Selection{Labels: []string{"dog"}}, DuplicateOptions{Threshold: 1})
	check(t, err)
	if none == nil || len(none) != 0 {
		t.Errorf("duplicates among dogs: %+v", none)
	}
	if got, want := Spelled(near[0].Rows)[0].Path, "0%FF.jpg"; got != want || near[0].Rows[0].Path == want {
		t.Errorf("spelled %q, want %q", got, want)
	}
}

func TestInspect(t *testing.T) {
	i, err := Inspect(context.Background(), dataset(t))
	check(t, err)
	if i.Rows != 6 || i.Bytes == 0 || i.FailuresByStage["decode"] != 1 || i.Labels["cat"] != 3 || len(i.Columns) < 3 {
		t.Errorf("%+v", i)
	}
}

func TestDescribe(t *testing.T) {
	s, err := Describe(context.Background(), dataset(t))
	check(t, err)
	if s.Rows != 6 || s.Failures != 1 || s.RawBytes != 6*5*4 || s.Bytes == 0 || s.Shards < 2 {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff(map[string]int{"train": 2, "test": 2}, s.Splits); diff != "" {
		t.Errorf("splits, of which none is one: %s", diff)
	}
	if len(s.Layers) != 2 || s.Layers[1].Name != "fc7" || s.Layers[1].Cols != 3 {
		t.Errorf("layers: %+v", s.Layers)
	}
}

func TestProject(t *testing.T) {
	p, err := Project(context.Background(), dataset(t), Selection{Layer: "fc7"})
	check(t, err)
	if len(p.Points) != 6 || math.Abs(p.Ratios[0]-1) > 1e-6 || p.Points[0].Label != "cat" {
		t.Errorf("%+v", p)
	}
	dir := t.TempDir()
	files, err := p.Write(filepath.Join(dir, "map"), "a map")
	check(t, err)
	if len(files) != 3 {
		t.Errorf("files %q", files)
	}
	table, err := os.ReadFile(filepath.Join(dir, "map.csv"))
	check(t, err)
	if lines := strings.Split(strings.TrimSpace(string(table)), "\n"); len(lines) != 7 || lines[0] != "path,label,split,x,y" || !strings.HasPrefix(lines[1], "0%FF.jpg,cat,,") {
		t.Errorf("the table:\n%s", table)
	}
	if _, err := p.Write(filepath.Join(dir, "nowhere", "map"), ""); err == nil {
		t.Error("written to a directory that does not exist")
	}
}

// A row with a NaN, which only other programs write, is named with what to do.
func TestNotFinite(t *testing.T) {
	_, bad := vectors.Pairs(context.Background(), vectors.Matrix([]float32{1, float32(math.NaN())}, 1, 1), vectors.PairOptions{Threshold: 0.5})
	rows := []Row{{Row: 3, Path: "3.jpg"}, {Row: 7, Path: "7\xff.jpg"}} // those of a selection
	if err := located(bad, rows); err == nil || !strings.Contains(err.Error(), `row 7, 7%FF.jpg, has a value that is not finite: extract its features again`) {
		t.Errorf("%v", err)
	}
	if err := located(vectors.ErrTooMany, rows); !errors.Is(err, vectors.ErrTooMany) {
		t.Errorf("another error became %v", err)
	}
}

// A mirror image is a near duplicate by a layer with positions, whose whole rows are not alike.
func TestDuplicatesOfMirrorImages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dataset")
	layer := recipe.Layer{Name: "pool5", Shape: []int{1, 2, 3}, Layout: recipe.LayoutHWC}
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipe.Recipe{Model: "m", Layers: []recipe.Layer{layer}}}, featurestore.Options{})
	check(t, err)
	for i, values := range [][]float32{{1, 0, 5, 0, 3, 0}, {0, 3, 0, 1, 0, 5}, {5, 0, 0, 0, 0, 1}} {
		check(t, w.Append(featurestore.Row{Path: fmt.Sprint(i), SHA256: fmt.Sprintf("%064x", i), Features: [][]float32{values}}))
	}
	check(t, w.Close(featurestore.StatusComplete))
	d, err := featurestore.Open(dir)
	check(t, err)
	near, err := Duplicates(context.Background(), d, Selection{}, DuplicateOptions{Threshold: 0.99})
	check(t, err)
	if len(near) != 1 || !cmp.Equal(places(near[0].Rows), []int{0, 1}) || near[0].Similarity < 0.999999 {
		t.Errorf("%+v", near)
	}
}
