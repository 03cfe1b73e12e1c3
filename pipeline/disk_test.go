package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// failingDisk is the file system with errors: fail says which one an operation ("stat", "open",
// "list", "read") on a file has, nil for none.
type failingDisk struct {
	fail func(operation, name string) error
}

func (d failingDisk) Stat(name string) (fs.FileInfo, error) {
	if err := d.fail("stat", name); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return os.Stat(name)
}

func (d failingDisk) Open(name string) (diskFile, error) {
	if err := d.fail("open", name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := os.Open(name)
	return failingFile{f, d}, err
}

func (d failingDisk) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := d.fail("list", name); err != nil {
		return nil, &fs.PathError{Op: "readdirent", Path: name, Err: err}
	}
	return os.ReadDir(name)
}

type failingFile struct {
	*os.File
	disk failingDisk
}

func (f failingFile) Read(p []byte) (int, error) {
	if err := f.disk.fail("read", f.Name()); err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.Name(), Err: err}
	}
	return f.File.Read(p)
}

func (f failingFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.disk.fail("read", f.Name()); err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.Name(), Err: err}
	}
	return f.File.ReadAt(p, at)
}

// onDisk puts a failing disk in the place of the file system, which nobody waits long for.
func onDisk(t *testing.T, fail func(operation, name string) error) {
	t.Helper()
	before, patience := disk, pauses
	disk, pauses = failingDisk{fail}, []time.Duration{time.Millisecond, time.Millisecond}
	t.Cleanup(func() { disk, pauses = before, patience })
}

// machineErrors are such that no picture is to blame for.
var machineErrors = []error{unix.EMFILE, unix.ENFILE, unix.EIO, unix.ESTALE, unix.ENOMEM, unix.ETIMEDOUT, unix.EHOSTDOWN, unix.ENOTCONN, unix.EREMOTEIO, unix.ENODEV}

// The machine's errors end the run, so that it can be gone on with, whichever call has them, in files
// and in archives; what was read before is there, and no picture is taken for a broken one.
func TestMachineErrorsEndTheRun(t *testing.T) {
	items := greyPictures(t, 12, 3)
	archive := archiveOf(t, items)
	for _, operation := range []string{"stat", "open", "read"} {
		for _, number := range machineErrors {
			onDisk(t, func(o, name string) error {
				if o == operation && (strings.HasSuffix(name, "008.png") || strings.HasSuffix(name, ".tar")) {
					return number
				}
				return nil
			})
			for kind, items := range map[string][]Item{"files": items, "archive": archive} {
				var sink memorySink
				stats, err := Run(context.Background(), items, &meanExtractor{batch: 2}, &sink, config(2))
				if !errors.Is(err, number) || ofStore(err) == nil {
					t.Errorf("%s, %s of %s: the error is %v", number, operation, kind, err)
				}
				for _, f := range sink.failures {
					if f.Path != "003.png" {
						t.Errorf("%s, %s of %s: %s is a broken image: %s", number, operation, kind, f.Path, f.Reason)
					}
				}
				if stats.Rows+stats.Failures > 8 || kind == "archive" && stats.Rows > 0 {
					t.Errorf("%s, %s of %s: %d rows, %d failures", number, operation, kind, stats.Rows, stats.Failures)
				}
			}
		}
	}
}

// What passes is waited for: then nothing is missing.
func TestMachineErrorsPass(t *testing.T) {
	items := greyPictures(t, 6)
	var times atomic.Int64
	onDisk(t, func(operation, name string) error {
		if operation == "read" && strings.HasSuffix(name, "004.png") && times.Add(1) <= 2 {
			return unix.ESTALE
		}
		return nil
	})
	var sink memorySink
	if _, err := Run(context.Background(), items, &meanExtractor{batch: 2}, &sink, config(2)); err != nil || len(sink.rows) != 6 || len(sink.failures) != 0 {
		t.Errorf("%d rows, %v, %v", len(sink.rows), sink.failures, err)
	}
}

// A picture's own errors cost nothing but it.
func TestOwnErrorsAreFailures(t *testing.T) {
	items := greyPictures(t, 4)
	for _, number := range []syscall.Errno{unix.EACCES, unix.ENOENT, unix.ELOOP, unix.EISDIR, unix.ENAMETOOLONG} {
		onDisk(t, func(operation, name string) error {
			if operation == "open" && strings.HasSuffix(name, "001.png") {
				return number
			}
			return nil
		})
		var sink memorySink
		_, err := Run(context.Background(), items, &meanExtractor{batch: 2}, &sink, config(2))
		if err != nil || len(sink.rows) != 3 || len(sink.failures) != 1 || sink.failures[0].Reason != number.Error() {
			t.Errorf("%s: %d rows, %v, %v", number, len(sink.rows), sink.failures, err)
		}
	}
}

