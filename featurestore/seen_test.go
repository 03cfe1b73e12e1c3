package featurestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// seenAs is what the picture of that number was read from.
func seenAs(i int) (seen [seenSize]byte) {
	copy(seen[:], fmt.Sprintf("seen %d", i))
	return seen
}

// seenRows are makeRows that know what they were read from.
func seenRows(from, to int) []Row {
	rows := makeRows(testRecipe(), from, to)
	for i := range rows {
		rows[i].Seen = seenAs(from + i)
	}
	return rows
}

func seenFailures(from, to int) []Failure {
	failures := makeFailures(from, to)
	for i := range failures {
		failures[i].Seen, failures[i].SHA256 = seenAs(-from-i), fmt.Sprintf("%064x", from+i)
	}
	return failures
}

// checkKnown resumes a dataset, which must know the rows and failures: at least those that must be known, of
// the others nothing or the same.
func checkKnown(t *testing.T, dir string, rows []Row, failures []Failure, must func(row int) bool) {
	t.Helper()
	options := testOptions(FormatParquet)
	options.Resume = true
	w := mustCreate(t, dir, testInfo(Float32), options)
	defer func() {
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
	}()
	known := 0
	for i, r := range rows {
		k, ok := w.Known(r.Path)
		if !ok || k.Failed || k.SHA256 != parseSum(r.SHA256) {
			t.Fatalf("%q is known as %v, %t", r.Path, k, ok)
		}
		if k.Seen != r.Seen && (must(i) || k.Seen != [seenSize]byte{}) {
			t.Errorf("%q is known as %q, want %q", r.Path, k.Seen, r.Seen)
		}
		if k.Seen == r.Seen {
			known++
		}
	}
	for _, f := range failures {
		if k, ok := w.Known(f.Path); !ok || !k.Failed || k.Seen != f.Seen || k.SHA256 != parseSum(f.SHA256) {
			t.Errorf("the failure %q is known as %v, %t", f.Path, k, ok)
		}
	}
	t.Logf("%d of %d rows are known", known, len(rows))
}

func all(int) bool { return true }

const seenTotal = 3*testShard + 5

// writeSeenRows makes a dataset of four shards, the last of which is short, and three failures.
func writeSeenRows(t *testing.T) (dir string, rows []Row, failures []Failure) {
	t.Helper()
	dir, rows, failures = verified(t), seenRows(0, seenTotal), seenFailures(0, 3)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, failures)
	return dir, rows, failures
}

// What the pictures were read from changes nothing in the files that others read.
func TestSeenIsBesideTheRows(t *testing.T) {
	dir, rows, failures := writeSeenRows(t)
	checkKnown(t, dir, rows, failures, all)
	without := verified(t)
	writeAll(t, without, testInfo(Float32), testOptions(FormatParquet), makeRows(testRecipe(), 0, seenTotal), makeFailures(0, 3))
	got, want := contents(t, dir), contents(t, without)
	beside := 0
	for name := range got {
		if IsSeen(name) {
			delete(got, name)
			beside++
		}
	}
	if beside != 5 {
		t.Errorf("%d files are beside 4 shards and the failures", beside)
	}
	sameContents(t, got, want)
}

func TestSeenGoesAlong(t *testing.T) {
	ctx := context.Background()
	dir, rows, failures := writeSeenRows(t)
	other := verified(t)
	rest := seenRows(seenTotal, seenTotal+40)
	writeAll(t, other, testInfo(Float32), testOptions(FormatParquet), rest, nil)
	both := slices.Concat(rows, rest)

	merged, assembled := filepath.Join(t.TempDir(), "merged"), filepath.Join(t.TempDir(), "assembled")
	must(t, Merge(ctx, merged, []string{dir, other}, MergeOptions{}))
	checkKnown(t, merged, both, failures, all)
	must(t, Assemble(ctx, assembled, []string{dir, other}, AssembleOptions{}))
	must(t, Compact(ctx, assembled, MergeOptions{ShardBytes: 1 << 16})) // shards of several writers are not resumed
	checkKnown(t, assembled, both, failures, all)
	must(t, Compact(ctx, dir, MergeOptions{}))
	checkKnown(t, dir, rows, failures, all)
	must(t, Remove(ctx, dir, map[string]bool{rows[2].Path: true, failures[0].Path: true}))
	checkKnown(t, dir, slices.Delete(slices.Clone(rows), 2, 3), failures[1:], all)
	must(t, Partition(ctx, filepath.Join(t.TempDir(), "parts"), dir, ByLabel, MergeOptions{}))
}

