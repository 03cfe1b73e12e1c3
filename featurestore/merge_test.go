package featurestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fovea/internal/crashtest"
)

// part writes a dataset of rows from..to-1 and returns its directory and rows.
func part(t *testing.T, name string, info Info, format Format, from, to int) (string, []Row) {
	t.Helper()
	dir := filepath.Join(crashtest.Scratch(t), name)
	rows := makeRows(info.Recipe, from, to)
	writeAll(t, dir, info, testOptions(format), rows, makeFailures(from, from+2))
	return dir, rows
}

func TestMerge(t *testing.T) {
	for _, format := range formats {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprintf("%s/%s", format, dtype), func(t *testing.T) {
				a, rows := part(t, "a", testInfo(dtype), format, 0, 2*testShard+3)
				b, more := part(t, "b", testInfo(dtype), FormatParquet, 100, 110)
				out, seen := verified(t), 0
				err := Merge(context.Background(), out, []string{a, b}, MergeOptions{Progress: func(n int) { seen = n }})
				must(t, err)
				d, err := Open(out)
				must(t, err)
				rows = append(rows, more...)
				checkRows(t, d, rows, dtype)
				failures, err := d.Failures()
				must(t, err)
				if diff := cmp.Diff(append(makeFailures(0, 2), makeFailures(100, 102)...), failures); diff != "" {
					t.Errorf("failures (-want +got):\n%s", diff)
				}
				m := d.Manifest()
				if m.Format != format || len(m.Shards) != 1 || m.Status != StatusComplete || m.Device != "a device" || seen != len(rows) {
					t.Errorf("manifest %+v, progress %d", m, seen)
				}
				if entries, _ := os.ReadDir(filepath.Dir(out)); len(entries) != 1 {
					t.Errorf("more than the dataset is left: %v", entries)
				}
			})
		}
	}
}

func TestMergeShardSize(t *testing.T) {
	a, rows := part(t, "a", testInfo(Float32), FormatParquet, 0, 50)
	out := verified(t)
	must(t, Merge(context.Background(), out, []string{a}, MergeOptions{ShardBytes: 20 * 32 * 4, Format: FormatArrow})) // 32 values a row
	d, err := Open(out)
	must(t, err)
	checkRows(t, d, rows, Float32)
	if got := d.Shards(); len(got) != 3 || got[0].Rows != 20 || got[2].Rows != 10 {
		t.Errorf("shards %+v, want 20, 20 and 10 rows", got)
	}
}

// Without the rows of certain paths, a dataset is that of the others, in files of its own size.
func TestRemove(t *testing.T) {
	for _, format := range formats {
		info, options := testInfo(Float32), testOptions(format)
		rows := makeRows(info.Recipe, 0, 3*testShard)
		dir := verified(t)
		writeAll(t, dir, info, options, rows, makeFailures(0, 2))
		without := map[string]bool{rows[1].Path: true, rows[testShard].Path: true, makeFailures(0, 2)[1].Path: true, "nothing": true}
		kept := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return without[r.Path] })
		must(t, Remove(context.Background(), dir, without))
		d, err := Open(dir)
		must(t, err)
		checkRows(t, d, kept, Float32)
		failures, err := d.Failures()
		must(t, err)
		if m := d.Manifest(); len(failures) != 1 || m.RowsPerShard != testShard || m.Status != StatusComplete || m.Format != format {
			t.Errorf("%d failures, manifest %+v", len(failures), m)
		}
	}
	if err := Remove(context.Background(), t.TempDir(), nil); !errors.Is(err, ErrNotDataset) && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty directory gives %v", err)
	}
}

