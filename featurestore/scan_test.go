package featurestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

// collect reads all rows of a scan with copies of their vectors.
func collect(t *testing.T, d *Dataset, o ScanOptions) (rows []Row, index []int) {
	t.Helper()
	layers, err := d.Layers(o.Layers)
	must(t, err)
	must(t, d.Scan(context.Background(), o, func(b *Batch) error {
		for i, r := range b.Rows {
			for l, v := range b.Vectors {
				size := layers[l].Size()
				r.Features = append(r.Features, slices.Clone(v[i*size:(i+1)*size]))
			}
			rows = append(rows, r)
		}
		index = append(index, b.Index...)
		return nil
	}))
	return rows, index
}

func TestScan(t *testing.T) {
	tests := []struct {
		name    string
		options ScanOptions
		want    func(i int, r Row) bool
		layers  []int
	}{
		{"all", ScanOptions{}, func(int, Row) bool { return true }, []int{0, 1, 2}},
		{"one reader", ScanOptions{Readers: 1}, func(int, Row) bool { return true }, []int{0, 1, 2}},
		{"many readers", ScanOptions{Readers: 9}, func(int, Row) bool { return true }, []int{0, 1, 2}},
		{"a layer", ScanOptions{Layers: []string{"fc7"}}, func(int, Row) bool { return true }, []int{1}},
		{"two layers, other order", ScanOptions{Layers: []string{"fc7", "pool5"}}, func(int, Row) bool { return true }, []int{1, 0}},
		{"no layer", ScanOptions{Layers: []string{}}, func(int, Row) bool { return true }, nil},
		{"label", ScanOptions{Labels: []string{"dog"}}, func(_ int, r Row) bool { return r.Label == "dog" }, []int{0, 1, 2}},
		{"labels", ScanOptions{Labels: []string{"dog", ""}, Layers: []string{"fc7"}}, func(_ int, r Row) bool { return r.Label == "dog" || r.Label == "" }, []int{1}},
		{"label and split", ScanOptions{Labels: []string{"cat"}, Splits: []string{"test"}}, func(_ int, r Row) bool { return r.Label == "cat" && r.Split == "test" }, []int{0, 1, 2}},
		{"no such label", ScanOptions{Labels: []string{"horse"}}, func(int, Row) bool { return false }, nil},
	}
	for _, format := range formats {
		for _, dtype := range dtypes {
			dir, info := verified(t), testInfo(dtype)
			all := makeRows(info.Recipe, 0, 3*testShard+testGroup+1)
			writeAll(t, dir, info, testOptions(format), all, nil)
			for _, test := range tests {
				t.Run(fmt.Sprintf("%s/%s/%s", format, dtype, test.name), func(t *testing.T) {
					mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
					d, err := open(dir, mem)
					must(t, err)
					var want []Row
					var index []int
					for i, r := range all {
						if !test.want(i, r) {
							continue
						}
						features := r.Features
						r.Features = nil
						for _, l := range test.layers {
							v := slices.Clone(features[l])
							for j := range v {
								v[j] = stored(v[j], dtype)
							}
							r.Features = append(r.Features, v)
						}
						want, index = append(want, r), append(index, i)
					}
					got, places := collect(t, d, test.options)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("rows (-want +got):\n%s", diff)
					}
					if !slices.Equal(places, index) {
						t.Errorf("places %v, want %v", places, index)
					}
					mem.AssertSize(t, 0)
				})
			}
		}
	}
}

