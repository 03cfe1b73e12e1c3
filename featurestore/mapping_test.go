package featurestore

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// A file that is cut off while a scan looks at it gives an error that names the cause; the
// process goes on. Without the care for faults it would end.
func TestCutOffWhileMapped(t *testing.T) {
	dir, info := t.TempDir(), testInfo(Float32)
	options := testOptions(FormatArrow)
	options.hooks.shardRows, options.hooks.recordRows = 4000, 500
	writeAll(t, dir, info, options, makeRows(info.Recipe, 0, 4000), nil)
	d, err := Open(dir)
	must(t, err)
	file := filepath.Join(dir, dataDir, shardName(0, FormatArrow))
	cut := false
	var sum float32
	err = d.Scan(context.Background(), ScanOptions{Readers: 1}, func(b *Batch) error {
		if !cut {
			cut = true
			must(t, os.Truncate(file, 4096))
		}
		for _, v := range b.Vectors[0] {
			sum += v
		}
		return nil
	})
	if !errors.Is(err, ErrCorrupt) {
		t.Fatalf("got %v, want ErrCorrupt", err)
	}
}

// What a caller does with the rows of a scan does not get into the file.
func TestMappedRowsCanBeChanged(t *testing.T) {
	dir, info := verified(t), testInfo(Float32)
	rows := makeRows(info.Recipe, 0, testShard)
	writeAll(t, dir, info, testOptions(FormatArrow), rows, nil)
	d, err := Open(dir)
	must(t, err)
	must(t, d.Scan(context.Background(), ScanOptions{}, func(b *Batch) error {
		for _, v := range b.Vectors {
			clear(v)
		}
		return nil
	}))
	checkRows(t, d, rows, Float32)
}

// The caller's own panics stay panics.
func TestMappedVisitPanics(t *testing.T) {
	dir, info := t.TempDir(), testInfo(Float32)
	writeAll(t, dir, info, testOptions(FormatArrow), makeRows(info.Recipe, 0, 3), nil)
	d, err := Open(dir)
	must(t, err)
	defer func() {
		if p := recover(); p != "mine" {
			t.Errorf("got %v", p)
		}
	}()
	t.Error(d.Scan(context.Background(), ScanOptions{}, func(*Batch) error { panic("mine") }))
}

// Equal rows make equal bytes, on however many CPUs.
func TestBytesDoNotDependOnCPUs(t *testing.T) {
	info := testInfo(Float32)
	rows := makeRows(info.Recipe, 0, 2*testShard)
	var files [][]byte
	for _, cpus := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(cpus)
		dir := t.TempDir()
		writeAll(t, dir, info, testOptions(FormatParquet), rows, nil)
		runtime.GOMAXPROCS(before)
		file, err := os.ReadFile(filepath.Join(dir, dataDir, shardName(1, FormatParquet)))
		must(t, err)
		files = append(files, file)
	}
	if !bytes.Equal(files[0], files[1]) || !bytes.Equal(files[0], files[2]) {
		t.Error("the files differ")
	}
}

// The checksum that is added to frames is the one that another implementation expects.
func TestFrameSum(t *testing.T) {
	reader, err := zstd.NewReader(nil)
	must(t, err)
	defer reader.Close()
	for _, page := range [][]byte{{}, []byte("a"), []byte(strings.Repeat("abcd", 1<<18))} {
		frame, err := compressZstd(nil, page, 1)
		must(t, err)
		got, err := reader.DecodeAll(frame, nil)
		must(t, err)
		if !slices.Equal(got, page) {
			t.Errorf("%d bytes became %d", len(page), len(got))
		}
		frame[len(frame)-1] ^= 1
		if _, err := reader.DecodeAll(frame, nil); !errors.Is(err, zstd.ErrCRCMismatch) {
			t.Errorf("a changed checksum of %d bytes: %v", len(page), err)
		}
	}
}
