package featurestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
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

	"fovea/featurestore/internal/guard"
	"fovea/internal/crashtest"
	"fovea/internal/seal"
)

// dataset makes three shards, of which the last is short, and a failure.
func dataset(t testing.TB, format Format) string {
	t.Helper()
	dir := filepath.Join(crashtest.Scratch(t), "dataset")
	info := testInfo(Float32)
	writeAll(t, dir, info, testOptions(format), makeRows(info.Recipe, 0, 2*testShard+3), makeFailures(0, 1))
	return dir
}

// editManifest changes one field at the top of the manifest.
func editManifest(t *testing.T, dir, field string, value any) {
	t.Helper()
	file := filepath.Join(dir, ManifestFile)
	raw, err := os.ReadFile(file)
	must(t, err)
	m := map[string]any{}
	must(t, json.Unmarshal(raw, &m))
	m[field] = value
	delete(m, seal.Key) // as who changes it by hand has to
	raw, err = json.Marshal(m)
	must(t, err)
	must(t, os.WriteFile(file, raw, 0o644))
}

// foreignParquet is a valid file without vectors.
func foreignParquet(t *testing.T) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "path", Type: arrow.BinaryTypes.String}}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Field(0).(*array.StringBuilder).AppendValues([]string{"a", "b"}, nil)
	record := builder.NewRecord()
	defer record.Release()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	must(t, err)
	must(t, w.Write(record))
	must(t, w.Close())
	return file.Bytes()
}

func TestOpenRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("writes many datasets, as other tests do few")
	}
	shard := func(dir string, i int) string { return filepath.Join(dir, dataDir, shardName(i, FormatParquet)) }
	tests := []struct {
		name   string
		damage func(*testing.T, string)
		want   error
		text   string
	}{
		{"nothing", func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, ErrNotDataset, "there is no such directory"},
		{"no manifest", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, ManifestFile))) }, ErrNotDataset, "no .fovea/manifest.json"},
		{"half a manifest", func(t *testing.T, dir string) { must(t, os.Truncate(filepath.Join(dir, ManifestFile), 100)) }, ErrNotDataset, "manifest.json"},
		{"later version", func(t *testing.T, dir string) { editManifest(t, dir, "version", 4) }, nil, "version 4 is not known"},
		{"another version", func(t *testing.T, dir string) { editManifest(t, dir, "version", 2) }, ErrCorrupt, "its version is 2, but that of such a dataset is 1"},
		{"another kind", func(t *testing.T, dir string) { editManifest(t, dir, "kind", "x") }, ErrNotDataset, `kind is "x"`},
		{"another fingerprint", func(t *testing.T, dir string) { editManifest(t, dir, "fingerprint", "x") }, ErrCorrupt, "fingerprint"},
		{"no shard size", func(t *testing.T, dir string) { editManifest(t, dir, "rows_per_shard", 0) }, ErrCorrupt, "0 rows per shard"},
		{"other row count", func(t *testing.T, dir string) { editManifest(t, dir, "rows", 5) }, ErrCorrupt, "49 rows, but manifest.json says 5"},
		{"last shard missing", func(t *testing.T, dir string) { must(t, os.Remove(shard(dir, 2))) }, ErrCorrupt, "data/part-00002.parquet is missing"},
		{"middle shard missing", func(t *testing.T, dir string) { must(t, os.Remove(shard(dir, 1))) }, ErrCorrupt, "data/part-00001.parquet is missing"},
		{"no data", func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, dataDir))) }, nil, "no such file"},
		{"shard too many", func(t *testing.T, dir string) { copyFile(t, shard(dir, 2), shard(dir, 3)) }, ErrCorrupt, "part-0000"},
		{"foreign file", func(t *testing.T, dir string) { copyFile(t, shard(dir, 2), filepath.Join(dir, dataDir, "x.parquet")) }, ErrCorrupt, "data/x.parquet is not one of its shards"},
		{"foreign Parquet", func(t *testing.T, dir string) { must(t, os.WriteFile(shard(dir, 1), foreignParquet(t), 0o644)) }, ErrCorrupt, `"part-00001.parquet": damaged: its footer has no features.recipe`},
		{"another recipe", func(t *testing.T, dir string) {
			other := filepath.Join(t.TempDir(), "other")
			info := testInfo(Float32)
			info.Recipe.Model = "vgg19"
			writeAll(t, other, info, testOptions(FormatParquet), makeRows(info.Recipe, 0, 2*testShard+3), nil)
			copyFile(t, shard(other, 1), shard(dir, 1))
		}, ErrCorrupt, "part-00001.parquet was made in another way than manifest.json says: model: vgg16 in the manifest, vgg19 in the shard"},
		{"another dtype", func(t *testing.T, dir string) {
			other := filepath.Join(t.TempDir(), "other")
			writeAll(t, other, testInfo(Float16), testOptions(FormatParquet), makeRows(testRecipe(), 0, 2*testShard+3), nil)
			copyFile(t, shard(other, 1), shard(dir, 1))
		}, ErrCorrupt, "stores float16"},
		{"short shard in the middle", func(t *testing.T, dir string) {
			editManifest(t, dir, "status", "writing")
			copyFile(t, shard(dir, 2), shard(dir, 1))
		}, ErrCorrupt, "part-00001.parquet has 3 rows, but shards have 23"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := dataset(t, FormatParquet)
			test.damage(t, dir)
			_, err := Open(dir)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
			if Verify(dir) == nil {
				t.Error("it was verified")
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, raw, 0o644))
}

