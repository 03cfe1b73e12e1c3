package featurestore

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"fovea/recipe"
)

// benchmarkRows is 128 MiB of pool5: two shards.
const benchmarkRows = 1337

// benchmarkCase makes rows of pool5, of which three in four values are zero, as after ReLU.
func benchmarkCase(dtype DType) (Info, []Row) {
	info := testInfo(dtype)
	info.Recipe.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{7, 7, 512}, Layout: recipe.LayoutHWC}}
	rows := makeRows(info.Recipe, 0, benchmarkRows)
	return info, rows
}

func eachKind(b *testing.B, run func(b *testing.B, format Format, dtype DType)) {
	for _, format := range formats {
		for _, dtype := range dtypes {
			b.Run(fmt.Sprintf("%s/%s", format, dtype), func(b *testing.B) { run(b, format, dtype) })
		}
	}
}

// Bytes are those of the vectors as float32.
func BenchmarkWrite(b *testing.B) {
	eachKind(b, func(b *testing.B, format Format, dtype DType) {
		info, rows := benchmarkCase(dtype)
		b.SetBytes(rowBytes(info.Recipe.Layers, Float32) * int64(len(rows)))
		b.ReportAllocs()
		for b.Loop() {
			dir := filepath.Join(b.TempDir(), "dataset")
			w, err := Create(dir, info, Options{Format: format})
			must(b, err)
			for from := 0; from < len(rows); from += 8 { // as the pipeline's batches
				must(b, w.Append(rows[from:min(from+8, len(rows))]...))
			}
			must(b, w.Close(StatusComplete))
		}
	})
}

func BenchmarkMatrix(b *testing.B) {
	eachKind(b, func(b *testing.B, format Format, dtype DType) {
		info, rows := benchmarkCase(dtype)
		dir := filepath.Join(b.TempDir(), "dataset")
		writeAll(b, dir, info, Options{Format: format}, rows, nil)
		rows = nil
		b.SetBytes(rowBytes(info.Recipe.Layers, Float32) * benchmarkRows)
		b.ReportAllocs()
		for b.Loop() {
			d, err := Open(dir)
			must(b, err)
			_, err = d.Matrix(context.Background(), "pool5")
			must(b, err)
		}
	})
}
