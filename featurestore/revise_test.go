package featurestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"fovea/featurestore/internal/guard"
)

// relabelled is a row as the tests revise it: every third gets another label or loses its own, every fourth another split,
// every fifth another path.
func relabelled(at int, r Row) Row {
	if at%3 == 0 {
		r.Label = map[string]string{"": "owl", "cat": "a much longer label than before", "dog": ""}[r.Label]
	}
	if at%4 == 0 {
		r.Split = "held out"
	}
	if at%5 == 0 {
		r.Path = "moved/" + r.Path
		r.Seen[3] ^= 1
	}
	return r
}

// reviser revises rows like relabelled, and leaves some out.
func reviser(rows []Row, out func(at int) bool) (func(Row) (Row, bool), []Row) {
	at := map[string]int{}
	var want []Row
	for i, r := range rows {
		at[r.Path] = i
		if !out(i) {
			want = append(want, relabelled(i, r))
		}
	}
	return func(r Row) (Row, bool) {
		i, ok := at[r.Path]
		if !ok {
			panic("a row that is not there: " + r.Path)
		}
		return relabelled(i, r), !out(i)
	}, want
}

// A revised dataset is byte for byte the one that would have been written with the new labels, paths and rows.
func TestReviseGivesTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("writes many datasets, as other tests do few")
	}
	none := func(int) bool { return false }
	cases := []struct {
		name string
		out  func(int) bool
		// shards that are linked, copied and rewritten.
		want [3]int
	}{
		{"labels", none, [3]int{0, 4, 0}},
		{"a row of the last shard", func(i int) bool { return i == 3*testShard+2 }, [3]int{0, 3, 1}},
		{"a row of the second shard", func(i int) bool { return i == testShard+1 }, [3]int{0, 1, 3}},
		{"all of a shard", func(i int) bool { return i >= testShard && i < 2*testShard }, [3]int{0, 1, 3}},
		{"nearly all", func(i int) bool { return i != 40 }, [3]int{0, 0, 4}},
	}
	for _, format := range formats {
		for _, dtype := range dtypes {
			for _, inside := range []bool{false, true} {
				for _, c := range cases {
					t.Run(fmt.Sprintf("%s/%s/%v/%s", format, dtype, inside, c.name), func(t *testing.T) {
						if inside {
							setExchange(t, true)
						}
						info, options := testInfo(dtype), Options{Format: format, hooks: hooks{shardRows: testShard}}
						dir, fresh := verified(t), verified(t)
						rows, failures := seenRows(0, 3*testShard+5), seenFailures(0, 4)
						writeAll(t, dir, info, options, rows, failures)
						row, want := reviser(rows, c.out)
						done, err := Revise(context.Background(), dir, ReviseOptions{Row: row, Failure: func(f Failure) (Failure, bool) {
							f.Label = "owl"
							return f, f.Path != failures[1].Path
						}})
						must(t, err)
						if got := [3]int{done.Linked, done.Copied, done.Rewritten}; got != c.want || done.Rows != len(want) || done.RowsRemoved != len(rows)-len(want) ||
							done.FailuresRemoved != 1 || done.FailuresChanged != 3 || done.Failures != 3 {
							t.Errorf("%+v, want %d rows in shards %v", done, len(want), c.want)
						}
						failures = slices.Delete(failures, 1, 2)
						for i := range failures {
							failures[i].Label = "owl"
						}
						writeAll(t, fresh, info, options, want, failures)
						sameContents(t, contents(t, dir), contents(t, fresh))
						same(t, dir, fresh)
					})
				}
			}
		}
	}
}

