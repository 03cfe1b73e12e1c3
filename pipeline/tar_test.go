package pipeline

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tarMember is of a tar archive; a link if it has a target.
type tarMember struct {
	name, content, target string
}

func tarOf(t testing.TB, members ...tarMember) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		header := &tar.Header{Name: m.name, Size: int64(len(m.content)), Mode: 0o644, Typeflag: tar.TypeReg}
		switch {
		case m.target != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, m.target
		case strings.HasSuffix(m.name, "/"):
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, file string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// pathsAndLabels are written as path=label.
func pathsAndLabels(items []Item) []string {
	var out []string
	for _, item := range items {
		out = append(out, item.Path+"="+item.Label)
	}
	return out
}

func TestTarLists(t *testing.T) {
	const jpg = "\xff\xd8\xff and so on"
	archive := tarOf(t,
		tarMember{name: "b/", content: ""},
		tarMember{name: "b/2.jpg", content: jpg}, tarMember{name: "b/2.cls", content: "dog\n"}, tarMember{name: "b/2.json", content: "{}"},
		tarMember{name: "b/1.cls", content: "cat"}, tarMember{name: "b/1.jpg", content: jpg}, tarMember{name: "b/1.seg.png", content: "mask"}, tarMember{name: "b/1.txt", content: "a cat"},
		tarMember{name: "./a/x.jpg", content: jpg}, tarMember{name: "a/x.jpg", content: "other"}, tarMember{name: "a/x.jpg#2", content: jpg},
		tarMember{name: "../../etc/y.png", content: jpg},
		tarMember{name: "a/no-extension", content: jpg}, tarMember{name: "a/notes", content: "a text of some length"}, tarMember{name: "a/empty", content: ""},
		tarMember{name: "a/.hidden.jpg", content: jpg}, tarMember{name: "._2.jpg", content: jpg}, tarMember{name: ".git/z.jpg", content: jpg},
		tarMember{name: "a/link.jpg", target: "x.jpg"}, tarMember{name: "a/link.txt", target: "x"},
		tarMember{name: "late.jpg", content: jpg}, tarMember{name: "between.jpg", content: jpg}, tarMember{name: "late.cls", content: "fox"},
	)
	want := []string{
		"b/2.jpg=dog", "b/1.jpg=cat", "b/1.seg.png=cat", "a/x.jpg=", "a/x.jpg#2=", "a/x.jpg#2#2=", "etc/y.png=",
		"a/no-extension=", "a/link.jpg=", "late.jpg=fox", "between.jpg=",
	}
	for i, path := range want {
		want[i] = "x/s.tar/" + path
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"plain": archive, "gzip": gzipped(t, archive)} {
		t.Run(name, func(t *testing.T) {
			file := write(t, filepath.Join(root, "x", "s.tar"), data)
			listing, err := List(context.Background(), []string{root}, LabelFunc(DirectoryLabel), OpenTar)
			if err != nil {
				t.Fatal(err)
			}
			if got := pathsAndLabels(listing.Items); !slices.Equal(got, want) {
				t.Errorf("found\n%q, want\n%q", got, want)
			}
			// b/2.json, b/1.txt, notes, empty, link.txt
			if listing.Skipped != 5 || listing.Labeled != 4 || len(listing.Failures) != 0 {
				t.Errorf("%d skipped, %d labeled, failures %v; want 5, 4, none", listing.Skipped, listing.Labeled, listing.Failures)
			}
			// Without labels, without openers, and by their names.
			listing, err = List(context.Background(), []string{file}, nil, OpenTar)
			if err != nil || listing.Items[0].Label != "" || listing.Items[0].Path != "s.tar/b/2.jpg" {
				t.Errorf("the first item is %+v (%v)", listing.Items[0], err)
			}
			listing, err = List(context.Background(), []string{file}, LabelFunc(PrefixLabel), OpenTar)
			if err != nil || listing.Items[0].Label != "2" {
				t.Errorf("the first item is %+v (%v)", listing.Items[0], err)
			}
			if _, err = List(context.Background(), []string{root}, nil); !errors.Is(err, ErrNoPictures) {
				t.Errorf("without openers: %v", err)
			}
		})
	}
}

func TestTarRefuses(t *testing.T) {
	archive := tarOf(t, tarMember{name: "a.jpg", content: "\xff\xd8\xff" + strings.Repeat("x", 2000)}, tarMember{name: "b.jpg", content: "b"})
	for name, test := range map[string]struct {
		file    string
		data    []byte
		want    string
		members int
	}{
		"empty":         {"x.tar", nil, "the archive is empty", 0},
		"text":          {"x.tar", []byte("no archive at all"), "damaged after 0 members", 0},
		"truncated":     {"x.tar", archive[:2100], "damaged after 1 member: unexpected EOF", 1},
		"in a header":   {"x.tar", archive[:512+2048+100], "damaged after 1 member", 1},
		"between":       {"x.tar", archive[:512+2048], "damaged after 1 member: it has no end", 1},
		"in padding":    {"x.tar", archive[:512+2040], "damaged after 1 member", 1},
		"gzip cut":      {"x.tgz", gzipped(t, archive)[:60], "damaged after", 0},
		"gzip of text":  {"x.tar.gz", gzipped(t, []byte("no archive")), "damaged after 0", 0},
		"checksum":      {"x.tar", slices.Concat(archive[:100], []byte("!"), archive[101:]), "invalid tar header", 0},
		"joined":        {"x.tar", slices.Concat(archive, archive), "the archive continues after its end, which follows 2 members", 2},
		"zstd by name":  {"x.tar.zst", []byte("x"), "zstd -d", 0},
		"xz by content": {"x.tar", []byte("\xfd7zXZ\x00 and so on"), "xz -d", 0},
		"bzip2":         {"x.tar.bz2", []byte("BZh"), "bzip2 -d", 0},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			file := write(t, filepath.Join(root, test.file), test.data)
			write(t, filepath.Join(root, "good.jpg"), []byte("x"))
			listing, err := List(context.Background(), []string{root}, nil, OpenTar)
			if err != nil {
				t.Fatal(err)
			}
			if len(listing.Failures) != 1 || !strings.Contains(listing.Failures[0].Reason, test.want) ||
				listing.Failures[0].Path != test.file || listing.Failures[0].File != file || listing.Failures[0].Stage != StageList {
				t.Errorf("failures are %+v, want one with %q", listing.Failures, test.want)
			}
			if got := len(listing.Items) - 1; got != test.members {
				t.Errorf("%d members, want %d", got, test.members)
			}
			if test.members > 0 {
				return
			}
			if _, err := List(context.Background(), []string{file}, nil, OpenTar); !errors.Is(err, ErrNoPictures) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// greyTar puts pictures of greyPictures into an archive and returns them as List does.
func greyTar(t *testing.T, file string, n int, broken ...int) []Item {
	t.Helper()
	var members []tarMember
	for _, item := range greyPictures(t, n, broken...) {
		data, err := os.ReadFile(item.File)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, tarMember{name: item.Path, content: string(data)}, tarMember{name: item.Path + ".txt", content: "text"})
	}
	data := tarOf(t, members...)
	if strings.HasSuffix(file, "gz") {
		data = gzipped(t, data)
	}
	write(t, file, data)
	listing, err := List(context.Background(), []string{file}, nil, OpenTar)
	if err != nil {
		t.Fatal(err)
	}
	return listing.Items
}

// A picture gives the same row wherever it lies, and all of them stay in order.
func TestTarRuns(t *testing.T) {
	root := t.TempDir()
	loose := greyPictures(t, 40, 7)
	alone := &memorySink{}
	if _, err := Run(context.Background(), loose, &meanExtractor{batch: 4}, alone, config(3)); err != nil {
		t.Fatal(err)
	}
	items := slices.Concat(
		greyTar(t, filepath.Join(root, "a.tar"), 40, 7), loose, greyTar(t, filepath.Join(root, "b.tgz"), 40, 7))
	sink := &memorySink{}
	stats, err := Run(context.Background(), items, &meanExtractor{batch: 4}, sink, config(3))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sink.paths, paths(items)) || stats.Rows != 117 || stats.Failures != 3 {
		t.Errorf("%d rows and %d failures of %v", stats.Rows, stats.Failures, sink.paths)
	}
	for i, r := range sink.rows {
		want := alone.rows[i%39]
		if r.SHA256 != want.SHA256 || r.Width != want.Width || r.Features[0][0] != want.Features[0][0] || !strings.HasSuffix(r.Path, want.Path) {
			t.Errorf("row %d is %v, alone %v", i, r, want)
		}
	}
	// Some of them only, as after a selection.
	some := []Item{items[3], items[5], items[39], items[100]}
	sink = &memorySink{}
	if _, err := Run(context.Background(), some, &meanExtractor{batch: 4}, sink, config(3)); err != nil || len(sink.rows) != 4 || !slices.Equal(sink.paths, paths(some)) {
		t.Errorf("results are of %v: %v", sink.paths, err)
	}
}

// What happens to an archive between listing and reading costs its pictures alone.
func TestTarChangesBeforeReading(t *testing.T) {
	for name, test := range map[string]struct {
		change func(t *testing.T, file string)
		want   string
		rows   int
	}{
		"gone": {func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, "no such file", 0},
		"cut": {func(t *testing.T, file string) {
			if err := os.Truncate(file, 3000); err != nil {
				t.Fatal(err)
			}
		}, "the archive has changed", 2},
		"others": {func(t *testing.T, file string) {
			write(t, file, tarOf(t, tarMember{name: "x.jpg"}, tarMember{name: "y.jpg"}, tarMember{name: "z.jpg"}))
		}, "the archive has changed", 0},
		"names that the others begin with": {func(t *testing.T, file string) {
			picture := string(greyPNG(t, 7))
			var members []tarMember
			for i := range 6 {
				members = append(members, tarMember{name: "0", content: picture}, tarMember{name: fmt.Sprintf("00%d", i), content: picture})
			}
			write(t, file, tarOf(t, members...))
		}, "the archive has changed", 0},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.tar")
			items := greyTar(t, file, 6)
			for i := range items {
				items[i].listed = nil // as where the system does not tell
			}
			test.change(t, file)
			loose := greyPictures(t, 3)
			sink := &memorySink{}
			if _, err := Run(context.Background(), slices.Concat(items, loose), &meanExtractor{batch: 2}, sink, config(2)); err != nil {
				t.Fatal(err)
			}
			if len(sink.rows) != test.rows+3 || len(sink.failures) != 6-test.rows {
				t.Errorf("%d rows and %d failures", len(sink.rows), len(sink.failures))
			}
			for _, f := range sink.failures {
				if f.Stage != StageRead || !strings.Contains(f.Reason, test.want) {
					t.Errorf("%s failed by %q, want %q", f.Path, f.Reason, test.want)
				}
			}
		})
	}
}

