package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// records is a Source of pictures of one size, known by their places alone, as those of tables.
type records struct {
	open OpenFunc
	size int
}

func openRecords(size int) Opener {
	return func(file string, open OpenFunc) (Source, error) {
		if !strings.HasSuffix(file, ".records") {
			return nil, nil
		}
		return &records{open, size}, nil
	}
}

func (r *records) List(ctx context.Context, visit func(Item) error) (Others, error) {
	f, err := r.open(ctx)
	if err != nil {
		return Others{}, err
	}
	defer f.Close()
	for i := range int(f.Size()) / r.size {
		if err := visit(Item{Path: fmt.Sprint(i), Index: i}); err != nil {
			return Others{}, err
		}
	}
	return Others{}, nil
}

func (r *records) Open(_ context.Context, file File) (Contents, error) {
	return recordContents{file, r.size}, nil
}

type recordContents struct {
	File
	size int
}

func (c recordContents) Picture(item Item) (io.Reader, int64, error) {
	return io.NewSectionReader(c, int64(item.Index*c.size), int64(c.size)), int64(c.size), nil
}

// TestSourceReplaced changes sources between listing and reading, and while they are read: nothing
// becomes a row, and all is tried again.
func TestSourceReplaced(t *testing.T) {
	t.Parallel()
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	size := len(greyPNG(t, 1))
	tarred := func(prefix string, greys ...uint8) []byte {
		var members []tarMember
		for i, grey := range greys {
			members = append(members, tarMember{name: fmt.Sprintf("%s%d.png", prefix, i), content: string(greyPNG(t, grey))})
		}
		return tarOf(t, members...)
	}
	joined := bytes.Join([][]byte{greyPNG(t, 1), greyPNG(t, 2), greyPNG(t, 3)}, nil)
	moved := bytes.Join([][]byte{greyPNG(t, 3), greyPNG(t, 1), greyPNG(t, 2)}, nil)
	inPlace := func(t *testing.T, file string, content []byte) { preserved(t, file, content) }
	renamed := func(t *testing.T, file string, content []byte) {
		info, err := os.Stat(file)
		must(t, err)
		write(t, file+".new", content)
		must(t, os.Chtimes(file+".new", info.ModTime(), info.ModTime()), os.Rename(file+".new", file))
	}
	touched := func(t *testing.T, file string, _ []byte) { must(t, os.Chtimes(file, time.Time{}, time.Now())) }
	for _, c := range []struct {
		name, file    string
		before, after []byte
		change        func(t *testing.T, file string, content []byte)
	}{
		{"tar replaced", "x.tar", tarred("", 1, 2, 3), tarred("", 3, 1, 2), renamed},
		{"tar rewritten", "x.tar", tarred("", 1, 2, 3), tarred("", 3, 1, 2), inPlace},
		{"tar of other names", "x.tar", tarred("", 1, 2, 3), tarred("a", 1, 2, 3), renamed},
		{"tar touched", "x.tar", tarred("", 1, 2, 3), nil, touched},
		{"gzip replaced", "x.tgz", gzipped(t, tarred("", 1, 2, 3)), gzipped(t, tarred("", 3, 1, 2)), func(t *testing.T, file string, content []byte) {
			write(t, file+".new", content)
			must(t, os.Rename(file+".new", file))
		}},
		{"records replaced", "x.records", joined, moved, renamed},
		{"records rewritten", "x.records", joined, moved, inPlace},
		{"records touched", "x.records", joined, nil, touched},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			file := write(t, filepath.Join(root, c.file), c.before)
			list := func() []Item {
				aged()
				listing, err := List(context.Background(), []string{root}, nil, OpenTar, openRecords(size))
				must(t, err)
				if len(listing.Items) != 3 || len(listing.Failures) > 0 {
					t.Fatalf("found %v, failures %v", paths(listing.Items), listing.Failures)
				}
				return listing.Items
			}
			items := list()
			c.change(t, file, c.after)
			failed := &memorySink{}
			_, err := Run(context.Background(), items, &meanExtractor{batch: 2}, failed, config(2))
			must(t, err)
			if len(failed.rows) > 0 || len(failed.failures) != 3 {
				t.Errorf("%d rows and %d failures", len(failed.rows), len(failed.failures))
			}
			for _, f := range failed.failures {
				if f.Stage != StageRead || f.Seen != (Seen{}) || f.Reason != errReplaced.Error() {
					t.Errorf("%s failed in %s by %q", f.Path, f.Stage, f.Reason)
				}
			}
			known := knownPictures{}
			known.add(t, failed)
			checkComparison(t, items, known, paths(items), paths(items)) // also by one that has listed what is gone
			items = list()
			if c.name != "tar of other names" {
				checkComparison(t, items, known, paths(items), paths(items)) // all are tried again
			}
			if known = knownOf(t, items); len(known) != 3 || known[items[0].Path].Failed || known[items[0].Path].Seen == (Seen{}) {
				t.Errorf("afterwards they are %v", known)
			}

			// While it is read, so that it is opened again.
			var s sequence
			defer s.close()
			undone := 0
			for _, item := range items {
				change := func(io.Reader, int64) error { c.change(t, file, c.before); return nil }
				if seen, err := s.readSeen(context.Background(), item, change, func() { undone++ }); !errors.Is(err, errReplaced) || seen != (Seen{}) || undone != 1 {
					t.Errorf("%s gives %v, and %d were taken back", item.Path, err, undone)
				}
			}
		})
	}
}

// TestSourceListedAtOnce has an archive listed so soon that a change of it after that may not show:
// its rows are compared by their content later.
func TestSourceListedAtOnce(t *testing.T) {
	t.Parallel()
	items := greyTar(t, filepath.Join(t.TempDir(), "a.tar"), 3)
	aged()
	known := knownOf(t, items)
	if seen := known[items[0].Path].Seen; seen != (Seen{}) {
		t.Error("an image is to be known by the time of an archive that was listed just after it was written")
	}
	checkComparison(t, items, known, paths(items), nil)
}
