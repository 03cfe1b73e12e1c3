package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"
	half "github.com/x448/float16"

	"fovea/internal/crashtest"
	"fovea/preprocessing"
	"fovea/recipe"
)

// Small sizes, none a multiple of another, so that a few rows cross every boundary.
const (
	testRecord = 4
	testGroup  = 10
	testShard  = 23
)

var (
	formats = []Format{FormatParquet, FormatArrow}
	dtypes  = []DType{Float32, Float16}
)

func testRecipe() recipe.Recipe {
	return recipe.Recipe{
		Model: "vgg16", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash",
		Interpolation: "bilinear", InputHeight: 224, InputWidth: 224, Pool: recipe.PoolNone,
		Precision: "float32", Library: "TensorFlow 2.18.1",
		Layers: []recipe.Layer{
			{Name: "pool5", Shape: []int{3, 2, 4}, Layout: recipe.LayoutHWC},
			{Name: "fc7", Shape: []int{7}, Layout: recipe.LayoutC},
			{Name: "model/top.dense:0", Shape: []int{1}, Layout: recipe.LayoutC},
		},
	}
}

func testInfo(dtype DType) Info {
	return Info{Recipe: testRecipe(), DType: dtype, ToolVersion: "v1.2.3", Device: "a device"}
}

func testOptions(format Format) Options {
	return Options{Format: format, hooks: hooks{shardRows: testShard, groupRows: testGroup, recordRows: testRecord}}
}

// makeRows makes rows with rectified vectors, whose values and labels follow from their
// index alone. Every fifth has no label, most no split.
func makeRows(r recipe.Recipe, from, to int) []Row {
	var rows []Row
	for i := from; i < to; i++ {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		row := Row{
			Path: fmt.Sprintf("folder %d/p\u00efcture.%d.jpg", i%3, i), SHA256: fmt.Sprintf("%064x", i),
			Width: int32(100 + i), Height: int32(50 + i),
		}
		if i%5 != 0 {
			row.Label = []string{"cat", "dog", "\U0001f98a"}[i%3]
		}
		if i%7 == 0 {
			row.Split = "test"
		}
		for _, l := range r.Layers {
			v := make([]float32, l.Size())
			for j := range v {
				v[j] = max(0, float32(random.NormFloat64()*3-2))
			}
			// Negative zero, the smallest numbers, and what float16 has to round.
			copy(v, []float32{float32(math.Copysign(0, -1)), 1e-7, 65504, 1.0009766, -3.1415927, 1e-8})
			row.Features = append(row.Features, v)
		}
		rows = append(rows, row)
	}
	return rows
}

func makeFailures(from, to int) []Failure {
	var failures []Failure
	for i := from; i < to; i++ {
		// The reason is that of the datasets in testdata/former.
		f := Failure{Path: fmt.Sprintf("bad/%d.jpg", i), Stage: "decode", Reason: fmt.Sprintf("no picture: %d", i)}
		if i%2 == 0 {
			f.Label = "cat"
		}
		failures = append(failures, f)
	}
	return failures
}

// verified makes a directory that must hold a valid dataset, if any, when the test ends. It is in memory, where thousands
// of files need not wait for a disk.
func verified(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(crashtest.Scratch(t), "dataset")
	t.Cleanup(func() {
		_, err := os.Stat(filepath.Join(dir, ManifestFile))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err := Verify(dir); err != nil {
			t.Errorf("the dataset is not valid at the end of the test: %v", err)
		}
	})
	return dir
}

func mustCreate(t testing.TB, dir string, info Info, options Options) *Writer {
	t.Helper()
	w, err := Create(dir, info, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Abort(); err != nil {
			t.Errorf("abort: %v", err)
		}
	})
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeAll(t testing.TB, dir string, info Info, options Options, rows []Row, failures []Failure) {
	t.Helper()
	w := mustCreate(t, dir, info, options)
	must(t, w.AppendFailure(failures...))
	must(t, w.Append(rows...))
	must(t, w.Close(StatusComplete))
}

// contents maps the files below dir to what is in them, without lock and manifest.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		relative, _ := filepath.Rel(dir, path)
		if err != nil || e.IsDir() || filepath.ToSlash(relative) == lockFile || filepath.ToSlash(relative) == ManifestFile {
			return err
		}
		raw, err := os.ReadFile(path)
		files[filepath.ToSlash(relative)] = string(raw)
		return err
	}))
	return files
}

func sameContents(t *testing.T, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs: %d bytes, want %d", name, len(got[name]), len(want[name]))
		}
	}
}

// stored is the value that is read back.
func stored(x float32, dtype DType) float32 {
	if dtype == Float16 {
		return half.Fromfloat32(x).Float32()
	}
	return x
}

