package featurestore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// formerRows is the number of rows of the datasets in testdata/former: a whole shard and a short
// one, with two failures. The version before the hidden directory and the required list elements
// wrote them; "parquet-killed" is what it left when it was killed.
const formerRows = testShard + 6

var formerDatasets = []struct {
	name   string
	format Format
	dtype  DType
	tensor bool
}{
	{"parquet-float32", FormatParquet, Float32, false},
	{"parquet-float16-tensor", FormatParquet, Float16, true},
	{"arrow-float32", FormatArrow, Float32, false},
}

// former copies such a dataset to where it can be changed.
func former(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "former", name))))
	return dir
}

// top are the names in a dataset's directory.
func top(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

var topNow = []string{HiddenDir, dataDir}

func checkFailures(t *testing.T, d *Dataset, want []Failure) {
	t.Helper()
	got, err := d.Failures()
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

// A dataset of an earlier version is read where it lies and as it is.
func TestFormerIsRead(t *testing.T) {
	for _, c := range formerDatasets {
		t.Run(c.name, func(t *testing.T) {
			dir := former(t, c.name)
			before := contents(t, dir)
			must(t, Verify(dir))
			d, err := Open(dir)
			must(t, err)
			checkRows(t, d, makeRows(testRecipe(), 0, formerRows), c.dtype)
			checkFailures(t, d, makeFailures(0, 2))
			sameContents(t, contents(t, dir), before)
		})
	}
}

// Resumed, its directory gets today's layout; whole shards stay, and the new ones have optional
// elements as they have.
func TestFormerIsResumed(t *testing.T) {
	const total = 3*testShard + 1
	for _, c := range formerDatasets {
		t.Run(c.name, func(t *testing.T) {
			dir, info, options := former(t, c.name), testInfo(c.dtype), testOptions(c.format)
			options.Resume, options.TensorExtension = true, c.tensor
			rows, failures := makeRows(info.Recipe, 0, total), makeFailures(0, 3)
			first, err := os.ReadFile(filepath.Join(dir, dataDir, shardName(0, c.format)))
			must(t, err)

			w := mustCreate(t, dir, info, options)
			if w.Rows() != formerRows || w.Failures() != 2 {
				t.Errorf("%d rows and %d failures are taken up, want %d and 2", w.Rows(), w.Failures(), formerRows)
			}
			must(t, w.AppendFailure(failures[2:]...))
			must(t, w.Append(rows[formerRows:]...))
			must(t, w.Close(StatusComplete))

			must(t, Verify(dir))
			d, err := Open(dir)
			must(t, err)
			checkRows(t, d, rows, c.dtype)
			checkFailures(t, d, failures)
			if !d.elements.optional || d.elements.required {
				t.Errorf("the elements are %+v, want optional ones alone", d.elements)
			}
			if diff := cmp.Diff(topNow, top(t, dir)); diff != "" {
				t.Errorf("names in the directory (-want +got):\n%s", diff)
			}
			again, err := os.ReadFile(filepath.Join(dir, dataDir, shardName(0, c.format)))
			must(t, err)
			if !bytes.Equal(first, again) {
				t.Error("a whole shard was written again")
			}
		})
	}
}

// What a killed writer of an earlier version has left goes on as well, and its half-written file
// is gone.
func TestFormerKilledIsResumed(t *testing.T) {
	dir, info, options := former(t, "parquet-killed"), testInfo(Float32), testOptions(FormatParquet)
	options.Resume = true
	w := mustCreate(t, dir, info, options)
	if w.Rows() != testShard || w.Failures() != 2 {
		t.Errorf("%d rows and %d failures are taken up, want %d and 2", w.Rows(), w.Failures(), testShard)
	}
	rows := makeRows(info.Recipe, 0, testShard+3)
	must(t, w.Append(rows[testShard:]...))
	must(t, w.Close(StatusComplete))
	must(t, Verify(dir))
	if diff := cmp.Diff(topNow, top(t, dir)); diff != "" {
		t.Errorf("names in the directory (-want +got):\n%s", diff)
	}
}

// Nothing is moved before it is clear that this run may go on.
func TestFormerStaysWhenRefused(t *testing.T) {
	dir, info, options := former(t, "parquet-float32"), testInfo(Float16), testOptions(FormatParquet)
	names := func() []string { return slices.DeleteFunc(top(t, dir), func(s string) bool { return s == formerLock }) }
	before := names()
	for _, resume := range []bool{false, true} {
		options.Resume = resume
		if _, err := Create(dir, info, options); err == nil {
			t.Fatal("a dataset of another type is gone on with")
		}
		if diff := cmp.Diff(before, names()); diff != "" {
			t.Errorf("names in the directory (-before +after):\n%s", diff)
		}
	}
}

// Moving may be cut short at any file: what is read then is one of the two datasets, whole.
func TestFormerMoveCutShort(t *testing.T) {
	info, options := testInfo(Float32), testOptions(FormatParquet)
	options.Resume = true
	done := former(t, "parquet-float32")
	must(t, mustCreate(t, done, info, options).Close(StatusInterrupted))
	for _, moved := range [][]string{
		{FailuresFile},
		{FailuresFile, ManifestFile},
		{FailuresFile, ManifestFile, "-" + FormerFailuresFile},
	} {
		dir := former(t, "parquet-float32")
		for _, name := range moved {
			if gone, ok := strings.CutPrefix(name, "-"); ok {
				must(t, os.Remove(inDir(dir, gone)))
				continue
			}
			must(t, os.MkdirAll(inDir(dir, HiddenDir), 0o755))
			raw, err := os.ReadFile(inDir(done, name))
			must(t, err)
			must(t, os.WriteFile(inDir(dir, name), raw, 0o644))
		}
		must(t, Verify(dir))
		d, err := Open(dir)
		must(t, err)
		checkFailures(t, d, makeFailures(0, 2))
		must(t, mustCreate(t, dir, info, options).Close(StatusInterrupted))
		checkRows(t, d, makeRows(testRecipe(), 0, formerRows), Float32)
		if diff := cmp.Diff(topNow, top(t, dir)); diff != "" {
			t.Errorf("after %v: names in the directory (-want +got):\n%s", moved, diff)
		}
	}
}

// Overwriting takes the files of both layouts away.
func TestFormerIsOverwritten(t *testing.T) {
	dir, options := former(t, "parquet-float32"), testOptions(FormatParquet)
	options.Overwrite = true
	rows := makeRows(testRecipe(), 200, 205)
	writeAll(t, dir, testInfo(Float32), options, rows, nil)
	d, err := Open(dir)
	must(t, err)
	checkRows(t, d, rows, Float32)
	checkFailures(t, d, nil)
	if diff := cmp.Diff(topNow, top(t, dir)); diff != "" {
		t.Errorf("names in the directory (-want +got):\n%s", diff)
	}
}

// Compacting gives a dataset today's layout and elements; so do merging and removing rows.
func TestFormerIsCompacted(t *testing.T) {
	for _, c := range formerDatasets {
		dir := former(t, c.name)
		must(t, Compact(context.Background(), dir, MergeOptions{}))
		must(t, Verify(dir))
		d, err := Open(dir)
		must(t, err)
		checkRows(t, d, makeRows(testRecipe(), 0, formerRows), c.dtype)
		checkFailures(t, d, makeFailures(0, 2))
		if diff := cmp.Diff(topNow, top(t, dir)); diff != "" {
			t.Errorf("%s: names in the directory (-want +got):\n%s", c.name, diff)
		}
		if c.format == FormatParquet {
			requireElements(t, filepath.Join(dir, d.Shards()[0].File), c.tensor)
		}
	}
	dir, rows := former(t, "parquet-float32"), makeRows(testRecipe(), 0, formerRows)
	must(t, Remove(context.Background(), dir, map[string]bool{rows[0].Path: true}))
	d, err := Open(dir)
	must(t, err)
	checkRows(t, d, rows[1:], Float32)
	if diff := cmp.Diff(topNow, top(t, dir)); diff != "" {
		t.Errorf("names in the directory (-want +got):\n%s", diff)
	}
}

// Old and new datasets together: merged as they are, and assembled and divided once compacted.
// Assembled as they are, some readers would refuse them (DataFusion 55).
func TestFormerIsMixed(t *testing.T) {
	ctx := context.Background()
	for _, c := range formerDatasets {
		t.Run(c.name, func(t *testing.T) {
			info, options := testInfo(c.dtype), testOptions(c.format)
			options.TensorExtension = c.tensor
			rows := makeRows(info.Recipe, 0, formerRows+9)
			old, young := former(t, c.name), filepath.Join(t.TempDir(), "young")
			options.Resume = true
			must(t, mustCreate(t, old, info, options).Close(StatusComplete))
			writeAll(t, young, info, options, rows[formerRows:], makeFailures(2, 4))
			parts := []string{old, young}

			merged, assembled, parted := filepath.Join(t.TempDir(), "merged"), filepath.Join(t.TempDir(), "assembled"), filepath.Join(t.TempDir(), "parted")
			must(t, Merge(ctx, merged, parts, MergeOptions{}))
			if err := Assemble(ctx, assembled, parts, AssembleOptions{}); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "compact the first") {
				t.Errorf("assembling files of both kinds: %v, want ErrMismatch", err)
			}
			must(t, Compact(ctx, old, MergeOptions{}))
			must(t, Assemble(ctx, assembled, parts, AssembleOptions{}))
			for _, dir := range []string{merged, assembled} {
				must(t, Verify(dir))
				d, err := Open(dir)
				must(t, err)
				checkRows(t, d, rows, c.dtype)
				checkFailures(t, d, makeFailures(0, 4))
				if d.elements.optional {
					t.Errorf("%s has optional elements", dir)
				}
			}
			must(t, Partition(ctx, parted, old, ByLabel, MergeOptions{}))
			if got := len(top(t, parted)); got != 4 {
				t.Errorf("%d values of the label, want 4", got)
			}
		})
	}
}

// A dataset whose hidden directory was left behind says what is missing.
func TestOpenWithoutHiddenDir(t *testing.T) {
	dir := dataset(t, FormatParquet)
	must(t, os.RemoveAll(inDir(dir, HiddenDir)))
	_, err := Open(dir)
	if !errors.Is(err, ErrNotDataset) || !strings.Contains(err.Error(), "copy the hidden directory .fovea along") {
		t.Errorf("got %v", err)
	}
	if _, err := Create(dir, testInfo(Float32), Options{Overwrite: true}); !errors.Is(err, ErrNotDataset) {
		t.Errorf("overwriting: %v, want ErrNotDataset", err)
	}
	if _, err := os.Stat(inDir(dir, HiddenDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was made: %v", HiddenDir, err)
	}
}
