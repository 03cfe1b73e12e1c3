package imagetable

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// failingFile is a file whose disk fails from the n-th reading on.
type failingFile struct {
	*os.File
	err  error
	left int
}

func (f *failingFile) failed() error {
	if f.left--; f.left < 0 {
		return &fs.PathError{Op: "read", Path: f.Name(), Err: f.err}
	}
	return nil
}

func (f *failingFile) Read(p []byte) (int, error) {
	if err := f.failed(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *failingFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.failed(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, at)
}

// A failing disk is no damage of the table.
func TestDiskErrorsAreNoDamage(t *testing.T) {
	name := filepath.Join("..", "..", "testdata", "tables")
	files, err := filepath.Glob(filepath.Join(name, "*.parquet"))
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no tables of images")
	}
	for left := range 12 {
		file, err := os.Open(files[0])
		must(t, err)
		failing := &failingFile{file, unix.EIO, left}
		p, err := Open("x", failing)
		if err == nil {
			err = p.List(context.Background(), func(Row) error { return nil })
			for row := 0; failing.left >= 0 && row < p.Rows(); row++ {
				_, err = p.Read(row)
			}
			must(t, p.Close())
		}
		if failed := failing.left < 0; failed && !errors.Is(err, unix.EIO) || errors.Is(err, ErrCorrupt) {
			t.Errorf("at reading %d: %v", left, err)
		}
	}
}
