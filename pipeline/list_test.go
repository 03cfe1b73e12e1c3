package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes files with their contents below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func paths(items []Item) []string {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = item.Path
	}
	return names
}

func TestList(t *testing.T) {
	root := tree(t, map[string]string{
		"b/2.jpg":         "",
		"b/10.JPG":        "",
		"b.png":           "",
		"a/deep/er/x.gif": "",
		"really-a-jpeg":   "\xff\xd8\xff and so on",
		"notes.txt":       "no image",
		".hidden.jpg":     "",
		".cache/y.jpg":    "",
	})
	if err := os.Symlink(root, filepath.Join(root, "b", "loop")); err != nil {
		t.Fatal(err)
	}
	listing, err := List(context.Background(), []string{root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a/deep/er/x.gif", "b.png", "b/10.JPG", "b/2.jpg", "really-a-jpeg"}
	if got := paths(listing.Items); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if listing.Skipped != 1 {
		t.Errorf("%d files skipped, want 1", listing.Skipped)
	}
}

func TestListFileArgument(t *testing.T) {
	root := tree(t, map[string]string{"a/picture.dat": "anything"})
	file := filepath.Join(root, "a", "picture.dat")
	listing, err := List(context.Background(), []string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if item := listing.Items[0]; item.Path != "picture.dat" || item.File != file || item.Argument != file {
		t.Errorf("item is %+v", item)
	}
}

func TestListRefuses(t *testing.T) {
	root := tree(t, map[string]string{"a/x.jpg": "", "b/x.jpg": "", "texts/y.txt": "no image", "empty/.keep": ""})
	join := func(name string) string { return filepath.Join(root, name) }
	for name, test := range map[string]struct {
		arguments []string
		want      string
		is        error
	}{
		"missing":   {[]string{join("nowhere")}, "no such file", os.ErrNotExist},
		"empty":     {[]string{join("empty")}, "give a directory", ErrNoPictures},
		"no images": {[]string{join("texts")}, "there is nothing but 1 file without", ErrNoPictures},
		"same path": {[]string{join("a"), join("b")}, "common parent", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := List(context.Background(), test.arguments, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || (test.is != nil && !errors.Is(err, test.is)) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	root := tree(t, map[string]string{
		"cats/cat.1.jpg": tinyGIF, "dogs/dog.2.x.jpg": tinyGIF, "top.jpg": tinyGIF,
		"labels.csv":  "path,label,split\ncats/cat.1.jpg,cat,train\n./dogs/dog.2.x.jpg,\"dog, big\",test\ntop.jpg,,\n",
		"bare.csv":    "cats/cat.1.jpg,1\ndogs/dog.2.x.jpg,2\ntop.jpg,3\nelsewhere.jpg,4\n",
		"missing.csv": "path,label\ntop.jpg,x\n",
		"twice.csv":   "top.jpg,x\ntop.jpg,y\n",
		"wide.csv":    "top.jpg,x,y,z\n",
		"broken.csv":  "top.jpg,\"x\n",
	})
	csvFile := func(name string) string { return "csv:" + filepath.Join(root, name) }
	tests := map[string]struct {
		flag   string
		labels []string
		splits []string
		err    string
	}{
		"none":        {flag: "none", labels: []string{"", "", ""}},
		"prefix":      {flag: "prefix", labels: []string{"cat", "dog", "top"}},
		"dir":         {flag: "dir", labels: []string{"cats", "dogs", filepath.Base(root)}},
		"csv":         {flag: csvFile("labels.csv"), labels: []string{"cat", "dog, big", ""}, splits: []string{"train", "test", ""}},
		"csv bare":    {flag: csvFile("bare.csv"), labels: []string{"1", "2", "3"}},
		"csv misses":  {flag: csvFile("missing.csv"), err: "lacks 2 of 3 images, the first is cats/cat.1.jpg"},
		"csv twice":   {flag: csvFile("twice.csv"), err: "line 2"},
		"csv wide":    {flag: csvFile("wide.csv"), err: "line 1 has 4 fields"},
		"csv broken":  {flag: csvFile("broken.csv"), err: "broken.csv: read the table"},
		"csv missing": {flag: csvFile("nowhere.csv"), err: "no such file"},
		"mistyped":    {flag: "dri", err: `"dri" (did you mean dir?)`},
		"unknown":     {flag: "magic", err: "use none, prefix, dir or csv:FILE"},
		"csv no file": {flag: "csv:", err: "use none, prefix, dir or csv:FILE"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			labeler, err := ParseLabels(test.flag)
			var listing Listing
			if err == nil {
				listing, err = List(context.Background(), []string{root}, labeler)
			}
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error is %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var labels, splits []string
			for _, item := range listing.Items {
				labels, splits = append(labels, item.Label), append(splits, item.Split)
			}
			if !slices.Equal(labels, test.labels) {
				t.Errorf("labels are %q, want %q", labels, test.labels)
			}
			if test.splits != nil && !slices.Equal(splits, test.splits) {
				t.Errorf("splits are %q, want %q", splits, test.splits)
			}
		})
	}
}
