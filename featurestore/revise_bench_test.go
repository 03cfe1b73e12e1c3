package featurestore

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fovea/recipe"
)

// BenchmarkRevise gives every row another label: FOVEA_BENCH_ROWS rows (20,000 unless set) of 512 values. Bytes are those
// of the vectors. A million rows need 4 GB of temporary space.
func BenchmarkRevise(b *testing.B) {
	rows := benchRows(b)
	info := testInfo(Float32)
	info.Recipe.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{512}, Layout: recipe.LayoutC}}
	for _, format := range formats {
		b.Run(string(format), func(b *testing.B) {
			dir := b.TempDir() + "/dataset"
			writeBenchRows(b, dir, info, Options{Format: format}, rows)
			b.SetBytes(rowBytes(info.Recipe.Layers, Float32) * int64(rows))
			n, before := 0, processorTime(b)
			for b.Loop() {
				n++
				done, err := Revise(context.Background(), dir, ReviseOptions{Row: func(r Row) (Row, bool) {
					r.Label = fmt.Sprint(r.Label, n)
					return r, true
				}})
				if must(b, err); done.RowsChanged != rows || done.Rewritten > 0 {
					b.Fatalf("%+v", done)
				}
			}
			b.ReportMetric((processorTime(b)-before).Seconds()/float64(n), "cpu-s/op")
		})
	}
}

// benchRows is FOVEA_BENCH_ROWS, or 20,000.
func benchRows(b *testing.B) int {
	b.Helper()
	text := os.Getenv("FOVEA_BENCH_ROWS")
	if text == "" {
		return 20_000
	}
	rows, err := strconv.Atoi(text)
	must(b, err)
	return rows
}

func writeBenchRows(b *testing.B, dir string, info Info, options Options, rows int) {
	b.Helper()
	w := mustCreate(b, dir, info, options)
	made := makeRows(info.Recipe, 0, 1000) // the vectors repeat, which zstd does not see
	for i := range rows {
		r := made[i%len(made)]
		r.Path, r.SHA256 = fmt.Sprintf("folder/%09d.jpg", i), fmt.Sprintf("%064x", i)
		must(b, w.Append(r))
	}
	must(b, w.Close(StatusComplete))
}

// processorTime is what the process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkAddColumns joins a staged column of 512 values to a dataset of such a one: all of the store's part but writing
// the staged rows, which is that of any extraction. The figures compare with BenchmarkRevise.
func BenchmarkAddColumns(b *testing.B) {
	rows := benchRows(b)
	info := testInfo(Float32)
	info.Recipe.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{512}, Layout: recipe.LayoutC}}
	more := info
	more.Recipe.Model, more.Recipe.Layers = "vgg19", []recipe.Layer{{Name: "vgg19_pool5", Shape: []int{512}, Layout: recipe.LayoutC, Of: "pool5"}}
	for _, format := range formats {
		b.Run(string(format), func(b *testing.B) {
			dir := b.TempDir() + "/dataset"
			writeBenchRows(b, dir, info, Options{Format: format}, rows)
			b.SetBytes(rowBytes(info.Recipe.Layers, Float32) * int64(rows))
			n, used := 0, time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				u, err := BeginColumns(dir, Options{})
				must(b, err)
				writeBenchRows(b, u.Staging(), more, u.StagingOptions(Options{Format: format}), rows)
				before := processorTime(b)
				b.StartTimer()
				must(b, u.CommitColumns(context.Background()))
				b.StopTimer()
				n, used = n+1, used+processorTime(b)-before
				must(b, u.Unstage())
				must(b, u.Close())
				_, err = Revise(context.Background(), dir, ReviseOptions{Drop: []string{"vgg19_pool5"}})
				must(b, err)
				b.StartTimer()
			}
			b.ReportMetric(used.Seconds()/float64(n), "cpu-s/op")
		})
	}
}
