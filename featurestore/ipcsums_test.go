package featurestore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/ipc"

	"fovea/recipe"
)

// Records and footer of an Arrow file are where Arrow's writer puts them; the checksums between them
// cover all that comes before.
func TestSums(t *testing.T) {
	info := testInfo(Float32)
	info.Recipe.Layers = []recipe.Layer{{Name: "fc7", Shape: []int{4096}, Layout: recipe.LayoutC}}
	for _, rows := range []int{1, 4, 5, 30} { // of 16 KiB: less than a block, about one, several
		dir := filepath.Join(t.TempDir(), "d")
		writeAll(t, dir, info, Options{Format: FormatArrow, hooks: hooks{recordRows: 4}}, makeRows(info.Recipe, 0, rows), nil)
		raw, err := os.ReadFile(filepath.Join(dir, dataDir, shardName(0, FormatArrow)))
		must(t, err)
		sums, err := readSums(bytes.NewReader(raw), int64(len(raw)))
		must(t, err)
		footer, err := ipcFooterAt(bytes.NewReader(raw), int64(len(raw)))
		must(t, err)
		if sums == nil || sums.covered%8 != 0 || !bytes.Equal(raw[sums.covered-8:sums.covered], ipcEnd) || footer-sums.covered != sumTrailerBytes+8*int64(len(sums.blocks)) {
			t.Fatalf("%d rows: sums %+v, the footer is at %d", rows, sums, footer)
		}
		must(t, sums.verify(raw, 0, sums.covered))
		must(t, sums.verifyAll(bytes.NewReader(raw)))
		if err := sums.verify(raw, 0, sums.covered+1); !errors.Is(err, ErrCorrupt) {
			t.Errorf("what has no checksum: %v", err)
		}
		// Who reads the file as a stream finds its end.
		stream, err := ipc.NewReader(bytes.NewReader(raw[8:]))
		must(t, err)
		n := int64(0)
		for stream.Next() {
			n += stream.Record().NumRows()
		}
		if err := stream.Err(); err != nil && !errors.Is(err, io.EOF) || n != int64(rows) {
			t.Errorf("as a stream: %d rows of %d, %v", n, rows, err)
		}
		stream.Release()
	}
}

// What lies between records and footer is what this package puts there, or as good as nothing.
func TestSumsAreNotDropped(t *testing.T) {
	name := shardName(0, FormatArrow)
	raw, err := os.ReadFile(filepath.Join(dataset(t, FormatArrow), dataDir, name))
	must(t, err)
	at := bytes.LastIndex(raw, []byte(sumMagic))
	changed := bytes.Clone(raw)
	changed[at] ^= 1
	if err := readWhole(name, changed, FormatArrow); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "between its records and its footer") {
		t.Errorf("without the mark of the checksums: %v", err)
	}
}

// A file without checksums is hashed once, when it has been as it is for a while, and again when it
// is another one.
func TestProve(t *testing.T) {
	t.Parallel()
	dir := former(t, "arrow-float32")
	file := filepath.Join(dir, dataDir, shardName(0, FormatArrow))
	d, err := Open(dir)
	must(t, err)
	known := func() bool {
		f, err := os.Open(file)
		must(t, err)
		defer f.Close() // read-only
		key, err := identify(f, d.Shards()[0].SHA256)
		must(t, err)
		sure, _ := proven.Load(key)
		return sure == true
	}
	if _, err := d.Index(context.Background()); err != nil || known() {
		t.Errorf("a file that has just been written: known %v, %v", known(), err)
	}
	// Whatever times the file has.
	past := time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{past, time.Now().AddDate(70, 0, 0)} {
		must(t, os.Chtimes(file, at, at))
		d, err = Open(dir)
		must(t, err)
		if _, err := d.Index(context.Background()); err != nil || known() {
			t.Errorf("a file that is said to have been written at %s: known %v, %v", at, known(), err)
		}
	}
	time.Sleep(settling + 10*time.Millisecond)
	if _, err := d.Index(context.Background()); err != nil || !known() {
		t.Errorf("a file that has been there for a while: known %v, %v", known(), err)
	}
	flip(t, file, 5000, 3)
	if _, err := d.Index(context.Background()); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "another program has written to ") {
		t.Errorf("after a change while the dataset is open: %v", err)
	}
	d, err = Open(dir)
	must(t, err)
	if _, err := d.Index(context.Background()); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "its SHA-256 is ") {
		t.Errorf("after a change: %v", err)
	}
	signal := errors.New("a signal")
	canceled, cancel := context.WithCancelCause(context.Background())
	cancel(signal)
	shard, err := d.openShard(0)
	must(t, err)
	defer shard.close()
	if err := shard.prove(canceled, d.manifest.Shards[0]); !errors.Is(err, signal) || errors.Is(err, ErrCorrupt) {
		t.Errorf("canceled: %v", err)
	}
}
