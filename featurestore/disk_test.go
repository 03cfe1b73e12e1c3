package featurestore

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// failingWriter has room for some bytes.
type failingWriter struct {
	w    io.Writer
	room *int
}

func (f failingWriter) Write(p []byte) (int, error) {
	n := min(len(p), *f.room)
	*f.room -= n
	written, err := f.w.Write(p[:n])
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return written, err
}

func TestDiskFull(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			info := testInfo(Float32)
			rows := makeRows(info.Recipe, 0, 2*testShard+3)
			for room := 0; ; room += 2503 {
				if !fillDisk(t, info, testOptions(format), rows, room) {
					return
				}
			}
		})
	}
}

// fillDisk writes rows onto a disk of that size and then resumes on a larger one. It reports
// whether the disk got full.
func fillDisk(t *testing.T, info Info, options Options, rows []Row, room int) bool {
	dir := verified(t)
	full := options
	full.hooks.wrap = func(w io.Writer) io.Writer { return failingWriter{w, &room} }
	w, err := Create(dir, info, full)
	if err == nil {
		if err = w.Append(rows...); err == nil {
			err = w.AppendFailure(makeFailures(0, 1)...)
		}
		if closeErr := w.Close(StatusComplete); err == nil {
			err = closeErr
		}
	}
	if err == nil {
		return false
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want the disk's error", err)
	}
	if _, err := os.Stat(filepath.Join(dir, ManifestFile)); err == nil {
		must(t, Verify(dir))
	}
	options.Resume = true
	w = mustCreate(t, dir, info, options)
	var rest []Row
	for _, r := range rows {
		if !w.Done()[r.Path] {
			rest = append(rest, r)
		}
	}
	must(t, w.Append(rest...))
	must(t, w.Close(StatusComplete))
	d, err := Open(dir)
	must(t, err)
	checkRows(t, d, rows, info.DType)
	return true
}

// The same on a real file system, where sync and close may be what fails.
func TestDiskFullForReal(t *testing.T) {
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { must(t, exec.Command("umount", disk).Run()) })
	dir := filepath.Join(disk, "dataset")
	w := mustCreate(t, dir, testInfo(Float32), testOptions(FormatArrow))
	err := w.Append(makeRows(testRecipe(), 0, 20*testShard)...)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "part-000") {
		t.Fatalf("got %v, want ENOSPC that names the shard", err)
	}
	must(t, w.Abort())
	must(t, Verify(dir))
	d, err := Open(dir)
	must(t, err)
	if d.Rows() == 0 || d.Rows()%testShard != 0 {
		t.Errorf("%d rows are left, want some full shards", d.Rows())
	}
}
