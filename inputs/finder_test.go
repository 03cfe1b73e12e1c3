package inputs_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"fovea/inputs"
	"fovea/objects"
	"fovea/picture"
	"fovea/pipeline"
)

// pets is a table of six images: see testdata/tables/make_pets.py.
var pets = filepath.Join("..", "testdata", "tables", "pets.parquet")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	must(t, err)
	return content
}

// samples are files of all kinds that a Finder knows, with the photos that they hold.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	photo := read(t, filepath.Join("..", "testdata", "photos", "cat.2.jpg"))
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, name := range []string{"birds/duck.jpg", "birds/notes.txt"} {
		content := photo
		if strings.HasSuffix(name, ".txt") {
			content = []byte("not an image")
		}
		must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}))
		_, err := w.Write(content)
		must(t, err)
	}
	must(t, w.Close())
	return map[string][]byte{
		"cats/one.jpg": photo, "cats/raw.heic": photo[:0], "cats/notes.txt": []byte("not an image"),
		"birds.tar": archive.Bytes(), "pets.parquet": read(t, pets),
	}
}

// wantItems are the images in samples, as path and label, which sources have.
var wantItems = []string{
	"birds.tar/birds/duck.jpg=", "cats/one.jpg=", "cats/raw.heic=",
	"pets.parquet/cats/1.jpg=", "pets.parquet/dogs/1.jpg=", "pets.parquet/dogs/broken.jpg=", "pets.parquet/dogs/2.webp=",
	"pets.parquet/https:/example.org/cat.jpg=", "pets.parquet/cats/1.jpg#2=",
}

func items(listing pipeline.Listing) []string {
	var out []string
	for _, i := range listing.Items {
		out = append(out, i.Path+"="+i.Label)
	}
	return out
}

// directory writes the samples to a directory.
func directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range samples(t) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, content, 0o644))
	}
	return dir
}

// bucket writes the samples to a store in memory, one for each test.
func bucket(t *testing.T) string {
	t.Helper()
	url := "mem://" + strings.ToLower(t.Name()) + "/folder"
	folder, err := objects.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { must(t, folder.Close()) })
	for name, content := range samples(t) {
		must(t, folder.Put(t.Context(), name, bytes.NewReader(content), int64(len(content))))
	}
	return url
}

// A directory and a store with the same files have the same images.
func TestFinderLists(t *testing.T) {
	for name, argument := range map[string]string{"directory": directory(t), "store": bucket(t)} {
		t.Run(name, func(t *testing.T) {
			finder := inputs.Finder()
			listing, err := finder.List(t.Context(), []string{argument}, nil)
			must(t, err)
			if diff := cmp.Diff(wantItems, items(listing)); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
			if listing.Skipped != 2 || len(listing.Failures) != 0 || listing.Labeled != 5 {
				t.Errorf("%d files skipped, failures %v, %d labels; want 2, none and 5", listing.Skipped, listing.Failures, listing.Labeled)
			}
		})
	}
}

