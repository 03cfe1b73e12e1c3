package explorer

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
)

// export saves rows.
func (r *running) export(rows []int, format string) (http.Header, []byte) {
	r.tb.Helper()
	body, err := json.Marshal(fields{"rows": rows, "format": format})
	must(r.tb, err)
	status, header, data := r.ask(http.MethodPost, "/api/export", "application/json", bytes.NewReader(body))
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment; filename=") {
		r.tb.Fatalf("%s: %d, %q: %s", format, status, header.Get("Content-Disposition"), data)
	}
	return header, data
}

// What is exported are the rows, with the labels of the moment.
func TestExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	var vectors [][]float32
	makeRows(t, dir, 200, 8, func(i int, r *featurestore.Row) {
		switch i {
		case 7:
			r.Path, r.Split = "caf\xe9, \"7\".jpg", "test"
		case 8:
			r.Path = "two\nlines.jpg"
		}
		vectors = append(vectors, r.Features[0])
	})
	r := start(t, Options{Dir: dir})
	s := object[labelsSeen](r, "/api/dataset")
	if status, said := r.post("/api/labels", fields{"version": s.Version, "rows": []int{7}, "label": "owl"}); status != http.StatusOK {
		t.Fatalf("%+v", said)
	}
	rows := []int{199, 7, 7, 0, 8} // in any order, and one twice
	header, data := r.export(rows, "csv")
	table, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	must(t, err)
	if len(table) != 5 || strings.Join(table[0][:3], ",") != "path,label,split" || table[2][0] != `caf%E9, "7".jpg` || table[2][1] != "owl" || table[2][2] != "test" || table[3][0] != "two\nlines.jpg" {
		t.Errorf("%q", table)
	}
	if name := header.Get("Content-Disposition"); !strings.Contains(name, "features-selection.csv") {
		t.Errorf("the file's name is in %q", name)
	}
	if _, data := r.export([]int{7, 0}, "paths"); string(data) != "a/000000.jpg\ncaf%E9, \"7\".jpg\n" {
		t.Errorf("paths %q", data)
	}
	if status, said := r.post("/api/export", fields{"rows": rows, "format": "paths"}); status != http.StatusBadRequest || !strings.Contains(said.Error, "line break") {
		t.Errorf("a list with a path of two lines: %d, %+v", status, said)
	}
	_, data = r.export(rows, "parquet")
	file := filepath.Join(t.TempDir(), "rows.parquet")
	must(t, os.WriteFile(file, data, 0o644))
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Skip("FOVEA_PYTHON is not set: no Python to read the file with")
	}
	read := `
import json, sys, pyarrow.parquet
t = pyarrow.parquet.read_table(sys.argv[1])
print(json.dumps([[r["path"], r["label"], r["split"], r["sha256"], r["width"], r["pool5"]] for r in t.to_pylist()]))
print(t.schema.metadata[b"features.fingerprint"].decode())`
	out, err := exec.Command(python, "-c", read, file).Output()
	must(t, err)
	lines := strings.SplitN(string(out), "\n", 2)
	var got [][]any
	must(t, json.Unmarshal([]byte(lines[0]), &got))
	d, err := featurestore.Open(dir)
	must(t, err)
	if strings.TrimSpace(lines[1]) != d.Manifest().Fingerprint {
		t.Errorf("the fingerprint is %s, of the dataset %s", lines[1], d.Manifest().Fingerprint)
	}
	for i, row := range []int{0, 7, 8, 199} {
		label, split := any(string(rune('a'+row%4))), any(nil)
		if row == 7 {
			label, split = "owl", "test"
		}
		if len(got) != 4 || got[i][1] != label || got[i][2] != split || got[i][3] != fmt.Sprintf("%064x", row) {
			t.Fatalf("row %d is %v", row, got)
		}
		for j, v := range got[i][5].([]any) {
			if float32(v.(float64)) != vectors[row][j] {
				t.Errorf("value %d of row %d is %v, want %g", j, row, v, vectors[row][j])
			}
		}
	}
}
