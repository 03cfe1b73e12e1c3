package featurestore

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestResumeMakesTheSameBytes(t *testing.T) {
	const total = 2*testShard + 6
	for _, format := range formats {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprintf("%s/%s", format, dtype), func(t *testing.T) {
				t.Parallel()
				info, options := testInfo(dtype), testOptions(format)
				rows, failures := makeRows(info.Recipe, 0, total), makeFailures(0, 6)
				reference := filepath.Join(t.TempDir(), "reference")
				writeAll(t, reference, info, options, rows, failures)
				want := contents(t, reference)
				for _, stops := range [][]int{{0}, {1}, {testShard - 1}, {testShard}, {testShard + 1}, {total}, {5, testShard + 3, testShard + 4}} {
					dir := verified(t)
					writeInterrupted(t, dir, info, options, rows, failures, stops)
					sameContents(t, contents(t, dir), want)
				}
			})
		}
	}
}

// writeInterrupted writes rows in several runs, of which each but the last is interrupted
// before the row that stops gives, and has one failure.
func writeInterrupted(t *testing.T, dir string, info Info, options Options, rows []Row, failures []Failure, stops []int) {
	t.Helper()
	options.Resume = true // of nothing at first
	from := 0
	for i, to := range append(slices.Clone(stops), len(rows)) {
		w := mustCreate(t, dir, info, options)
		if done := w.Done(); len(done) != from+i || w.Rows() != from || w.Failures() != i {
			t.Fatalf("stops %v: %d paths are done, %d rows, %d failures, want %d, %d", stops, len(done), w.Rows(), w.Failures(), from, i)
		}
		status, failed := StatusInterrupted, failures[i:i+1]
		if i == len(stops) {
			status, failed = StatusComplete, failures[i:]
		}
		must(t, w.AppendFailure(failed...))
		must(t, w.Append(rows[from:to]...))
		must(t, w.Close(status))
		must(t, Verify(dir))
		from = to
	}
}

// A killed run is what lies in the directory while a writer works.
func TestResumeAfterKill(t *testing.T) {
	info, options := testInfo(Float32), testOptions(FormatParquet)
	rows, failures := makeRows(info.Recipe, 0, 3*testShard), makeFailures(0, 2)
	reference := filepath.Join(t.TempDir(), "reference")
	writeAll(t, reference, info, options, rows, failures)
	for _, rowsBefore := range []int{0, 3, testShard, 2*testShard + 4} {
		working, killed := filepath.Join(t.TempDir(), "working"), verified(t)
		w := mustCreate(t, working, info, options)
		must(t, w.AppendFailure(failures...))
		must(t, w.Append(rows[:rowsBefore]...))
		must(t, w.settle()) // the last full shard is on its way to the disk
		must(t, os.CopyFS(killed, os.DirFS(working)))
		d, err := Open(killed)
		must(t, err)
		finished := rowsBefore / testShard * testShard
		if got := d.Manifest().Status; got != StatusWriting || d.Rows() != finished {
			t.Errorf("after %d rows: status %s and %d rows, want writing and %d", rowsBefore, got, d.Rows(), finished)
		}
		resumed := options
		resumed.Resume = true
		w = mustCreate(t, killed, info, resumed)
		if w.Rows() != finished {
			t.Errorf("after %d rows: resumed with %d, want %d", rowsBefore, w.Rows(), finished)
		}
		must(t, w.AppendFailure(failures...))
		must(t, w.Append(rows[finished:]...))
		must(t, w.Close(StatusComplete))
		sameContents(t, contents(t, killed), contents(t, reference))
	}
}

