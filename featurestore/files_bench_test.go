package featurestore

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// BenchmarkFiles writes and reads the dataset that FOVEA_BENCH_DATASET names, one of few
// enough rows for memory; scripts/bench-store.sh runs it beside pyarrow on the same files.
// Bytes are those of the vectors as float32.
func BenchmarkFiles(b *testing.B) {
	dir := os.Getenv("FOVEA_BENCH_DATASET")
	if dir == "" {
		b.Skip("FOVEA_BENCH_DATASET is not set: no dataset to read")
	}
	d, err := Open(dir)
	must(b, err)
	m := d.Manifest()
	size := rowBytes(m.Recipe.Layers, Float32) * int64(m.Rows)
	var rows []Row
	must(b, d.Scan(context.Background(), ScanOptions{}, func(batch *Batch) error {
		for i, r := range batch.Rows {
			for n, l := range m.Recipe.Layers {
				r.Features = append(r.Features, append([]float32{}, batch.Vectors[n][i*l.Size():(i+1)*l.Size()]...))
			}
			rows = append(rows, r)
		}
		return nil
	}))
	b.Run("write", func(b *testing.B) {
		b.SetBytes(size)
		dir := filepath.Join(b.TempDir(), "d")
		for b.Loop() {
			b.StopTimer()
			must(b, os.RemoveAll(dir)) // of the last time
			b.StartTimer()
			w, err := Create(dir, Info{Recipe: m.Recipe, DType: m.DType}, Options{Format: m.Format, ShardRows: m.RowsPerShard})
			must(b, err)
			for batch := range slices.Chunk(rows, 8) { // as they come from a model
				must(b, w.Append(batch...))
			}
			must(b, w.Close(StatusComplete))
		}
	})
	for name, readers := range map[string]int{"read-one": 1, "read": 0} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				d, err := Open(dir)
				must(b, err)
				var sum float32
				must(b, d.Scan(context.Background(), ScanOptions{Readers: readers}, func(batch *Batch) error {
					// Looks at every page of memory: what lies in a mapped file is not read before.
					for _, v := range batch.Vectors {
						for i := 0; i < len(v); i += 1024 {
							sum += v[i]
						}
					}
					return nil
				}))
				if sum == 0 {
					b.Fatal("nothing was read")
				}
			}
		})
	}
}
