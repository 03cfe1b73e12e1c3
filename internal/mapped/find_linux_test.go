package mapped_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fovea/internal/mapped"
)

// A block that has left the system's memory, as all have after a restart, is not waited for, but the next process has it,
// however large it is.
func TestFindLater(t *testing.T) {
	const size = 40 << 20
	dir := mapped.Dir{Path: t.TempDir()}
	keep(t, dir, "key", block(size))
	f, err := os.Open(filepath.Join(dir.Path, "key.block"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)); err != nil {
		t.Fatal(err)
	}
	if dir.Find("key", size) != nil {
		t.Skip("this file system keeps files in memory")
	}
	var found []byte
	for began := time.Now(); found == nil; time.Sleep(10 * time.Millisecond) {
		if found = dir.Find("key", size); time.Since(began) > time.Minute {
			t.Fatal("it is not read again")
		}
	}
	if !bytes.Equal(found, block(size)) {
		t.Error("it is another block")
	}
}
