package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// The file systems that tests run on have clocks that tick every few milliseconds.
func init() { settling = 100 * time.Millisecond }

// knownPictures are what a run has left, by path.
type knownPictures map[string]Known

func (k knownPictures) of(path string) (Known, bool) {
	known, ok := k[path]
	return known, ok
}

// add takes what came of a run.
func (k knownPictures) add(t *testing.T, sink *memorySink) {
	t.Helper()
	sum := func(text string) (sum [sha256.Size]byte) {
		if raw, err := hex.DecodeString(text); err != nil || copy(sum[:], raw) != len(raw) {
			t.Errorf("the hash %q: %v", text, err)
		}
		return sum
	}
	for _, row := range sink.rows {
		k[row.Path] = Known{SHA256: sum(row.SHA256), Seen: row.Seen}
	}
	for _, f := range sink.failures {
		k[f.Path] = Known{Failed: true, SHA256: sum(f.SHA256), Seen: f.Seen}
	}
}

// knownOf reads the items as extract does.
func knownOf(t *testing.T, items []Item) knownPictures {
	t.Helper()
	var sink memorySink
	if _, err := Run(context.Background(), items, &meanExtractor{batch: 4}, &sink, config(2)); err != nil {
		t.Fatal(err)
	}
	known := knownPictures{}
	known.add(t, &sink)
	return known
}

// checkComparison compares items with what is known of them, and then takes over what was read.
func checkComparison(t *testing.T, items []Item, known knownPictures, doubts, changed []string) *Comparison {
	t.Helper()
	at := func(places []int) []string {
		var names []string
		for _, i := range places {
			names = append(names, items[i].Path)
		}
		return names
	}
	told := 0
	c := Comparison{Items: items, Known: known.of, Progress: func(n int) { told = n }}
	if err := c.Look(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := at(c.Doubts); !slices.Equal(got, doubts) {
		t.Errorf("in doubt are %q, want %q", got, doubts)
	}
	if told != len(items) {
		t.Errorf("the progress of looking ends with %d of %d", told, len(items))
	}
	if err := c.Read(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := at(c.Changed); !slices.Equal(got, changed) {
		t.Errorf("changed are %q, want %q", got, changed)
	}
	if len(c.Doubts) > 0 && told != len(c.Doubts) {
		t.Errorf("the progress of reading ends with %d of %d", told, len(c.Doubts))
	}
	return &c
}

// greyPNG is a picture of one grey; all of them are equally long.
func greyPNG(t *testing.T, grey uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 4, 4))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	img.Set(0, 0, color.Gray{Y: 255 - grey})
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// aged waits until nothing that was written so far can be taken for what is written later.
func aged() { time.Sleep(settling + 50*time.Millisecond) }

// preserved replaces a file's content and keeps its size and its time, as cp -p, tar and rsync do.
func preserved(t *testing.T, file string, content []byte) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, content)
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(file); err != nil || after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime()) {
		t.Fatalf("the file's size or time has changed: %v", err)
	}
}

