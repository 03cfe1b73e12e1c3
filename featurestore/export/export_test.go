package export

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/recipe"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// awkward are values that are easily lost: negative zero, the smallest, what float16 cannot
// hold exactly, the largest, what takes nine digits.
var awkward = []float32{0, float32(math.Copysign(0, -1)), 1e-45, 16777217, 0.1, -3.1415927, 9e9, 65504, math.MaxFloat32, 0}

// dataset makes n rows of two layers, the second in dtype, and opens it.
func dataset(t *testing.T, dtype featurestore.DType, n int) *featurestore.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	layers := []recipe.Layer{{Name: "pool5", Shape: []int{2, 5}, Layout: recipe.LayoutHWC}, {Name: "fc,7", Shape: []int{3}, Layout: recipe.LayoutC}}
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipe.Recipe{Model: "m", Layers: layers}, DType: dtype}, featurestore.Options{ShardRows: 3})
	must(t, err)
	for i := range n {
		r := featurestore.Row{
			Path: fmt.Sprintf("a \"b\", c/%d\xff.jpg", i), Label: []string{"cat", "dog, big"}[i%2],
			Split: []string{"", "", "test"}[i%3], SHA256: fmt.Sprintf("%064x", i), Width: int32(i), Height: 7,
		}
		v := append([]float32{}, awkward...)
		v[9] = float32(i)
		if dtype == featurestore.Float16 {
			v = []float32{0, float32(math.Copysign(0, -1)), 5.9604645e-08, 1.5, 2, 3, 4, 65504, 0.33325195, float32(i)}
		}
		r.Features = [][]float32{v, {float32(i), 0, -1}}
		must(t, w.Append(r))
	}
	must(t, w.Close(featurestore.StatusComplete))
	d, err := featurestore.Open(dir)
	must(t, err)
	return d
}

func write(t *testing.T, d *featurestore.Dataset, layer int, scan featurestore.ScanOptions, format Format) string {
	t.Helper()
	var b bytes.Buffer
	_, err := Write(context.Background(), &b, d, d.Recipe().Layers[layer], scan, format)
	must(t, err)
	return b.String()
}

func TestText(t *testing.T) {
	d := dataset(t, featurestore.Float32, 4)
	hash := func(i int) string { return fmt.Sprintf("%064x", i) }
	tests := []struct {
		format Format
		layer  int
		scan   featurestore.ScanOptions
		want   string
	}{
		{CSV, 1, featurestore.ScanOptions{Labels: []string{"dog, big"}},
			"path,label,split,sha256,width,height,\"fc,7_0\",\"fc,7_1\",\"fc,7_2\"\n" +
				"\"a \"\"b\"\", c/1%FF.jpg\",\"dog, big\",," + hash(1) + ",1,7,1,0,-1\n" +
				"\"a \"\"b\"\", c/3%FF.jpg\",\"dog, big\",," + hash(3) + ",3,7,3,0,-1\n"},
		{LIBSVM, 0, featurestore.ScanOptions{Splits: []string{"test"}},
			"0 3:1e-45 4:1.6777216e+07 5:0.1 6:-3.1415927 7:9e+09 8:65504 9:3.4028235e+38 10:2\n"},
		{LIBSVM, 1, featurestore.ScanOptions{}, "0 3:-1\n1 1:1 3:-1\n0 1:2 3:-1\n1 1:3 3:-1\n"},
	}
	for _, test := range tests {
		if got := write(t, d, test.layer, test.scan, test.format); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.format, got, test.want)
		}
	}
	var labels bytes.Buffer
	must(t, writeLabels(context.Background(), &labels, d))
	if want := "number,label\n0,cat\n1,\"dog, big\"\n"; labels.String() != want {
		t.Errorf("labels:\n%s\nwant\n%s", &labels, want)
	}
}

func TestRefuses(t *testing.T) {
	d := dataset(t, featurestore.Float32, 2)
	if _, err := Write(context.Background(), &bytes.Buffer{}, d, d.Recipe().Layers[0], featurestore.ScanOptions{}, "xml"); err == nil || !strings.Contains(err.Error(), "csv npy libsvm tfrecord") {
		t.Errorf("unknown format: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "unlabelled")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: d.Recipe()}, featurestore.Options{})
	must(t, err)
	must(t, w.Append(featurestore.Row{Path: "x.jpg", Features: [][]float32{awkward, {1, 2, 3}}}))
	must(t, w.Close(featurestore.StatusComplete))
	d, err = featurestore.Open(dir)
	must(t, err)
	if _, err := Write(context.Background(), &bytes.Buffer{}, d, d.Recipe().Layers[0], featurestore.ScanOptions{}, LIBSVM); err == nil || !strings.Contains(err.Error(), `row "x.jpg": it has no label`) {
		t.Errorf("no label: %v", err)
	}
	if _, err := Write(context.Background(), full{}, d, d.Recipe().Layers[0], featurestore.ScanOptions{}, CSV); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("failed write: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("disk full") }

// pandas, NumPy and scikit-learn read what was written, to the bit.
func TestPythonReaders(t *testing.T) {
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Skip("FOVEA_PYTHON is not set: no Python to read the files with")
	}
	for _, dtype := range []featurestore.DType{featurestore.Float32, featurestore.Float16} {
		for _, n := range []int{8} {
			dir, d := t.TempDir(), dataset(t, dtype, n)
			for _, format := range Formats {
				must(t, os.WriteFile(filepath.Join(dir, "x."+string(format)), []byte(write(t, d, 0, featurestore.ScanOptions{}, format)), 0o644))
			}
			var index bytes.Buffer
			must(t, WriteIndex(context.Background(), &index, d, featurestore.ScanOptions{}))
			must(t, os.WriteFile(filepath.Join(dir, "index.csv"), index.Bytes(), 0o644))
			table, err := d.Matrix(context.Background(), "pool5")
			must(t, err)
			raw, err := binary.Append(nil, binary.LittleEndian, table.Data)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "expected.f32"), raw, 0o644))
			out, err := exec.Command(python, filepath.Join("..", "..", "testdata", "python", "check_export.py"), dir, fmt.Sprint(n), string(dtype)).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v:\n%s", dtype, err, out)
			}
			t.Logf("%s", bytes.TrimSpace(out))
		}
	}
}

