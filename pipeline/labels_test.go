package pipeline

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tinyGIF is a picture of one pixel.
const tinyGIF = "GIF87a\x01\x00\x01\x00\x81\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x08\x04\x00\x01\x04\x04\x00;"

// TestCSVSpelling: rows may name pictures and labels by their bytes or as datasets show them.
func TestCSVSpelling(t *testing.T) {
	root := tree(t, map[string]string{"caf\xe9.jpg": tinyGIF, "caf%E9.jpg": tinyGIF, "100%.jpg": tinyGIF})
	for name, test := range map[string]struct {
		csv    string
		labels []string // of 100%, caf%E9, caf\xe9
		err    string
	}{
		"bytes":      {csv: "100%.jpg,a\ncaf%25E9.jpg,b\ncaf\xe9.jpg,c\n", labels: []string{"a", "b", "c"}},
		"as shown":   {csv: "100%.jpg,100%\ncaf%25E9.jpg,caf%25E9\ncaf%E9.jpg,caf%E9\n", err: "could mean"},
		"as named":   {csv: "100%.jpg,a\ncaf%E9.jpg,caf%25E9\ncaf\xe9.jpg,caf%E9\n", labels: []string{"a", "caf%E9", "caf\xe9"}},
		"left out":   {csv: "100%.jpg,a\ncaf%25E9.jpg,b\n", err: "lacks 1 of 3 images, the first is caf%E9.jpg: no row is like it, and the table begins with \"100%.jpg\" (line 1): add a row caf%E9.jpg,LABEL"},
		"other case": {csv: "100%.JPG,a\n", err: "the nearest row is \"100%.JPG\" (line 1), which differs in letter case"},
		"whole path": {csv: "/data/photos/100%.jpg,a\n", err: "lacks 2 of 3 images (without the folder /data/photos/ of its paths), the first is caf%25E9.jpg"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "labels.csv")
			if err := os.WriteFile(file, []byte(test.csv), 0o644); err != nil {
				t.Fatal(err)
			}
			listing, err := List(context.Background(), []string{root}, CSVLabels{File: file})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error is %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range test.labels {
				if got := listing.Items[i].Label; got != want {
					t.Errorf("the label of %q is %q, want %q", listing.Items[i].Path, got, want)
				}
			}
		})
	}
}