// TestCompare changes a directory of pictures in every way that there is between two runs.
func TestCompare(t *testing.T) {
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	year := time.Now().AddDate(-1, 0, 0)
	for _, c := range []struct {
		name            string
		change          func(t *testing.T, root string)
		doubts, changed []string
	}{
		{name: "nothing", change: func(*testing.T, string) {}},
		{
			name:   "a file written anew",
			change: func(t *testing.T, root string) { write(t, root+"/a.png", greyPNG(t, 9)) },
			doubts: []string{"a.png"}, changed: []string{"a.png"},
		},
		{
			name:   "with its size and time preserved",
			change: func(t *testing.T, root string) { preserved(t, root+"/a.png", greyPNG(t, 9)) },
			doubts: []string{"a.png"}, changed: []string{"a.png"},
		},
		{
			name:   "touched",
			change: func(t *testing.T, root string) { must(t, os.Chtimes(root+"/a.png", time.Now(), time.Now())) },
			doubts: []string{"a.png"},
		},
		{
			name: "other permissions, another name for it",
			change: func(t *testing.T, root string) {
				must(t, os.Chmod(root+"/a.png", 0o600), os.Link(root+"/b/c.png", root+"/.other"))
			},
			doubts: []string{"a.png", "b/c.png", "link/c.png"},
		},
		{
			name: "an older file moved there",
			change: func(t *testing.T, root string) {
				write(t, root+"/.older", greyPNG(t, 9))
				must(t, os.Chtimes(root+"/.older", year, year), os.Rename(root+"/.older", root+"/a.png"))
			},
			doubts: []string{"a.png"}, changed: []string{"a.png"},
		},
		{
			name: "a directory swapped for one that is as old",
			change: func(t *testing.T, root string) {
				must(t, os.Rename(root+"/b", root+"/.b"), os.Rename(root+"/.c", root+"/b"))
			},
			doubts: []string{"b/c.png", "link/c.png"}, changed: []string{"b/c.png", "link/c.png"},
		},
		{
			name: "a link that leads elsewhere",
			change: func(t *testing.T, root string) {
				must(t, os.Remove(root+"/link"), os.Symlink(".c", root+"/link"))
			},
			doubts: []string{"link/c.png"}, changed: []string{"link/c.png"},
		},
		{
			name: "an archive of another content, as long and as old",
			change: func(t *testing.T, root string) {
				preserved(t, root+"/x.tar", tarOf(t, tarMember{name: "1.png", content: string(greyPNG(t, 4))}, tarMember{name: "2.png", content: string(greyPNG(t, 9))}))
			},
			doubts: []string{"x.tar/1.png", "x.tar/2.png"}, changed: []string{"x.tar/2.png"},
		},
		{
			name:   "a broken image mended",
			change: func(t *testing.T, root string) { write(t, root+"/broken.png", greyPNG(t, 9)) },
			doubts: []string{"broken.png"}, changed: []string{"broken.png"},
		},
		{
			name:   "a broken image touched",
			change: func(t *testing.T, root string) { must(t, os.Chtimes(root+"/broken.png", year, year)) },
			doubts: []string{"broken.png"},
		},
		{
			name:   "deleted", // its row stays
			change: func(t *testing.T, root string) { must(t, os.Remove(root+"/a.png")) },
		},
		{
			name: "a whole copy that keeps the times",
			change: func(t *testing.T, root string) {
				must(t, os.CopyFS(root+".copy", os.DirFS(root)))
				for _, name := range []string{"a.png", "broken.png", "b/c.png", "x.tar"} {
					info, err := os.Stat(filepath.Join(root, name))
					must(t, err, os.Chtimes(filepath.Join(root+".copy", name), info.ModTime(), info.ModTime()))
				}
				must(t, os.Rename(root, root+".old"), os.Rename(root+".copy", root))
			},
			doubts: []string{"a.png", "b/c.png", "broken.png", "link/c.png", "x.tar/1.png", "x.tar/2.png"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{
				"a.png": string(greyPNG(t, 1)), "b/c.png": string(greyPNG(t, 2)), ".c/c.png": string(greyPNG(t, 3)), "broken.png": "no image",
				"x.tar": string(tarOf(t, tarMember{name: "1.png", content: string(greyPNG(t, 4))}, tarMember{name: "2.png", content: string(greyPNG(t, 5))})),
			})
			must(t, os.Symlink("b", root+"/link"))
			aged()
			listing, err := List(context.Background(), []string{root}, nil, OpenTar)
			must(t, err)
			known := knownOf(t, listing.Items)
			checkComparison(t, listing.Items, known, nil, nil)
			c.change(t, root)
			listing, err = List(context.Background(), []string{root}, nil, OpenTar)
			must(t, err)
			found := checkComparison(t, listing.Items, known, c.doubts, c.changed)
			if found.Unread > 0 {
				t.Errorf("%d could not be read: %v", found.Unread, found.FirstUnread)
			}
		})
	}
}