// A dataset whose writer was killed is exported with the rows that it has.
func TestKilledWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	layers := []recipe.Layer{{Name: "fc7", Shape: []int{2}, Layout: recipe.LayoutC}}
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipe.Recipe{Model: "m", Layers: layers}}, featurestore.Options{ShardRows: 2})
	must(t, err)
	defer w.Abort() // it is about to be killed
	for i, label := range []string{"dog", "cat", "dog", "bird"} {
		must(t, w.Append(featurestore.Row{Path: fmt.Sprint(i), Label: label, Features: [][]float32{{float32(i), 1}}}))
	}
	var d *featurestore.Dataset
	for range 100 { // a finished shard is put on disk beside the writing
		d, err = featurestore.Open(dir)
		must(t, err)
		if d.Rows() >= 2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if d.Rows() < 2 || d.Manifest().Status != featurestore.StatusWriting || len(d.Manifest().Labels) > 0 {
		t.Fatalf("%d rows, status %s, labels %v", d.Rows(), d.Manifest().Status, d.Manifest().Labels)
	}
	scan := featurestore.ScanOptions{Labels: []string{"cat", "dog"}}
	got := write(t, d, 0, scan, LIBSVM)
	var labels bytes.Buffer
	must(t, writeLabels(context.Background(), &labels, d))
	numbers, err := labelNumbers(context.Background(), d)
	must(t, err)
	if want := fmt.Sprintf("%d 2:1\n%d 1:1 2:1\n", numbers["dog"], numbers["cat"]); !strings.HasPrefix(got, want) || numbers["dog"] == numbers["cat"] || !strings.Contains(labels.String(), ",cat\n") {
		t.Errorf("the export is %q, of the labels %v", got, numbers)
	}
}

// Columns on request follow height, with bounds as text that reads as the same numbers.
func TestExtraColumns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	layers := []recipe.Layer{{Name: "fc7", Shape: []int{1}, Layout: recipe.LayoutC}}
	info := featurestore.Info{Recipe: recipe.Recipe{Model: "m", Layers: layers}, Grouping: "parent", Extra: []featurestore.Extra{featurestore.ExtraGroup, featurestore.ExtraGeoreference}}
	w, err := featurestore.Create(dir, info, featurestore.Options{})
	must(t, err)
	place := &featurestore.Georeference{CRS: "EPSG:32633", XMin: 499980, YMin: 5499520.1, XMax: 500680, YMax: 1e22}
	row := func(path, group string, g *featurestore.Georeference) featurestore.Row {
		return featurestore.Row{Path: path, SHA256: "00", Width: 3, Height: 2, Group: group, Georeference: g, Features: [][]float32{{1}}}
	}
	must(t, w.Append(row("a", "p, 1", place), row("b", "", nil), row("c", "p2", &featurestore.Georeference{XMax: 1, YMax: 2})))
	must(t, w.Close(featurestore.StatusComplete))
	d, err := featurestore.Open(dir)
	must(t, err)
	var index bytes.Buffer
	must(t, WriteIndex(context.Background(), &index, d, featurestore.ScanOptions{}))
	want := `path,label,split,sha256,width,height,group,crs,x_min,y_min,x_max,y_max
a,,,00,3,2,"p, 1",EPSG:32633,499980,5.4995201e+06,500680,1e+22
b,,,00,3,2,,,,,,
c,,,00,3,2,p2,,0,0,1,2
`
	if index.String() != want {
		t.Errorf("the index is\n%swant\n%s", index.String(), want)
	}
	if got := write(t, d, 0, featurestore.ScanOptions{}, CSV); strings.Split(got, "\n")[1] != strings.Split(want, "\n")[1]+",1" {
		t.Errorf("the table is\n%s", got)
	}
	records := write(t, d, 0, featurestore.ScanOptions{}, TFRecord)
	for _, text := range []string{"group", "p, 1", "crs", "EPSG:32633", "y_min", "5.4995201e+06"} {
		if strings.Count(records, text) < 1 {
			t.Errorf("the records lack %q", text)
		}
	}
}
