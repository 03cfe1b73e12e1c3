package featurestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

// testInfo has a short vector and a longer one.
func testInfo() Info {
	return Info{
		Recipe: recipe.Recipe{
			Model: "tiny", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: "caffe", Resize: "squash",
			Interpolation: "bilinear", InputHeight: 8, InputWidth: 8, Pool: "none", Precision: "float32", Library: "none",
			Layers: []recipe.Layer{
				{Name: "pool5", Shape: []int{2, 2, 5}, Layout: recipe.LayoutHWC},
				{Name: "fc7", Shape: []int{37}, Layout: recipe.LayoutC},
			},
		},
		DType: Float32, ToolVersion: "test", Device: "cpu",
	}
}

// testRows have vectors like those behind a rectifier, with many zeros, a label on most, a
// split on some.
func testRows(info Info, n int) []Row {
	random := rand.New(rand.NewPCG(1, 1))
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{
			Path: fmt.Sprintf("dir/%05d.jpg", i), SHA256: fmt.Sprintf("%064x", i),
			Width: int32(100 + i), Height: int32(50 + i),
		}
		if i%3 != 0 {
			rows[i].Label = []string{"cat", "dog"}[i%2]
		}
		if i%5 == 0 {
			rows[i].Split = "test"
		}
		for _, l := range info.Recipe.Layers {
			vector := make([]float32, l.Size())
			for j := range vector {
				vector[j] = max(0, float32(random.NormFloat64()))
			}
			rows[i].Features = append(rows[i].Features, vector)
		}
	}
	return rows
}

// shardOf is a size of shards that takes the given number of rows.
func shardOf(info Info, rows int) int { return rowBytes(info) * rows }

// write makes a dataset with an allocator that tells of leaks, and verifies it.
func write(t *testing.T, dir string, info Info, options Options, rows []Row, failures ...Failure) {
	t.Helper()
	allocator := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer allocator.AssertSize(t, 0)
	options.allocator = allocator
	w, err := Create(dir, info, options)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(rows, 7) {
		if err := w.Append(chunk...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.AppendFailure(failures...); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(StatusComplete); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Fatal(err)
	}
}

// read returns all rows of a dataset by way of its shards.
func read(t *testing.T, dir string) []Row {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for _, s := range d.shards {
		some, err := s.readRows(true)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, some...)
	}
	return rows
}

// What is written is what is read, around the borders of records (64 rows), shards and
// nothing at all, in all formats.
func TestRoundTrip(t *testing.T) {
	for _, format := range []Format{FormatParquet, FormatArrow} {
		for _, dtype := range []DType{Float32, Float16} {
			for _, n := range []int{1, 63, 64, 65, 99, 100, 101, 200, 333} {
				t.Run(fmt.Sprintf("%s %s %d", format, dtype, n), func(t *testing.T) {
					info := testInfo()
					info.DType = dtype
					rows, dir := testRows(info, n), filepath.Join(t.TempDir(), "out")
					write(t, dir, info, Options{Format: format, ShardBytes: shardOf(info, 100)}, rows)
					tolerance := 0.0
					if dtype == Float16 {
						tolerance = 1.0 / 2048 // half a unit in the last of 11 bits
					}
					near := cmp.Comparer(func(a, b float32) bool {
						return math.Abs(float64(a-b)) <= tolerance*max(math.Abs(float64(a)), 1.0/16384)
					})
					if difference := cmp.Diff(rows, read(t, dir), near); difference != "" {
						t.Errorf("rows differ: %s", difference)
					}
					checkMatrix(t, dir, rows, near)
				})
			}
		}
	}
}