// Labels of tables are used where they are asked for.
func TestFinderLabels(t *testing.T) {
	labeler, err := pipeline.ParseLabels("dir")
	must(t, err)
	finder := inputs.Finder()
	listing, err := finder.List(t.Context(), []string{pets}, labeler)
	must(t, err)
	want := []string{"cats/1.jpg=cat", "dogs/1.jpg=dog", "dogs/broken.jpg=dog", "dogs/2.webp=dog", "https:/example.org/cat.jpg=cat", "cats/1.jpg#2="}
	for i := range want {
		want[i] = "pets.parquet/" + want[i]
	}
	if diff := cmp.Diff(want, items(listing)); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// sink collects what is read.
type sink struct{ images, failures []string }

func (s *sink) Append(i pipeline.DecodedImage) error {
	s.images = append(s.images, fmt.Sprintf("%s %dx%d", i.Path, i.Width, i.Height))
	return nil
}

func (s *sink) Fail(f pipeline.Failure) error {
	s.failures = append(s.failures, fmt.Sprintf("%s %s: %s", f.Path, f.Stage, f.Reason))
	return nil
}

// What is listed can be read, whatever it lies in, and broken images are failures of their own.
func TestFinderReads(t *testing.T) {
	var found []sink
	for _, argument := range []string{directory(t), bucket(t)} {
		finder := inputs.Finder()
		listing, err := finder.List(t.Context(), []string{argument}, nil)
		must(t, err)
		var s sink
		_, err = pipeline.Pixels(t.Context(), listing.Items, &s, pipeline.Config{Picture: picture.Options{Width: 8, Height: 8}})
		must(t, err)
		if len(s.images) != 6 || !slices.Contains(s.images, "pets.parquet/dogs/2.webp 48x40") {
			t.Errorf("%s: images %v", argument, s.images)
		}
		if len(s.failures) != 3 || !slices.ContainsFunc(s.failures, func(f string) bool {
			return strings.HasPrefix(f, "pets.parquet/https:/example.org/cat.jpg read: ") && strings.Contains(f, "the image itself is not in the file")
		}) {
			t.Errorf("%s: failures %q", argument, s.failures)
		}
		found = append(found, s)
	}
	if diff := cmp.Diff(found[0].images, found[1].images); diff != "" {
		t.Errorf("a store's images (-directory +store):\n%s", diff)
	}
}

// A damaged table is a failure of its own beside others, with what to do about it; a table of
// something else is skipped in a directory, and an error as an argument.
func TestFinderRefusesTables(t *testing.T) {
	dir := directory(t)
	damaged := filepath.Join(dir, "damaged.parquet")
	must(t, os.WriteFile(damaged, read(t, pets)[:1000], 0o644))
	features := filepath.Join("..", "featurestore", "testdata", "former", "parquet-float32", "data", "part-00000.parquet")
	must(t, os.WriteFile(filepath.Join(dir, "features.parquet"), read(t, features), 0o644))
	finder := inputs.Finder()
	listing, err := finder.List(t.Context(), []string{dir}, nil)
	must(t, err)
	if len(listing.Items) != len(wantItems) || listing.Skipped != 3 {
		t.Errorf("%d images and %d files skipped, want %d and 3", len(listing.Items), listing.Skipped, len(wantItems))
	}
	if len(listing.Failures) != 1 || listing.Failures[0].Path != "damaged.parquet" || !strings.HasSuffix(listing.Failures[0].Reason, "copy or download it again") {
		t.Errorf("failures %+v", listing.Failures)
	}
	if _, err := finder.List(t.Context(), []string{features}, nil); !errors.Is(err, pipeline.ErrNoPictures) {
		t.Errorf("a table of features gives %v", err)
	}
}

func TestFinderRefusesStores(t *testing.T) {
	finder := inputs.Finder()
	for _, argument := range []string{"mem://empty-bucket/nothing", "ftp://host/photos", "mem://"} {
		if listing, err := finder.List(t.Context(), []string{argument}, nil); err == nil {
			t.Errorf("%s gives %d images", argument, len(listing.Items))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := finder.List(ctx, []string{bucket(t)}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled list ends with %v", err)
	}
}

// Images of kinds that are not decoded are warned of, kind by kind, and summed up.
func TestForeign(t *testing.T) {
	hook := logtest.NewGlobal()
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(make(logrus.LevelHooks)) })
	others := pipeline.Others{Foreign: []pipeline.ForeignFiles{
		{Format: "SVG", Remedy: "draw them first", Files: 3, First: "a.svg"},
		{Format: "PSD", Remedy: "export them", Files: 1, First: "b.psd"},
	}}
	inputs.WarnForeign(others)
	inputs.WarnLabels(pipeline.Listing{Doubts: []string{"labels cat and Cat differ in case only"}}, nil)
	var messages []string
	for _, e := range hook.AllEntries() {
		messages = append(messages, e.Message)
	}
	if len(messages) != 3 || !strings.Contains(messages[0], "draw them first") || !strings.Contains(messages[2], "differ in case") {
		t.Errorf("warnings %q", messages)
	}
	text := inputs.Foreign(others)
	for _, part := range []string{"4 images", "3 of SVG, 1 of PSD"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
	if text := inputs.Foreign(pipeline.Others{Skipped: 7}); text != "" {
		t.Errorf("no foreign images are %q", text)
	}
}

// The log has the labels of the images, the most frequent ones first.
func TestTellLabels(t *testing.T) {
	hook := logtest.NewGlobal()
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(make(logrus.LevelHooks)) })
	items := func(labels ...string) (items []pipeline.Item) {
		for _, label := range labels {
			items = append(items, pipeline.Item{Label: label})
		}
		return items
	}
	inputs.TellLabels(items("", ""))
	inputs.TellLabels(items("b", "a", "", "c\n", "c\n"))
	inputs.TellLabels(items("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"))
	inputs.TellLabels(items("dog ", "dog"))
	var messages []string
	for _, e := range hook.AllEntries() {
		messages = append(messages, e.Message)
	}
	if want := []string{`3 labels: c\n (2), a (1), b (1), none (1)`, "10 labels: 1 (1), 10 (1), 2 (1), 3 (1), 4 (1), 5 (1), 6 (1), 7 (1), 2 more", `2 labels: dog (1), dog\x20 (1)`}; !slices.Equal(messages, want) {
		t.Errorf("%q, want %q", messages, want)
	}
}
