package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fakeStore is a store in memory.
type fakeStore struct {
	files    map[string][]byte
	modified time.Time
	versions map[string]string
	// down fails every reading from that number of openings on; 0 never does.
	down     int64
	openings atomic.Int64
}

var errDown = errors.New("no answer")

func (s *fakeStore) Files(_ context.Context, visit func(StoredFile) error) error {
	for name, content := range s.files { // in any order
		if err := visit(StoredFile{Name: name, URL: "s3://bucket/" + name, Size: int64(len(content)), Modified: s.modified, Version: s.versions[name]}); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeStore) Open(_ context.Context, file StoredFile) (File, error) {
	content, ok := s.files[file.Name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", file.URL, fs.ErrNotExist)
	}
	f := fakeFile{Reader: bytes.NewReader(content)}
	if n := s.openings.Add(1); s.down > 0 && n >= s.down {
		f.err = errDown
	}
	return f, nil
}

type fakeFile struct {
	*bytes.Reader
	err error
}

func (f fakeFile) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Reader.Read(p)
}
func (f fakeFile) Size() int64 { return f.Reader.Size() }
func (fakeFile) Close() error  { return nil }

func (s *fakeStore) list(t *testing.T, labels Labeler) Listing {
	t.Helper()
	finder := Finder{Openers: []Opener{OpenTar}, Store: func(_ context.Context, argument string) (Store, error) {
		if argument == "s3://bucket" {
			return s, nil
		}
		return nil, nil
	}}
	listing, err := finder.List(context.Background(), []string{"s3://bucket"}, labels)
	if err != nil {
		t.Fatal(err)
	}
	return listing
}

// greyStore holds n pictures, those of greyPictures.
func greyStore(t *testing.T, n int, broken ...int) *fakeStore {
	t.Helper()
	s := &fakeStore{files: map[string][]byte{}}
	for _, item := range greyPictures(t, n, broken...) {
		content, err := os.ReadFile(item.File)
		if err != nil {
			t.Fatal(err)
		}
		s.files[item.Path] = content
	}
	return s
}

func TestStoreLists(t *testing.T) {
	png := greyStore(t, 1).files["000.png"]
	s := &fakeStore{files: map[string][]byte{
		"cats/a.png": png, "cats/b": png, "cats/": {}, "cats/.hidden.png": png, ".trash/a.png": png, "cats/notes.txt": []byte("a text"), "empty": {},
		"dogs/x.tar": tarOf(t, tarMember{name: "c.png", content: string(png)}, tarMember{name: "d.png", content: string(png)}),
		"dogs/y.tar": []byte("no archive, but something else of a tar's name, which is longer than a block: " + strings.Repeat("x", 1000)),
	}}
	listing := s.list(t, LabelFunc(DirectoryLabel))
	want := []string{"cats/a.png=cats", "cats/b=cats", "dogs/x.tar/c.png=", "dogs/x.tar/d.png="}
	if got := pathsAndLabels(listing.Items); !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
	if listing.Skipped != 2 || len(listing.Failures) != 1 || listing.Failures[0].Path != "dogs/y.tar" {
		t.Errorf("%d files are skipped, failures are %v", listing.Skipped, listing.Failures)
	}
	if file := listing.Items[0].File; file != "s3://bucket/cats/a.png" {
		t.Errorf("the file of cats/a.png is %s", file)
	}
	s.down = s.openings.Load() + 1
	_, err := Finder{Store: func(context.Context, string) (Store, error) { return s, nil }}.List(context.Background(), []string{"s3://bucket"}, nil)
	if !errors.Is(err, errDown) {
		t.Errorf("a store that is down gives %v", err)
	}
}