// A member that claims an enormous size takes no memory, and ends the archive if it is not there.
func TestTarEnormousMember(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "huge.jpg", Size: 1 << 40, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	write(t, filepath.Join(root, "a.tar"), append(b.Bytes(), "\xff\xd8\xff and no more"...))
	listing, err := List(context.Background(), []string{root}, nil, OpenTar)
	if err != nil || len(listing.Items) != 1 || len(listing.Failures) != 1 {
		t.Fatalf("%+v, %v", listing, err)
	}
	sink := &memorySink{}
	if _, err := Run(context.Background(), listing.Items, &meanExtractor{batch: 2}, sink, config(2)); err != nil {
		t.Fatal(err)
	}
	if len(sink.failures) != 1 || !strings.Contains(sink.failures[0].Reason, "too many for an image") {
		t.Errorf("failures are %+v", sink.failures)
	}
}

func TestTarLinks(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "a.tar"), tarOf(t, tarMember{name: "a.jpg", target: "elsewhere.jpg"}))
	listing, err := List(context.Background(), []string{file}, nil, OpenTar)
	if err != nil {
		t.Fatal(err)
	}
	sink := &memorySink{}
	if _, err := Run(context.Background(), listing.Items, &meanExtractor{batch: 2}, sink, config(1)); err != nil {
		t.Fatal(err)
	}
	if len(sink.failures) != 1 || !strings.Contains(sink.failures[0].Reason, `a link to "elsewhere.jpg": pack`) {
		t.Errorf("failures are %+v", sink.failures)
	}
}