// A short last shard is written anew when rows follow.
func TestSeenOfResumedRows(t *testing.T) {
	dir, rows, failures := writeSeenRows(t)
	more := seenRows(seenTotal, seenTotal+testShard)
	options := testOptions(FormatParquet)
	options.Resume = true
	w := mustCreate(t, dir, testInfo(Float32), options)
	must(t, w.Append(more...))
	if _, ok := w.Known(rows[0].Path); ok {
		t.Error("rows are known after others were added")
	}
	must(t, w.Close(StatusInterrupted))
	checkKnown(t, dir, slices.Concat(rows, more), failures, all)
}

func TestRemember(t *testing.T) {
	dir, rows, failures := writeSeenRows(t)
	before := contents(t, dir)
	options := testOptions(FormatParquet)
	options.Resume = true
	w := mustCreate(t, dir, testInfo(Float32), options)
	seen := map[string][seenSize]byte{"unheard of": seenAs(1)}
	for _, i := range []int{0, testShard, testShard + 1, seenTotal - 1} {
		rows[i].Seen = seenAs(1000 + i)
		seen[rows[i].Path] = rows[i].Seen
	}
	failures[1].Seen = seenAs(2000)
	seen[failures[1].Path] = failures[1].Seen
	must(t, w.Remember(maps.All(seen)))
	must(t, w.Close(StatusComplete))
	checkKnown(t, dir, rows, failures, all)
	after := contents(t, dir)
	maps.DeleteFunc(before, func(name, _ string) bool { return IsSeen(name) })
	maps.DeleteFunc(after, func(name, _ string) bool { return IsSeen(name) })
	sameContents(t, after, before)
}

func TestForget(t *testing.T) {
	dir, rows, failures := writeSeenRows(t)
	options := testOptions(FormatParquet)
	options.Resume = true
	w := mustCreate(t, dir, testInfo(Float32), options)
	w.Forget(map[string]bool{failures[0].Path: true, failures[1].Path: true, rows[0].Path: true, "unheard of": true})
	must(t, w.AppendFailure(failures[1]))
	if done := w.Done(); done[failures[0].Path] || !done[failures[1].Path] || !done[rows[0].Path] || w.Failures() != 2 {
		t.Errorf("done are %v with %d failures", done, w.Failures())
	}
	mended := seenRows(seenTotal, seenTotal+1)
	mended[0].Path = failures[0].Path
	must(t, w.Append(mended...))
	must(t, w.Close(StatusComplete))
	checkKnown(t, dir, append(rows, mended...), failures[1:], all)
	d, err := Open(dir)
	must(t, err)
	checkFailures(t, d, failures[1:]) // in the order of before
}

