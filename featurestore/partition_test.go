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
	"testing"

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
