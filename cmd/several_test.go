package cmd_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fovea/featurestore"
	"fovea/recipe"
)

// joinDatasets writes a dataset with the columns of two datasets of the same images side by side. A column of the second
// one may get another name.
func joinDatasets(out, first, second, name, layer string) error {
	var parts []recipe.Recipe
	var rows []featurestore.Row
	var info featurestore.Info
	for i, dir := range []string{first, second} {
		d, err := featurestore.Open(dir)
		if err != nil {
			return err
		}
		part, at := d.Recipe(), 0
		part.Layers = slices.Clone(part.Layers)
		for l := range part.Layers {
			if i == 1 && part.Layers[l].Name == layer && name != layer {
				part.Layers[l].Name, part.Layers[l].Of = name, layer
			}
		}
		parts = append(parts, part)
		manifest := d.Manifest()
		info.DType, info.ToolVersion, info.Device = manifest.DType, manifest.ToolVersion, manifest.Device
		err = d.Scan(context.Background(), featurestore.ScanOptions{}, func(b *featurestore.Batch) error {
			for r, row := range b.Rows {
				if i == 0 {
					rows = append(rows, row)
				} else if rows[at].Path != row.Path {
					return errors.New("the datasets are of different images")
				}
				for l, values := range b.Vectors {
					size := part.Layers[l].Size()
					rows[at].Features = append(rows[at].Features, slices.Clone(values[r*size:(r+1)*size]))
				}
				at++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var err error
	if info.Recipe, err = recipe.Join(parts...); err != nil {
		return err
	}
	w, err := featurestore.Create(out, info, featurestore.Options{})
	if err != nil {
		return err
	}
	return errors.Join(w.Append(rows...), w.Close(featurestore.StatusComplete))
}

// beside OUT FIRST SECOND NAME=LAYER: joins two datasets of the same images; the second one's layer becomes the column NAME.
func beside(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 4 {
		ts.Fatalf("usage: beside OUT FIRST SECOND NAME=LAYER")
	}
	name, layer, _ := strings.Cut(args[3], "=")
	ts.Check(joinDatasets(ts.MkAbs(args[0]), ts.MkAbs(args[1]), ts.MkAbs(args[2]), name, layer))
}

// somePhotos links photos of cats and dogs into a directory, without those that go to another one.
func somePhotos(t *testing.T, each, others int) (known, unknown string) {
	t.Helper()
	known, unknown = t.TempDir(), t.TempDir()
	for _, kind := range []string{"cat", "dog"} {
		files, err := filepath.Glob("../../shared/cats-vs-dogs/train/" + kind + ".*.jpg")
		check(t, err)
		if len(files) < each+others {
			t.Skip("there are no photos in ../shared/cats-vs-dogs")
		}
		for i, file := range files[:each+others] {
			dir := known
			if i >= each {
				dir = unknown
			}
			check(t, os.Symlink(absolute(t, file), filepath.Join(dir, filepath.Base(file))))
		}
	}
	return known, unknown
}

// severalFeatures extracts averaged pool5 of VGG16 and a layer of a small network, and puts them into one dataset.
func severalFeatures(t *testing.T, photos string) string {
	t.Helper()
	dir := t.TempDir()
	first, second, both := filepath.Join(dir, "vgg16"), filepath.Join(dir, "small"), filepath.Join(dir, "both")
	output(t, "extract", "-q", "--pool", "avg", "--labels", "prefix", "--out", first, photos)
	output(t, "extract", "-q", "--model", smallModel, "--preprocessing", "torch", "--layers", "small/conv2", "--resize", "crop", "--views", "flip", "--interpolation", "bicubic", "--labels", "prefix", "--out", second, photos)
	check(t, joinDatasets(both, first, second, "edges", "small/conv2"))
	return both
}

// probabilitiesOf reads predictions as CSV, by path.
func probabilitiesOf(t *testing.T, text string) map[string][]float64 {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	check(t, err)
	all := map[string][]float64{}
	for _, r := range records[1:] {
		for _, field := range r[2:4] {
			p, err := strconv.ParseFloat(field, 64)
			check(t, err)
			all[r[0]] = append(all[r[0]], p)
		}
	}
	return all
}

// A head on columns of two models says the same of new photos by all ways: of features that were extracted apart, of the
// images, over HTTP, and exported, in Python.
func TestHeadsOnSeveralModels(t *testing.T) {
	if testing.Short() {
		t.Skip("runs VGG16 on some 50 photos")
	}
	t.Parallel()
	known, unknown := somePhotos(t, 20, 3)
	dir := t.TempDir()
	file := filepath.Join(dir, "both.head")
	features := severalFeatures(t, known)
	trained := output(t, "finetune", "train", "-q", "--features", features, "--layers", "edges,pool5", "--out", file)
	if !strings.Contains(trained, "edges, pool5 of vgg16, tf1-resource") {
		t.Errorf("it is trained on others: %s", trained)
	}
	output(t, "finetune", "evaluate", "-q", "--head", file, "--features", features, "--held-out")
	want := probabilitiesOf(t, output(t, "finetune", "predict", "-q", "--head", file, "--features", severalFeatures(t, unknown)))
	got := probabilitiesOf(t, output(t, "finetune", "predict", "-q", "--head", file, "--model", smallModel, unknown))
	if len(want) != 6 || len(got) != 6 {
		t.Fatalf("%d and %d photos are predicted", len(want), len(got))
	}
	photos, err := filepath.Glob(filepath.Join(unknown, "*.jpg"))
	check(t, err)
	near := func(how, path string, p []float64, tolerance float64) {
		t.Helper()
		for i, v := range want[filepath.Base(path)] {
			if math.Abs(v-p[i]) > tolerance {
				t.Errorf("%s: %s has the probabilities %v, want %v", how, filepath.Base(path), p, want[filepath.Base(path)])
			}
		}
	}
	served := serveAll(t, photos, "--head", file, "--model", smallModel)
	for i, photo := range photos {
		near("predict", photo, got[filepath.Base(photo)], 1e-5)
		near("serve", photo, served[i], 1e-5)
	}
	exported := filepath.Join(dir, "served")
	output(t, "finetune", append([]string{"export", "-q", "--head", file, "--model", smallModel, "--out", exported}, photos...)...)
	python := os.Getenv("FOVEA_PYTHON_TENSORFLOW")
	if python == "" {
		t.Log("FOVEA_PYTHON_TENSORFLOW names no Python with tensorflow: predicting there is not tested")
		return
	}
	out, err := exec.Command(python, append([]string{"../testdata/servable/predict_all.py", exported}, photos...)...).Output()
	check(t, err)
	var there [][]float64
	check(t, json.Unmarshal(out, &there))
	for i, photo := range photos {
		near("in Python", photo, there[i], 2e-3)
	}
}

// serveAll asks a server for the probabilities of photos, of cats and dogs.
func serveAll(t *testing.T, photos []string, arguments ...string) (all [][]float64) {
	t.Helper()
	command := exec.Command(filepath.Join(binaries, "finetune"), append([]string{"serve", "--listen", "127.0.0.1:0"}, arguments...)...)
	stderr, err := command.StderrPipe()
	check(t, err)
	check(t, command.Start())
	address := regexp.MustCompile(`http://[^/]*/`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		at := address.FindString(lines.Text())
		if at == "" {
			continue
		}
		for _, photo := range photos {
			image, err := os.ReadFile(photo)
			check(t, err)
			response, err := http.Post(at+"predict", "image/jpeg", bytes.NewReader(image))
			check(t, err)
			body, err := io.ReadAll(response.Body)
			var answer struct{ Probabilities map[string]float64 }
			check(t, errors.Join(err, response.Body.Close(), json.Unmarshal(body, &answer)))
			all = append(all, []float64{answer.Probabilities["cat"], answer.Probabilities["dog"]})
		}
		check(t, command.Process.Signal(os.Interrupt))
	}
	_ = command.Wait() // it was interrupted
	if len(all) != len(photos) {
		t.Fatalf("%d of %d photos are answered", len(all), len(photos))
	}
	return all
}
