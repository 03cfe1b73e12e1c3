package featurestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fovea/recipe"
)

// flip changes one bit of a file and returns how to change it back.
func flip(t testing.TB, file string, at, bit int) (restore func()) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	must(t, err)
	defer f.Close() // what it wrote is read back
	var b [1]byte
	_, err = f.ReadAt(b[:], int64(at))
	must(t, err)
	b[0] ^= 1 << bit
	_, err = f.WriteAt(b[:], int64(at))
	must(t, err)
	return func() { flip(t, file, at, bit) }
}

// scanned is all that a scan gives of a dataset, as bits.
func scanned(dir string, readers int) ([]Row, error) {
	d, err := Open(dir)
	if err != nil {
		return nil, err
	}
	var rows []Row
	err = d.Scan(context.Background(), ScanOptions{Readers: readers}, func(b *Batch) error {
		for i, r := range b.Rows {
			for n, l := range d.Recipe().Layers {
				r.Features = append(r.Features, slices.Clone(b.Vectors[n][i*l.Size():(i+1)*l.Size()]))
			}
			rows = append(rows, r)
		}
		return nil
	})
	return rows, err
}

func sameRow(a, b Row) bool {
	bits := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	same := slices.EqualFunc(a.Features, b.Features, func(a, b []float32) bool { return slices.EqualFunc(a, b, bits) })
	a.Features, b.Features = nil, nil
	return same && reflect.DeepEqual(a, b)
}

// flippedDatasets are one of Parquet, and of Arrow files those of small vectors, of vectors that are many
// blocks of checksums, and of an earlier version, which has the manifest's checksum alone.
func flippedDatasets(t *testing.T) map[string]string {
	info := testInfo(Float32)
	dirs := map[string]string{"parquet": dataset(t, FormatParquet), "small": dataset(t, FormatArrow), "former": former(t, "arrow-float32"), "large": filepath.Join(t.TempDir(), "large")}
	info.Recipe.Layers = []recipe.Layer{
		{Name: "pool5", Shape: []int{2, 2, 512}, Layout: recipe.LayoutHWC}, {Name: "fc7", Shape: []int{4096}, Layout: recipe.LayoutC},
	}
	options := Options{Format: FormatArrow, hooks: hooks{shardRows: 24, recordRows: 7}}
	writeAll(t, dirs["large"], info, options, makeRows(info.Recipe, 0, 40), makeFailures(0, 2))
	return dirs
}

// A dataset of whose files one bit is another is refused, with the file's name, or read
// as it was written: never silently otherwise.
func TestFlippedShards(t *testing.T) {
	for name, dir := range flippedDatasets(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := scanned(dir, 1)
			must(t, err)
			random, refused, n := rand.New(rand.NewPCG(17, 4)), 0, trials(60)
			files, err := filepath.Glob(filepath.Join(dir, dataDir, "*"))
			must(t, err)
			for range n {
				file := files[random.IntN(len(files))]
				stat, err := os.Stat(file)
				must(t, err)
				at, bit := random.IntN(int(stat.Size())), random.IntN(8)
				restore := flip(t, file, at, bit)
				got, err := scanned(dir, 1+random.IntN(2))
				restore()
				if err != nil {
					refused++
				}
				judge(t, fmt.Sprintf("byte %d of %s, bit %d", at, filepath.Base(file), bit), filepath.Base(file), err, slices.EqualFunc(got, want, sameRow))
			}
			t.Logf("%d of %d flips are refused, the others change nothing that is read", refused, n)
			if refused < n/4 { // in Parquet much is not looked at, such as statistics
				t.Errorf("%d of %d flips are refused", refused, n)
			}
			if _, err := scanned(dir, 0); err != nil {
				t.Errorf("without a flip: %v", err)
			}
		})
	}
}

func judge(t *testing.T, what, file string, err error, same bool) {
	t.Helper()
	switch {
	case err == nil && !same:
		t.Errorf("%s: other rows were read", what)
	case err != nil && (!errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), file)):
		t.Errorf("%s: %v, want ErrCorrupt with the file's name", what, err)
	}
}

// Whoever reads some columns or layers alone gets them right or not at all; and what they do not
// look at does not hold them up.
func TestFlippedArrowColumns(t *testing.T) {
	dir := flippedDatasets(t)["large"]
	d, err := Open(dir)
	must(t, err)
	index, err := d.Index(context.Background())
	must(t, err)
	layer, err := d.Matrix(context.Background(), "fc7")
	must(t, err)
	random, passed := rand.New(rand.NewPCG(17, 5)), 0
	file := filepath.Join(dir, dataDir, shardName(0, FormatArrow))
	stat, err := os.Stat(file)
	must(t, err)
	for range trials(60) {
		at, bit := random.IntN(int(stat.Size())), random.IntN(8)
		restore := flip(t, file, at, bit)
		what, name := fmt.Sprintf("byte %d, bit %d", at, bit), filepath.Base(file)
		got, err := read(dir, (*Dataset).Index)
		judge(t, "index: "+what, name, err, reflect.DeepEqual(got, index))
		if err == nil {
			passed++
		}
		got, err = read(dir, func(d *Dataset, ctx context.Context) (*Table, error) { return d.Matrix(ctx, "fc7") })
		judge(t, "matrix: "+what, name, err, reflect.DeepEqual(got, layer))
		restore()
	}
	if passed == 0 {
		t.Error("no index was read beside damaged vectors")
	}
}