// Row groups without a chosen row must not be read, or only their labels: damage in their
// vectors goes unseen.
func TestScanSkipsGroups(t *testing.T) {
	dir, info := filepath.Join(t.TempDir(), "dataset"), testInfo(Float32)
	rows := makeRows(info.Recipe, 0, 2*testShard)
	for i := range rows {
		rows[i].Label = []string{"first", "second"}[i/testShard]
	}
	writeAll(t, dir, info, testOptions(FormatParquet), rows, nil)
	d, err := Open(dir)
	must(t, err)
	file := filepath.Join(dir, dataDir, shardName(0, FormatParquet))
	raw, err := os.ReadFile(file)
	must(t, err)
	r, err := openShard(dir, shardName(0, FormatParquet), memory.DefaultAllocator)
	must(t, err)
	pool5, err := r.src.(*parquetSource).reader.MetaData().RowGroup(1).ColumnChunk(len(fixedColumns))
	must(t, err)
	damaged := slices.Clone(raw)
	for i := range pool5.TotalCompressedSize() {
		damaged[pool5.DataPageOffset()+i] ^= 0xff
	}
	r.close()
	must(t, os.WriteFile(file, damaged, 0o644))
	if err := d.Scan(context.Background(), ScanOptions{}, func(*Batch) error { return nil }); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "part-00000") {
		t.Fatalf("the damage is not seen: %v", err)
	}
	shards := d.Shards()
	shards[0].TailSHA256 = "" // the file is so small that its end is all of it
	editManifest(t, dir, "shards", shards)
	d, err = Open(dir)
	must(t, err)
	got, _ := collect(t, d, ScanOptions{Labels: []string{"second"}})
	if diff := cmp.Diff(rows[testShard:], got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// However a scan ends, its goroutines end with it.
func TestScanEnds(t *testing.T) {
	dir, info := verified(t), testInfo(Float32)
	writeAll(t, dir, info, testOptions(FormatParquet), makeRows(info.Recipe, 0, 5*testShard), nil)
	d, err := Open(dir)
	must(t, err)
	before := runtime.NumGoroutine()
	own := errors.New("of the visit")
	for after := range 6 {
		seen := 0
		err := d.Scan(context.Background(), ScanOptions{Readers: 3}, func(*Batch) error {
			if seen++; seen > after {
				return own
			}
			return nil
		})
		if err != own { // as it is, not wrapped
			t.Errorf("%v, want the visit's error", err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	err = d.Scan(ctx, ScanOptions{}, func(*Batch) error { cancel(own); return nil })
	if !errors.Is(err, own) || !strings.HasPrefix(err.Error(), "featurestore: read ") {
		t.Errorf("canceled: %v", err)
	}
	must(t, os.Remove(filepath.Join(dir, dataDir, shardName(3, FormatParquet))))
	err = d.Scan(context.Background(), ScanOptions{}, func(*Batch) error { return nil })
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), shardName(3, FormatParquet)) {
		t.Errorf("missing shard: %v", err)
	}
	must(t, os.RemoveAll(dir))
	if _, err := d.Layers([]string{"fc6"}); err == nil || !strings.Contains(err.Error(), "it has pool5, fc7") {
		t.Errorf("unknown layer: %v", err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// Memory must not grow with the number of row groups.
func TestScanMemory(t *testing.T) {
	dir, info := filepath.Join(t.TempDir(), "d"), testInfo(Float32)
	info.Recipe.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{16384}, Layout: recipe.LayoutC}}
	const groups, rowsPerGroup = 100, 4 // of 256 KiB
	w := mustCreate(t, dir, info, Options{hooks: hooks{shardRows: groups * rowsPerGroup, groupRows: rowsPerGroup, recordRows: rowsPerGroup}})
	v := make([]float32, 16384)
	for i := range groups * rowsPerGroup {
		must(t, w.Append(Row{Path: fmt.Sprint(i), Features: [][]float32{v}}))
	}
	must(t, w.Close(StatusComplete))
	d, err := Open(dir)
	must(t, err)
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, after := live(), uint64(0)
	must(t, d.Scan(context.Background(), ScanOptions{Readers: 2}, func(b *Batch) error {
		if b.Index[len(b.Index)-1] == groups*rowsPerGroup-1 {
			after = live()
		}
		return nil
	}))
	if grown := int64(after) - int64(before); grown > 8<<20 {
		t.Errorf("%d MiB are live after %d row groups, want less than 8", grown>>20, groups)
	}
}