// A shard of another run beside those of a killed one, which no manifest lists, is not taken over if it has the same images.
func TestResumeRefusesForeignShards(t *testing.T) {
	info, options := testInfo(Float32), testOptions(FormatParquet)
	rows := makeRows(info.Recipe, 0, 3*testShard)
	working, killed := filepath.Join(t.TempDir(), "working"), filepath.Join(t.TempDir(), "killed")
	w := mustCreate(t, working, info, options)
	must(t, w.Append(rows[:2*testShard]...))
	must(t, w.settle())
	must(t, os.CopyFS(killed, os.DirFS(working)))
	must(t, w.Abort())
	shard, err := os.ReadFile(filepath.Join(killed, dataDir, "part-00000.parquet"))
	must(t, err)
	foreign := filepath.Join(killed, dataDir, "part-00002.parquet")
	must(t, os.WriteFile(foreign, shard, 0o644))
	before := contents(t, killed)
	options.Resume = true
	want := EscapeText(rows[0].Path) + " is a row of data/part-00000.parquet and of data/part-00002.parquet"
	if _, err := Create(killed, info, options); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "extract dataset validate") {
		t.Errorf("%v, want %s", err, want)
	}
	sameContents(t, contents(t, killed), before)
	must(t, os.Remove(foreign))
	w = mustCreate(t, killed, info, options)
	must(t, w.Append(rows[2*testShard:]...))
	must(t, w.Close(StatusComplete))
	must(t, Verify(killed))
}

// A damaged dataset is refused with what is wrong and what to do.
func TestDamageIsNamed(t *testing.T) {
	manifest := func(dir string) string { return inDir(dir, ManifestFile) }
	shard := func(dir string) string { return filepath.Join(dir, dataDir, "part-00000.parquet") }
	for name, test := range map[string]struct {
		damage func(dir string) error
		want   []string
	}{
		"an empty manifest": {func(dir string) error { return os.Truncate(manifest(dir), 0) }, []string{"holds a dataset whose manifest is damaged", "put a copy of its .fovea/manifest.json back"}},
		"half a manifest":   {func(dir string) error { return os.Truncate(manifest(dir), 300) }, []string{"holds a dataset whose manifest is damaged", "put a copy of its .fovea/manifest.json back"}},
		"no manifest":       {func(dir string) error { return os.Remove(manifest(dir)) }, []string{"since it has no .fovea/manifest.json: put that back"}},
		"half a shard":      {func(dir string) error { return os.Truncate(shard(dir), 400) }, []string{"part-00000.parquet", "extract dataset validate"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			info, options := testInfo(Float32), testOptions(FormatParquet)
			writeAll(t, dir, info, options, makeRows(info.Recipe, 0, testShard+2), nil)
			must(t, test.damage(dir))
			resumed := options
			resumed.Resume = true
			_, resumeErr := Create(dir, info, resumed)
			_, updateErr := BeginUpdate(dir, info, options)
			for step, err := range map[string]error{"resume": resumeErr, "update": updateErr} {
				for _, want := range test.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: %v, want %s", step, err, want)
					}
				}
			}
		})
	}
}

func TestResumeRefusesAnotherDataset(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Info, *Options)
		want   string
	}{
		{"model", func(i *Info, _ *Options) { i.Recipe.Model = "vgg19" }, "model: vgg16 in the dataset, vgg19 now"},
		{"precision", func(i *Info, _ *Options) { i.Recipe.Precision = "bfloat16" }, "precision: float32 in the dataset, bfloat16 now"},
		{"layers", func(i *Info, _ *Options) { i.Recipe.Layers = i.Recipe.Layers[:1] }, "layers"},
		{"layout", func(i *Info, _ *Options) { i.Recipe.Layers[0].Layout = "C" }, "fingerprint"},
		{"dtype", func(i *Info, _ *Options) { i.DType = Float16 }, "dtype: float32 in the dataset, float16 now"},
		{"format", func(_ *Info, o *Options) { o.Format = FormatArrow }, "format: parquet in the dataset, arrow now"},
		{"shard size", func(_ *Info, o *Options) { o.ShardBytes, o.hooks = 1000, hooks{} }, "rows per shard"},
	}
	dir := verified(t)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), makeRows(testRecipe(), 0, 5), nil)
	before := contents(t, dir)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info, options := testInfo(Float32), testOptions(FormatParquet)
			options.Resume = true
			test.change(&info, &options)
			_, err := Create(dir, info, options)
			if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrMismatch with %q", err, test.want)
			}
			sameContents(t, contents(t, dir), before)
		})
	}
}