// A disk that was unmounted, or a directory that was replaced, is not a directory of broken pictures.
func TestRootThatIsGone(t *testing.T) {
	items := greyPictures(t, 4)
	root := filepath.Dir(items[0].File)
	listing, err := List(context.Background(), []string{root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func() ([]Failure, error) {
		var sink memorySink
		_, err := Run(context.Background(), listing.Items, &meanExtractor{batch: 2}, &sink, config(2))
		return sink.failures, err
	}
	if err := os.Remove(items[1].File); err != nil {
		t.Fatal(err)
	}
	if failures, err := run(); err != nil || len(failures) != 1 {
		t.Errorf("an image that was removed: %v, %v", failures, err)
	}
	for _, change := range []func() error{
		func() error { return os.Rename(root, root+".away") },
		func() error { return os.Mkdir(root, 0o755) }, // another directory, as where a disk was mounted
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if failures, err := run(); ofStore(err) == nil || !strings.Contains(err.Error(), "mounted") || len(failures) > 0 {
			t.Errorf("failures %v, %v", failures, err)
		}
	}
}

// What lies in a directory that cannot be listed is unknown: it is an error, unless it was left out.
func TestListUnlistable(t *testing.T) {
	root := tree(t, map[string]string{"a/x.jpg": "", "b/shut/y.jpg": "", "b/z.jpg": ""})
	for _, number := range []error{unix.EACCES, unix.EIO, unix.EMFILE, unix.ESTALE} {
		onDisk(t, func(operation, name string) error {
			if operation == "list" && strings.HasSuffix(name, "shut") {
				return number
			}
			return nil
		})
		_, err := List(context.Background(), []string{root}, nil)
		if !errors.Is(err, number) || ofStore(err) == nil || !strings.Contains(err.Error(), "b/shut") {
			t.Errorf("%s: the error is %v", number, err)
		}
		for pattern, left := range map[string]bool{"b/**": true, "b/shut/**": true, "**/shut/**": true, "shut": false, "*.jpg": false, "b/*.jpg": false, "b/shut/*/**": true} {
			listing, err := Finder{Selection: Selection{Exclude: []string{pattern}}}.List(context.Background(), []string{root}, nil)
			if (err == nil) != left || left && len(listing.Items) != 2 {
				t.Errorf("%s, without %s: %d items, %v", number, pattern, len(listing.Items), err)
			}
		}
	}
	onDisk(t, func(operation, name string) error {
		if operation == "list" && strings.HasSuffix(name, "shut") {
			return unix.ENOENT
		}
		return nil
	})
	if listing, err := List(context.Background(), []string{root}, nil); err != nil || len(listing.Failures) != 1 || len(listing.Items) != 2 {
		t.Errorf("a directory that went away: %+v, %v", listing, err)
	}
}

// A file that cannot be looked into is not passed over as no picture, nor is a link.
func TestListUnjudgable(t *testing.T) {
	root := tree(t, map[string]string{"a/x.jpg": "", "a/picture": "\xff\xd8\xff"})
	if err := os.Symlink(filepath.Join(root, "a"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for operation, name := range map[string]string{"open": "picture", "read": "picture", "stat": "link"} {
		onDisk(t, func(o, file string) error {
			if o == operation && filepath.Base(file) == name {
				return unix.EIO
			}
			return nil
		})
		if listing, err := List(context.Background(), []string{root}, nil); !errors.Is(err, unix.EIO) || ofStore(err) == nil {
			t.Errorf("%s of %s: %d items, %d passed over, %v", operation, name, len(listing.Items), listing.Skipped, err)
		}
	}
}

// archiveOf packs pictures into a tar archive and lists it.
func archiveOf(t *testing.T, items []Item) []Item {
	t.Helper()
	var members []tarMember
	for _, item := range items {
		content, err := os.ReadFile(item.File)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, tarMember{name: item.Path, content: string(content)})
	}
	file := filepath.Join(t.TempDir(), "pictures.tar")
	if err := os.WriteFile(file, bytes.Clone(tarOf(t, members...)), 0o600); err != nil {
		t.Fatal(err)
	}
	listing, err := List(context.Background(), []string{file}, nil, OpenTar)
	if err != nil {
		t.Fatal(err)
	}
	return listing.Items
}

func TestMatchesAllIn(t *testing.T) {
	if !slices.Equal([]bool{
		matchesAllIn([]string{"**"}, "a"), matchesAllIn([]string{"a/**"}, "a/b"), matchesAllIn([]string{"{a,c}/**"}, "a"),
		matchesAllIn([]string{"a/*"}, "a"), matchesAllIn([]string{"b/**"}, "a"), matchesAllIn([]string{"a/b/**"}, "a"),
	}, []bool{true, true, true, false, false, false}) {
		t.Error("what a pattern leaves out is not known")
	}
}