// TestCompareRemembers has a touched picture read once, not for ever.
func TestCompareRemembers(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a.png": string(greyPNG(t, 1)), "b.png": string(greyPNG(t, 2))})
	listing, err := List(context.Background(), []string{root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	known := knownOf(t, listing.Items) // at once, so that nobody can tell what comes after from what was
	if seen := known["a.png"].Seen; seen != (Seen{}) {
		t.Error("an image that was written just now is to be known by its time")
	}
	aged()
	found := checkComparison(t, listing.Items, known, []string{"a.png", "b.png"}, nil)
	for _, r := range found.Same {
		path := listing.Items[r.Place].Path
		k := known[path]
		k.Seen = r.Seen
		known[path] = k
	}
	checkComparison(t, listing.Items, known, nil, nil)
}

// TestCompareAnotherRoot has a directory of the same names, which is older.
func TestCompareAnotherRoot(t *testing.T) {
	t.Parallel()
	names := []string{"a.png", "b.png", "c.png"}
	var roots [2]string
	for i := range roots {
		files := map[string]string{}
		for n, name := range names {
			files[name] = string(greyPNG(t, uint8(10*i*min(n, 1)+n)))
		}
		roots[1-i] = tree(t, files)
	}
	aged()
	var items [2][]Item
	for i, root := range roots {
		listing, err := List(context.Background(), []string{root}, nil)
		if err != nil {
			t.Fatal(err)
		}
		items[i] = listing.Items
	}
	checkComparison(t, items[1], knownOf(t, items[0]), names, names[1:])
}

// changingSink changes pictures after they have been read, while the run goes on.
type changingSink struct {
	memorySink
	change func()
}

func (s *changingSink) Append(rows []Row) error {
	if s.change != nil {
		s.change()
		s.change = nil
	}
	return s.memorySink.Append(rows)
}

// TestCompareChangedDuringTheRun changes pictures between their reading and the end of the run.
func TestCompareChangedDuringTheRun(t *testing.T) {
	t.Parallel()
	items := greyPictures(t, 40)
	aged()
	var sink changingSink
	other := readFile(t, items[1].File)
	sink.change = func() { write(t, items[0].File, other) }
	if _, err := Run(context.Background(), items, &meanExtractor{batch: 4}, &sink, config(2)); err != nil {
		t.Fatal(err)
	}
	known := knownPictures{}
	known.add(t, &sink.memorySink)
	checkComparison(t, items, known, paths(items[:1]), paths(items[:1]))
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestReadWhileChanging has a file change in the middle of reading, once or for ever.
func TestReadWhileChanging(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		changes, reads int
		err            error
	}{{0, 1, nil}, {1, 2, nil}, {4, 5, nil}, {5, 5, errChanging}, {100, 5, errChanging}} {
		t.Run(fmt.Sprint(c.changes), func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{"a.png": "aaaa", "x.tar": string(tarOf(t, tarMember{name: "1.png", content: "1111"}, tarMember{name: "2.png", content: "2222"}))})
			aged() // else two changes may be of one moment
			listing, err := List(context.Background(), []string{root}, nil, OpenTar)
			if err != nil {
				t.Fatal(err)
			}
			reads := 0
			change := func(file string) {
				if reads++; reads <= c.changes {
					info, err := os.Stat(file)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(file, info.Mode()^0o100); err != nil {
						t.Fatal(err)
					}
					time.Sleep(20 * time.Millisecond) // clocks of file systems are coarse
				}
			}
			item := listing.Items[0]
			_, err = item.watched(context.Background(), func(File) error { change(item.File); return nil })
			if !errors.Is(err, c.err) || reads != c.reads {
				t.Errorf("a file was read %d times: %v", reads, err)
			}
			reads = 0
			var sources sequence
			defer sources.close()
			item, next := listing.Items[1], listing.Items[2]
			item.listed, next.listed = nil, nil // else the archive is not what was listed any more
			undone := 0
			_, err = sources.readSeen(context.Background(), item, func(io.Reader, int64) error { change(item.File); return nil }, func() { undone++ })
			if !errors.Is(err, c.err) || reads != c.reads || undone != min(c.changes, c.reads) {
				t.Errorf("an archive was read %d times, of which %d were taken back: %v", reads, undone, err)
			}
			_, err = sources.readSeen(context.Background(), next, func(r io.Reader, size int64) error {
				content, err := readContent(r, size)
				if string(content) != "2222" {
					t.Errorf("the next image is %q", content)
				}
				return err
			}, func() {})
			if !errors.Is(err, c.err) {
				t.Errorf("the next image gives %v", err)
			}
		})
	}
}

// A run that ends while it waits to read a changing file again does not call the file broken.
func TestReadWhileChangingCancelled(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a.png": "aaaa", "x.tar": string(tarOf(t, tarMember{name: "1.png", content: "1111"}))})
	aged() // else two changes may be of one moment
	listing, err := List(context.Background(), []string{root}, nil, OpenTar)
	if err != nil {
		t.Fatal(err)
	}
	change := func(cancel context.CancelCauseFunc, file string) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, info.Mode()^0o100); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // clocks of file systems are coarse
		cancel(errStop)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	item := listing.Items[0]
	if _, err := item.watched(ctx, func(File) error { change(cancel, item.File); return nil }); !errors.Is(err, errStop) {
		t.Errorf("a file gives %v", err)
	}
	ctx, cancel = context.WithCancelCause(context.Background())
	var sources sequence
	defer sources.close()
	member := listing.Items[1]
	member.listed = nil // else the archive is not what was listed any more
	if _, err := sources.readSeen(ctx, member, func(io.Reader, int64) error { change(cancel, member.File); return nil }, func() {}); !errors.Is(err, errStop) {
		t.Errorf("an archive gives %v", err)
	}
}

var errStop = errors.New("enough")

