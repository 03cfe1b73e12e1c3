package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What paths tell of labels is what a listing of the files gives, or nothing.
func TestLabelPathsAgreeWithListings(t *testing.T) {
	files, grey := map[string]string{}, string(greyPNG(t, 7))
	for _, name := range []string{"cat/1.png", "cat/deep/dog.2.png", "top.3.png", "no\xffutf8/4.png", "#2/cat#3.png", "x.tar/5.png"} {
		files[name] = grey
	}
	dir := tree(t, files)
	write(t, filepath.Join(dir, "archive.tar"), tarOf(t, tarMember{name: "cat/6.png", content: grey}, tarMember{name: "7.png", content: grey}, tarMember{name: "bird.8.png", content: grey}))
	for _, source := range []string{"dir", "prefix"} {
		labels, err := ParseLabels(source)
		noError(t, err)
		listing, err := List(t.Context(), []string{dir}, labels, OpenTar)
		noError(t, err)
		paths := make([]string, len(listing.Items))
		for i, item := range listing.Items {
			paths[i] = item.Path
		}
		told, err := LabelPaths(labels, paths, func(int) bool { return false })
		noError(t, err)
		unknown := map[string]bool{}
		for i, item := range listing.Items {
			if told.Found[i] && told.Labels[i] != item.Label {
				t.Errorf("%s: the path of %q tells %q, but the listing says %q", source, item.Path, told.Labels[i], item.Label)
			}
			if !told.Found[i] {
				unknown[item.Path] = true
			}
		}
		want := map[string]bool{}
		if source == "dir" {
			want = map[string]bool{"top.3.png": true, "x.tar/5.png": true, "archive.tar/7.png": true, "archive.tar/bird.8.png": true}
		}
		if !reflect.DeepEqual(unknown, want) {
			t.Errorf("%s: nothing is told of %v, want %v", source, unknown, want)
		}
		_, err = LabelPaths(labels, paths, nil)
		var missing *MissingLabels
		if source == "dir" && (!errors.As(err, &missing) || missing.Count != 4 || !strings.Contains(err.Error(), "the paths of 4 of 9 images do not tell their labels, the first is archive.tar/7.png")) {
			t.Errorf("%v", err)
		}
	}
}

func TestLabelPathsOfNumberedNames(t *testing.T) {
	told, err := LabelPaths(LabelFunc(PrefixLabel), []string{"a.tar/cat#2", "a.tar/cat.1#2", "a.tar/cat#x"}, func(int) bool { return false })
	noError(t, err)
	if !slices.Equal(told.Found, []bool{false, true, true}) || told.Labels[1] != "cat" {
		t.Errorf("%+v", told)
	}
}

// Images in Parquet tables have the labels of the table's column, which their paths do not tell.
func TestLabelPathsInTables(t *testing.T) {
	labels, err := ParseLabels("dir")
	noError(t, err)
	told, err := LabelPaths(labels, []string{"a/x.parquet/train/1.jpg", "x.Parquet/deep/er/2.jpg", "x.parquet/3.jpg", "x.tar/cat/4.jpg", "a.parquet.d/5.jpg"}, func(int) bool { return false })
	noError(t, err)
	if !slices.Equal(told.Found, []bool{false, false, false, true, true}) || told.Labels[3] != "cat" || told.Labels[4] != "a.parquet.d" {
		t.Errorf("%+v", told)
	}
}

func TestLabelPathsOfTables(t *testing.T) {
	paths := []string{"a/1.jpg", "a/2.jpg", "caf\xe9.jpg"}
	table := func(text string) CSVLabels {
		file := filepath.Join(t.TempDir(), "l.csv")
		noError(t, os.WriteFile(file, []byte(text), 0o644))
		return CSVLabels{File: file}
	}
	told, err := LabelPaths(table("path,label,split\na/2.jpg,dog,test\ncaf%E9.jpg,,\nz.jpg,cat,\ny.jpg,cat,\n"), paths, func(i int) bool { return i > 0 })
	noError(t, err)
	want := PathLabels{
		Labels: []string{"", "dog", ""}, Splits: []string{"", "test", ""}, Found: []bool{false, true, true},
		HasSplits: true, Unused: 2, FirstUnused: "z.jpg",
	}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("%+v, want %+v", told, want)
	}
	told, err = LabelPaths(table("path,label\na/2.jpg,dog\na/1.jpg,Dog\n"), paths, func(i int) bool { return false })
	noError(t, err)
	if told.HasSplits || len(told.Doubts) != 1 {
		t.Errorf("%+v", told)
	}
	for text, want := range map[string]string{
		"path,label\na/2.jpg,dog\n": "lacks 2 of 3 images, the first is caf%E9.jpg",
		"path,label\na/2.jpg,dog\ncaf%E9.jpg," + strings.Repeat("x", 1025) + "\n": "has 1025 bytes, and at most 1024",
		"path,label\na/2.jpg,dog\na/2.jpg,cat\n":                                  "keep one of them",
	} {
		if _, err := LabelPaths(table(text), paths, func(i int) bool { return i == 2 }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := LabelPaths(table("path,label\nz.jpg,dog\n"), paths, func(int) bool { return false }); err == nil || !strings.Contains(err.Error(), "lacks 3 of 3") {
		t.Errorf("a table of other images: %v", err)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
