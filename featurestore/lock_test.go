package featurestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
)

// The lock of a dataset that has taken the directory's place is not this one's to remove.
func TestLockLeavesAnothersFile(t *testing.T) {
	dir, aside := filepath.Join(t.TempDir(), "dataset"), filepath.Join(t.TempDir(), "aside")
	must(t, os.Mkdir(dir, 0o755))
	first, err := lock(dir)
	must(t, err)
	must(t, os.Rename(dir, aside))
	must(t, os.Mkdir(dir, 0o755))
	second, err := lock(dir)
	must(t, err)
	must(t, first.release())
	if !isFile(dir, lockFile) {
		t.Error("it was removed")
	}
	must(t, second.release())
}

// A program of the former layout that works in the directory is respected.
func TestLockOfTheFormerLayout(t *testing.T) {
	dir := former(t, "parquet-float32")
	old := flock.New(inDir(dir, formerLock))
	if ok, err := old.TryLock(); !ok || err != nil {
		t.Fatalf("got %v, %v", ok, err)
	}
	options := testOptions(FormatParquet)
	options.Resume = true
	if _, err := Create(dir, testInfo(Float32), options); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	if _, err := os.Stat(inDir(dir, HiddenDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", HiddenDir, err)
	}
	must(t, old.Unlock())
	w := mustCreate(t, dir, testInfo(Float32), options)
	if ok, err := old.TryLock(); ok || err != nil {
		t.Errorf("an old program can lock it, too: %v, %v", ok, err)
	}
	must(t, w.Close(StatusComplete))
	if isFile(dir, formerLock) || isFile(dir, lockFile) {
		t.Error("a lock file is left")
	}
}
