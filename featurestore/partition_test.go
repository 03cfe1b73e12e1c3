package featurestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"fovea/internal/crashtest"
)

// labelled is a dataset of rows whose labels are hard to make a file name of.
func labelled(t *testing.T) (string, map[string][]string) {
	t.Helper()
	labels := []string{"cat", "große Katze", "a/b=c%d", "", "..", "x+y z"}
	rows := makeRows(testInfo(Float32).Recipe, 0, 3*testShard+5)
	paths := map[string][]string{}
	for i := range rows {
		rows[i].Label = labels[i*i%len(labels)]
		if i%7 == 0 {
			rows[i].Label = labels[i/7%len(labels)]
		}
		paths[rows[i].Label] = append(paths[rows[i].Label], rows[i].Path)
	}
	dir := filepath.Join(t.TempDir(), "features")
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, makeFailures(0, 2))
	return dir, paths
}

func TestPartition(t *testing.T) {
	dir, paths := labelled(t)
	out := filepath.Join(t.TempDir(), "by-label")
	must(t, Partition(context.Background(), out, dir, ByLabel, MergeOptions{}))
	entries, err := os.ReadDir(out)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"by_label=..", "by_label=__none__", "by_label=a%2Fb%3Dc%25d", "by_label=cat", "by_label=gro%C3%9Fe%20Katze", "by_label=x%2By%20z"}
	if !slices.Equal(names, want) {
		t.Errorf("directories %q, want %q", names, want)
	}
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 1 {
		t.Errorf("beside the table there is more: %v", left)
	}
	err = Partition(context.Background(), out, dir, ByLabel, MergeOptions{})
	if !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	// Stopped in the middle, it leaves nothing.
	stopped := filepath.Join(t.TempDir(), "stopped")
	ctx, cancel := context.WithCancel(context.Background())
	err = Partition(ctx, stopped, dir, BySplit, MergeOptions{Progress: func(int) { cancel() }})
	if left, _ := os.ReadDir(filepath.Dir(stopped)); !errors.Is(err, context.Canceled) || len(left) != 0 {
		t.Errorf("stopped: %v, leaves %v", err, left)
	}
	if Partition(context.Background(), stopped, dir, "width", MergeOptions{}) == nil {
		t.Error("rows are divided by width")
	}

	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Skip("FOVEA_PYTHON is not set: no Python to read the files with")
	}
	encoded, err := json.Marshal(paths)
	must(t, err)
	expected := filepath.Join(t.TempDir(), "expected.json")
	must(t, os.WriteFile(expected, encoded, 0o600))
	text, err := exec.Command(python, filepath.Join("..", "testdata", "python", "check_partition.py"), out, expected).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	t.Logf("%s", bytes.TrimSpace(text))
}

// A value that no directory can be named after is refused, before anything is written, with what to do.
func TestPartitionLongValues(t *testing.T) {
	for _, test := range []struct {
		by     PartitionBy
		value  string
		remedy string // "" if it is short enough
	}{
		{ByLabel, strings.Repeat("x", maxName-len("by_label=")), ""},
		{ByLabel, strings.Repeat("x", maxName-len("by_label=")+1), "give its rows a shorter label (extract dataset relabel)"},
		{ByLabel, strings.Repeat("\u00e9", 41), ""},
		{ByLabel, strings.Repeat("\u00e9", 42), "\"" + strings.Repeat("\u00e9", 40) + "\"... in "},
		{BySplit, strings.Repeat("/", 100), "directory of 309 bytes, of which 255 are allowed"},
		{ByGroup, strings.Repeat("P", 300), "a shorter group (extract --resume with other --group-by)"},
	} {
		dir, out := filepath.Join(t.TempDir(), "features"), filepath.Join(crashtest.Scratch(t), "out")
		info, rows := testInfo(Float32), makeRows(testInfo(Float32).Recipe, 0, 5)
		switch test.by {
		case ByLabel:
			rows[3].Label = test.value
		case BySplit:
			rows[3].Split = test.value
		case ByGroup:
			info, rows = extraInfo(Float32), extraRows(0, 5)
			rows[3].Group = test.value
		}
		writeAll(t, dir, info, testOptions(FormatParquet), rows, nil)
		err := Partition(context.Background(), out, dir, test.by, MergeOptions{})
		if test.remedy == "" && err == nil {
			continue
		}
		left, _ := os.ReadDir(filepath.Dir(out))
		if err == nil || test.remedy == "" || !strings.Contains(err.Error(), test.remedy) || len(left) != 0 {
			t.Errorf("by %s of %d bytes: %v, and %v is left; want an error with %q", test.by, len(test.value), err, left, test.remedy)
		}
	}
}

// Of two that partition to one directory at once, the second is refused; what a dead one has left
// goes with the next.
func TestPartitionTwice(t *testing.T) {
	dir, _ := labelled(t)
	out := filepath.Join(crashtest.Scratch(t), "out")
	left := inDir(filepath.Join(filepath.Dir(out), ".out.partition"), tempDir+"/whole/by_label=cat")
	must(t, os.MkdirAll(left, 0o755))
	must(t, os.WriteFile(filepath.Join(left, "part-00007.parquet"), nil, 0o644))
	var second error
	must(t, Partition(context.Background(), out, dir, ByLabel, MergeOptions{Progress: func(int) {
		second = Partition(context.Background(), out, dir, BySplit, MergeOptions{})
	}}))
	if !errors.Is(second, ErrLocked) {
		t.Errorf("the second: %v, want ErrLocked", second)
	}
	names, err := filepath.Glob(filepath.Join(out, "*", "part-*"))
	if entries, _ := os.ReadDir(filepath.Dir(out)); err != nil || len(names) != 6 || len(entries) != 1 {
		t.Errorf("%d files of rows, %v beside them", len(names), entries)
	}
}

// TestPartitionByGroup: the column on request divides as the others do, in all formats, and a dataset without it is refused.
func TestPartitionByGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("writes many datasets, as other tests do few")
	}
	for _, format := range formats {
		dir, out := filepath.Join(t.TempDir(), "features"), filepath.Join(t.TempDir(), "by-group")
		rows := extraRows(0, 3*testShard+5)
		writeAll(t, dir, extraInfo(Float32), testOptions(format), rows, nil)
		must(t, Partition(context.Background(), out, dir, ByGroup, MergeOptions{}))
		want, got := map[string][]string{}, map[string][]string{}
		for _, r := range rows {
			name := "by_group=" + nullPartition
			if r.Group != "" {
				name = "by_group=" + strings.NewReplacer(" ", "%20", "\u00e9", "%C3%A9").Replace(r.Group)
			}
			want[name] = append(want[name], r.Path+" of "+r.Group)
		}
		files, err := filepath.Glob(filepath.Join(out, "*", "part-*"))
		must(t, err)
		for _, name := range files {
			f, err := os.Open(name)
			must(t, err)
			r, err := readShard(f, memory.DefaultAllocator)
			must(t, err)
			must(t, r.scan(context.Background(), plainNames(r.meta.extra), func(c chunk) error {
				held, err := c.identities(nil)
				for _, row := range held {
					partition := filepath.Base(filepath.Dir(name))
					got[partition] = append(got[partition], row.Path+" of "+row.Group)
				}
				return err
			}))
			r.close()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	without, _ := labelled(t)
	err := Partition(context.Background(), filepath.Join(t.TempDir(), "out"), without, ByGroup, MergeOptions{})
	if err == nil || !strings.Contains(err.Error(), "has no column group") {
		t.Errorf("without groups: %v", err)
	}
}