func TestResumeRefusesOtherLabels(t *testing.T) {
	rows := makeRows(testRecipe(), 0, 5)
	for i := range rows {
		rows[i].Label, rows[i].Split = "cat", "train"
	}
	rows[3].Label = ""
	failure := Failure{Path: "broken.jpg", Label: "dog", Stage: "decode", Reason: "cut off"}
	dir := verified(t)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, []Failure{failure})
	before := contents(t, dir)
	stranger, broken := Row{Path: "new.jpg", Label: "cow"}, Row{Path: failure.Path, Label: failure.Label}
	tests := []struct {
		name   string
		change func(selected []Row) // of those in the dataset, the failure last
		want   string
	}{
		{"labels", func(s []Row) { s[1].Label, s[2].Label = "dog", "" }, fmt.Sprintf("2 images were given different labels, splits or groups: %s has the label %q in the dataset and %q now", rows[1].Path, "cat", "dog")},
		{"none now", func(s []Row) { s[2].Label = "" }, fmt.Sprintf("1 images were given different labels, splits or groups: %s has the label %q in the dataset and none now", rows[2].Path, "cat")},
		{"none before", func(s []Row) { s[3].Label = "dog" }, fmt.Sprintf("%s has no label in the dataset and %q now", rows[3].Path, "dog")},
		{"split", func(s []Row) { s[4].Split = "test" }, fmt.Sprintf("%s has the split %q in the dataset and %q now", rows[4].Path, "train", "test")},
		{"failure", func(s []Row) { s[5].Label = "cat" }, fmt.Sprintf("%s has the label %q in the dataset and %q now", failure.Path, "dog", "cat")},
	}
	options := testOptions(FormatParquet)
	options.Resume = true
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			selected := append(slices.Clone(rows), broken)
			test.change(selected)
			options := options
			options.Selected = slices.Values(append(selected, stranger))
			_, err := Create(dir, testInfo(Float32), options)
			if !errors.Is(err, ErrLabels) || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got %v, want ErrLabels with %q", err, test.want)
			}
			sameContents(t, contents(t, dir), before)
		})
	}
	// The same labels, of a part of the pictures and of new ones.
	options.Selected = slices.Values([]Row{rows[3], rows[0], broken, stranger})
	must(t, mustCreate(t, dir, testInfo(Float32), options).Close(StatusComplete))
}

func TestCreateRefuses(t *testing.T) {
	file := func(path string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
			must(t, os.WriteFile(filepath.Join(dir, path), []byte("{}"), 0o644))
		}
	}
	dataset := func(t *testing.T, dir string) {
		writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), makeRows(testRecipe(), 0, 3), nil)
	}
	tests := []struct {
		name    string
		prepare func(*testing.T, string)
		options Options
		want    error
	}{
		{"dataset", dataset, Options{}, ErrExists},
		{"other files", file("thesis.txt"), Options{}, ErrNotDataset},
		{"other files, overwrite", file("thesis.txt"), Options{Overwrite: true}, ErrNotDataset},
		{"other files, resume", file("thesis.txt"), Options{Resume: true}, ErrNotDataset},
		{"another manifest", file("manifest.json"), Options{Overwrite: true}, ErrNotDataset},
		{"shards without manifest", file("data/part-00000.parquet"), Options{Overwrite: true}, ErrNotDataset},
		{"data of others", file("data/x.csv"), Options{Overwrite: true}, ErrNotDataset},
		{"foreign file among the shards", func(t *testing.T, dir string) { dataset(t, dir); file("data/x.csv")(t, dir) }, Options{Overwrite: true}, nil},
		{"unknown format", nil, Options{Format: "csv"}, nil},
		{"resume and overwrite", nil, Options{Resume: true, Overwrite: true}, nil},
		{"negative size", nil, Options{ShardBytes: -1}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "dataset")
			before := map[string]string{}
			if test.prepare != nil {
				test.prepare(t, dir)
				before = contents(t, dir)
			}
			_, err := Create(dir, testInfo(Float32), test.options)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if test.prepare != nil {
				sameContents(t, contents(t, dir), before)
			} else if _, err := os.Stat(dir); err == nil {
				t.Error("the directory was made")
			}
		})
	}
}