// TestLabelDoubts: what nobody can have meant is refused, what hardly anybody has is doubted.
func TestLabelDoubts(t *testing.T) {
	items := func(labels ...string) []Item {
		var out []Item
		for _, l := range labels {
			out = append(out, Item{File: "x/" + l + ".jpg", Label: l}, Item{File: "y.jpg", Label: l})
		}
		return out
	}
	for name, test := range map[string]struct {
		labels []string
		doubts []string
		err    string
	}{
		"ordinary":      {labels: []string{"cat", "dog", "", "caf\u00e9", "100%", "a b"}},
		"zero byte":     {labels: []string{"cat", "d\x00og"}, err: "contains zero bytes"},
		"a text":        {labels: []string{"cat", strings.Repeat("long ", 300)}, err: "has 1500 bytes"},
		"control":       {labels: []string{"a\nb"}, doubts: []string{`"a\nb", first of x/`}},
		"invisible":     {labels: []string{"c\u200bat", "👩\u200d🔬"}, doubts: []string{`"c\u200bat", first of x/`}},
		"no UTF-8":      {labels: []string{"caf\xe9"}, doubts: []string{"written as caf%E9 everywhere"}},
		"compositions":  {labels: []string{"caf\u00e9", "cafe\u0301"}, doubts: []string{`["cafe\u0301" "caf\u00e9"] look alike`}},
		"case":          {labels: []string{"Cat", "cat"}, doubts: []string{`["Cat" "cat"]`}},
		"blanks":        {labels: []string{"cat", "cat "}, doubts: []string{`["cat" "cat "]`}},
		"several kinds": {labels: []string{"cat", "Cat", "d\tog"}, doubts: []string{`d\tog`, `["Cat" "cat"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			doubts, err := checkLabels(items(test.labels...))
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("error is %v, want one with %q", err, test.err)
			}
			if len(doubts) != len(test.doubts) {
				t.Fatalf("doubts are %q, want %q", doubts, test.doubts)
			}
			for i, want := range test.doubts {
				if !strings.Contains(doubts[i], want) {
					t.Errorf("doubt %q, want one with %q", doubts[i], want)
				}
			}
		})
	}
}

// Images that cannot be read need no row, wherever they are; others do.
func TestCSVOfUnreadable(t *testing.T) {
	root := tree(t, map[string]string{"a.gif": tinyGIF, "broken.jpg": "no picture", "new.heic": "", "labels.csv": "a.gif,x\n"})
	if err := os.Symlink("nowhere", filepath.Join(root, "gone.png")); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, content := range map[string]string{"b.jpg": "no picture", "c.gif": tinyGIF} {
		err := errors.Join(w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644}), second(w.Write([]byte(content))))
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "x.tar")
	if err := errors.Join(w.Close(), os.WriteFile(file, archive.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	table := CSVLabels{File: filepath.Join(root, "labels.csv")}
	list := func() (Listing, error) { return List(context.Background(), []string{root}, table, OpenTar) }
	if _, err := list(); err == nil || !strings.Contains(err.Error(), "lacks 5 of 6 images, the first is x.tar/c.gif") {
		t.Errorf("with a readable image in an archive: %v", err)
	}
	if err := os.WriteFile(table.File, []byte("a.gif,x\nx.tar/c.gif,y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	listing, err := list()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{}
	for _, item := range listing.Items {
		labels[item.Path] = item.Label
	}
	if want := map[string]string{"a.gif": "x", "x.tar/c.gif": "y", "broken.jpg": "", "gone.png": "", "new.heic": "", "x.tar/b.jpg": ""}; !maps.Equal(labels, want) {
		t.Errorf("labels are %v, want %v", labels, want)
	}
	// Without the pictures at hand, all are wanted.
	if err := table.Label(listing.Items); err == nil || !strings.Contains(err.Error(), "lacks 4 of 6 images") {
		t.Errorf("for items alone: %v", err)
	}
}

func second(_ int, err error) error { return err }

// Labels of images that are left out are nobody's trouble.
func TestLabelsOfSelected(t *testing.T) {
	dir := tree(t, map[string]string{"a.jpg": tinyGIF, "b.jpg": tinyGIF, "c.jpg": tinyGIF})
	labels := LabelFunc(func(i Item) string {
		return map[string]string{"a.jpg": "cat", "b.jpg": strings.Repeat("x", 2000), "c.jpg": "Cat"}[i.Path]
	})
	if _, err := (Finder{}).List(t.Context(), []string{dir}, labels); err == nil || !strings.Contains(err.Error(), "b.jpg") {
		t.Errorf("the error is %v", err)
	}
	listing, err := Finder{Selection: Selection{Exclude: []string{"[bc].jpg"}}}.List(t.Context(), []string{dir}, labels)
	if err != nil || len(listing.Doubts) > 0 {
		t.Errorf("without b.jpg and c.jpg: %v, %q", err, listing.Doubts)
	}
}

// Whoever sorts the photos of a class into folders is told that these become classes; folders beside each other, those
// of the same name, and those that are left out are no such case.
func TestNestedLabels(t *testing.T) {
	for name, test := range map[string]struct {
		files   []string
		exclude []string
		want    string
	}{
		"beside":    {files: []string{"cat/a.jpg", "dog/b.jpg", "old/cat/c.jpg"}},
		"same name": {files: []string{"cat/a.jpg", "cat/x/cat/c.jpg"}},
		"nested":    {files: []string{"cat/a.jpg", "dog/b.jpg", "dog/DCIM/100/c.jpg", "cat/old/d.jpg"}, want: "2 directories are classes of their own within the directory of another class, such as cat/old within cat: "},
		"left out":  {files: []string{"cat/a.jpg", "cat/old/b.jpg"}, exclude: []string{"cat/old/**"}},
		"top":       {files: []string{"cat/a.jpg", "top.jpg"}, want: "1 directory is a class of its own within the directory of another class, such as cat within ROOT: "},
	} {
		files := map[string]string{}
		for _, file := range test.files {
			files[file] = tinyGIF
		}
		root := tree(t, files)
		listing, err := Finder{Selection: Selection{Exclude: test.exclude}}.List(t.Context(), []string{root}, directoryLabels{})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(test.want, "ROOT", root)
		if said := strings.Join(listing.Doubts, "\n"); (said == "") != (want == "") || !strings.HasPrefix(said, want) {
			t.Errorf("%s: %q, want %q", name, said, want)
		}
	}
	told, err := LabelPaths(directoryLabels{}, []string{"cat/a.jpg", "cat/old/b.jpg"}, nil)
	if err != nil || len(told.Doubts) != 1 || !strings.Contains(told.Doubts[0], "cat/old within cat") {
		t.Errorf("by paths alone: %v, %q", err, told.Doubts)
	}
}
