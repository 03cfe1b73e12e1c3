package explorer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/internal/lockfile"
)

// post sends JSON and returns the status and the answer.
func (r *running) post(path string, value any) (int, changeAnswer) {
	r.tb.Helper()
	body, err := json.Marshal(value)
	must(r.tb, err)
	status, _, data := r.ask(http.MethodPost, path, "application/json", bytes.NewReader(body))
	var said changeAnswer
	if err := json.Unmarshal(data, &said); err != nil {
		r.tb.Fatalf("%s: %d: %s", path, status, data)
	}
	return status, said
}

// changeAnswer is what is answered to changes of labels.
type changeAnswer struct {
	Error, Version, Why string
	Changed, Undo, Redo int
}

// fields are a JSON object.
type fields = map[string]any

// column reads a column of numbers of rows.
func (r *running) column(name string) []int32 {
	r.tb.Helper()
	body := r.get("/api/columns/" + name)
	out := make([]int32, len(body)/4)
	_, err := binary.Decode(body, binary.LittleEndian, out)
	must(r.tb, err)
	return out
}

// labelsSeen is what /api/dataset says of labels.
type labelsSeen struct {
	Version  string
	Classes  []string
	Labels   labelState
	Accuracy *accuracy
}

// until waits until a condition holds for labels and accuracy.
func (r *running) until(what string, holds func(labelsSeen) bool) labelsSeen {
	r.tb.Helper()
	for by := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if s := object[labelsSeen](r, "/api/dataset"); holds(s) {
			return s
		} else if time.Now().After(by) {
			r.tb.Fatalf("no %s: %+v", what, s)
		}
	}
}

func written(s labelsSeen) bool { return s.Labels.Pending == 0 }

// fileOf is the content of a dataset's only shard.
func fileOf(tb testing.TB, dir string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "data", "part-00000.parquet"))
	must(tb, err)
	return data
}

// A label changed is shown at once and in the Parquet soon, under the same version; an undo brings the file back bit for bit.
func TestLabels(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 80, 8, nil)
	before, paths := fileOf(t, dir), stored(t, dir)
	r := start(t, Options{Dir: dir})
	version := object[labelsSeen](r, "/api/dataset").Version
	for _, change := range []struct {
		rows    []int
		label   string
		changed int
	}{{[]int{0, 1, 4}, "b", 2}, {[]int{5}, "owl \u00e9", 1}, {[]int{6}, "", 1}, {[]int{6}, "", 0}} {
		status, said := r.post("/api/labels", fields{"version": version, "rows": change.rows, "label": change.label})
		if status != http.StatusOK || said.Changed != change.changed || said.Version != version {
			t.Fatalf("%+v: %d, %+v", change, status, said)
		}
		shown, classes := r.column("label"), object[labelsSeen](r, "/api/dataset").Classes
		for _, row := range change.rows {
			name := ""
			if at := shown[row]; at >= 0 {
				name = classes[at]
			}
			if name != change.label {
				t.Errorf("right after the change, row %d is %q, want %q", row, name, change.label)
			}
		}
	}
	s := r.until("label written", written)
	want := changed(changed(changed(paths, "b", "a/000000.jpg", "a/000004.jpg"), "owl \u00e9", "b/000005.jpg"), "", "c/000006.jpg")
	awaits(t, "changes", dir, want)
	if s.Version != version || s.Labels.Undo != 3 || !s.Labels.Writable {
		t.Errorf("%+v, the version was %s", s, version)
	}
	for range 3 {
		if status, said := r.post("/api/undo", fields{"version": version}); status != http.StatusOK || said.Changed == 0 {
			t.Fatalf("undo: %d, %+v", status, said)
		}
	}
	if status, said := r.post("/api/undo", fields{"version": version}); status != http.StatusConflict || said.Error == "" {
		t.Errorf("undo of nothing: %d, %+v", status, said)
	}
	r.until("undo written", written)
	if !bytes.Equal(fileOf(t, dir), before) {
		t.Error("after the undo, the file is another than before")
	}
	if status, said := r.post("/api/redo", fields{"version": version}); status != http.StatusOK || said.Changed != 2 || said.Redo != 2 {
		t.Errorf("redo: %d, %+v", status, said)
	}
	r.stopped() // which writes what is pending
	awaits(t, "the end", dir, changed(paths, "b", "a/000000.jpg", "a/000004.jpg"))
}