func TestCreateRefusesLayers(t *testing.T) {
	for name, change := range map[string]func(*Info){
		"none":            func(i *Info) { i.Recipe.Layers = nil },
		"named as column": func(i *Info) { i.Recipe.Layers[1].Name = "label" },
		"named alike":     func(i *Info) { i.Recipe.Layers[1].Name = "pool5" },
		"empty":           func(i *Info) { i.Recipe.Layers[0].Shape = []int{7, 0} },
		"too large":       func(i *Info) { i.Recipe.Layers[0].Shape = []int{1 << 20, 1 << 20} },
		"dtype":           func(i *Info) { i.DType = "float64" },
	} {
		t.Run(name, func(t *testing.T) {
			info := testInfo(Float32)
			change(&info)
			if _, err := Create(t.TempDir(), info, Options{}); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestOverwriteReplacesOnlyTheDataset(t *testing.T) {
	dir := verified(t)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatArrow), makeRows(testRecipe(), 0, 3*testShard), makeFailures(0, 2))
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o644))
	options := testOptions(FormatParquet)
	options.Overwrite = true
	rows := makeRows(testRecipe(), 100, 105)
	writeAll(t, dir, testInfo(Float16), options, rows, nil)
	d, err := Open(dir)
	must(t, err)
	checkRows(t, d, rows, Float16)
	files := contents(t, dir)
	if len(files) != 3 || files["notes.txt"] != "mine" {
		t.Errorf("there are %d files, want one shard, errors.jsonl and notes.txt", len(files))
	}
}

func TestSecondWriterIsLockedOut(t *testing.T) {
	dir := verified(t)
	w := mustCreate(t, dir, testInfo(Float32), testOptions(FormatParquet))
	must(t, w.Append(makeRows(testRecipe(), 0, 3)...))
	for _, options := range []Options{{}, {Resume: true}, {Overwrite: true}} {
		if _, err := Create(dir, testInfo(Float32), options); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%+v: got %v, want ErrLocked that names the directory", options, err)
		}
	}
	must(t, w.Close(StatusComplete))
	options := testOptions(FormatParquet)
	options.Resume = true
	must(t, mustCreate(t, dir, testInfo(Float32), options).Close(StatusComplete))
}

func TestAppendRefusesRows(t *testing.T) {
	nan, infinity := float32(math.NaN()), float32(math.Inf(-1))
	tests := []struct {
		name   string
		dtype  DType
		change func(*Row)
		want   error
		text   string
	}{
		{"short vector", Float32, func(r *Row) { r.Features[1] = r.Features[1][1:] }, ErrVectorLength, `row "new.jpg", layer "fc7": wrong vector length: 6 values, want 7`},
		{"long vector", Float32, func(r *Row) { r.Features[0] = make([]float32, 25) }, ErrVectorLength, "25 values, want 24"},
		{"missing layer", Float32, func(r *Row) { r.Features = r.Features[:2] }, ErrVectorLength, "2 vectors for 3 layers"},
		{"NaN", Float32, func(r *Row) { r.Features[0][23] = nan }, ErrNotFinite, `layer "pool5": value not finite: value 23 is NaN`},
		{"infinity", Float32, func(r *Row) { r.Features[2][0] = infinity }, ErrNotFinite, "value 0 is -Inf"},
		{"too large for float16", Float16, func(r *Row) { r.Features[1][3] = 65520 }, ErrNotFinite, "in float16: value 3 is 65520"},
		{"known path", Float32, func(r *Row) { r.Path = "a.jpg" }, ErrDuplicatePath, `"a.jpg"`},
		{"path of a failure", Float32, func(r *Row) { r.Path = "bad/0.jpg" }, ErrDuplicatePath, `"bad/0.jpg"`},
		{"path twice", Float32, func(r *Row) { r.Path = "before.jpg" }, ErrDuplicatePath, `"before.jpg"`},
		{"no path", Float32, func(r *Row) { r.Path = "" }, nil, "needs a path"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := verified(t)
			w := mustCreate(t, dir, testInfo(test.dtype), testOptions(FormatParquet))
			rows := makeRows(testRecipe(), 0, 4)
			rows[0].Path, rows[1].Path, rows[2].Path = "a.jpg", "before.jpg", "new.jpg"
			must(t, w.Append(rows[0]))
			must(t, w.AppendFailure(makeFailures(0, 1)...))
			test.change(&rows[2])
			err := w.Append(rows[1], rows[2])
			var rowError *RowError
			if !errors.As(err, &rowError) || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Fatalf("got %v, want a RowError with %q", err, test.text)
			}
			if rowError.Path != rows[2].Path {
				t.Errorf("the error is about %q, want %q", rowError.Path, rows[2].Path)
			}
			must(t, w.Append(rows[1], rows[3])) // none of the refused call was added
			must(t, w.Close(StatusComplete))
			d, err := Open(dir)
			must(t, err)
			checkRows(t, d, []Row{rows[0], rows[1], rows[3]}, test.dtype)
		})
	}
}

