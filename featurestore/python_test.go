package featurestore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"fovea/recipe"
)

// pythonReaders is a process in which pyarrow, pandas, Polars and DuckDB compare every column of
// datasets. It is one for all those of a test, since they take seconds to load.
type pythonReaders struct {
	ask    *json.Encoder
	answer *json.Decoder
}

// startPythonReaders starts it. FOVEA_PYTHON is an interpreter with testdata/python/requirements.txt.
func startPythonReaders(t *testing.T) *pythonReaders {
	t.Helper()
	notShort(t, "runs another program")
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Skip("FOVEA_PYTHON is not set: no Python to read the files with")
	}
	command := exec.Command(python, filepath.Join("..", "testdata", "python", "check_dataset.py"))
	var messages bytes.Buffer
	command.Stderr = &messages
	in, err := command.StdinPipe()
	must(t, err)
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), command.Wait()); err != nil {
			t.Errorf("check_dataset.py: %v:\n%s", err, &messages)
		}
	})
	return &pythonReaders{json.NewEncoder(in), json.NewDecoder(out)}
}

// check compares a dataset with what writeExpected has written.
func (p *pythonReaders) check(t *testing.T, dir, expected string) {
	t.Helper()
	must(t, p.ask.Encode([]string{dir, expected}))
	var answer struct{ Agree, Error string }
	must(t, p.answer.Decode(&answer))
	if answer.Error != "" || answer.Agree == "" {
		t.Fatal(answer.Error)
	}
	t.Log(answer.Agree)
}

// Other readers must see what was written.
func TestPythonReaders(t *testing.T) {
	python := startPythonReaders(t)
	for _, format := range formats {
		for _, dtype := range dtypes {
			for _, n := range []int{1, 2*testShard + testGroup + 3} {
				t.Run(fmt.Sprintf("%s/%s/%d", format, dtype, n), func(t *testing.T) {
					comparePython(t, python, testInfo(dtype), testOptions(format), n)
				})
				t.Run(fmt.Sprintf("%s/%s/%d/columns on request", format, dtype, n), func(t *testing.T) {
					comparePython(t, python, extraInfo(dtype), testOptions(format), n)
				})
			}
		}
		t.Run(string(format)+"/real sizes", func(t *testing.T) {
			info := testInfo(Float32)
			info.Recipe.Layers = []recipe.Layer{
				{Name: "pool5", Shape: []int{7, 7, 512}, Layout: recipe.LayoutHWC},
				{Name: "fc7", Shape: []int{4096}, Layout: recipe.LayoutC},
			}
			// Records of 35 rows and pages of several row groups, as by default.
			options := Options{Format: format, hooks: hooks{shardRows: 90, groupRows: 50}}
			comparePython(t, python, info, options, 130)
		})
	}
}

func comparePython(t *testing.T, python *pythonReaders, info Info, options Options, n int) {
	t.Helper()
	dir, expected := verified(t), t.TempDir()
	rows, failures := makeRows(info.Recipe, 0, n), makeFailures(0, n%3)
	if len(info.Extra) > 0 {
		rows = withExtra(rows)
	}
	writeAll(t, dir, info, options, rows, failures)
	writeExpected(t, expected, info, options.Format, rows, failures)
	python.check(t, dir, expected)
}

// writeExpected writes what check_dataset.py compares with.
func writeExpected(t *testing.T, dir string, info Info, format Format, rows []Row, failures []Failure) {
	t.Helper()
	nullable := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	table, failed, layers := []any{}, []any{}, []any{}
	for _, r := range rows {
		row := map[string]any{
			"path": r.Path, "label": nullable(r.Label), "split": nullable(r.Split),
			"sha256": r.SHA256, "width": r.Width, "height": r.Height,
			"group": nullable(r.Group), "crs": nil, "x_min": nil, "y_min": nil, "x_max": nil, "y_max": nil,
		}
		if g := r.Georeference; g != nil {
			row["crs"], row["x_min"], row["y_min"], row["x_max"], row["y_max"] = nullable(g.CRS), g.XMin, g.YMin, g.XMax, g.YMax
		}
		table = append(table, row)
	}
	for _, f := range failures {
		failed = append(failed, map[string]any{
			"path": f.Path, "label": nullable(f.Label), "split": nullable(f.Split), "stage": f.Stage, "reason": f.Reason,
		})
	}
	for i, l := range info.Recipe.Layers {
		layers = append(layers, map[string]any{"name": l.Name, "size": l.Size(), "shape": l.Shape})
		var values []byte
		for _, r := range rows {
			for _, x := range r.Features[i] {
				values, _ = binary.Append(values, binary.LittleEndian, stored(x, info.DType))
			}
		}
		must(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".f32"), values, 0o644))
	}
	metadata := map[string]string{
		"features.fingerprint": info.Recipe.Fingerprint(), "features.tool_version": info.ToolVersion,
		"features.pool5.dtype": string(info.DType), "features.pool5.layout": "HWC",
	}
	parts := info.Recipe.Parts()
	for _, r := range parts {
		prefixes := []string{"features."}
		if len(parts) > 1 {
			prefixes = nil
			for _, l := range r.Layers {
				prefixes = append(prefixes, "features."+l.Name+".")
			}
		}
		for _, of := range prefixes {
			maps.Copy(metadata, map[string]string{
				of + "model": r.Model, of + "model_sha256": r.ModelSHA256, of + "preprocessing": r.Preprocessing.String(), of + "resize": r.Resize,
				of + "interpolation": r.Interpolation, of + "precision": r.Precision, of + "pool": r.Pool, of + "library": r.Library,
			})
		}
	}
	encoded, err := json.Marshal(map[string]any{
		"format": format, "dtype": info.DType, "layers": layers, "rows": table, "failures": failed, "metadata": metadata,
		"group": slices.Contains(info.Extra, ExtraGroup), "georeference": slices.Contains(info.Extra, ExtraGeoreference),
	})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "expected.json"), encoded, 0o644))
}
