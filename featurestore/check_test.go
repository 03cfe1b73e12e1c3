package featurestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"fovea/internal/budget"
	"fovea/recipe"
)

// problems are the texts of everything that Check finds.
func problems(t *testing.T, dir string) []string {
	t.Helper()
	report, err := Check(context.Background(), dir)
	must(t, err)
	var texts []string
	for _, p := range report.Problems {
		texts = append(texts, p.Error())
	}
	return texts
}

func TestCheckFindsNothing(t *testing.T) {
	for _, format := range formats {
		report, err := Check(context.Background(), dataset(t, format))
		must(t, err)
		if report.Err() != nil || report.Rows != 2*testShard+3 || report.Shards != 3 || report.Failures != 1 || report.Bytes == 0 {
			t.Errorf("%s: %+v", format, report)
		}
	}
}

// Damage in one place must not hide that in another.
func TestCheckFindsAll(t *testing.T) {
	dir := dataset(t, FormatParquet)
	shard := func(i int) string { return filepath.Join(dir, dataDir, shardName(i, FormatParquet)) }
	raw, err := os.ReadFile(shard(0))
	must(t, err)
	raw[len(raw)/2] ^= 1
	must(t, os.WriteFile(shard(0), raw, 0o644))
	must(t, os.Remove(shard(1)))
	must(t, os.Truncate(shard(2), 1000))
	must(t, os.WriteFile(filepath.Join(dir, dataDir, "notes.txt"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, FailuresFile), []byte(`{"path":"a.jpg","label":null}`+"\n"), 0o644))
	editManifest(t, dir, "rows_per_shard", 0)
	got := strings.Join(problems(t, dir), "\n")
	for _, want := range []string{
		"manifest.json: ", "0 rows per shard",
		"data/part-00000.parquet: damaged: its SHA-256 is ",
		"data/part-00001.parquet: damaged: it is missing",
		"data/part-00002.parquet: damaged: its SHA-256 is ",
		`data/part-00002.parquet: open "part-00002.parquet": damaged`,
		"data/notes.txt: damaged: it is not one of the dataset's shards",
		"errors.jsonl: ", `line 1: it lacks a path, a stage or a reason`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not among the problems:\n%s", want, got)
		}
	}
}

func TestCheckWithoutManifest(t *testing.T) {
	dir := dataset(t, FormatParquet)
	must(t, os.Remove(filepath.Join(dir, ManifestFile)))
	if got := problems(t, dir); len(got) != 1 || got[0] != ".fovea/manifest.json: damaged: it is missing" {
		t.Errorf("got %q", got)
	}
	must(t, os.WriteFile(filepath.Join(dir, ManifestFile), []byte(`{"kind":"fo`), 0o644))
	if got := problems(t, dir); len(got) != 1 || !strings.Contains(got[0], "unexpected end of JSON") {
		t.Errorf("got %q", got)
	}
	must(t, os.RemoveAll(filepath.Join(dir, dataDir)))
	must(t, os.Remove(filepath.Join(dir, ManifestFile)))
	if _, err := Check(context.Background(), dir); !errors.Is(err, ErrNotDataset) {
		t.Errorf("got %v, want ErrNotDataset", err)
	}
}

// badVectors writes a shard with our footer, whose vectors of fc7 are of the given lengths;
// -1 makes a null.
func badVectors(t *testing.T, lengths []int, properties ...parquet.WriterProperty) []byte {
	t.Helper()
	info := testInfo(Float32)
	info.Recipe.Layers = info.Recipe.Layers[1:2]
	return vectorsOf(t, info, lengths, properties...)
}

// vectorsOf writes a shard whose footer is that of info, which has one layer, with vectors of
// the given lengths.
func vectorsOf(t *testing.T, info Info, lengths []int, properties ...parquet.WriterProperty) []byte {
	t.Helper()
	md, err := footerMetadata(info)
	must(t, err)
	fields := listSchema(info, md).Fields()
	fields[len(fields)-1].Nullable = true
	schema := arrow.NewSchema(fields, &md)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for row, n := range lengths {
		for i := range 4 {
			builder.Field(i).(*array.StringBuilder).Append(fmt.Sprint(row))
		}
		builder.Field(4).(*array.Int32Builder).Append(1)
		builder.Field(5).(*array.Int32Builder).Append(1)
		list := builder.Field(6).(*array.ListBuilder)
		list.Append(n >= 0)
		for range n {
			list.ValueBuilder().(*array.Float32Builder).Append(float32(row) + 0.5)
		}
	}
	record := builder.NewRecord()
	defer record.Release()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, parquet.NewWriterProperties(properties...), pqarrow.DefaultWriterProps())
	must(t, err)
	for i := range md.Keys() {
		must(t, w.AppendKeyValueMetadata(md.Keys()[i], md.Values()[i]))
	}
	must(t, w.Write(record))
	must(t, w.Close())
	return file.Bytes()
}