func checkMatrix(t *testing.T, dir string, rows []Row, near cmp.Option) {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	table, err := d.Matrix(context.Background(), "fc7")
	if err != nil {
		t.Fatal(err)
	}
	if table.Rows != len(rows) || table.Cols != 37 {
		t.Fatalf("matrix is %dx%d", table.Rows, table.Cols)
	}
	for i, row := range rows {
		if !cmp.Equal(table.Data[i*37:(i+1)*37], row.Features[1], near) {
			t.Errorf("row %d of the matrix differs", i)
		}
		if table.Paths[i] != row.Path || table.Labels[i] != row.Label || table.Splits[i] != row.Split || table.SHA256[i] != row.SHA256 {
			t.Errorf("row %d of the matrix is %s, %s, %s, %s", i, table.Paths[i], table.Labels[i], table.Splits[i], table.SHA256[i])
		}
	}
	if _, err := d.Matrix(context.Background(), "fc6"); err == nil || !strings.Contains(err.Error(), "only pool5, fc7") {
		t.Errorf("a layer that is not there gives %v", err)
	}
}

func TestManifest(t *testing.T) {
	info, dir := testInfo(), t.TempDir()
	rows := testRows(info, 10)
	write(t, dir, info, Options{ShardBytes: shardOf(info, 4)}, rows, Failure{Path: "broken.jpg", Stage: "decode", Reason: "truncated"})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := d.Manifest()
	if m.Status != StatusComplete || m.Rows != 10 || m.Failures != 1 || len(m.Shards) != 3 || m.Shards[2].Rows != 2 {
		t.Errorf("manifest is %+v", m)
	}
	if want := map[string]int{"cat": 3, "dog": 3}; !cmp.Equal(m.Labels, want) {
		t.Errorf("labels are %v, want %v", m.Labels, want)
	}
	if difference := cmp.Diff(info.Recipe, d.Recipe()); difference != "" {
		t.Errorf("recipe differs: %s", difference)
	}
	failures, err := d.Failures()
	if err != nil || !slices.Equal(failures, []Failure{{Path: "broken.jpg", Stage: "decode", Reason: "truncated"}}) {
		t.Errorf("failures are %v, %v", failures, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"data", "errors.parquet", "manifest.json"}; !slices.Equal(names, want) {
		t.Errorf("the directory holds %v, want %v", names, want)
	}
}

// contents are the bytes of all shards.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := listShards(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, dataDir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

// A run that stops after any row, in order or by being killed, and is resumed leaves the
// same bytes as one that was not stopped.
func TestResumeEqualsUninterrupted(t *testing.T) {
	info := testInfo()
	rows := testRows(info, 23)
	options := Options{ShardBytes: shardOf(info, 5)}
	whole := t.TempDir()
	write(t, whole, info, options, rows)
	want := contents(t, whole)
	for _, killed := range []bool{false, true} {
		for stop := range len(rows) {
			dir := t.TempDir()
			w, err := Create(dir, info, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Append(rows[:stop]...); err != nil {
				t.Fatal(err)
			}
			if killed { // the lock goes with the process, the rest stays
				w.lock.Close() //nolint:errcheck // as a dying process does
			} else if err := w.Close(StatusInterrupted); err != nil {
				t.Fatal(err)
			}
			options.Resume = true
			w, err = Create(dir, info, options)
			options.Resume = false
			if err != nil {
				t.Fatal(err)
			}
			if done := w.Rows(); !killed && done != stop || done > stop || done < stop-5 {
				t.Errorf("%d rows are left of %d", done, stop)
			}
			for _, row := range rows {
				if !w.Has(row.Path) {
					if err := w.Append(row); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := w.Close(StatusComplete); err != nil {
				t.Fatal(err)
			}
			if err := Verify(dir); err != nil {
				t.Error(err)
			}
			if got := contents(t, dir); !cmp.Equal(got, want) {
				t.Errorf("stopped after %d rows (killed: %t) and resumed, the shards differ", stop, killed)
			}
		}
	}
}

func TestResumeRefusesAnotherRecipe(t *testing.T) {
	info, dir := testInfo(), t.TempDir()
	write(t, dir, info, Options{}, testRows(info, 3))
	before := contents(t, dir)
	for want, change := range map[string]func(*Info, *Options){
		"resize: squash here, crop there":                func(i *Info, _ *Options) { i.Recipe.Resize = "crop" },
		"precision: float32 here, bfloat16 there":        func(i *Info, _ *Options) { i.Recipe.Precision = "bfloat16" },
		"layers: pool5[2 2 5],fc7[37] here, fc7[37] the": func(i *Info, _ *Options) { i.Recipe.Layers = i.Recipe.Layers[1:] },
		"dtype: float32 here, float16 there":             func(i *Info, _ *Options) { i.DType = Float16 },
		"format: parquet here, arrow there":              func(_ *Info, o *Options) { o.Format = FormatArrow },
	} {
		info, options := testInfo(), Options{Resume: true}
		change(&info, &options)
		if _, err := Create(dir, info, options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	if err := Verify(dir); err != nil || !cmp.Equal(before, contents(t, dir)) {
		t.Errorf("the dataset was touched: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	info := testInfo()
	dataset, foreign := t.TempDir(), t.TempDir()
	write(t, dataset, info, Options{}, testRows(info, 3))
	if err := os.WriteFile(filepath.Join(foreign, "thesis.doc"), []byte("years"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dataset, info, Options{}); !errors.Is(err, ErrExists) {
		t.Errorf("a dataset gives %v", err)
	}
	for _, options := range []Options{{}, {Overwrite: true}, {Resume: true}} {
		if _, err := Create(foreign, info, options); !errors.Is(err, ErrForeign) {
			t.Errorf("a foreign directory gives %v", err)
		}
	}
	held, err := Create(filepath.Join(t.TempDir(), "new"), info, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(held.dir, info, Options{Resume: true}); !errors.Is(err, ErrLocked) {
		t.Errorf("a directory that is being written gives %v", err)
	}
	if err := held.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(held.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an aborted dataset without rows is left behind")
	}
	if _, err := Create(filepath.Join(foreign, "thesis.doc", "out"), info, Options{}); err == nil {
		t.Error("a dataset was made below a file")
	}
	for name, change := range map[string]func(*Info){
		"no layer":  func(i *Info) { i.Recipe.Layers = nil },
		"same name": func(i *Info) { i.Recipe.Layers[0].Name = "path" },
		"no values": func(i *Info) { i.Recipe.Layers[0].Shape = []int{0} },
		"bad dtype": func(i *Info) { i.DType = "int8" },
	} {
		info := testInfo()
		change(&info)
		if _, err := Create(t.TempDir(), info, Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOverwrite(t *testing.T) {
	info, dir := testInfo(), t.TempDir()
	write(t, dir, info, Options{ShardBytes: shardOf(info, 2)}, testRows(info, 9))
	keep := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(keep, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, dir, info, Options{Overwrite: true, Format: FormatArrow}, testRows(info, 2))
	if shards := slices.Sorted(maps.Keys(contents(t, dir))); !slices.Equal(shards, []string{"part-00000.arrow"}) {
		t.Errorf("shards are %v", shards)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Errorf("a file of the user's is gone: %v", err)
	}
}

func TestAppendRefuses(t *testing.T) {
	info := testInfo()
	for want, change := range map[string]func(*Row){
		"36 values of layer fc7":                  func(r *Row) { r.Features[1] = r.Features[1][:36] },
		"1 vectors for 2 layers":                  func(r *Row) { r.Features = r.Features[:1] },
		"value 3 of layer fc7 is NaN":             func(r *Row) { r.Features[1][3] = float32(math.NaN()) },
		"value 0 of layer pool5 is +Inf":          func(r *Row) { r.Features[0][0] = float32(math.Inf(1)) },
		"dir/00000.jpg is in the dataset already": func(r *Row) { r.Path = "dir/00000.jpg" },
	} {
		dir, rows := t.TempDir(), testRows(info, 2)
		change(&rows[1])
		w, err := Create(dir, info, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append(rows...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
		if err := w.Close(StatusInterrupted); err != nil {
			t.Error(err)
		}
		if got := read(t, dir); len(got) != 1 {
			t.Errorf("%d rows are stored, want the good one", len(got))
		}
	}
	large := testInfo()
	large.DType = Float16
	w, err := Create(t.TempDir(), large, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := testRows(large, 1)
	rows[0].Features[0][0] = 70000
	if err := w.Append(rows...); err == nil || !strings.Contains(err.Error(), "store float32") {
		t.Errorf("a value too large for float16 gives %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
}

// Names that are no UTF-8 are stored so that readers can show them, and are known again.
func TestPathsOfAllKinds(t *testing.T) {
	info, dir := testInfo(), t.TempDir()
	rows := testRows(info, 3)
	rows[0].Path, rows[1].Path, rows[2].Path = "a\xff\xfeb.jpg", "new\nline.jpg", "Katze-😺.jpg"
	write(t, dir, info, Options{}, rows)
	got := read(t, dir)
	for i, want := range []string{`a\xff\xfeb.jpg`, "new\nline.jpg", "Katze-😺.jpg"} {
		if got[i].Path != want {
			t.Errorf("path %d is %q, want %q", i, got[i].Path, want)
		}
	}
	w, err := Create(dir, info, Options{Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	if !w.Has("a\xff\xfeb.jpg") {
		t.Error("the path is not known again")
	}
	if err := w.Close(StatusComplete); err != nil {
		t.Error(err)
	}
}

// A full disk stops the writer with an error that says so; full shards stay.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted: %v: %s", err, out)
	}
	defer exec.Command("umount", dir).Run() //nolint:errcheck // at the end of the test
	info := testInfo()
	info.Recipe.Layers[1].Shape = []int{4096}
	out := filepath.Join(dir, "out")
	w, err := Create(out, info, Options{ShardBytes: shardOf(info, 4)})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range testRows(info, 100) {
		if err = w.Append(row); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Fatalf("a full disk gives %v", err)
	}
	if err := w.Close(StatusInterrupted); err == nil {
		t.Error("Close says nothing of the full disk")
	}
	d, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	if d.Rows() == 0 || d.Rows()%4 != 0 {
		t.Errorf("%d rows are left, in shards of 4", d.Rows())
	}
	if _, err := os.Stat(filepath.Join(out, temporaryDir)); !errors.Is(err, os.ErrNotExist) {
		t.Error("temporary files are left")
	}
}

// Whatever is wrong with a dataset, reading it is an error that names the file.
func TestDamage(t *testing.T) {
	shardFile := filepath.Join(dataDir, "part-00001.parquet")
	for name, test := range map[string]struct {
		damage func(dir string) error
		want   string
	}{
		"missing shard":   {func(d string) error { return os.Remove(filepath.Join(d, shardFile)) }, "part-00001"},
		"truncated shard": {func(d string) error { return os.Truncate(filepath.Join(d, shardFile), 500) }, "part-00001"},
		"empty shard":     {func(d string) error { return os.Truncate(filepath.Join(d, shardFile), 0) }, "part-00001"},
		"flipped byte":    {func(d string) error { return flip(filepath.Join(d, shardFile), 200) }, "part-00001"},
		"foreign shard":   {func(d string) error { return os.WriteFile(filepath.Join(d, shardFile), []byte("PAR1nothing"), 0o644) }, "part-00001"},
		"other table":     {func(d string) error { return copyFile(filepath.Join(d, errorsFile), filepath.Join(d, shardFile)) }, "part-00001"},
		"unknown shard": {func(d string) error {
			return copyFile(filepath.Join(d, shardFile), filepath.Join(d, dataDir, "part-00009.parquet"))
		}, "part-00009"},
		"missing manifest": {func(d string) error { return os.Remove(filepath.Join(d, manifestFile)) }, "manifest.json"},
		"broken manifest":  {func(d string) error { return os.Truncate(filepath.Join(d, manifestFile), 40) }, "manifest.json"},
		"missing errors":   {func(d string) error { return os.Remove(filepath.Join(d, errorsFile)) }, "errors.parquet"},
		"truncated errors": {func(d string) error { return os.Truncate(filepath.Join(d, errorsFile), 20) }, "errors.parquet"},
	} {
		t.Run(name, func(t *testing.T) {
			info, dir := testInfo(), t.TempDir()
			write(t, dir, info, Options{ShardBytes: shardOf(info, 4)}, testRows(info, 10))
			if err := test.damage(dir); err != nil {
				t.Fatal(err)
			}
			if err := Verify(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Verify says %v, want something of %q", err, test.want)
			}
		})
	}
}

func flip(name string, at int) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	data[at] ^= 0x55
	return os.WriteFile(name, data, 0o644)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// FuzzShard looks for a file that makes the reader panic.
func FuzzShard(f *testing.F) {
	info := testInfo()
	for _, format := range []Format{FormatParquet, FormatArrow} {
		dir := f.TempDir()
		w, err := Create(dir, info, Options{Format: format})
		if err != nil {
			f.Fatal(err)
		}
		if err := errors.Join(w.Append(testRows(info, 3)...), w.Close(StatusComplete)); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, dataDir, shardName(0, format)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, format == FormatArrow)
	}
	f.Fuzz(func(t *testing.T, data []byte, isArrow bool) {
		format := FormatParquet
		if isArrow {
			format = FormatArrow
		}
		name := filepath.Join(t.TempDir(), shardName(0, format))
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := openShard(name, format)
		if err != nil || s.rows > 1000 {
			return
		}
		if _, err := s.readRows(true); err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("error %v does not say what the file is", err)
		}
	})
}

// Real readers see every column with the right type and every value to the bit.
func TestPythonReaders(t *testing.T) {
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Skip("FOVEA_PYTHON does not name a Python with ../testdata/python/requirements.txt")
	}
	for _, format := range []Format{FormatParquet, FormatArrow} {
		t.Run(string(format), func(t *testing.T) {
			info, dir := testInfo(), filepath.Join(t.TempDir(), "out")
			rows := testRows(info, 333)
			write(t, dir, info, Options{Format: format, ShardBytes: shardOf(info, 100)}, rows, Failure{Path: "x.jpg", Stage: "read", Reason: "gone"})
			expected := filepath.Join(t.TempDir(), "expected.json")
			encoded, err := json.Marshal(expectation(info, format, rows))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(expected, encoded, 0o644); err != nil {
				t.Fatal(err)
			}
			var output bytes.Buffer
			command := exec.Command(python, "../testdata/python/check_dataset.py", dir, expected)
			command.Stdout, command.Stderr = &output, &output
			if err := command.Run(); err != nil {
				t.Errorf("%v: %s", err, output.String())
			}
		})
	}
}

func expectation(info Info, format Format, rows []Row) map[string]any {
	values := map[string]any{}
	column := func(name string, value func(Row) any) {
		all := make([]any, len(rows))
		for i, r := range rows {
			all[i] = value(r)
		}
		values[name] = all
	}
	nullable := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	column("path", func(r Row) any { return r.Path })
	column("label", func(r Row) any { return nullable(r.Label) })
	column("split", func(r Row) any { return nullable(r.Split) })
	column("sha256", func(r Row) any { return r.SHA256 })
	column("width", func(r Row) any { return r.Width })
	column("height", func(r Row) any { return r.Height })
	types := map[string]string{"path": "string", "label": "string", "split": "string", "sha256": "string", "width": "int32", "height": "int32"}
	for l, layer := range info.Recipe.Layers {
		var raw []byte
		for _, r := range rows {
			for _, v := range r.Features[l] {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
			}
		}
		values[layer.Name] = hex.EncodeToString(raw)
		element := "element"
		if format == FormatArrow {
			element = "item"
		}
		types[layer.Name] = fmt.Sprintf("fixed_size_list<%s: float>[%d]", element, layer.Size())
	}
	return map[string]any{"format": format, "types": types, "values": values, "fingerprint": info.Recipe.Fingerprint(), "failures": []string{"x.jpg"}}
}
