package extraction

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
)

// partDataset writes a dataset of the part of n images that --shard number/of chooses, and of those in more. One of 7 is
// left unfinished.
func partDataset(t *testing.T, n, number, of int, more ...string) string {
	t.Helper()
	status := featurestore.StatusComplete
	if n == 7 {
		status = featurestore.StatusInterrupted
	}
	items := make([]pipeline.Item, n)
	for i := range items {
		items[i].Path = fmt.Sprintf("cat/%d.jpg", i)
	}
	out := filepath.Join(t.TempDir(), "out")
	made := recipe.Recipe{Model: "m", Preprocessing: preprocessing.Caffe, Precision: "float32", Layers: []recipe.Layer{{Name: "pool5", Shape: []int{2}, Layout: recipe.LayoutC}}}
	w, err := featurestore.Create(out, featurestore.Info{Recipe: made, ToolVersion: "test"}, featurestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range (pipeline.Selection{Part: number, Parts: of}).Apply(items) {
		more = append(more, item.Path)
	}
	for _, path := range more {
		err = errors.Join(err, w.Append(featurestore.Row{Path: path, SHA256: strings.Repeat("ab", 32), Features: [][]float32{{1, 2}}}))
	}
	if err = errors.Join(err, w.Close(status)); err != nil {
		t.Fatal(err)
	}
	return out
}

// Parts that were forgotten or are not finished are named; datasets of which nothing can be said are no parts.
func TestMissingParts(t *testing.T) {
	const n = 600
	three := []string{partDataset(t, n, 0, 3), partDataset(t, n, 1, 3), partDataset(t, n, 2, 3)}
	all, fourth, few := partDataset(t, n, 0, 1), partDataset(t, n, 1, 4), partDataset(t, 60, 1, 3)
	mixed := partDataset(t, n, 0, 3, "of/another/part.jpg", "of/one/more.jpg", "x.jpg")
	for name, test := range map[string]struct {
		dirs []string
		want string
	}{
		"all":           {three, ""},
		"one is not":    {[]string{three[2], three[0]}, "these are 2 of the 3 parts that extract --shard made of the images; missing are 1/3, and so are their rows"},
		"two are not":   {three[1:2], "these are 1 of the 3 parts that extract --shard made of the images; missing are 0/3, 2/3, and"},
		"most are not":  {[]string{partDataset(t, 2000, 7, 40)}, "0/40, 1/40, 2/40, 3/40, 4/40, 34 more, and"},
		"no parts":      {[]string{all}, ""},
		"with others":   {[]string{three[0], all}, ""},
		"other parts":   {[]string{three[0], fourth}, ""},
		"few rows":      {[]string{few}, ""},
		"more rows":     {[]string{mixed}, ""},
		"unfinished":    {[]string{all, partDataset(t, 7, 0, 1)}, "is not complete (interrupted): it has 7 rows so far: finish it with extract --resume, and merge again"},
		"not a dataset": {[]string{t.TempDir()}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(doubtParts(context.Background(), test.dirs, featurestore.ReadOptions{}), "; ")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("it says %q, want %q", got, test.want)
			}
		})
	}
}