// TestStoreRuns compares a run over a store with one over files.
func TestStoreRuns(t *testing.T) {
	broken := []int{3, 17}
	var fromFiles, fromStore memorySink
	if _, err := Run(context.Background(), greyPictures(t, 60, broken...), &meanExtractor{batch: 8}, &fromFiles, config(4)); err != nil {
		t.Fatal(err)
	}
	s := greyStore(t, 60, broken...)
	listing := s.list(t, nil)
	delete(s.files, "040.png") // since it was listed
	if _, err := Run(context.Background(), listing.Items, &meanExtractor{batch: 8}, &fromStore, config(4)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(fromStore.paths, fromFiles.paths) || len(fromStore.failures) != 3 || fromStore.failures[2].Stage != StageRead {
		t.Errorf("results are %v with the failures %v", fromStore.paths, fromStore.failures)
	}
	sums := map[string]string{}
	for _, row := range fromFiles.rows {
		sums[row.Path] = row.SHA256
	}
	for _, row := range fromStore.rows {
		if row.SHA256 != sums[row.Path] {
			t.Errorf("%s has the hash %s in the store, %s in a directory", row.Path, row.SHA256, sums[row.Path])
		}
	}
	kinds, readable, err := Survey(context.Background(), listing.Items, 1<<20, 5)
	if err != nil || len(readable) != 5 || kinds[0].Pictures < 57 {
		t.Errorf("the survey finds %v, %d readable, %v", kinds, len(readable), err)
	}
}

// TestStoreGoesAway has the store fail in the middle, for pictures and for an archive of them.
func TestStoreGoesAway(t *testing.T) {
	const n, batch = 60, 4
	for _, archive := range []bool{false, true} {
		s := greyStore(t, n)
		if archive {
			var members []tarMember
			for _, name := range slices.Sorted(maps.Keys(s.files)) {
				members = append(members, tarMember{name: name, content: string(s.files[name])})
			}
			s.files = map[string][]byte{"x.tar": tarOf(t, members...), "y.png": s.files["000.png"]}
		}
		listing := s.list(t, nil)
		s.down = s.openings.Load() + 30
		if archive {
			s.down = s.openings.Load() + 1
		}
		var sink memorySink
		_, err := Run(context.Background(), listing.Items, &meanExtractor{batch: batch}, &sink, config(2))
		var failure *StoreError
		if !errors.As(err, &failure) || !errors.Is(err, errDown) {
			t.Errorf("the run ends with %v", err)
		}
		if len(sink.failures) > 0 {
			t.Errorf("images are taken for broken: %v", sink.failures)
		}
		if len(sink.rows)%batch != 0 || !slices.Equal(sink.paths, paths(listing.Items[:len(sink.rows)])) {
			t.Errorf("the rows are %v", sink.paths)
		}
		s.down = 0
		if _, err := Run(context.Background(), listing.Items[len(sink.rows):], &meanExtractor{batch: batch}, &sink, config(2)); err != nil || !slices.Equal(sink.paths, paths(listing.Items)) {
			t.Errorf("going on gives %d of %d rows and %v", len(sink.rows), len(listing.Items), err)
		}
	}
}

func TestStoreCompared(t *testing.T) {
	s := &fakeStore{files: map[string][]byte{}}
	for i := range 4 {
		s.files[fmt.Sprintf("%03d.png", i)] = greyPNG(t, uint8(i))
	}
	s.versions = map[string]string{"000.png": "1", "001.png": "1", "002.png": "1", "x.tar": "1"}
	s.modified = time.Now().Add(-time.Hour)
	s.files["x.tar"] = tarOf(t, tarMember{name: "a.png", content: string(s.files["000.png"])}, tarMember{name: "b.png", content: string(s.files["001.png"])})
	known := knownOf(t, s.list(t, nil).Items)
	delete(known, "001.png")

	look := func(doubts, changed []string) {
		t.Helper()
		checkComparison(t, s.list(t, nil).Items, known, doubts, changed)
	}
	look([]string{"003.png"}, nil) // which has no version
	s.files["000.png"] = s.files["001.png"]
	look([]string{"003.png"}, nil) // a store says when there is another version
	s.versions["000.png"], s.versions["002.png"] = "2", "2"
	look([]string{"000.png", "002.png", "003.png"}, []string{"000.png"})
	s.files["x.tar"] = tarOf(t, tarMember{name: "a.png", content: string(s.files["000.png"])}, tarMember{name: "b.png", content: string(s.files["003.png"])})
	s.versions["x.tar"] = "2"
	s.versions["000.png"], s.versions["002.png"] = "1", "1"
	look([]string{"003.png", "x.tar/a.png", "x.tar/b.png"}, []string{"x.tar/a.png", "x.tar/b.png"})

	s.down = s.openings.Load() + 3 // after the archive was listed
	c := Comparison{Items: s.list(t, nil).Items, Known: known.of}
	if err := c.Look(context.Background()); err != nil {
		t.Error(err)
	}
	if err := c.Read(context.Background()); !errors.Is(err, errDown) {
		t.Errorf("a store that is down gives %v", err)
	}
	if _, err := io.ReadAll(storedFile{fakeFile{bytes.NewReader(nil), nil}}); err != nil {
		t.Errorf("the end of a file gives %v", err)
	}
}
