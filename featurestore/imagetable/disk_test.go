package imagetable

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"fovea/featurestore/internal/storetest"
)

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
		failing := &storetest.FailingFile{File: file, Err: unix.EIO, Left: left}
		p, err := Open("x", failing, Options{})
		if err == nil {
			err = p.List(context.Background(), func(Row) error { return nil })
			for row := 0; failing.Left >= 0 && row < p.Rows(); row++ {
				_, err = p.Read(row)
			}
			must(t, p.Close())
		}
		if failed := failing.Left < 0; failed && !errors.Is(err, unix.EIO) || errors.Is(err, ErrCorrupt) {
			t.Errorf("at reading %d: %v", left, err)
		}
	}
}
