package featurestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fovea/internal/crashtest"
)

// trials is how often a trial is run: FOVEA_TRIALS times as often as usual, if that is set. Short tests, which the race
// detector makes ten times as slow, run a fifth: what it looks for can be seen each time.
func trials(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("FOVEA_TRIALS")); err == nil && n > 0 {
		return n * usual
	}
	if testing.Short() {
		return (usual + 4) / 5
	}
	return usual
}

// notShort skips tests whose work is that of other processes, or that repeat thousands of times what one goroutine does.
func notShort(t *testing.T, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip(what)
	}
}

// known is what a dataset may hold.
type known struct {
	rows     []Row
	failures []Failure
}

// source writes the dataset that it describes.
func (k known) source(t testing.TB, dir string, format Format) string {
	t.Helper()
	writeAll(t, dir, testInfo(Float32), testOptions(format), k.rows, k.failures)
	return dir
}

// agrees says how what was read through one Dataset differs from all that may be there.
func agrees(d *Dataset, rows []Row, failures []Failure, all []known) error {
	for _, k := range all {
		want := k
		if d.Manifest().Status != StatusComplete { // so far
			want.rows = k.rows[:min(len(rows), len(k.rows))]
			want.failures = k.failures[:min(len(failures), len(k.failures))]
		}
		if slices.EqualFunc(rows, want.rows, sameRow) && slices.Equal(failures, want.failures) {
			return nil
		}
	}
	var paths []string
	for _, r := range rows {
		paths = append(paths, r.Path)
	}
	return fmt.Errorf("%d rows and %d failures (%s) are those of no dataset that was ever there: %q, %+v", len(rows), len(failures), d.Manifest().Status, paths, failures)
}

// readOnce reads a dataset in one of several ways, all of it.
func readOnce(dir string, random *rand.Rand, all []known) error {
	ctx := context.Background()
	d, err := Open(dir)
	if err != nil {
		return err
	}
	var rows []Row
	if random.IntN(2) == 0 {
		err = d.Scan(ctx, ScanOptions{Readers: 1 + random.IntN(3)}, func(b *Batch) error {
			for i, r := range b.Rows {
				for n, l := range d.Recipe().Layers {
					r.Features = append(r.Features, slices.Clone(b.Vectors[n][i*l.Size():(i+1)*l.Size()]))
				}
				rows = append(rows, r)
			}
			return nil
		})
	} else {
		rows, err = readByLayer(ctx, d)
	}
	if err != nil {
		return err
	}
	failures, err := d.Failures()
	if err != nil {
		return err
	}
	return agrees(d, rows, failures, all)
}

// readByLayer reads a layer at a time, as training does.
func readByLayer(ctx context.Context, d *Dataset) ([]Row, error) {
	rows := make([]Row, d.Rows())
	for _, l := range d.Recipe().Layers {
		table, err := d.Matrix(ctx, l.Name)
		if errors.Is(err, ErrEmpty) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range rows {
			rows[i].Path, rows[i].Label, rows[i].Split, rows[i].SHA256 = table.Paths[i], table.Labels[i], table.Splits[i], table.SHA256[i]
			rows[i].Features = append(rows[i].Features, table.Data[i*table.Cols:(i+1)*table.Cols])
		}
	}
	return rows, d.Scan(ctx, ScanOptions{Layers: []string{}}, func(b *Batch) error {
		for i, r := range b.Rows {
			rows[b.Index[i]].Width, rows[b.Index[i]].Height = r.Width, r.Height
		}
		return nil
	})
}

// besideReaders runs readers while write changes the dataset in dir, and counts what they got.
func besideReaders(t *testing.T, dir string, all []known, write func()) {
	t.Helper()
	var whole, replaced atomic.Int32
	var group sync.WaitGroup
	done := make(chan struct{})
	for n := range 2 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(n)))
			for {
				select {
				case <-done:
					return
				default:
				}
				switch err := readOnce(dir, random, all); {
				case err == nil:
					whole.Add(1)
				case errors.Is(err, ErrReplaced) && !errors.Is(err, ErrCorrupt):
					replaced.Add(1)
				default:
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond) // leaves the processors to the writer
			}
		})
	}
	func() {
		defer group.Wait()
		defer close(done) // also if writing fails
		write()
	}()
	t.Logf("%d reads were whole, %d were replaced meanwhile", whole.Load(), replaced.Load())
	if whole.Load() == 0 {
		t.Error("nobody could read")
	}
}

// Beside datasets that are exchanged, a read gives one of them, whole, or says that it was replaced.
func TestReadersBesideExchanges(t *testing.T) {
	t.Run("in steps", func(t *testing.T) {
		setExchange(t, true)
		exchangeBesideReaders(t, FormatParquet, trials(15))
	})
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			exchangeBesideReaders(t, format, trials(50))
		})
	}
}

func exchangeBesideReaders(t *testing.T, format Format, rounds int) {
	all := twoDatasets()
	parent := crashtest.Scratch(t)
	a, b := all[0].source(t, filepath.Join(parent, "a"), format), all[1].source(t, filepath.Join(parent, "b"), format)
	out := filepath.Join(parent, "out")
	options := MergeOptions{ShardBytes: 10 * 32 * 4, Overwrite: true} // 32 values a row
	must(t, Merge(context.Background(), out, []string{a}, options))
	besideReaders(t, out, all, func() {
		for i := range rounds {
			must(t, Merge(context.Background(), out, []string{[]string{b, a}[i%2]}, options))
			must(t, Compact(context.Background(), out, options))
		}
	})
	must(t, Verify(out))
}

// twoDatasets have different rows and failures, and different numbers of them.
func twoDatasets() []known {
	return []known{
		{makeRows(testRecipe(), 0, 41), makeFailures(0, 2)},
		{makeRows(testRecipe(), 1000, 1029), makeFailures(50, 53)},
	}
}

// The same beside writers that work in the directory itself: one overwrites, is interrupted, and is
// resumed, when its short last shard makes way for a longer one.
func TestReadersBesideExtraction(t *testing.T) {
	all := twoDatasets()
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(crashtest.Scratch(t), "out")
			all[0].source(t, out, format)
			besideReaders(t, out, all, func() {
				for i := range trials(30) {
					k, options := all[(i+1)%2], testOptions(format)
					options.hooks.shardRows, options.Overwrite = 10, true
					half := len(k.rows) / 2
					extract(t, out, options, k.rows[:half], k.failures[:1], StatusInterrupted)
					options.Overwrite, options.Resume = false, true
					extract(t, out, options, k.rows[half:], k.failures[1:], StatusComplete)
				}
			})
			must(t, Verify(out))
		})
	}
}

func extract(t testing.TB, dir string, options Options, rows []Row, failures []Failure, status Status) {
	t.Helper()
	w, err := Create(dir, testInfo(Float32), options)
	must(t, err)
	must(t, w.AppendFailure(failures...))
	for _, r := range rows {
		must(t, w.Append(r))
	}
	must(t, w.Close(status))
}
