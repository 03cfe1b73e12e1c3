// Package docs_test keeps what the documents show from rotting.
package docs_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/featurestore/export"
	"fovea/preprocessing"
	"fovea/recipe"
)

const cookbookRows = 50

var cookbookRecipe = recipe.Recipe{
	Model: "vgg16", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash", Interpolation: "bilinear",
	InputHeight: 224, InputWidth: 224, Pool: recipe.PoolNone, Precision: "float32", Library: "none",
	Layers: []recipe.Layer{
		{Name: "pool5", Shape: []int{7, 7, 512}, Layout: recipe.LayoutHWC},
		{Name: "fc7", Shape: []int{4096}, Layout: recipe.LayoutC},
	},
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cookbookRow makes a row with rectified vectors; cats and dogs differ a little.
func cookbookRow(i int) featurestore.Row {
	label := []string{"dog", "cat"}[i%2]
	r := featurestore.Row{Path: fmt.Sprintf("%s/%d.jpg", label, i), Label: label, SHA256: fmt.Sprintf("%064x", i), Width: int32(i + 1), Height: 9}
	random := rand.New(rand.NewPCG(7, uint64(i)))
	for _, l := range cookbookRecipe.Layers {
		v := make([]float32, l.Size())
		for j := range v {
			v[j] = max(0, float32(random.NormFloat64()-0.8+0.4*float64((i+j)%2)))
		}
		r.Features = append(r.Features, v)
	}
	return r
}

// pythons are snippets that have interpreters of their own, by the variables that name those. FOVEA_PYTHON
// runs the rest. scripts/python.sh makes the environments.
var pythons = map[string]string{"scikit-learn": "FOVEA_PYTHON_SCIKIT_LEARN", "tensorflow": "FOVEA_PYTHON_TENSORFLOW"}

// Every program reads what was written, by the very lines that the cookbook shows. Snippets for packages
// that no environment has are skipped, and the log says so.
func TestCookbook(t *testing.T) {
	if os.Getenv("FOVEA_PYTHON") == "" {
		t.Skip("FOVEA_PYTHON is not set: no Python to run the snippets with")
	}
	dir, expected := t.TempDir(), t.TempDir()
	writeDatasets(t, dir, expected)
	var elsewhere []string
	for snippet, variable := range pythons {
		if python := os.Getenv(variable); python != "" {
			elsewhere = append(elsewhere, "-"+snippet)
			runSnippets(t, python, dir, expected, snippet)
		}
	}
	runSnippets(t, os.Getenv("FOVEA_PYTHON"), dir, expected, elsewhere...)
}

// runSnippets runs snippets of the cookbook: those named, or all but those named with a minus.
func runSnippets(t *testing.T, python, dir, expected string, snippets ...string) {
	t.Helper()
	cookbook, err := filepath.Abs("cookbook.md")
	must(t, err)
	script, err := filepath.Abs(filepath.Join("..", "testdata", "python", "check_cookbook.py"))
	must(t, err)
	arguments := append([]string{script, cookbook, expected}, snippets...)
	command := exec.Command(python, arguments...)
	command.Dir = dir
	// Hugging Face's package keeps copies, and would ask its servers.
	command.Env = append(os.Environ(), "HF_HOME="+filepath.Join(dir, "hf"), "HF_HUB_OFFLINE=1", "HF_DATASETS_DISABLE_PROGRESS_BARS=1",
		"TF_CPP_MIN_LOG_LEVEL=2")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v:\n%s", python, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "skipped: ") || strings.HasSuffix(line, " agree\n") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func writeDatasets(t *testing.T, dir, expected string) {
	t.Helper()
	rows := []map[string]string{}
	values := make([][]byte, len(cookbookRecipe.Layers))
	for name, options := range map[string]featurestore.Options{
		"features":        {ShardRows: 20},
		"features-arrow":  {ShardRows: 20, Format: featurestore.FormatArrow},
		"features-tensor": {ShardRows: 20, TensorExtension: true},
	} {
		w, err := featurestore.Create(filepath.Join(dir, name), featurestore.Info{Recipe: cookbookRecipe}, options)
		must(t, err)
		for i := range cookbookRows {
			r := cookbookRow(i)
			must(t, w.Append(r))
			if name != "features" { // the same rows once more
				continue
			}
			rows = append(rows, map[string]string{"path": r.Path, "label": r.Label})
			for n, v := range r.Features {
				values[n], err = binary.Append(values[n], binary.LittleEndian, v)
				must(t, err)
			}
		}
		must(t, w.AppendFailure(featurestore.Failure{Path: "cat/broken.jpg", Stage: "decode", Reason: "no image"}))
		must(t, w.Close(featurestore.StatusComplete))
	}
	encoded, err := json.Marshal(rows)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(expected, "rows.json"), encoded, 0o644))
	for n, l := range cookbookRecipe.Layers {
		must(t, os.WriteFile(filepath.Join(expected, l.Name+".f32"), values[n], 0o644))
	}
	d, err := featurestore.Open(filepath.Join(dir, "features"))
	must(t, err)
	fc7, all := cookbookRecipe.Layers[1], featurestore.ScanOptions{}
	for name, write := range map[string]func(io.Writer) error{
		"fc7.npy": func(w io.Writer) error {
			_, err := export.Write(context.Background(), w, d, fc7, all, export.NPY)
			return err
		},
		"fc7.npy.csv": func(w io.Writer) error { return export.WriteIndex(context.Background(), w, d, all) },
		"fc7.tfrecord": func(w io.Writer) error {
			_, err := export.Write(context.Background(), w, d, fc7, all, export.TFRecord)
			return err
		},
	} {
		f, err := os.Create(filepath.Join(dir, name))
		must(t, err)
		must(t, write(f))
		must(t, f.Close())
	}
}