// Whatever is not whole or of another file tells nothing.
func TestSeenDamaged(t *testing.T) {
	dir, rows, failures := writeSeenRows(t)
	file := inDir(dir, seenFile("data/part-00001.parquet"))
	whole, err := os.ReadFile(file)
	must(t, err)
	second := func(row int) bool { return row >= testShard && row < 2*testShard }
	others := func(row int) bool { return !second(row) }
	d, err := Open(dir)
	must(t, err)
	shards := d.Shards()
	unknown := func(what string) {
		t.Helper()
		if seen := seenOf(dir, shards[1]); slices.ContainsFunc(seen, func(s [seenSize]byte) bool { return s != [seenSize]byte{} }) {
			t.Fatalf("%s: rows are known", what)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		damaged := bytes.Clone(whole)
		at := random.IntN(len(damaged))
		damaged[at] ^= 1 << random.IntN(8)
		must(t, os.WriteFile(file, damaged, 0o644))
		unknown(fmt.Sprintf("byte %d changed", at))
	}
	for size := range whole {
		must(t, os.WriteFile(file, whole[:size], 0o644))
		unknown(fmt.Sprintf("cut to %d bytes", size))
	}
	must(t, os.WriteFile(file, append(bytes.Clone(whole), 0), 0o644))
	unknown("too long")
	other, err := os.ReadFile(inDir(dir, seenFile("data/part-00000.parquet")))
	must(t, errors.Join(err, os.WriteFile(file, other, 0o644)))
	unknown("of another shard")
	must(t, errors.Join(os.Remove(file), os.Mkdir(file, 0o755)))
	unknown("a directory")
	must(t, os.Remove(file))
	unknown("missing")
	checkKnown(t, dir, rows, failures, others)

	// A list of failures that was changed by hand is damaged, and what is known of others is not taken for its.
	list := inDir(dir, FailuresFile)
	text, err := os.ReadFile(list)
	must(t, err)
	must(t, os.WriteFile(list, bytes.Replace(text, []byte("no picture: 0"), []byte("no picture: 9"), 1), 0o644))
	d, err = Open(dir)
	must(t, err)
	if got, err := d.Failures(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a changed list of failures gives %v, %v", got, err)
	}
	must(t, os.WriteFile(list, text, 0o644))
}

// What is overwritten or given up leaves nothing behind.
func TestSeenGoesAway(t *testing.T) {
	dir, _, _ := writeSeenRows(t)
	options := testOptions(FormatParquet)
	options.Overwrite = true
	writeAll(t, dir, testInfo(Float32), options, makeRows(testRecipe(), 0, 3), nil)
	for name := range contents(t, dir) {
		if IsSeen(name) {
			t.Errorf("%s is of the dataset before", name)
		}
	}
	given := filepath.Join(t.TempDir(), "given up")
	w := mustCreate(t, given, testInfo(Float32), testOptions(FormatParquet))
	must(t, w.AppendFailure(seenFailures(0, 1)...))
	must(t, w.Append(seenRows(0, 2)...))
	must(t, w.Abort())
	if _, err := os.Stat(inDir(given, seenDir)); err == nil {
		t.Errorf("%s is left", seenDir)
	}
}

func TestSeenNames(t *testing.T) {
	for _, name := range []string{"data/part-00000.parquet", "data/part-123456.arrow", FailuresFile} {
		if seen := seenFile(name); !IsSeen(seen) || !fs.ValidPath(seen) {
			t.Errorf("%s has %s", name, seen)
		}
	}
	for _, name := range []string{"data/part-00000.parquet", FailuresFile, ".fovea/seen/x", ".fovea/seen/a/errors.jsonl.seen", ".fovea/seen/part-00000.parquet", ".fovea/seen/", "seen/errors.jsonl"} {
		if IsSeen(name) {
			t.Errorf("%s is taken for one", name)
		}
	}
}

// Who only looks at what is known leaves the dataset as it was.
func TestAbortOfAnUntouchedDataset(t *testing.T) {
	dir, rows, _ := writeSeenRows(t)
	manifest := func() string {
		text, err := os.ReadFile(inDir(dir, ManifestFile))
		must(t, err)
		return string(text)
	}
	before := manifest()
	options := testOptions(FormatParquet)
	options.Resume = true
	for _, touch := range []func(*Writer) error{
		func(*Writer) error { return nil },
		func(w *Writer) error { return w.Remember(maps.All(map[string][seenSize]byte{rows[0].Path: seenAs(5)})) },
	} {
		w := mustCreate(t, dir, testInfo(Float32), options)
		must(t, touch(w))
		must(t, w.Abort())
		if got := manifest(); got != before {
			t.Errorf("the manifest is %s, it was %s", got, before)
		}
	}
	w := mustCreate(t, dir, testInfo(Float32), options)
	must(t, w.Append(seenRows(seenTotal, seenTotal+1)...))
	must(t, w.Abort())
	if d, err := Open(dir); err != nil || d.Manifest().Status != StatusWriting {
		t.Errorf("after rows were added it says %v: %v", d.Manifest().Status, err)
	}
}