func read(dir string, call func(*Dataset, context.Context) (*Table, error)) (*Table, error) {
	d, err := Open(dir)
	if err != nil {
		return nil, err
	}
	return call(d, context.Background())
}

// Of the shards that a killed writer leaves some are in no manifest. They have checksums of their own.
func TestFlippedArrowWhileWriting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dataset")
	w := mustCreate(t, dir, testInfo(Float32), testOptions(FormatArrow))
	must(t, w.Append(makeRows(testRecipe(), 0, 3*testShard)...))
	must(t, w.settle())
	want, err := scanned(dir, 0)
	must(t, err)
	if len(want) < testShard {
		t.Fatalf("%d rows are there", len(want))
	}
	file := filepath.Join(dir, dataDir, shardName(0, FormatArrow))
	raw, err := os.ReadFile(file)
	must(t, err)
	random := rand.New(rand.NewPCG(17, 6))
	for range trials(60) {
		at, bit := random.IntN(len(raw)), random.IntN(8)
		restore := flip(t, file, at, bit)
		got, err := scanned(dir, 0)
		restore()
		judge(t, fmt.Sprintf("byte %d, bit %d", at, bit), filepath.Base(file), err, slices.EqualFunc(got, want, sameRow))
	}
}

// Every changed bit of a manifest is found by validating. Opening refuses it, too, or it changes nothing
// but the name of the checksum itself.
func TestFlippedManifest(t *testing.T) {
	notShort(t, "changes every bit")
	dir := dataset(t, FormatArrow)
	raw, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	must(t, err)
	want, err := ParseManifest(raw)
	must(t, err)
	if found := inspectManifest(raw, want); len(found) > 0 {
		t.Fatalf("a manifest as it was written: %v", found)
	}
	accepted := 0
	for at := range raw {
		for bit := range 8 {
			changed := bytes.Clone(raw)
			changed[at] ^= 1 << bit
			got, err := ParseManifest(changed)
			if err != nil {
				continue
			}
			accepted++
			if !reflect.DeepEqual(got, want) {
				t.Errorf("byte %d, bit %d: another manifest is read", at, bit)
			}
			if len(inspectManifest(changed, got)) == 0 {
				t.Errorf("byte %d, bit %d is not found", at, bit)
			}
		}
	}
	t.Logf("%d of %d flips are read as what was written: all in the name of the checksum", accepted, 8*len(raw))
	if accepted > 8*len("checksum") {
		t.Errorf("%d flips are accepted", accepted)
	}
}

// The same on disk, through all that reads a manifest.
func TestFlippedManifestFile(t *testing.T) {
	dir := dataset(t, FormatParquet)
	file := filepath.Join(dir, ManifestFile)
	raw, err := os.ReadFile(file)
	must(t, err)
	want, err := scanned(dir, 0)
	must(t, err)
	random := rand.New(rand.NewPCG(17, 7))
	for range trials(60) {
		at, bit := random.IntN(len(raw)), random.IntN(8)
		restore := flip(t, file, at, bit)
		got, err := scanned(dir, 0)
		valid := Verify(dir)
		restore()
		if err == nil && !slices.EqualFunc(got, want, sameRow) || err != nil && !strings.Contains(err.Error(), "manifest.json") {
			t.Errorf("byte %d, bit %d: %v", at, bit, err)
		}
		if valid == nil {
			t.Errorf("byte %d, bit %d: it is valid", at, bit)
		}
	}
}

// Every changed bit of the list of failures is found.
func TestFlippedFailures(t *testing.T) {
	dir := dataset(t, FormatParquet)
	file := filepath.Join(dir, FailuresFile)
	raw, err := os.ReadFile(file)
	must(t, err)
	d, err := Open(dir)
	must(t, err)
	for at := range raw {
		restore := flip(t, file, at, at%8)
		if _, err := d.Failures(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "errors.jsonl") {
			t.Errorf("byte %d: %v, want ErrCorrupt with the file's name", at, err)
		}
		if at%16 == 0 && Verify(dir) == nil {
			t.Errorf("byte %d: it is valid", at)
		}
		restore()
	}
	must(t, os.Truncate(file, int64(len(raw)-1)))
	if _, err := Open(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "errors.jsonl has") {
		t.Errorf("cut off: %v", err)
	}
	must(t, os.Remove(file))
	if _, err := Open(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "errors.jsonl is missing") {
		t.Errorf("missing: %v", err)
	}
}