// TestSettled tells what a time of a file is worth.
func TestSettled(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name            string
		kind            timeliness
		changed, latest time.Duration // from now on, and from changed on
		want            bool
	}{
		{"long ago", ours, -time.Hour, 0, true},
		{"just now", ours, -settling / 2, 0, false},
		{"in the future, by a clock that was wrong", ours, time.Hour, 0, false},
		{"in the past by our clock, but lately by theirs", theirs, -time.Hour, settling / 2, false},
		{"by a clock that is slow and has gone on", theirs, -48 * time.Hour, time.Hour, true},
		{"by a clock that is fast and has gone on", theirs, 48 * time.Hour, time.Hour, true},
		{"the latest that was seen of a clock that is slow", theirs, -48 * time.Hour, 0, false},
	} {
		s := state{system: &fileSystem{kind: c.kind}, changed: now.Add(c.changed).UnixNano()}
		s.system.notice(now.Add(c.changed + c.latest).UnixNano())
		if got := s.settled(now); got != c.want {
			t.Errorf("%s: settled is %t", c.name, got)
		}
	}
	if s := (state{system: &fileSystem{kind: vague}}); s.seen() != (Seen{}) {
		t.Error("a file system whose times tell nothing is relied on")
	}
}

func TestCompareCancelled(t *testing.T) {
	items := greyPictures(t, 3)
	known := knownOf(t, items)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := Comparison{Items: items, Known: known.of}
	if err := c.Look(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("looking gives %v", err)
	}
	c.Doubts = []int{0, 1, 2}
	if err := c.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("reading gives %v", err)
	}
}

// TestComparePicturesThatCannotBeRead tells them from those that have changed.
func TestComparePicturesThatCannotBeRead(t *testing.T) {
	items := greyPictures(t, 3)
	known := knownOf(t, items)
	if err := errors.Join(os.Remove(items[1].File), os.Mkdir(items[1].File, 0o755)); err != nil {
		t.Fatal(err)
	}
	c := checkComparison(t, items, known, paths(items), nil)
	if c.Unread != 1 || c.FirstUnread.Path != items[1].Path {
		t.Errorf("%d could not be read: %v", c.Unread, c.FirstUnread)
	}
}

// BenchmarkLook looks at files that have not changed.
func BenchmarkLook(b *testing.B) {
	const n = 10000
	root := b.TempDir()
	items := make([]Item, n)
	known := knownPictures{}
	for i := range items {
		name := fmt.Sprintf("%05d.png", i)
		items[i] = Item{Path: name, File: write(b, filepath.Join(root, name), []byte(name))}
	}
	for _, item := range items {
		seen, err := item.look()
		if err != nil {
			b.Fatal(err)
		}
		known[item.Path] = Known{Seen: seen}
	}
	var told atomic.Int64
	for b.Loop() {
		c := Comparison{Items: items, Known: known.of, Progress: func(int) { told.Add(1) }}
		if err := c.Look(context.Background()); err != nil || len(c.Doubts) > 0 {
			b.Fatalf("%d in doubt: %v", len(c.Doubts), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/file")
}

// With Elsewhere, new items are read for their SHA-256, unless their files were read before under other names, and those
// that are missing are told.
func TestCompareElsewhere(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a/same.png", "a/changed.png", "a/gone.png", "old/moved.png"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), greyPNG(t, uint8(i)))
	}
	aged()
	list := func() []Item {
		t.Helper()
		found, err := List(context.Background(), []string{dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return found.Items
	}
	known := knownOf(t, list())
	if err := os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a/changed.png"), greyPNG(t, 77))
	write(t, filepath.Join(dir, "a/one.png"), greyPNG(t, 78))
	items := list()
	if err := os.Remove(filepath.Join(dir, "a/gone.png")); err != nil {
		t.Fatal(err)
	}
	c := Comparison{Items: items, Known: known.of, Elsewhere: func(files map[Seen]bool) map[Seen][sha256.Size]byte {
		sums := map[Seen][sha256.Size]byte{}
		for _, k := range known {
			if files[k.Seen] {
				sums[k.Seen] = k.SHA256
			}
		}
		return sums
	}}
	if err := errors.Join(c.Look(context.Background()), c.Read(context.Background())); err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"a/changed.png": greyPNG(t, 77), "a/one.png": greyPNG(t, 78), "new/moved.png": greyPNG(t, 3)}
	if len(c.Changed) != len(want) || len(c.Sums) != len(want) || len(c.Doubts) != 2 {
		t.Errorf("changed are %v, in doubt %v", c.Changed, c.Doubts)
	}
	for _, i := range c.Changed {
		if content, ok := want[items[i].Path]; !ok || c.Sums[i].SHA256 != sha256.Sum256(content) {
			t.Errorf("%s is taken for something else", items[i].Path)
		}
	}
	if len(c.Lost) != 1 || items[c.Lost[0]].Path != "a/gone.png" {
		t.Errorf("lost are %v", c.Lost)
	}
}