// Cancelled while it lists, and while it reads.
func TestTarCancelled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.tgz")
	items := greyTar(t, file, 50)
	if _, err := List(canceled(), []string{file}, nil, OpenTar); !errors.Is(err, context.Canceled) {
		t.Errorf("listing ended with %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	extractor, sink := &meanExtractor{batch: 2}, &memorySink{}
	extractor.during = func(int) { cancel() }
	if _, err := Run(ctx, items, extractor, sink, config(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("the run ended with %v", err)
	}
	if len(sink.failures) > 0 {
		t.Errorf("failures are %+v", sink.failures)
	}
}

// FuzzTar looks for archives that make the reader panic, or whose pictures are listed
// otherwise than they are read.
func FuzzTar(f *testing.F) {
	archive := tarOf(f, tarMember{name: "a/1.jpg", content: "\xff\xd8\xff..."}, tarMember{name: "a/1.cls", content: "x"}, tarMember{name: "../b.png", target: "c"}, tarMember{name: strings.Repeat("long/", 60) + "d.gif", content: "d"})
	f.Add(archive)
	f.Add(gzipped(f, archive))
	f.Add(archive[:700])
	f.Fuzz(func(t *testing.T, data []byte) {
		file := write(t, filepath.Join(t.TempDir(), "a.tar"), data)
		listing, err := List(context.Background(), []string{file}, LabelFunc(DirectoryLabel), OpenTar)
		if err != nil {
			return
		}
		var s sequence
		defer s.close()
		for _, item := range listing.Items {
			if strings.Contains("/"+item.Path+"/", "/../") || !strings.HasPrefix(item.Path, "a.tar/") {
				t.Errorf("the path is %q", item.Path)
			}
			read := func(r io.Reader, size int64) error {
				_, err := readContent(r, size)
				return err
			}
			if err := s.read(context.Background(), item, read); err != nil && strings.Contains(err.Error(), "has changed") {
				t.Errorf("%q: %v", item.Path, err)
			}
		}
	})
}