func TestTruncatedShards(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			dir := dataset(t, format)
			file := filepath.Join(dir, dataDir, shardName(1, format))
			whole, err := os.ReadFile(file)
			must(t, err)
			for _, size := range []int{0, 1, 4, 8, len(whole) / 2, len(whole) - 8, len(whole) - 1} {
				must(t, os.WriteFile(file, whole[:size], 0o644))
				if _, err := Open(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(file)) {
					t.Errorf("%d of %d bytes: %v, want ErrCorrupt that names the file", size, len(whole), err)
				}
			}
		})
	}
}

// No changed byte may cause a panic; the errors must name the file.
func TestChangedBytes(t *testing.T) {
	notShort(t, "changes every byte")
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			name := shardName(2, format)
			whole, err := os.ReadFile(filepath.Join(dataset(t, format), dataDir, name))
			must(t, err)
			for at := range whole {
				changed := bytes.Clone(whole)
				changed[at] ^= 0xff
				if err := readWhole(name, changed, format); err != nil && !strings.Contains(err.Error(), name) {
					t.Fatalf("byte %d of %d: %v does not name the file", at, len(whole), err)
				}
			}
		})
	}
}

// readWhole reads all rows of a shard.
func readWhole(name string, raw []byte, format Format) error {
	s, err := newShardReader(name, bytes.NewReader(raw), format, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	defer s.close()
	columns := append(plainNames(s.meta.extra), s.meta.recipe.LayerNames()...)
	return s.scan(context.Background(), columns, func(c chunk) error {
		rows, err := c.rowsOf(s.meta.recipe.Layers)
		if err == nil && len(rows) != c.rows {
			return fmt.Errorf("%d rows of %d", len(rows), c.rows)
		}
		return err
	})
}

// Verify must see any changed byte, even one that makes another valid value.
func TestVerifySeesChangedBytes(t *testing.T) {
	for _, format := range formats {
		dir := dataset(t, format)
		file := filepath.Join(dir, dataDir, shardName(2, format))
		whole, err := os.ReadFile(file)
		must(t, err)
		for at := 0; at < len(whole); at += 211 {
			changed := bytes.Clone(whole)
			changed[at] ^= 1
			must(t, os.WriteFile(file, changed, 0o644))
			if err := Verify(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "part-00002") {
				t.Fatalf("byte %d of %d: %v, want ErrCorrupt that names the file", at, len(whole), err)
			}
		}
	}
}

func TestVerifyFindsWrongContent(t *testing.T) {
	tests := []struct {
		name  string
		rows  func([]Row)
		field string
		value any
		text  string
	}{
		{name: "path twice", rows: func(rows []Row) { rows[40].Path = rows[1].Path }, text: "duplicate path"},
		{name: "path of a failure", rows: func(rows []Row) { rows[40].Path = "bad/0.jpg" }, text: `.fovea/errors.jsonl: row 0 "bad/0.jpg": damaged: duplicate path, which data/part-00001.parquet contains too`},
		{name: "NaN", rows: func(rows []Row) { v := rows[30].Features[1]; v[2] -= v[2]; v[2] /= v[2] }, text: `data/part-00001.parquet: row 7 "folder 0/pïcture.30.jpg", layer "fc7": damaged: value not finite: value 2 is NaN`},
		{name: "labels", field: "labels", value: map[string]int{"cat": 1}, text: "labels"},
		{name: "splits", field: "splits", value: map[string]int{}, text: "splits"},
		{name: "failures", field: "failures", value: 7, text: ".fovea/errors.jsonl: damaged: it has 1 rows, but manifest.json says 7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "dataset")
			rows := makeRows(testRecipe(), 0, 50)
			if test.rows != nil {
				test.rows(rows)
			}
			w := mustCreate(t, dir, testInfo(Float32), testOptions(FormatParquet))
			must(t, w.AppendFailure(makeFailures(0, 1)...))
			for _, r := range rows { // past the checks of Append
				must(t, w.add(r))
				w.manifest.Rows++
				count(w.manifest.Labels, r.Label)
				count(w.manifest.Splits, r.Split)
			}
			must(t, w.Close(StatusComplete))
			if test.field != "" {
				must(t, Verify(dir))
				editManifest(t, dir, test.field, test.value)
			}
			if err := Verify(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want ErrCorrupt with %q", err, test.text)
			}
		})
	}
}

