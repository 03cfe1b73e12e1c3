package cmd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fovea/featurestore"
)

// oddities are files and what becomes of them: a row, nothing (""), or a failure whose reason
// has the text. Most of what is odd is a name or a content that is not what the name says.
type oddity struct {
	path, content, want string
}

const row = "row"

func oddities(jpg, png string) []oddity {
	deep := strings.Repeat("deep/", 200)
	heif := func(brand string) string { return "\x00\x00\x00\x18ftyp" + brand + "\x00\x00\x00\x00" + brand + "mif1" }
	return []oddity{
		{"plain.jpg", jpg, row}, {"UPPER.JPEG", jpg, row}, {"no extension", jpg, row}, {"two.dots.png", png, row},
		// Names.
		{"line\nbreak.jpg", jpg, row}, {"tab\tand \"quotes\" and 'these'.jpg", jpg, row}, {"-rf.jpg", jpg, row}, {" .jpg", jpg, row},
		{"\xff\xfe not UTF-8.jpg", jpg, row}, {"\xff\xfd.d/x.jpg", jpg, row}, {"%FF%FE not UTF-8.jpg", jpg, row}, {"100%.jpg", jpg, row},
		{"back\\slash.jpg", jpg, row}, {"\x1b[31mred.jpg", jpg, row}, {"\u202egpj.exe.jpg", jpg, row}, {"Ωμέγα 😺.jpg", jpg, row},
		{"e\u0301.jpg", jpg, row}, {"\u00e9.jpg", jpg, row}, {"star*[a].jpg", jpg, row}, {"hash#2.jpg", jpg, row},
		{strings.Repeat("n", 251) + ".jpg", jpg, row}, {deep + "x.jpg", jpg, row},
		{"directory.jpg/x.jpg", jpg, row}, {"directory.tar/x.jpg", jpg, row}, {"directory.parquet/x.jpg", jpg, row},
		{".hidden.jpg", jpg, ""}, {".git/x.jpg", jpg, ""}, {"Thumbs.db", "\xd0\xcf\x11\xe0", ""}, {"notes.txt", "text", ""},
		// Contents that are not what the name says.
		{"png.jpg", png, row}, {"jpg.heic", jpg, row}, {"jpg.txt", jpg, row},
		{"empty.jpg", "", "the file is empty"}, {"empty", "", ""}, {"text.png", "a text", "a text"}, {"page.jpg", "<!DOCTYPE html><html>", "an HTML page"},
		{"zeros.jpg", strings.Repeat("\x00", 5000), "nothing but zeros"}, {"cut.jpg", jpg[:len(jpg)/2], "truncated"}, {"cut.png", png[:40], "truncated"},
		{"header.jpg", "\xff\xd8\xff", "damaged"}, {"lfs.jpg", "version https://git-lfs.github.com/spec/v1\n", "Git LFS"},
		{"empty.tar", "", "the archive is empty"}, {"text.tgz", "a text", "the archive is damaged"}, {"empty.parquet", "", "empty.parquet"},
		{"jpg.tar", jpg, "the archive is damaged"}, {"jpg.zip", jpg, "the archive is damaged"},
		{"empty.zip", "", "the archive is empty"}, {"text.zip", "a text", "the archive is damaged"},
		// Formats that are not decoded.
		{"x.heic", heif("heic"), "truncated"}, {"x.heif", heif("mif1"), "truncated"}, {"x.avif", heif("avif"), "truncated"},
		{"x.cr3", heif("crx "), "Canon raw: develop"}, {"x.cr2", "II*\x00\x10\x00\x00\x00CR\x02\x00", "Canon raw: develop"},
		{"x.nef", "MM\x00*\x00\x00\x00\x08\x00\x00", "damaged"}, {"x.arw", "II*\x00\x08\x00\x00\x00\x00\x00", "damaged"},
		{"x.dng", "II*\x00\x08\x00\x00\x00\x01\x00\x12\xc6\x01\x00\x04\x00\x00\x00\x01\x04\x00\x00\x00\x00\x00\x00", "raw"},
		{"x.jp2", "\x00\x00\x00\x0cjP  \r\n\x87\n", "truncated"}, {"x.jxl", "\xff\x0a", "truncated"}, {"x.xcf.jpg", "gimp xcf v011\x00", "GIMP"},
	}
}

func colourful(t *testing.T) *image.NRGBA {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*i) | 1
	}
	for y := range 30 {
		img.Set(y, y, color.NRGBA{R: 255, A: 255})
	}
	return img
}

