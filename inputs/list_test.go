package inputs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/objects"
	"fovea/pipeline"
)

// writeFiles writes files of no meaning, with their directories.
func writeFiles(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// archive makes a tar archive with such members.
func archive(t *testing.T, name string, members ...string) {
	t.Helper()
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	for _, member := range members {
		if err := w.WriteHeader(&tar.Header{Name: member, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, name)
	if err := os.WriteFile(name, content.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// putObjects writes objects into the process's own store, which lives on: each test has a bucket.
func putObjects(t *testing.T, bucket string, names ...string) {
	t.Helper()
	folder, err := objects.Open(context.Background(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := folder.Put(context.Background(), name, strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestList(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFiles(t, "b/1.jpg", "a/1.jpg", "dir/z.png", "dir/deep/y.gif")
	archive(t, "more/p.tar", "cats/c.jpg", "d.jpg")
	putObjects(t, "mem://listed", "cats/1.jpg", "dogs/1.jpg", "dogs/2.jpg")
	for name, test := range map[string]struct {
		images []string
		stdin  string
		want   []string
	}{
		"equal names":        {[]string{"b/1.jpg", "a/1.jpg"}, "", []string{"b/1.jpg", "a/1.jpg"}},
		"directory":          {[]string{"dir", "a/1.jpg"}, "", []string{"a/1.jpg", "deep/y.gif", "z.png"}},
		"stdin":              {[]string{"-"}, "a/1.jpg\r\n\nnowhere.jpg\nb/1.jpg", []string{"a/1.jpg", "nowhere.jpg", "b/1.jpg"}},
		"stdin and dir":      {[]string{"-", "b/1.jpg"}, "dir\n", []string{"b/1.jpg", "deep/y.gif", "z.png"}},
		"archive":            {[]string{"more/p.tar", "a/1.jpg"}, "", []string{"a/1.jpg", "p.tar/cats/c.jpg", "p.tar/d.jpg"}},
		"archive below":      {[]string{"more"}, "", []string{"p.tar/cats/c.jpg", "p.tar/d.jpg"}},
		"archive in a list":  {[]string{"-"}, "more/p.tar\na/1.jpg\n", []string{"a/1.jpg", "more/p.tar/cats/c.jpg", "more/p.tar/d.jpg"}},
		"store":              {[]string{"mem://listed/dogs", "a/1.jpg"}, "", []string{"a/1.jpg", "1.jpg", "2.jpg"}},
		"objects by name":    {[]string{"mem://listed/cats/1.jpg", "a/1.jpg", "mem://listed/dogs/1.jpg"}, "", []string{"mem://listed/cats/1.jpg", "a/1.jpg", "mem://listed/dogs/1.jpg"}},
		"store in a list":    {[]string{"-"}, "mem://listed/cats/1.jpg\na/1.jpg\nmem://listed/dogs\n", []string{"mem://listed/cats/1.jpg", "a/1.jpg", "1.jpg", "2.jpg"}},
		"missing archive":    {[]string{"-"}, "nowhere.tar\n", []string{"nowhere.tar"}},
		"file:// in a list":  {[]string{"-"}, "file://./a/1.jpg\n", []string{"./a/1.jpg"}},
		"other URL in lists": {[]string{"-"}, "https://example.org/a.jpg\n", []string{"https://example.org/a.jpg"}},
	} {
		listing, err := Options{}.List(context.Background(), test.images, strings.NewReader(test.stdin))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, item := range listing.Items {
			got = append(got, item.Path)
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestListRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFiles(t, "a/1.jpg", "b/1.jpg")
	putObjects(t, "mem://twice", "a/1.jpg", "a/2.jpg")
	for name, test := range map[string]struct {
		images []string
		stdin  string
		want   error
		text   string
	}{
		"empty list":      {[]string{"-"}, "\n", pipeline.ErrNoPictures, "standard input names none"},
		"missing file":    {[]string{"nowhere"}, "", os.ErrNotExist, "cannot open the image"},
		"stdin twice":     {[]string{"-", "-"}, "", ErrStdinTwice, "only once"},
		"endless line":    {[]string{"-"}, strings.Repeat("x", maxLine+1), nil, "one path per line"},
		"empty store":     {[]string{"mem://twice/nothing"}, "", pipeline.ErrNoPictures, "no images in mem://twice/nothing"},
		"paths twice":     {[]string{"a", "b"}, "", nil, "give their common parent directory"},
		"twice in stores": {[]string{"a", "mem://twice/a"}, "", nil, `would both be called "1.jpg"`},
	} {
		_, err := Options{}.List(context.Background(), test.images, strings.NewReader(test.stdin))
		if err == nil || !strings.Contains(err.Error(), test.text) || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.text)
		}
	}
}

// What is wrong with a single name in a list is a row with an error, not the end.
func TestListKeepsGoing(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFiles(t, "a/1.jpg", "broken.tar", "broken.parquet")
	listing, err := Options{}.List(context.Background(), []string{"-"}, strings.NewReader("broken.tar\nbroken.parquet\nmem://none/of/it\na/1.jpg\n"))
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range listing.Failures {
		failed = append(failed, f.Path)
	}
	if d := cmp.Diff([]string{"mem://none/of/it", "broken.parquet", "broken.tar"}, failed); d != "" || len(listing.Items) != 1 {
		t.Errorf("%d images, failures %s", len(listing.Items), d)
	}
}