func TestMatrixRefuses(t *testing.T) {
	d, err := Open(dataset(t, FormatParquet))
	must(t, err)
	if _, err := d.Matrix(context.Background(), "fc6"); err == nil || !strings.Contains(err.Error(), `no layer "fc6": it has pool5, fc7`) {
		t.Errorf("unknown layer: %v", err)
	}
}

// A cancellation says who cancelled, wherever the reading stops, and is no damage.
func TestCancelledReading(t *testing.T) {
	signal := errors.New("a signal")
	canceled, cancel := context.WithCancelCause(context.Background())
	cancel(signal)
	for _, format := range formats {
		d, err := Open(dataset(t, format))
		must(t, err)
		shard, err := d.openShard(0)
		must(t, err)
		defer shard.close()
		for name, read := range map[string]func() error{
			"matrix": func() error { _, err := d.Matrix(canceled, "fc7"); return err },
			"index":  func() error { _, err := d.Index(canceled); return err },
			"shard":  func() error { return shard.scan(canceled, []string{columnPath}, func(chunk) error { return nil }) },
		} {
			if err := read(); !errors.Is(err, signal) || errors.Is(err, ErrCorrupt) {
				t.Errorf("%s of %s: %v", name, format, err)
			}
		}
	}
}

// footerOf is an Arrow file that has a footer with fields, all of which are the same one, and so is its metadata.
func footerOf(fields, pairs, text int) []byte {
	var b []byte
	put := func(at, v int) { binary.LittleEndian.PutUint32(b[at:], uint32(v)) }
	room := func(words int) (at int) {
		at = len(b)
		b = append(b, make([]byte, 4*words)...)
		return at
	}
	table := func(slots int) int { // with a reference in each slot
		layout := room(1 + (slots+1)/2)
		binary.LittleEndian.PutUint16(b[layout:], uint16(4+2*slots))
		for i := range slots {
			binary.LittleEndian.PutUint16(b[layout+4+2*i:], uint16(4+4*i))
		}
		at := room(1 + slots)
		put(at, at-layout)
		return at
	}
	list := func(n int) int {
		at := room(1 + n)
		put(at, n)
		return at
	}
	refer := func(at, to int) { put(at, to-at) }
	root := room(1)
	footer := table(4)
	refer(root, footer)
	schema := table(3)
	refer(footer+4+4*1, schema)
	all := list(fields)
	refer(schema+4+4*1, all)
	field := table(7)
	metadata := list(pairs)
	refer(field+4+4*6, metadata)
	pair := table(2)
	value := list(0)
	put(value, text)
	b = append(b, make([]byte, text)...)
	refer(pair+4+4*1, value)
	for i := range fields {
		refer(all+4+4*i, field)
	}
	for i := range pairs {
		refer(metadata+4+4*i, pair)
	}
	file := append([]byte(ipcMagic), b...)
	return append(binary.LittleEndian.AppendUint32(file, uint32(len(b))), ipcMagic...)
}

// What parts of a footer refer to is counted as often as they do: Arrow makes a copy each time.
func TestSharedFooter(t *testing.T) {
	for _, test := range []struct {
		fields, pairs, text int
		want                string
	}{
		{1, 1, 100, ""},
		{1000, 0, 0, ""},
		{1 << 17, 0, 0, "more than 65536 fields"},
		{1000, 1000, 0, "pairs of metadata"},
		{1000, 1, 100_000, "has texts of"},
	} {
		raw := footerOf(test.fields, test.pairs, test.text)
		err := guard.Call(func() error { return checkIPCFooter(bytes.NewReader(raw), int64(len(raw))) })
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%d fields, %d pairs, %d bytes: %v, want %q", test.fields, test.pairs, test.text, err, test.want)
		}
	}
}

// Files of the fuzzer's making must give errors, not panics or endless reading.
func FuzzOpenShard(f *testing.F) {
	for _, format := range formats {
		dir := dataset(f, format)
		raw, err := os.ReadFile(filepath.Join(dir, dataDir, shardName(2, format)))
		must(f, err)
		f.Add(raw, format == FormatArrow)
		f.Add(raw[:len(raw)/2], format == FormatArrow)
	}
	f.Fuzz(func(_ *testing.T, raw []byte, isArrow bool) {
		format := FormatParquet
		if isArrow {
			format = FormatArrow
		}
		_ = readWhole("fuzz", raw, format)
	})
}