// oddTree makes the files and links, and returns what must become of each path.
func oddTree(t *testing.T) (root string, want map[string]string) {
	t.Helper()
	var jpg, pic bytes.Buffer
	check(t, jpeg.Encode(&jpg, colourful(t), nil))
	check(t, png.Encode(&pic, colourful(t)))
	root, want = t.TempDir(), map[string]string{}
	for _, o := range oddities(jpg.String(), pic.String()) {
		file := filepath.Join(root, o.path)
		check(t, os.MkdirAll(filepath.Dir(file), 0o755))
		check(t, os.WriteFile(file, []byte(o.content), 0o644))
		if o.want != "" {
			want[o.path] = o.want
		}
	}
	links := map[string]string{
		"loop": ".", "links/up": "../..", "links/self.jpg": "self.jpg", "links/gone.jpg": "nowhere.jpg", "links/gone.txt": "nowhere",
		"links/file.jpg": "../plain.jpg", "links/null.jpg": "/dev/null", "a/b": "../b", "b/a": "../a",
	}
	for i := range 12 { // every one of them leads to all others: 12! ways
		for j := range 12 {
			links[fmt.Sprintf("knot/%02d/%02d", i, j)] = fmt.Sprintf("../%02d", j)
		}
	}
	for link, target := range links {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(root, link)), 0o755))
		check(t, os.Symlink(target, filepath.Join(root, link)))
	}
	check(t, os.WriteFile(filepath.Join(root, "b", "x.jpg"), jpg.Bytes(), 0o644))
	want["b/x.jpg"], want["a/b/x.jpg"] = row, row
	want["links/file.jpg"], want["links/gone.jpg"], want["links/self.jpg"] = row, "no such file", "too many levels"
	check(t, unix.Mkfifo(filepath.Join(root, "pipe.jpg"), 0o644))
	huge := filepath.Join(root, "huge.jpg")
	check(t, os.WriteFile(huge, jpg.Bytes(), 0o644))
	check(t, os.Truncate(huge, 600<<20)) // sparse
	want["huge.jpg"] = "too many for an image"
	want[longerThanPaths(t, root)] = "file name too long"
	return root, want
}

// longerThanPaths makes directories whose path is longer than the system takes, and returns
// that of the first which cannot be read.
func longerThanPaths(t *testing.T, root string) string {
	t.Helper()
	at, err := unix.Open(root, unix.O_DIRECTORY, 0)
	check(t, err)
	name, path, first := strings.Repeat("l", 250), "", ""
	for range 20 {
		check(t, unix.Mkdirat(at, name, 0o755))
		next, err := unix.Openat(at, name, unix.O_DIRECTORY, 0)
		check(t, err)
		check(t, unix.Close(at))
		at, path = next, path+name+"/"
		if first == "" && len(root)+1+len(path) > unix.PathMax {
			first = strings.TrimSuffix(path, "/")
		}
	}
	check(t, unix.Close(at))
	return first
}

// outcomesOf are the paths of a dataset with "row" or the reason of the failure.
func outcomesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	d, err := featurestore.Open(dir)
	check(t, err)
	index, err := d.Index(t.Context())
	check(t, err)
	got := map[string]string{}
	for _, path := range index.Paths {
		got[path] = row
	}
	failures, err := d.Failures()
	check(t, err)
	for _, f := range failures {
		got[f.Path] = f.Stage + ": " + f.Reason
	}
	return got
}

// Whatever lies in a directory, the command ends, with one row or one reason for each of the
// pictures, under its own name.
func TestExtractOddDirectory(t *testing.T) {
	t.Parallel()
	root, want := oddTree(t)
	out := filepath.Join(t.TempDir(), "out")
	mustEnd(t, small(out, "--labels", "dir", root), 3)
	got := outcomesOf(t, out)
	for path, outcome := range want {
		if (outcome == row) != (got[path] == row) || !strings.Contains(got[path], outcome) {
			t.Errorf("%q became %q, want %q", path, got[path], outcome)
		}
		delete(got, path)
	}
	for path, outcome := range got {
		t.Errorf("%q became %q, though it is no image", path, outcome)
	}
	check(t, featurestore.Verify(out))
	mustEnd(t, small(out, "--labels", "dir", "--resume", root), 3)
	if again := outcomesOf(t, out); len(again) != len(want) {
		t.Errorf("%d outcomes after another run, want %d", len(again), len(want))
	}
}

// Files that go while the command runs become failures, and nothing else is lost.
func TestExtractVanishingFiles(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	const n = 120
	var content bytes.Buffer
	check(t, png.Encode(&content, image.NewNRGBA(image.Rect(0, 0, 3000, 2000))))
	file := func(i int) string { return filepath.Join(dir, fmt.Sprint(i%3), fmt.Sprintf("%03d.png", i)) }
	for i := range n {
		check(t, os.MkdirAll(filepath.Dir(file(i)), 0o755))
		if i == 0 {
			check(t, os.WriteFile(file(0), content.Bytes(), 0o644))
		} else {
			check(t, os.Link(file(0), file(i)))
		}
	}
	command := small(out, dir)
	command.Args = slices.DeleteFunc(command.Args, func(s string) bool { return s == "--quiet" })
	stderr, err := command.StderrPipe()
	check(t, err)
	check(t, command.Start())
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "extracting features") {
	}
	check(t, os.RemoveAll(filepath.Join(dir, "2"))) // the last by path
	_, err = io.Copy(io.Discard, stderr)
	check(t, err)
	_ = command.Wait() // the status is looked at below
	if status := command.ProcessState.ExitCode(); status != 3 {
		t.Errorf("the command ended with status %d, want 3", status)
	}
	got := outcomesOf(t, out)
	gone := 0
	for i := range n {
		path, _ := filepath.Rel(dir, file(i))
		switch outcome := got[path]; {
		case strings.HasPrefix(path, "2/") && strings.HasPrefix(outcome, "read: no such file"):
			gone++
		case outcome != row:
			t.Errorf("%s became %q", path, outcome)
		}
	}
	if len(got) != n || gone == 0 {
		t.Errorf("%d outcomes of %d images, %d of them gone", len(got), n, gone)
	}
}
