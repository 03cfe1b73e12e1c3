package lockfile

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gofrs/flock"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// However many come and go, one at most has the lock, and its file is gone in the end.
func TestTakeExcludes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "lock")
	var inside, times atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for times.Load() < 300 {
				l, err := Take(path)
				if errors.Is(err, ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold it at once", n)
				}
				_ = os.Remove(filepath.Dir(path)) // as owners do; it is not empty
				times.Add(1)
				inside.Add(-1)
				if err := l.Release(); err != nil {
					t.Error(err)
				}
				_ = os.Remove(filepath.Dir(path)) // the directory may go as well
			}
		})
	}
	group.Wait()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

// A file that was removed and locked all the same excludes nobody.
func TestTakeAfterARemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	late := &Lock{flock.New(path), path}
	if ok, err := late.file.TryLock(); !ok || err != nil {
		t.Fatalf("got %v, %v", ok, err)
	}
	must(t, os.Remove(path))
	if late.inPlace() {
		t.Error("a removed file counts as the lock")
	}
	second, err := Take(path)
	must(t, err)
	if late.inPlace() {
		t.Error("a file of another inode counts as the lock")
	}
	must(t, late.Release())
	if _, err := os.Stat(path); err != nil {
		t.Errorf("another's file was removed: %v", err)
	}
	if _, err := Take(path); !errors.Is(err, ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
	must(t, second.Release())
}

// A lock goes with its file to another name, and is released there.
func TestMoved(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	l, err := Take(from)
	must(t, err)
	must(t, os.Rename(from, to))
	l.Moved(to)
	if _, err := Take(to); !errors.Is(err, ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
	must(t, l.Release())
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}