// Requests that cannot be answered say why.
func TestLabelRefusals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 20, 4, nil)
	r := start(t, Options{Dir: dir})
	version := object[labelsSeen](r, "/api/dataset").Version
	for want, test := range map[string]struct {
		path   string
		body   any
		status int
	}{
		"load the page again":    {"/api/labels", fields{"version": "0", "rows": []int{1}, "label": "a"}, 409},
		"was replaced":           {"/api/undo", fields{"version": "0"}, 409},
		"was replaced meanwhile": {"/api/redo", fields{}, 409},
		`no "label"`:             {"/api/labels", fields{"version": version, "rows": []int{1}}, 400},
		"the rows 0 to 19":       {"/api/labels", fields{"version": version, "rows": []int{20}, "label": "a"}, 400},
		"control characters":     {"/api/labels", fields{"version": version, "rows": []int{1}, "label": "a\tb"}, 400},
		"leave them out":         {"/api/labels", fields{"version": version, "rows": []int{1}, "label": "a "}, 400}, // not another class, a
		"begins or ends":         {"/api/labels", fields{"version": version, "rows": []int{1}, "label": "  "}, 400}, // not no label
		"unknown field":          {"/api/labels", fields{"version": version, "row": 1, "label": "a"}, 400},
		"rows is a JSON string":  {"/api/export", fields{"rows": "all", "format": "csv"}, 400},
		"csv, parquet and paths": {"/api/export", fields{"rows": []int{1}, "format": "xls"}, 400},
		"select some":            {"/api/export", fields{"rows": []int{}, "format": "csv"}, 400},
		"no row -1":              {"/api/export", fields{"rows": []int{-1}, "format": "csv"}, 400},
	} {
		if status, said := r.post(test.path, test.body); status != test.status || !strings.Contains(said.Error, want) {
			t.Errorf("%s %v: %d: %s, want %d and %q", test.path, test.body, status, said.Error, test.status, want)
		}
	}
	if status, _, body := r.ask(http.MethodGet, "/api/orders/best", "", nil); status != 404 || !strings.Contains(string(body), "suspect, uncertain and conflicts") {
		t.Errorf("an order that is not there: %d: %s", status, body)
	}
	if status, _, body := r.ask(http.MethodPost, "/api/labels", "application/json", strings.NewReader(`{"version":"`+version+`","rows":[`+strings.Repeat("1,", 9<<20)+`1],"label":"a"}`)); status != 413 {
		t.Errorf("a long request: %d: %s", status, body)
	}
}

// A dataset that others replace keeps what was not written yet: it is found by path again, and pages are told.
func TestLabelsOfReplacedDataset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 40, 4, nil)
	r := start(t, Options{Dir: dir})
	version := object[labelsSeen](r, "/api/dataset").Version
	next := filepath.Join(t.TempDir(), "next")
	makeRows(t, next, 44, 4, func(i int, row *featurestore.Row) { row.Features[0][0]++ })
	lock, err := lockfile.Take(filepath.Join(dir, ".fovea", "lock")) // so that nothing is written before
	must(t, err)
	if status, said := r.post("/api/labels", fields{"version": version, "rows": []int{0, 1, 2}, "label": "owl"}); status != http.StatusOK {
		t.Fatalf("%d, %+v", status, said)
	}
	r.until("reason", func(s labelsSeen) bool { return strings.Contains(s.Labels.Why, "another program writes") })
	old := dir + ".old"
	must(t, os.Rename(dir, old))
	must(t, os.Rename(next, dir))
	must(t, lock.Release())
	now := r.until("new version", func(s labelsSeen) bool { return s.Version != version })
	if status, said := r.post("/api/labels", fields{"version": version, "rows": []int{3}, "label": "yak"}); status != http.StatusConflict || said.Version != now.Version {
		t.Errorf("a change of the former dataset: %d, %+v", status, said)
	}
	r.until("label written", written)
	labels := stored(t, dir)
	if len(labels) != 44 || labels["a/000000.jpg"] != "owl" || labels["c/000002.jpg"] != "owl" || labels["d/000003.jpg"] != "d" {
		t.Errorf("the labels are %v", labels)
	}
}

// A second explorer of a dataset says that labels are changed in the first.
func TestSecondExplorer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 20, 4, nil)
	first, second := start(t, Options{Dir: dir}), start(t, Options{Dir: dir})
	s := object[labelsSeen](second, "/api/dataset")
	if s.Labels.Writable || !strings.Contains(s.Labels.Why, "another explorer") {
		t.Errorf("%+v", s.Labels)
	}
	change := fields{"version": s.Version, "rows": []int{1}, "label": "a"}
	if status, said := second.post("/api/labels", change); status != http.StatusForbidden || !strings.Contains(said.Error, "another explorer") {
		t.Errorf("%d, %+v", status, said)
	}
	if status, said := first.post("/api/labels", change); status != http.StatusOK || said.Changed != 1 {
		t.Errorf("%d, %+v", status, said)
	}
}