func TestAppendFailureAgain(t *testing.T) {
	dir := verified(t)
	w := mustCreate(t, dir, testInfo(Float32), testOptions(FormatParquet))
	must(t, w.Append(makeRows(testRecipe(), 0, 1)...))
	if err := w.AppendFailure(Failure{Path: makeRows(testRecipe(), 0, 1)[0].Path}); !errors.Is(err, ErrDuplicatePath) {
		t.Errorf("failure of a row's path: %v, want ErrDuplicatePath", err)
	}
	must(t, w.AppendFailure(Failure{Path: "a", Reason: "first"}, Failure{Path: "b"}, Failure{Path: "a", Reason: "second"}))
	must(t, w.Close(StatusComplete))
	d, err := Open(dir)
	must(t, err)
	got, err := d.Failures()
	must(t, err)
	if want := []Failure{{Path: "a", Reason: "second"}, {Path: "b"}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPathsOfAnyBytes(t *testing.T) {
	dir := verified(t)
	rows := makeRows(testRecipe(), 0, 6)
	for i, path := range []string{"caf\xe9.jpg", "caf%E9.jpg", "caf%25E9.jpg", "100%.jpg", "nul\x00.jpg", "\xff\xfe"} {
		rows[i].Path, rows[i].Label = path, "l\xe4bel"
	}
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows[:3], []Failure{{Path: "\x80", Reason: "bad \x81"}})
	options := testOptions(FormatParquet)
	options.Resume = true
	w := mustCreate(t, dir, testInfo(Float32), options)
	if done := w.Done(); !done["caf\xe9.jpg"] || !done["\x80"] {
		t.Errorf("done: %v", done)
	}
	must(t, w.Append(rows[3:]...))
	must(t, w.Close(StatusComplete))
	d, err := Open(dir)
	must(t, err)
	checkRows(t, d, rows, Float32)
}

func TestAbort(t *testing.T) {
	for _, rows := range []int{0, 3, testShard + 3} {
		dir := verified(t)
		w := mustCreate(t, dir, testInfo(Float32), testOptions(FormatParquet))
		must(t, w.Append(makeRows(testRecipe(), 0, rows)...))
		must(t, w.Abort())
		if err := w.Append(makeRows(testRecipe(), 90, 91)...); !errors.Is(err, ErrClosed) {
			t.Errorf("append after abort: %v, want ErrClosed", err)
		}
		if _, err := os.Stat(filepath.Join(dir, tempDir)); err == nil {
			t.Error("temporary files are left")
		}
		_, err := Create(dir, testInfo(Float32), Options{})
		if kept := rows >= testShard; kept != errors.Is(err, ErrExists) {
			t.Errorf("create after %d rows and abort: %v", rows, err)
		}
	}
}
