package featurestore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"fovea/recipe"
)

// BenchmarkSettings writes and reads real features with other settings than those of
// vectorProperties, to choose these: codecs, sizes of pages and row groups. The features are
// those of the first layer of the dataset that FOVEA_BENCH_DATASET names (pool5), and ones
// that are as sparse as fc7 is said to be. Bytes are those of the vectors as float32; "size"
// is the file's size as a share of them. docs/datasets.md has the results.
func BenchmarkSettings(b *testing.B) {
	dir := os.Getenv("FOVEA_BENCH_DATASET")
	if dir == "" {
		b.Skip("FOVEA_BENCH_DATASET is not set: no dataset to read")
	}
	d, err := Open(dir)
	must(b, err)
	layer := d.Recipe().Layers[0]
	table, err := d.Matrix(context.Background(), layer.Name)
	must(b, err)
	benchmarkSettings(b, layer, table.Data)
	benchmarkSettings(b, recipe.Layer{Name: "fc7-like", Shape: []int{4096}, Layout: recipe.LayoutC}, likeFC7(table))
}

// likeFC7 projects rows to 4,096 values at random and rectifies them so that four in five are
// zero.
func likeFC7(t *Table) []float32 {
	const cols = 4096
	random := rand.New(rand.NewPCG(1, 1))
	weights := make([]float32, t.Cols*cols)
	for i := range weights {
		weights[i] = float32(random.NormFloat64())
	}
	out := make([]float32, t.Rows*cols)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1.0/1024, blas32.General{Rows: t.Rows, Cols: t.Cols, Stride: t.Cols, Data: t.Data},
		blas32.General{Rows: t.Cols, Cols: cols, Stride: cols, Data: weights}, 0, blas32.General{Rows: t.Rows, Cols: cols, Stride: cols, Data: out})
	threshold := slices.Sorted(slices.Values(out))[len(out)*4/5]
	for i, x := range out {
		out[i] = max(0, x-threshold)
	}
	return out
}

func benchmarkSettings(b *testing.B, layer recipe.Layer, data []float32) {
	info := testInfo(Float32)
	info.Recipe.Layers = []recipe.Layer{layer}
	var rows []Row
	for at := 0; at < len(data); at += layer.Size() {
		rows = append(rows, Row{Path: fmt.Sprint(at), Features: [][]float32{data[at : at+layer.Size()]}})
	}
	codec := func(c compress.Compression, level int) []parquet.WriterProperty {
		return []parquet.WriterProperty{parquet.WithCompression(c), parquet.WithCompressionLevel(level)}
	}
	group := func(bytes int) hooks { return hooks{groupRows: max(1, bytes/4/layer.Size())} }
	settings := []struct {
		name  string
		hooks hooks
	}{
		{"as it is", hooks{}},
		{"codec none", hooks{properties: codec(compress.Codecs.Uncompressed, -1)}},
		{"codec snappy", hooks{properties: codec(compress.Codecs.Snappy, -1)}},
		{"codec gzip 1", hooks{properties: codec(compress.Codecs.Gzip, 1)}},
		{"codec zstd 3", hooks{properties: codec(compress.Codecs.Zstd, 3)}},
		{"codec zstd 6", hooks{properties: codec(compress.Codecs.Zstd, 6)}},
		{"codec zstd 10", hooks{properties: codec(compress.Codecs.Zstd, 10)}},
		{"pages 64 KiB", hooks{properties: []parquet.WriterProperty{parquet.WithDataPageSize(64 << 10)}}},
		{"pages 256 KiB", hooks{properties: []parquet.WriterProperty{parquet.WithDataPageSize(256 << 10)}}},
		{"pages 8 MiB", hooks{properties: []parquet.WriterProperty{parquet.WithDataPageSize(8 << 20)}}},
		{"row groups 1 MiB", group(1 << 20)},
		{"row groups 8 MiB", group(8 << 20)},
	}
	for _, s := range settings {
		dir := filepath.Join(b.TempDir(), "d")
		b.Run(layer.Name+"/"+s.name+"/write", func(b *testing.B) {
			b.SetBytes(int64(4 * len(data)))
			for b.Loop() {
				w, err := Create(dir, info, Options{Overwrite: true, hooks: s.hooks})
				must(b, err)
				must(b, w.Append(rows...))
				must(b, w.Close(StatusComplete))
			}
			d, err := Open(dir)
			must(b, err)
			b.ReportMetric(float64(d.Shards()[0].Bytes)/float64(4*len(data)), "size")
		})
		b.Run(layer.Name+"/"+s.name+"/read", func(b *testing.B) {
			b.SetBytes(int64(4 * len(data)))
			for b.Loop() {
				d, err := Open(dir)
				must(b, err)
				must(b, d.Scan(context.Background(), ScanOptions{Readers: 1}, func(*Batch) error { return nil }))
			}
		})
	}
}