// same compares the manifests of two datasets but for their times.
func same(t *testing.T, dir, want string) {
	t.Helper()
	var manifests [2]Manifest
	for i, dir := range []string{want, dir} {
		d, err := Open(dir)
		must(t, err)
		manifests[i] = d.Manifest()
		manifests[i].Created, manifests[i].Finished = manifests[i].Created.Truncate(1), nil
		manifests[i].Created = manifests[0].Created
	}
	if diff := cmp.Diff(manifests[0], manifests[1]); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// Shards of which nothing changes are the same files, and nothing is written if nothing changes at all.
func TestReviseLinksWhatStays(t *testing.T) {
	for _, format := range formats {
		dir := verified(t)
		rows := seenRows(0, 3*testShard)
		writeAll(t, dir, testInfo(Float32), testOptions(format), rows, seenFailures(0, 2))
		inode := func(shard int) uint64 {
			info, err := os.Stat(filepath.Join(dir, dataDir, shardName(shard, format)))
			must(t, err)
			return stampOf(info).inode
		}
		before, listed := [3]uint64{inode(0), inode(1), inode(2)}, listing(t, dir)
		one := func(r Row) (Row, bool) {
			if r.Path == rows[testShard].Path {
				r.Label = "owl"
			}
			if r.Path == rows[0].Path {
				r.Seen[0]++
			}
			return r, true
		}
		planned, err := Revise(context.Background(), dir, ReviseOptions{Row: one, DryRun: true})
		if must(t, err); planned.RowsChanged != 1 || planned.Rows != len(rows) || planned.Failures != 2 || planned.Linked != 0 {
			t.Errorf("planned %+v", planned)
		}
		_, err = Revise(context.Background(), dir, ReviseOptions{})
		must(t, err)
		if now := listing(t, dir); !slices.Equal(now, listed) {
			t.Errorf("without a change it writes: %q, before %q", now, listed)
		}
		done, err := Revise(context.Background(), dir, ReviseOptions{Row: one})
		if must(t, err); done.RowsChanged != 1 || done.Linked != 2 || done.Copied != 1 {
			t.Errorf("done %+v", done)
		}
		after := [3]uint64{inode(0), inode(1), inode(2)}
		if after[0] != before[0] || after[1] == before[1] || after[2] != before[2] {
			t.Errorf("the files were %v and are %v", before, after)
		}
		rows[testShard].Label = "owl"
		rows[0].Seen[0]++
		d, err := Open(dir)
		must(t, err)
		checkRows(t, d, rows, Float32)
		seen, err := d.seen()
		must(t, err)
		for i, r := range rows {
			if seen[i] != r.Seen {
				t.Errorf("row %d was read from %x, want %x", i, seen[i], r.Seen)
			}
		}
	}
}

func TestReviseRefuses(t *testing.T) {
	dir := verified(t)
	rows := seenRows(0, testShard+5)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, seenFailures(0, 3))
	listed := top(t, filepath.Dir(dir))
	before := contents(t, dir)
	refused := errors.New("refused")
	cases := map[string]struct {
		options ReviseOptions
		want    error
		text    string
	}{
		"two rows of a path": {ReviseOptions{Row: func(r Row) (Row, bool) {
			if r.Path == rows[testShard+1].Path {
				r.Path = rows[2].Path
			}
			return r, true
		}}, ErrDuplicatePath, fmt.Sprintf("both %q and %q would be %q", rows[2].Path, rows[testShard+1].Path, rows[2].Path)},
		"two failures of a path": {ReviseOptions{Failure: func(f Failure) (Failure, bool) { f.Path = "x"; return f, true }}, ErrDuplicatePath, `would be "x"`},
		"a row without a path":   {ReviseOptions{Row: func(r Row) (Row, bool) { r.Path = ""; return r, true }}, nil, "a row needs a path"},
		"an error of the caller": {ReviseOptions{Append: func(*Writer) error { return refused }}, refused, "refused"},
	}
	for name, c := range cases {
		for _, dry := range []bool{true, false} {
			c.options.DryRun = dry
			_, err := Revise(context.Background(), dir, c.options)
			if dry && c.options.Append != nil {
				must(t, err)
				continue
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if now := top(t, filepath.Dir(dir)); !slices.Equal(now, listed) {
			t.Errorf("%s: it leaves %q, before %q", name, now, listed)
		}
		sameContents(t, contents(t, dir), before)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Revise(ctx, dir, ReviseOptions{Row: func(r Row) (Row, bool) { return r, false }}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Revise(context.Background(), t.TempDir(), ReviseOptions{}); !errors.Is(err, ErrNotDataset) {
		t.Errorf("no dataset: %v", err)
	}
	w := mustCreate(t, dir, testInfo(Float32), resuming(FormatParquet))
	if _, err := Revise(context.Background(), dir, ReviseOptions{Row: func(r Row) (Row, bool) { return r, false }}); !errors.Is(err, ErrLocked) {
		t.Errorf("beside a writer: %v", err)
	}
	must(t, w.Abort())
}

// Rows that are swapped are no duplicates, and a row takes the path of a failure, which is then none.
func TestReviseMovesPaths(t *testing.T) {
	dir := verified(t)
	rows, failures := seenRows(0, testShard+5), seenFailures(0, 3)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, failures)
	moves := map[string]string{rows[0].Path: rows[testShard].Path, rows[testShard].Path: rows[0].Path, rows[3].Path: failures[1].Path}
	done, err := Revise(context.Background(), dir, ReviseOptions{Row: func(r Row) (Row, bool) {
		if to, ok := moves[r.Path]; ok {
			r.Path = to
		}
		return r, true
	}})
	if must(t, err); done.RowsChanged != 3 || done.FailuresRemoved != 1 || done.Failures != 2 {
		t.Errorf("%+v", done)
	}
	for i := range rows {
		if to, ok := moves[rows[i].Path]; ok {
			rows[i].Path = to
		}
	}
	d, err := Open(dir)
	must(t, err)
	checkRows(t, d, rows, Float32)
}

// What is added meanwhile follows the rows as if it had been extracted after them.
func TestReviseAppends(t *testing.T) {
	for _, format := range formats {
		for _, n := range []int{2 * testShard, 2*testShard + 5} {
			for _, left := range []int{-1, 3} {
				info, options := testInfo(Float32), Options{Format: format, hooks: hooks{shardRows: testShard}}
				dir, fresh := verified(t), verified(t)
				rows, more := seenRows(0, n), seenRows(200, 200+testShard+7)
				writeAll(t, dir, info, options, rows, seenFailures(0, 2))
				row, want := reviser(rows, func(i int) bool { return i == left })
				_, err := Revise(context.Background(), dir, ReviseOptions{Row: row, Append: func(w *Writer) error {
					return errors.Join(w.Append(more...), w.AppendFailure(seenFailures(300, 301)...))
				}})
				must(t, err)
				writeAll(t, fresh, info, options, append(want, more...), append(seenFailures(0, 2), seenFailures(300, 301)...))
				sameContents(t, contents(t, dir), contents(t, fresh))
				same(t, dir, fresh)
			}
		}
	}
}

// The shards of an assembled dataset keep their sizes unless rows are left out.
func TestReviseAssembled(t *testing.T) {
	for _, format := range formats {
		info := testInfo(Float32)
		a, rows := part(t, "a", info, format, 0, testShard+3)
		b, more := part(t, "b", info, format, 100, 105)
		rows = append(rows, more...)
		out := verified(t)
		must(t, Assemble(context.Background(), out, []string{a, b}, AssembleOptions{ToolVersion: "1"}))
		row, want := reviser(rows, func(int) bool { return false })
		done, err := Revise(context.Background(), out, ReviseOptions{Row: row})
		must(t, err)
		d, err := Open(out)
		must(t, err)
		checkRows(t, d, want, Float32)
		if m := d.Manifest(); !m.Assembled || len(m.Shards) != 3 || m.Shards[1].Rows != 3 || done.Copied != 3 {
			t.Errorf("%+v, manifest %+v", done, m)
		}
		_, err = Revise(context.Background(), out, ReviseOptions{Row: func(r Row) (Row, bool) { return r, r.Path != want[0].Path }})
		must(t, err)
		d, err = Open(out)
		must(t, err)
		checkRows(t, d, want[1:], Float32)
		if m := d.Manifest(); m.Assembled || len(m.Shards) != 2 {
			t.Errorf("manifest %+v", m)
		}
	}
}

// A dataset of an earlier version, and one that a killed writer left, are revised, too.
func TestReviseFormerAndKilled(t *testing.T) {
	for _, kind := range []string{"parquet-float32", "arrow-float32", "parquet-float16-tensor", "parquet-killed"} {
		dir := former(t, kind)
		before, err := scanned(dir, 1)
		must(t, err)
		_, err = Revise(context.Background(), dir, ReviseOptions{Row: func(r Row) (Row, bool) { r.Label = "owl"; return r, true }})
		must(t, err)
		must(t, Verify(dir))
		for i := range before {
			before[i].Label = "owl"
		}
		after, err := scanned(dir, 1)
		must(t, err)
		if !slices.EqualFunc(before, after, sameRow) {
			t.Errorf("%s: the rows are not the same ones with other labels", kind)
		}
	}
	for _, format := range formats {
		dir := verified(t)
		rows := seenRows(0, 2*testShard+3)
		w := mustCreate(t, dir, testInfo(Float32), testOptions(format))
		must(t, w.Append(rows...))
		w.settle()
		copied := filepath.Join(t.TempDir(), "killed")
		must(t, os.CopyFS(copied, os.DirFS(dir)))
		for _, linked := range []bool{false, true} {
			_, err := Revise(context.Background(), copied, ReviseOptions{Row: func(r Row) (Row, bool) {
				if !linked || r.Path == rows[0].Path {
					r.Split = fmt.Sprint("new ", linked)
				}
				return r, true
			}})
			must(t, err)
			must(t, Verify(copied))
			d, err := Open(copied)
			must(t, err)
			if m := d.Manifest(); m.Status != StatusInterrupted || m.Rows != 2*testShard {
				t.Errorf("manifest %+v", m)
			}
		}
	}
}

// Of a damaged shard nothing is copied.
func TestReviseSeesDamage(t *testing.T) {
	for name, dir := range flippedDatasets(t) {
		d, err := Open(dir)
		must(t, err)
		file := filepath.Join(dir, filepath.FromSlash(d.Shards()[0].File))
		info, err := os.Stat(file)
		must(t, err)
		for n := range 40 {
			at := int(info.Size()) * (2*n + 1) / 80
			restore := flip(t, file, at, n%8)
			_, err := Revise(context.Background(), dir, ReviseOptions{Row: func(r Row) (Row, bool) { r.Label = "owl"; return r, true }})
			if err == nil || !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "part-00000") {
				t.Errorf("%s: with byte %d of %d changed: %v", name, at, info.Size(), err)
				if err == nil {
					t.FailNow()
				}
			}
			restore()
		}
	}
}

// Other readers see the revised rows: pyarrow, pandas, Polars and DuckDB compare every column.
func TestReviseForPythonReaders(t *testing.T) {
	python := startPythonReaders(t)
	for _, format := range formats {
		for _, dtype := range dtypes {
			for name, out := range map[string]func(int) bool{"kept": func(int) bool { return false }, "left out": func(i int) bool { return i == testShard+2 }} {
				t.Run(fmt.Sprintf("%s/%s/%s", format, dtype, name), func(t *testing.T) {
					info, dir, expected := testInfo(dtype), verified(t), t.TempDir()
					rows, failures := makeRows(info.Recipe, 0, 2*testShard+testGroup+3), makeFailures(0, 2)
					writeAll(t, dir, info, testOptions(format), rows, failures)
					row, want := reviser(rows, out)
					for i := range want {
						want[i].Seen = [seenSize]byte{}
					}
					_, err := Revise(context.Background(), dir, ReviseOptions{Row: row})
					must(t, err)
					writeExpected(t, expected, info, format, want, failures)
					python.check(t, dir, expected)
				})
			}
		}
	}
}

// memorySink is a file in memory, as encoders need it.
type memorySink struct{ bytes.Buffer }

func (m *memorySink) Seek(int64, int) (int64, error) { return int64(m.Len()), nil }

// copied is a shard with other labels and the same encoded vectors.
func copied(raw []byte, format Format) ([]byte, error) {
	r, err := newShardReader("fuzz", bytes.NewReader(raw), format, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	defer r.close()
	var rows []Row
	if err := r.scan(context.Background(), plainNames(r.meta.extra), func(c chunk) (err error) {
		rows, err = c.identities(rows)
		return err
	}); err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].Label = "owl"
	}
	var sink memorySink
	info, options := Info{Recipe: r.meta.recipe, DType: r.meta.dtype, Extra: r.meta.extra}, Options{Format: format, hooks: hooks{mem: memory.DefaultAllocator}}
	info.optionalElements, _ = r.optionalElements(false)
	err = guard.Call(func() error {
		enc, err := newEncoder(&sink, info, options)
		if err != nil {
			return err
		}
		for group, n := range r.groups {
			if err := enc.(groupCopier).copyGroup(context.Background(), r, group, copiedRows{rows: rows[:n], plain: plainColumns(r.meta.extra), record: testRecord, mem: memory.DefaultAllocator}); err != nil {
				return err
			}
			rows = rows[n:]
		}
		return enc.close()
	})
	return sink.Bytes(), err
}

// A file of the fuzzer's making that can be read can be copied with other labels, if it is stored as this package does,
// and then be read; others give errors, not panics or endless copying.
func FuzzCopyShard(f *testing.F) {
	for _, format := range formats {
		extra := filepath.Join(f.TempDir(), "extra")
		writeAll(f, extra, extraInfo(Float32), testOptions(format), extraRows(0, 2*testShard+5), nil)
		for _, dir := range []string{dataset(f, format), extra} {
			raw, err := os.ReadFile(filepath.Join(dir, dataDir, shardName(2, format)))
			must(f, err)
			f.Add(raw, format == FormatArrow)
			f.Add(raw[:len(raw)/2], format == FormatArrow)
			if again, err := copied(raw, format); err != nil || readWhole("copy", again, format) != nil {
				f.Fatalf("%s: %v, %v", format, err, readWhole("copy", again, format))
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, isArrow bool) {
		format := FormatParquet
		if isArrow {
			format = FormatArrow
		}
		again, err := copied(raw, format)
		if err != nil || readWhole("fuzz", raw, format) != nil {
			return
		}
		if err := readWhole("copy", again, format); err != nil {
			t.Errorf("the file can be read, but not its copy: %v", err)
		}
	})
}

// Columns that are not stored as this package stores them are written anew, beside vectors that are copied.
func TestReviseOtherEncodings(t *testing.T) {
	for name, property := range map[string]parquet.WriterProperty{
		"dictionary":    parquet.WithDictionaryFor(columnSHA256, true),
		"uncompressed":  parquet.WithCompressionFor(columnWidth, compress.Codecs.Uncompressed),
		"no statistics": parquet.WithStatsFor(columnHeight, false),
	} {
		t.Run(name, func(t *testing.T) {
			info, dir, fresh := testInfo(Float32), verified(t), verified(t)
			rows := seenRows(0, 2*testShard+3)
			writeAll(t, dir, info, Options{hooks: hooks{shardRows: testShard, properties: []parquet.WriterProperty{property}}}, rows, nil)
			row, want := reviser(rows, func(int) bool { return false })
			done, err := Revise(context.Background(), dir, ReviseOptions{Row: row})
			if must(t, err); done.Copied != 3 {
				t.Errorf("%+v", done)
			}
			writeAll(t, fresh, info, Options{hooks: hooks{shardRows: testShard}}, want, nil)
			var got, all []string
			for dir, to := range map[string]*[]string{dir: &got, fresh: &all} {
				d, err := Open(dir)
				must(t, err)
				must(t, d.Scan(context.Background(), ScanOptions{}, func(b *Batch) error {
					for i, r := range b.Rows {
						*to = append(*to, fmt.Sprint(r.Path, r.Label, r.Split, r.SHA256, r.Width, r.Height, b.Vectors[0][i]))
					}
					return nil
				}))
			}
			if !slices.Equal(got, all) {
				t.Errorf("there are %q, want %q", got, all)
			}
		})
	}
}

// Encoders that are used again give the bytes that Arrow's codec gives.
func TestPagesAreArrows(t *testing.T) {
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	must(t, err)
	w := &pageWriter{level: zstd.EncoderLevelFromZstd(1)}
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 300, 5_000, 130_000, 600_000, 40, 2_000_000} {
		page := make([]byte, size)
		for i := range page {
			page[i] = "0123456789abcdef"[random.IntN(16)]
			if i > 100 && i%97 < 60 {
				page[i] = page[i-97]
			}
		}
		var buf bytes.Buffer
		if got, want := w.Compress(&buf, page), codec.EncodeLevel(nil, page, 1); !bytes.Equal(got, want) {
			t.Errorf("%d bytes become %d others, want %d", size, len(got), len(want))
		}
	}
}
