package featurestore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"golang.org/x/sys/unix"

	"fovea/featurestore/internal/storetest"
)

// A disk that fails is no damage of the file, at whichever reading it begins to.
func TestDiskErrorsAreNoDamage(t *testing.T) {
	rows := makeRows(testInfo(Float32).Recipe, 0, 3)
	dir := filepath.Join(t.TempDir(), "d")
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, nil)
	for _, number := range []error{unix.EIO, unix.ESTALE, unix.ENOMEM} {
		for left := range 3 {
			file, err := os.Open(filepath.Join(dir, "data", "part-00000.parquet"))
			must(t, err)
			_, err = newShardReader("x", &storetest.FailingFile{File: file, Err: number, Left: left}, FormatParquet, memory.DefaultAllocator)
			if err == nil && left > 1 {
				continue // it has read all that it wants
			}
			if !errors.Is(err, number) || errors.Is(err, ErrCorrupt) {
				t.Errorf("%s at reading %d: %v", number, left, err)
			}
			must(t, file.Close())
		}
	}
}