func TestMergeRefuses(t *testing.T) {
	a, _ := part(t, "a", testInfo(Float32), FormatParquet, 0, 10)
	twin, _ := part(t, "a", testInfo(Float32), FormatParquet, 20, 30)
	overlapping, _ := part(t, "b", testInfo(Float32), FormatParquet, 9, 12)
	half, _ := part(t, "half", testInfo(Float16), FormatParquet, 20, 22)
	other := testInfo(Float32)
	other.Recipe.Model, other.Recipe.Layers = "vgg19", other.Recipe.Layers[:2]
	vgg19, _ := part(t, "vgg19", other, FormatParquet, 20, 22)
	tests := []struct {
		name    string
		dirs    []string
		options MergeOptions
		want    error
		text    string
	}{
		{"nothing", nil, MergeOptions{}, nil, "no datasets given"},
		{"no dataset", []string{a, t.TempDir()}, MergeOptions{}, ErrNotDataset, "manifest.json"},
		{"another recipe", []string{a, vgg19}, MergeOptions{}, ErrMismatch, "model: vgg16 in the first, vgg19 in the second; layers: pool5[3 2 4],fc7[7],model/top.dense:0[1] in the first, pool5[3 2 4],fc7[7] in the second"},
		{"another dtype", []string{a, half}, MergeOptions{}, ErrMismatch, "dtype: float32 in the first, float16 in the second"},
		{"a path twice", []string{a, overlapping}, MergeOptions{}, ErrDuplicatePath, `.9.jpg" is in "` + a + `" and in "` + overlapping},
		{"itself", []string{a, a}, MergeOptions{}, nil, "is given twice"},
		{"one prefix", []string{a, twin}, MergeOptions{PrefixPaths: true}, nil, "have the same name"},
		{"unknown format", []string{a}, MergeOptions{Format: "csv"}, nil, `unknown format "csv"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			err := Merge(context.Background(), out, test.dirs, test.options)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
			if entries, _ := os.ReadDir(filepath.Dir(out)); len(entries) > 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
	must(t, Merge(context.Background(), filepath.Join(t.TempDir(), "out"), []string{a, overlapping}, MergeOptions{PrefixPaths: true}))
	if err := Merge(context.Background(), a, []string{twin}, MergeOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("existing output: %v, want ErrExists", err)
	}
	must(t, Verify(a))
}

// A failure whose path is a row of another dataset is a row.
func TestMergeFailureThatBecameARow(t *testing.T) {
	info := testInfo(Float32)
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	rows := makeRows(info.Recipe, 0, 3)
	writeAll(t, a, info, testOptions(FormatParquet), rows[:2], []Failure{{Path: rows[2].Path, Stage: "read"}, {Path: "lost", Stage: "read"}})
	writeAll(t, b, info, testOptions(FormatParquet), rows[2:], nil)
	out := verified(t)
	must(t, Merge(context.Background(), out, []string{a, b}, MergeOptions{}))
	d, err := Open(out)
	must(t, err)
	checkRows(t, d, rows, Float32)
	if failures, err := d.Failures(); err != nil || len(failures) != 1 || failures[0].Path != "lost" {
		t.Errorf("failures %v, %v", failures, err)
	}
}

func TestCompact(t *testing.T) {
	for _, format := range formats {
		dir, rows := part(t, "a", testInfo(Float32), format, 0, 3*testShard+1)
		must(t, os.Chmod(dir, 0o750))
		link := filepath.Join(t.TempDir(), "link")
		must(t, os.Symlink(dir, link))
		must(t, Compact(context.Background(), link, MergeOptions{}))
		must(t, Verify(dir))
		d, err := Open(dir)
		must(t, err)
		checkRows(t, d, rows, Float32)
		if len(d.Shards()) != 1 || d.Manifest().Failures != 2 {
			t.Errorf("%s: manifest %+v", format, d.Manifest())
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o750 {
			t.Errorf("%s: mode %v, %v", format, info.Mode(), err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
			t.Errorf("%s: left behind: %v", format, entries)
		}
		// Extraction goes on where it was.
		w := mustCreate(t, dir, testInfo(Float32), Options{Format: format, Resume: true})
		more := makeRows(testRecipe(), 200, 203)
		must(t, w.Append(more...))
		must(t, w.Close(StatusComplete))
		must(t, Verify(dir))
	}
}

func TestCompactRefuses(t *testing.T) {
	dir, _ := part(t, "a", testInfo(Float32), FormatParquet, 0, 50)
	thesis := filepath.Join(dir, "thesis.doc")
	must(t, os.WriteFile(thesis, nil, 0o644))
	if err := Compact(context.Background(), dir, MergeOptions{}); err == nil || !strings.Contains(err.Error(), "thesis.doc") {
		t.Errorf("foreign file: %v", err)
	}
	must(t, os.Remove(thesis))
	l, err := lock(dir)
	must(t, err)
	if err := Compact(context.Background(), dir, MergeOptions{}); !errors.Is(err, ErrLocked) {
		t.Errorf("locked: %v", err)
	}
	must(t, l.release())
	beside := filepath.Join(filepath.Dir(dir), ".a.new")
	must(t, os.Mkdir(beside, 0o755))
	must(t, os.WriteFile(filepath.Join(beside, "thesis.doc"), nil, 0o644))
	if err := Compact(context.Background(), dir, MergeOptions{}); err == nil || !strings.Contains(err.Error(), "thesis.doc") {
		t.Errorf("foreign files beside: %v", err)
	}
	if _, err := os.Stat(filepath.Join(beside, "thesis.doc")); err != nil {
		t.Error("it deleted a file of another's")
	}
	ctx, cancel := context.WithCancel(context.Background())
	must(t, os.RemoveAll(beside))
	err = Compact(ctx, dir, MergeOptions{Progress: func(int) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	must(t, Verify(dir))
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// Killed at any moment, a compaction leaves a whole dataset with all rows.
func TestCompactKilled(t *testing.T) {
	if dir := os.Getenv("FOVEA_COMPACT"); dir != "" {
		must(t, Compact(context.Background(), dir, MergeOptions{}))
		return
	}
	notShort(t, "kills processes")
	dir, rows := part(t, "a", testInfo(Float32), FormatParquet, 0, 300)
	for delay := range 12 {
		command := exec.Command(os.Args[0], "-test.run=^TestCompactKilled$")
		command.Env = append(os.Environ(), "FOVEA_COMPACT="+dir)
		must(t, command.Start())
		time.Sleep(time.Duration(delay) * 15 * time.Millisecond)
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed, or was done
		must(t, Verify(dir))
		d, err := Open(dir)
		must(t, err)
		checkRows(t, d, rows, Float32)
	}
	must(t, Compact(context.Background(), dir, MergeOptions{}))
	must(t, Verify(dir))
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// What was not finished is not finished by merging: extraction can go on.
func TestMergeInterrupted(t *testing.T) {
	info := testInfo(Float32)
	a, _ := part(t, "a", info, FormatParquet, 0, 5)
	b := filepath.Join(t.TempDir(), "b")
	rows := makeRows(info.Recipe, 10, 14)
	w := mustCreate(t, b, info, testOptions(FormatParquet))
	must(t, w.Append(rows[:2]...))
	must(t, w.Close(StatusInterrupted))
	out := verified(t)
	must(t, Merge(context.Background(), out, []string{a, b}, MergeOptions{}))
	d, err := Open(out)
	must(t, err)
	if d.Manifest().Status != StatusInterrupted || d.Rows() != 7 {
		t.Errorf("%s with %d rows, want interrupted with 7", d.Manifest().Status, d.Rows())
	}
	w = mustCreate(t, out, info, Options{Resume: true})
	if done := w.Done(); len(done) != 9 || !done[rows[1].Path] { // 7 rows, 2 failures
		t.Errorf("%d paths are done, want 9", len(done))
	}
	must(t, w.Append(rows[2:]...))
	must(t, w.Close(StatusComplete))
}