// checkRows compares every layer and column of the dataset with the rows, bit by bit.
func checkRows(t *testing.T, d *Dataset, rows []Row, dtype DType) {
	t.Helper()
	for n, l := range d.Recipe().Layers {
		table, err := d.Matrix(context.Background(), l.Name)
		if len(rows) == 0 {
			if !errors.Is(err, ErrEmpty) {
				t.Fatalf("matrix of no rows: %v, want ErrEmpty", err)
			}
			continue
		}
		must(t, err)
		if table.Rows != len(rows) || table.Cols != l.Size() || len(table.Data) != table.Rows*table.Cols {
			t.Fatalf("matrix of %s is %dx%d with %d values, want %dx%d", l.Name, table.Rows, table.Cols, len(table.Data), len(rows), l.Size())
		}
		for i, r := range rows {
			got := [4]string{table.Paths[i], table.Labels[i], table.Splits[i], table.SHA256[i]}
			if want := [4]string{r.Path, r.Label, r.Split, r.SHA256}; got != want {
				t.Fatalf("row %d: %q, want %q", i, got, want)
			}
			for j, x := range r.Features[n] {
				got, want := table.Data[i*table.Cols+j], stored(x, dtype)
				if math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("row %d of %s, value %d: %g, want %g", i, l.Name, j, got, want)
				}
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	counts := []int{
		0, 1, testRecord - 1, testRecord, testRecord + 1, testGroup - 1, testGroup, testGroup + 1,
		testShard - 1, testShard, testShard + 1, 2*testShard - 1, 2 * testShard, 2*testShard + 1, 3*testShard + testGroup + 1,
	}
	for _, format := range formats {
		for _, dtype := range dtypes {
			for _, n := range counts {
				t.Run(fmt.Sprintf("%s/%s/%d", format, dtype, n), func(t *testing.T) {
					t.Parallel()
					roundTrip(t, format, dtype, n)
				})
			}
		}
	}
}

func roundTrip(t *testing.T, format Format, dtype DType, n int) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	dir, info, options := verified(t), testInfo(dtype), testOptions(format)
	options.hooks.mem = mem
	rows, failures := makeRows(info.Recipe, 0, n), makeFailures(0, n%4)
	writeAll(t, dir, info, options, rows, failures)
	mem.AssertSize(t, 0)

	d, err := open(dir, mem)
	must(t, err)
	checkRows(t, d, rows, dtype)
	got, err := d.Failures()
	must(t, err)
	if diff := cmp.Diff(failures, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	mem.AssertSize(t, 0)
	checkManifest(t, d.Manifest(), rows, len(failures))
	if _, err := os.Stat(filepath.Join(dir, tempDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", tempDir, err)
	}
}

func checkManifest(t *testing.T, m Manifest, rows []Row, failures int) {
	t.Helper()
	labels := map[string]int{}
	for _, r := range rows {
		count(labels, r.Label)
	}
	if diff := cmp.Diff(labels, m.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if m.Status != StatusComplete || m.Rows != len(rows) || m.Failures != failures || m.Device != "a device" || m.Finished == nil {
		t.Errorf("manifest: %+v", m)
	}
	if want := (len(rows) + testShard - 1) / testShard; len(m.Shards) != want {
		t.Errorf("%d shards, want %d", len(m.Shards), want)
	}
}

// The bytes must not depend on how rows come in, or when.
func TestSameBytesForSameRows(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			info, options := testInfo(Float32), testOptions(format)
			rows := makeRows(info.Recipe, 0, 2*testShard+5)
			whole, single := verified(t), verified(t)
			writeAll(t, whole, info, options, rows, makeFailures(0, 3))
			info.Device = "another device"
			w := mustCreate(t, single, info, options)
			for _, r := range rows {
				must(t, w.Append(r))
			}
			must(t, w.AppendFailure(makeFailures(0, 3)...))
			must(t, w.Close(StatusComplete))
			sameContents(t, contents(t, single), contents(t, whole))
		})
	}
}

// Vectors of the size of pool5 and the default sizes.
func TestRealSizes(t *testing.T) {
	info := testInfo(Float32)
	info.Recipe.Layers = []recipe.Layer{
		{Name: "pool5", Shape: []int{7, 7, 512}, Layout: recipe.LayoutHWC},
		{Name: "fc7", Shape: []int{4096}, Layout: recipe.LayoutC},
	}
	rows := makeRows(info.Recipe, 0, 50)
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			dir := verified(t)
			writeAll(t, dir, info, Options{Format: format, ShardBytes: 5 << 20}, rows, nil) // 44 rows
			d, err := Open(dir)
			must(t, err)
			checkRows(t, d, rows, Float32)
			if got := d.Shards(); len(got) != 2 || got[0].Rows != 44 {
				t.Errorf("shards: %+v, want two, the first with 44 rows", got)
			}
		})
	}
}

func TestChooseSizes(t *testing.T) {
	pool5, fc7 := recipe.Layer{Shape: []int{7, 7, 512}}, recipe.Layer{Shape: []int{4096}}
	pooled, image := recipe.Layer{Shape: []int{512}}, recipe.Layer{Shape: []int{2048, 2048, 64}}
	tests := []struct {
		name   string
		layers []recipe.Layer
		dtype  DType
		shard  int64
		want   sizes
	}{
		// 64 MiB, 64 MiB and 4 MiB divided by the bytes of a row.
		{"pool5", []recipe.Layer{pool5}, Float32, 0, sizes{668, 668, 41}},
		{"pool5 float16", []recipe.Layer{pool5}, Float16, 0, sizes{1337, 1337, 83}},
		{"pool5 and fc7", []recipe.Layer{pool5, fc7}, Float32, 0, sizes{574, 574, 35}},
		{"pooled: at most 8192 and 256", []recipe.Layer{pooled}, Float32, 0, sizes{8192, 8192, 256}},
		{"pooled, by size", []recipe.Layer{pooled}, Float32, 32 << 20, sizes{16384, 8192, 256}},
		{"a row larger than a shard", []recipe.Layer{image}, Float32, 0, sizes{1, 1, 1}},
		{"large shards", []recipe.Layer{fc7}, Float32, 96 << 20, sizes{6144, 4096, 256}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := chooseSizes(test.layers, test.dtype, Options{ShardBytes: test.shard}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
