package explorer

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
)

// makeGroups writes a dataset with the columns on request: of groups of ten rows that are like each other, a class each at
// random. So who has seen a group knows its rows, and nobody knows those of others.
func makeGroups(t *testing.T, dir string) {
	t.Helper()
	info := featurestore.Info{
		Recipe: testRecipe(64), DType: featurestore.Float32, ToolVersion: "v0", Device: "cpu", Grouping: "parent",
		Extra: []featurestore.Extra{featurestore.ExtraGroup, featurestore.ExtraGeoreference},
	}
	w, err := featurestore.Create(dir, info, featurestore.Options{Format: featurestore.FormatParquet})
	must(t, err)
	random := rand.New(rand.NewPCG(5, 6))
	vector := func(around []float32, spread float64) []float32 {
		v := make([]float32, 64)
		for i := range v {
			v[i] = float32(spread * random.NormFloat64())
			if around != nil {
				v[i] += around[i]
			}
		}
		return v
	}
	for g := range 40 {
		centre, label := vector(nil, 1), []string{"a", "b"}[random.IntN(2)]
		for i := range 10 {
			row := featurestore.Row{Path: fmt.Sprintf("%d/%d.tif", g, i), Label: label, SHA256: fmt.Sprintf("%064x", 10*g+i), Width: 8, Height: 6, Group: fmt.Sprintf("caf\xe9 %d", g), Features: [][]float32{vector(centre, 0.6)}}
			if i > 0 {
				row.Georeference = &featurestore.Georeference{CRS: "EPSG:32633", XMin: float64(g) + 0.1, YMin: 1, XMax: 1e6 + float64(i), YMax: 2}
			}
			must(t, w.Append(row))
		}
	}
	must(t, w.Close(featurestore.StatusComplete))
}

// extras are the groups and places of a dataset's rows, by path, with its labels.
func extras(t *testing.T, dir string) map[string]featurestore.Row {
	t.Helper()
	all := map[string]featurestore.Row{}
	d, err := featurestore.Open(dir)
	must(t, err)
	must(t, d.Scan(context.Background(), featurestore.ScanOptions{Layers: []string{}}, func(b *featurestore.Batch) error {
		for _, r := range b.Rows {
			r.Features = nil
			all[r.Path] = r
		}
		return nil
	}))
	return all
}

// TestGroupsAndPlaces: no fold divides a group, rows show theirs, and what is exported and relabelled keeps groups and places.
func TestGroupsAndPlaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeGroups(t, dir)
	before := extras(t, dir)
	r := start(t, Options{Dir: dir})
	s := r.until("accuracy", func(s labelsSeen) bool { return s.Accuracy != nil })
	if s.Accuracy.Value > 0.8 {
		t.Errorf("an accuracy of %g: groups are on both sides of folds", s.Accuracy.Value)
	}
	if rows := object[[]shownRow](r, "/api/rows?rows=10,21"); rows[0].Group != "caf%E9 1" || rows[1].Group != "caf%E9 2" {
		t.Errorf("the groups are shown as %q and %q", rows[0].Group, rows[1].Group)
	}
	_, data := r.export([]int{10, 21}, "csv")
	table, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	must(t, err)
	const want = "group,crs,x_min,y_min,x_max,y_max|caf%E9 1,,,,,|caf%E9 2,EPSG:32633,2.1,1,1.000001e+06,2"
	var have []string
	for _, row := range table {
		have = append(have, strings.Join(row[10:], ","))
	}
	if d := cmp.Diff(want, strings.Join(have, "|")); d != "" {
		t.Errorf("CSV: %s", d)
	}
	_, data = r.export([]int{10, 21}, "parquet")
	checkExported(t, data)
	if status, said := r.post("/api/labels", fields{"version": s.Version, "rows": []int{10, 21}, "label": "owl"}); status != 200 {
		t.Fatalf("%+v", said)
	}
	r.until("the labels are written", func(s labelsSeen) bool { return s.Labels.Pending == 0 })
	r.stopped()
	for path, was := range before {
		if path == "1/0.tif" || path == "2/1.tif" {
			was.Label = "owl"
		}
		before[path] = was
	}
	if d := cmp.Diff(before, extras(t, dir)); d != "" {
		t.Errorf("after relabelling: %s", d)
	}
}

// The panel of a row has its group.
func TestPageGroup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeGroups(t, dir)
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.eval(`open(10)`, nil)
	p.wait(`[...document.querySelectorAll("#panel tr")].some((row) => row.innerText === "group\tcaf%E9 1")`)
}

// checkExported reads the columns on request of an exported file with pyarrow.
func checkExported(t *testing.T, data []byte) {
	t.Helper()
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Log("FOVEA_PYTHON is not set: no Python to read the file with")
		return
	}
	file := filepath.Join(t.TempDir(), "rows.parquet")
	must(t, os.WriteFile(file, data, 0o644))
	out, err := exec.Command(python, "-c", `
import sys, pyarrow.parquet
for r in pyarrow.parquet.read_table(sys.argv[1], columns=["path", "group", "crs", "x_min", "y_min", "x_max", "y_max"]).to_pylist():
    print(*r.values(), sep=",")`, file).Output()
	must(t, err)
	const want = "1/0.tif,caf%E9 1,None,None,None,None,None\n2/1.tif,caf%E9 2,EPSG:32633,2.1,1.0,1000001.0,2.0\n"
	if d := cmp.Diff(want, string(out)); d != "" {
		t.Errorf("Parquet: %s", d)
	}
}
