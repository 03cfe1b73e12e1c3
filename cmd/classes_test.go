package cmd_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/recipe"
)

// manyClasses writes a dataset of classes of three rows of 64 values, and of some of a single row.
func manyClasses(t *testing.T, classes, single int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "features")
	layer := recipe.Layer{Name: "pool5", Shape: []int{64}, Layout: recipe.LayoutC}
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipe.Recipe{
		Model: "somebody's", ModelSHA256: strings.Repeat("0", 64), InputHeight: 8, InputWidth: 8, Layers: []recipe.Layer{layer},
	}}, featurestore.Options{})
	check(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	row := 0
	for class := range classes + single {
		centre, rows := make([]float32, 64), 3
		for i := range centre {
			centre[i] = float32(random.NormFloat64())
		}
		if class >= classes {
			rows = 1
		}
		for range rows {
			values := make([]float32, 64)
			for i := range values {
				values[i] = centre[i] + 0.6*float32(random.NormFloat64())
			}
			check(t, w.Append(featurestore.Row{Path: fmt.Sprintf("%d.jpg", row), Label: fmt.Sprintf("species-%04d", class), SHA256: fmt.Sprintf("%016x%048d", row, 0), Features: [][]float32{values}}))
			row++
		}
	}
	check(t, w.Close(featurestore.StatusComplete))
	return dir
}

// Thousands of classes are trained, measured, predicted and reported in bounded time, and what is written for people and
// programs does not grow with the square of their number.
func TestThousandsOfClasses(t *testing.T) {
	if testing.Short() {
		t.Skip("trains heads of 3,000 classes")
	}
	t.Parallel()
	const classes, single = 3000, 40
	features, dir := manyClasses(t, classes, single), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	timed := func(most time.Duration, arguments ...string) string {
		t.Helper()
		begin := time.Now()
		out := output(t, "finetune", arguments...)
		took := time.Since(begin)
		t.Logf("%s: %.1f s, %d bytes", arguments[0], took.Seconds(), len(out))
		if took > most {
			t.Errorf("%s took %s", arguments, took)
		}
		return out
	}
	size := func(name string, most int64) {
		t.Helper()
		info, err := os.Stat(in(name))
		check(t, err)
		t.Logf("%s has %d bytes", name, info.Size())
		if info.Size() > most {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
	trained := timed(5*time.Minute, "train", "--features", features, "--out", in("a.head"), "--min-class", "2", "--lambda", "0.001")
	if !strings.Contains(trained, "left out     40 classes of fewer than 2 images: species-3000") || len(trained) > 4000 {
		t.Errorf("train prints %d bytes:\n%.4000s", len(trained), trained)
	}
	size("a.head", 8_000_000)
	text := timed(time.Minute, "evaluate", "--head", in("a.head"), "--features", features, "--held-out", "--ignore-unknown-classes", "--rows", in("rows.csv"))
	if len(text) > 4000 || !strings.Contains(text, "The 10 of 3000 classes with the lowest F1") {
		t.Errorf("evaluate prints %d bytes:\n%.4000s", len(text), text)
	}
	size("rows.csv", 3000*400)
	var metrics struct {
		Accuracy float64
		Unknown  []struct{ N int } `json:"unknown_classes"`
	}
	check(t, json.Unmarshal([]byte(timed(time.Minute, "evaluate", "--head", in("a.head"), "--features", features, "--ignore-unknown-classes", "--json")), &metrics))
	if metrics.Accuracy < 0.8 || len(metrics.Unknown) != single {
		t.Errorf("metrics: %+v", metrics)
	}
	timed(time.Minute, "predict", "--head", in("a.head"), "--features", features, "--out", in("p.csv"))
	file, err := os.Open(in("p.csv"))
	check(t, err)
	rows, err := csv.NewReader(file).ReadAll()
	check(t, err)
	check(t, file.Close())
	if len(rows) != 1+3*classes+single || len(rows[0]) != 13 || rows[0][10] != "label_5" || rows[1+3*classes][0] != fmt.Sprintf("%d.jpg", 3*classes) {
		t.Errorf("%d predictions, the header is %q", len(rows), rows[0])
	}
	timed(time.Minute, "predict", "--head", in("a.head"), "--features", features, "--format", "parquet", "--top", "0", "--out", in("p.parquet"))
	timed(10*time.Minute, "report", "--head", in("a.head"), "--features", features, "--ignore-unknown-classes", "--repeats", "0", "--out", in("report"))
	size("report/report.html", 1_000_000)
	page, err := os.ReadFile(in("report/report.html"))
	check(t, err)
	for _, part := range []string{"the 7 with the smallest areas under their curves", "lowest F1", "species-0009 and 2990 more", "40 images of 40 classes that the head does not know"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the page lacks %q", part)
		}
	}
}
