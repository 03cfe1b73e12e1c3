package featurestore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAssemble(t *testing.T) {
	for _, format := range formats {
		info := testInfo(Float32)
		// Short last shards in the middle, a part with failures only, and one full one.
		a, rows := part(t, "a", info, format, 0, 2*testShard+3)
		b, more := part(t, "b", info, format, 100, 100+testShard)
		none, _ := part(t, "none", info, format, 200, 200)
		c, rest := part(t, "c", info, format, 300, 301)
		rows = append(append(rows, more...), rest...)
		parts := []string{a, b, none, c}
		out := verified(t)
		must(t, Assemble(context.Background(), out, parts, AssembleOptions{ToolVersion: "1"}))
		d, err := Open(out)
		must(t, err)
		checkRows(t, d, rows, Float32)
		failures, err := d.Failures()
		must(t, err)
		want := append(append(append(makeFailures(0, 2), makeFailures(100, 102)...), makeFailures(200, 202)...), makeFailures(300, 302)...)
		if diff := cmp.Diff(want, failures); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
		m := d.Manifest()
		if len(m.Shards) != 5 || m.Status != StatusComplete || !m.Assembled || m.Rows != len(rows) {
			t.Errorf("manifest %+v", m)
		}
		labels := 0
		for _, n := range m.Labels {
			labels += n
		}
		wantLabels := 0
		for _, r := range rows {
			if r.Label != "" {
				wantLabels++
			}
		}
		if labels != wantLabels {
			t.Errorf("%d labels are counted, want %d", labels, wantLabels)
		}
		if entries, _ := os.ReadDir(filepath.Dir(out)); len(entries) != 1 {
			t.Errorf("more than the dataset is left: %v", entries)
		}

		// A repeated commit changes nothing; of other parts it is an error.
		before := contents(t, out)
		must(t, Assemble(context.Background(), out, parts, AssembleOptions{}))
		sameContents(t, contents(t, out), before)
		if err := Assemble(context.Background(), out, []string{a, b}, AssembleOptions{}); !errors.Is(err, ErrExists) {
			t.Errorf("other parts into a dataset: %v", err)
		}
		must(t, Assemble(context.Background(), out, []string{b, a}, AssembleOptions{Overwrite: true}))

		// Its shards are those of the parts, so it cannot be gone on with, but compacted.
		if _, err := Create(out, info, Options{Format: format, Resume: true}); err == nil || !strings.Contains(err.Error(), "compact it first") {
			t.Errorf("resuming an assembled dataset: %v", err)
		}
		must(t, Compact(context.Background(), out, MergeOptions{}))
		d, err = Open(out)
		must(t, err)
		if m := d.Manifest(); m.Assembled || m.Rows != len(rows)-1 {
			t.Errorf("after compacting the manifest is %+v", m)
		}
	}
}

func TestAssembleRefuses(t *testing.T) {
	info := testInfo(Float32)
	good, _ := part(t, "good", info, FormatParquet, 0, 3)
	arrow, _ := part(t, "arrow", info, FormatArrow, 10, 13)
	half, _ := part(t, "half", testInfo(Float16), FormatParquet, 20, 23)
	begun := filepath.Join(t.TempDir(), "begun")
	w := mustCreate(t, begun, info, testOptions(FormatParquet))
	must(t, w.Append(makeRows(info.Recipe, 30, 33)...))
	must(t, w.Close(StatusInterrupted))
	for want, dirs := range map[string][]string{
		"no datasets given":         nil,
		"is given twice":            {good, good},
		"made in another way":       {good, half},
		"different formats":         {good, arrow},
		"interrupted, not complete": {good, begun},
	} {
		out := filepath.Join(t.TempDir(), "out")
		if err := Assemble(context.Background(), out, dirs, AssembleOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: the error is %v, want one with %q", dirs, err, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v: there is a dataset all the same", dirs)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out := filepath.Join(t.TempDir(), "out")
	if err := Assemble(ctx, out, []string{good}, AssembleOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled assembly: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(out)); len(entries) != 0 {
		t.Errorf("it leaves %v", entries)
	}
}

// Where there are no links, the files are copied.
func TestLinkOrCopyCopies(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	must(t, os.WriteFile(from, []byte("content"), 0o644))
	target, err := createTemp(to, nil)
	must(t, err)
	source, err := os.Open(from)
	must(t, err)
	defer source.Close()
	must(t, copyTo(target, source, to))
	if got, err := os.ReadFile(to); err != nil || string(got) != "content" {
		t.Errorf("the copy holds %q, %v", got, err)
	}
	if err := linkOrCopy(filepath.Join(dir, "nowhere"), filepath.Join(dir, "else")); err == nil {
		t.Error("a file that is not there is linked")
	}
}