// apart makes classes that are easily told apart.
func apart(i int, r *featurestore.Row) { r.Features[0][i%4] += 5 }

// All pages are told of changes, by whichever page, and of the accuracy that follows, which wrong labels lower. The rows
// that have them are the first suspects.
func TestAccuracyAndSuspects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 400, 16, apart)
	r := start(t, Options{Dir: dir})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+"/api/events?token="+r.token, nil)
	must(t, err)
	page, err := http.DefaultClient.Do(request)
	must(t, err)
	defer page.Body.Close()
	s := r.until("accuracy", func(s labelsSeen) bool { return s.Accuracy != nil })
	if a := s.Accuracy; a.N != 400 || a.Value < 0.99 || a.Low >= a.Value || a.High < a.Value {
		t.Errorf("%+v", a)
	}
	wrong := []int{0, 44, 88, 132, 176}
	if status, said := r.post("/api/labels", fields{"version": s.Version, "rows": wrong, "label": "c"}); status != http.StatusOK || said.Changed != 5 {
		t.Fatalf("%d, %+v", status, said)
	}
	now := r.until("lower accuracy", func(now labelsSeen) bool { return now.Accuracy.Value < s.Accuracy.Value })
	if lost := s.Accuracy.Value - now.Accuracy.Value; math.Abs(lost-5.0/400) > 2.0/400 {
		t.Errorf("with 5 wrong labels of 400 the accuracy falls by %g", lost)
	}
	told, lines := map[string]bool{}, bufio.NewScanner(page.Body)
	for !(told["labels"] && told["accuracy"] && told["columns"]) && lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			told[name] = true
		}
	}
	first := func() []int {
		found := object[order](r, "/api/orders/suspect?limit=5").Rows
		slices.Sort(found)
		return found
	}
	for by := time.Now().Add(30 * time.Second); !slices.Equal(first(), wrong); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(by) {
			t.Fatalf("the first suspects are %v, want %v", first(), wrong)
		}
	}
	suspect := floats(t, r.get("/api/columns/suspect"))
	prediction, classes := r.column("prediction"), object[labelsSeen](r, "/api/dataset").Classes
	for _, row := range wrong {
		if suspect[row] < 0.9 || suspect[row+1] > 0.1 || classes[prediction[row]] != "a" {
			t.Errorf("row %d is suspect with %g, the next with %g; it is called %s", row, suspect[row], suspect[row+1], classes[prediction[row]])
		}
	}
	if found := object[order](r, "/api/orders/suspect?rows=3,44,5").Rows; len(found) != 3 || found[0] != 44 {
		t.Errorf("the suspects of a selection are %v", found)
	}
}

// Without labels of two classes there is no accuracy, and none is made up; with them, there is.
func TestLabelsFromNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 80, 16, func(i int, r *featurestore.Row) {
		apart(i, r)
		r.Label = ""
	})
	r := start(t, Options{Dir: dir})
	s := object[labelsSeen](r, "/api/dataset")
	// Before the first fit and after it, which finds nothing to learn from.
	for _, when := range []string{"first", "then"} {
		status, _, body := r.ask(http.MethodGet, "/api/orders/suspect", "", nil)
		if status != http.StatusConflict || !strings.Contains(string(body), "two classes at least") {
			t.Errorf("%s, suspects of no label: %d: %s", when, status, body)
		}
		// These need no labels, only time.
		status, _, body = r.ask(http.MethodGet, "/api/orders/uncertain", "", nil)
		if status != http.StatusOK && (when == "then" || status != http.StatusConflict || strings.Contains(string(body), "two classes")) {
			t.Errorf("%s, uncertain rows without labels: %d: %s", when, status, body)
		}
		r.waitFor("suspects", func(s seen) bool { return slices.Contains(s.Columns, columnSuspect) })
	}
	for row := range 24 {
		label := string(rune('a' + row%4))
		if status, said := r.post("/api/labels", fields{"version": s.Version, "rows": []int{row}, "label": label}); status != http.StatusOK {
			t.Fatalf("%d, %+v", status, said)
		}
	}
	now := r.until("accuracy", func(s labelsSeen) bool { return s.Accuracy != nil && s.Accuracy.N == 24 && s.Labels.Pending == 0 })
	if now.Accuracy.Value < 0.9 {
		t.Errorf("%+v", now.Accuracy)
	}
	// What has no label comes first where labels would teach most.
	found := object[order](r, "/api/orders/uncertain?limit=30").Rows
	if len(found) != 30 || slices.Min(found) < 24 {
		t.Errorf("uncertain are %v", found)
	}
	for _, row := range found {
		if row < 24 {
			t.Errorf("row %d has a label", row)
		}
	}
}
