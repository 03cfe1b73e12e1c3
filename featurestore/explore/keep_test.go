package explore

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/vectors"
)

// The copy to keep is the one of most pixels, then of most bytes, then one with a label, then of the first path.
func TestKeep(t *testing.T) {
	bytes := map[string]int64{"d.jpg": 10, "e.jpg": 30, "f.jpg": 20, "i.jpg": 5, "h.jpg": 5}
	rows := []Row{
		{Row: 0, Path: "a.jpg", Label: "cat", Width: 100, Height: 100}, {Row: 1, Path: "b.jpg", Label: "cat", Width: 50, Height: 300}, {Row: 2, Path: "c.jpg", Width: 120, Height: 80}, // by pixels
		{Row: 3, Path: "d.jpg", Width: 9, Height: 9}, {Row: 4, Path: "e.jpg", Width: 9, Height: 9}, {Row: 5, Path: "f.jpg", Width: 9, Height: 9}, // by bytes
		{Row: 6, Path: "g.jpg", Label: "cat", Width: 1, Height: 1}, {Row: 7, Path: "g,2.jpg", Label: "dog", Width: 9000, Height: 9000}, // labels conflict
		{Row: 8, Path: "i.jpg", Width: 3, Height: 4}, {Row: 9, Path: "h.jpg", Width: 4, Height: 3}, {Row: 10, Path: "0 gone.jpg", Width: 4, Height: 3}, // by path, and one without a file
		{Row: 11, Path: "z\xff.jpg"}, {Row: 12, Path: "alone.jpg"}, {Row: 13, Path: "y, \"1\".jpg"}, // nothing is known
	}
	var pairs []vectors.Pair
	for _, p := range [][2]int{{0, 1}, {1, 2}, {3, 4}, {4, 5}, {6, 7}, {8, 9}, {9, 10}, {11, 13}} {
		pairs = append(pairs, vectors.Pair{A: p[0], B: p[1], Similarity: 0.99})
	}
	hashes := strings.Split("1 2 3 4 5 6 7 7 8 9 10 11 12 11", " ")
	groups := group(rows, hashes, pairs, func(path, _ string) File { return File{Bytes: bytes[path]} })
	var kept []string
	for _, g := range groups {
		if g.Conflict != (g.Keep < 0) {
			t.Errorf("%+v", g)
		}
		name := "conflict"
		if g.Keep >= 0 {
			name = g.Rows[g.Keep].Path
		}
		kept = append(kept, name)
	}
	if d := cmp.Diff([]string{"conflict", "b.jpg", "e.jpg", "h.jpg", "y, \"1\".jpg"}, kept); d != "" {
		t.Errorf("what is kept: %s", d)
	}
	var table strings.Builder
	n, err := WriteOthers(&table, groups)
	const want = `path,keep,kind,similarity
a.jpg,b.jpg,near,0.990000
c.jpg,b.jpg,near,0.990000
d.jpg,e.jpg,near,0.990000
f.jpg,e.jpg,near,0.990000
i.jpg,h.jpg,near,0.990000
0 gone.jpg,h.jpg,near,0.990000
z%FF.jpg,"y, ""1"".jpg",exact,0.990000
`
	if d := cmp.Diff(want, table.String()); d != "" || n != (Others{Copies: 7, Conflicts: 1}) || err != nil {
		t.Errorf("%+v, %v: %s", n, err, d)
	}
}

// What is listed can be deleted: the copy that is kept is another file, which is there, with the content of its row.
func TestKeepWhatIsThere(t *testing.T) {
	files := map[string]File{
		"a link.jpg": {Bytes: 9, Real: "/x/file.jpg"}, "file.jpg": {Bytes: 9, Real: "/x/file.jpg"}, "other.jpg": {Bytes: 9, Real: "/x/other.jpg"},
		"gone.jpg": {Gone: true}, "small.jpg": {Bytes: 3, Real: "/x/small.jpg"}, "smaller.jpg": {Bytes: 2, Real: "/x/smaller.jpg"},
		"overwritten.jpg": {Bytes: 99, Changed: true, Real: "/x/overwritten.jpg"}, "kept.jpg": {Bytes: 3, Real: "/x/kept.jpg"},
	}
	rows := []Row{
		{Path: "a link.jpg", Width: 5, Height: 5}, {Path: "file.jpg", Width: 5, Height: 5}, {Path: "other.jpg", Width: 5, Height: 5},
		{Path: "gone.jpg", Width: 90, Height: 90}, {Path: "small.jpg", Width: 5, Height: 5}, {Path: "smaller.jpg", Width: 5, Height: 5},
		{Path: "overwritten.jpg", Width: 50, Height: 50}, {Path: "kept.jpg", Width: 5, Height: 5},
	}
	var pairs []vectors.Pair
	for _, p := range [][2]int{{0, 1}, {1, 2}, {3, 4}, {4, 5}, {6, 7}} {
		pairs = append(pairs, vectors.Pair{A: p[0], B: p[1], Similarity: 1})
	}
	var table strings.Builder
	n, err := WriteOthers(&table, group(rows, strings.Split("1 1 1 3 3 3 6 6", " "), pairs, func(path, _ string) File { return files[path] }))
	const want = `path,keep,kind,similarity
other.jpg,a link.jpg,exact,1.000000
gone.jpg,small.jpg,exact,1.000000
smaller.jpg,small.jpg,exact,1.000000
`
	if d := cmp.Diff(want, table.String()); d != "" || n != (Others{Copies: 3, Changed: 1, Links: 1}) || err != nil {
		t.Errorf("%+v, %v: %s", n, err, d)
	}
}

// With the files that are listed no label goes.
func TestKeepLabels(t *testing.T) {
	rows := []Row{
		{Path: "a.jpg"}, {Path: "b.jpg", Label: "cat"}, {Path: "c.jpg", Label: "cat"}, // of one size
		{Path: "large.jpg", Width: 9, Height: 9}, {Path: "small.jpg", Label: "dog", Width: 5, Height: 5}, {Path: "smaller.jpg", Width: 3, Height: 3},
	}
	pairs := []vectors.Pair{{A: 0, B: 1, Similarity: 1}, {A: 1, B: 2, Similarity: 1}, {A: 3, B: 4, Similarity: 0.99}, {A: 4, B: 5, Similarity: 0.99}}
	var table strings.Builder
	n, err := WriteOthers(&table, group(rows, strings.Split("1 1 1 2 3 4", " "), pairs, nil))
	const want = `path,keep,kind,similarity
a.jpg,b.jpg,exact,1.000000
c.jpg,b.jpg,exact,1.000000
smaller.jpg,large.jpg,near,0.990000
`
	if d := cmp.Diff(want, table.String()); d != "" || n != (Others{Copies: 3, Labelled: 1}) || err != nil {
		t.Errorf("%+v, %v: %s", n, err, d)
	}
}