func TestCheckFindsEachBadVector(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, dataDir), 0o755))
	file := filepath.Join(dir, dataDir, shardName(0, FormatParquet))
	must(t, os.WriteFile(file, badVectors(t, []int{7, 6, 7, 0, -1, 8, 7}), 0o644))
	want := []string{
		`data/part-00000.parquet: row 1 "1", layer "fc7": damaged: wrong vector length: 6 values instead of 7`,
		`data/part-00000.parquet: row 3 "3", layer "fc7": damaged: wrong vector length: 0 values instead of 7`,
		`data/part-00000.parquet: row 4 "4", layer "fc7": damaged: it is null`,
		`data/part-00000.parquet: row 5 "5", layer "fc7": damaged: wrong vector length: 8 values instead of 7`,
	}
	got := problems(t, dir)[1:]                                                                  // after the missing manifest
	if strings.Join(got[:min(4, len(got))], "\n") != strings.Join(want, "\n") || len(got) != 5 { // and errors.jsonl
		t.Errorf("got %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	raw, err := os.ReadFile(file)
	must(t, err)
	err = readWhole("part-00000.parquet", raw, FormatParquet)
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("reading: %v, want ErrCorrupt", err)
	}
}

func TestCheckBoundsItsReport(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, dataDir), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, dataDir, shardName(0, FormatParquet)), badVectors(t, make([]int, maxProblems+500)), 0o644))
	report, err := Check(context.Background(), dir)
	must(t, err)
	if len(report.Problems) != maxProblems || report.More != 502 {
		t.Errorf("%d problems and %d more", len(report.Problems), report.More)
	}
	if !strings.Contains(report.Err().Error(), "502 more problems") {
		t.Errorf("the error does not count the others: %v", report.Err())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Check(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A dataset whose recipe promises far larger vectors than it has must be refused before
// memory is taken for them.
func TestOpenRefusesClaimedSizes(t *testing.T) {
	info := testInfo(Float32)
	info.Recipe.Layers = []recipe.Layer{{Name: "fc7", Shape: []int{1 << 30}, Layout: recipe.LayoutC}}
	dir := dataset(t, FormatParquet)
	must(t, os.RemoveAll(filepath.Join(dir, dataDir)))
	must(t, os.Mkdir(filepath.Join(dir, dataDir), 0o755))
	raw := vectorsOf(t, info, []int{7, 7, 7})
	must(t, os.WriteFile(filepath.Join(dir, dataDir, shardName(0, FormatParquet)), raw, 0o644))
	editManifest(t, dir, "status", "writing")
	editManifest(t, dir, "recipe", info.Recipe)
	editManifest(t, dir, "fingerprint", info.Recipe.Fingerprint())
	editManifest(t, dir, "rows_per_shard", 10)
	if _, err := Open(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), `"part-00000.parquet": damaged: column "fc7" has 21 values in 3 rows`) {
		t.Errorf("got %v", err)
	}
	if err := readWhole("x", raw, FormatParquet); !errors.Is(err, ErrCorrupt) {
		t.Errorf("reading: %v", err)
	}
	if got := problems(t, dir); !strings.Contains(strings.Join(got, "\n"), "7 values instead of 1073741824") {
		t.Errorf("check: %q", got)
	}
}

// What may not take the memory that it needs is not damaged, but was not checked.
func TestCheckWithinMemory(t *testing.T) {
	dir := dataset(t, FormatParquet)
	var report Report
	err := budget.ErrMemory
	for limit := int64(1000); errors.Is(err, budget.ErrMemory); limit += limit / 20 { // until the manifest can be read
		report, err = ReadOptions{MaxMemory: limit}.Check(context.Background(), dir)
	}
	must(t, err)
	if len(report.Problems) == 0 {
		t.Error("all was read")
	}
	for _, p := range report.Problems {
		if errors.Is(p, ErrCorrupt) || !errors.Is(p, budget.ErrMemory) {
			t.Error(p)
		}
	}
}
