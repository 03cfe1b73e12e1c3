package explorer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/preprocessing"
	"fovea/recipe"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// testRecipe is that of a layer of so many values.
func testRecipe(cols int) recipe.Recipe {
	return recipe.Recipe{
		Model: "no-model", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash", InputHeight: 224, InputWidth: 224, Pool: "avg", Library: "none",
		Layers: []recipe.Layer{{Name: "pool5", Shape: []int{cols}, Layout: recipe.LayoutC}},
	}
}

// makeRows writes a dataset of rows around four centres, a class each. each, if set, changes a row.
func makeRows(tb testing.TB, dir string, rows, cols int, each func(i int, r *featurestore.Row)) {
	tb.Helper()
	makeDataset(tb, dir, testRecipe(cols), rows, each)
}

func makeDataset(tb testing.TB, dir string, made recipe.Recipe, rows int, each func(i int, r *featurestore.Row)) {
	tb.Helper()
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: made, DType: featurestore.Float32, ToolVersion: "v0", Device: "cpu"}, featurestore.Options{Format: featurestore.FormatParquet, Overwrite: true})
	must(tb, err)
	random := rand.New(rand.NewPCG(3, 4))
	cols := made.Layers[0].Size()
	centres := make([]float32, 4*cols)
	for i := range centres {
		centres[i] = max(0, float32(random.NormFloat64()))
	}
	for i := range rows {
		vector := make([]float32, cols)
		for j := range vector {
			vector[j] = max(0, centres[i%4*cols+j]+float32(random.NormFloat64())/2)
		}
		r := featurestore.Row{Path: fmt.Sprintf("%c/%06d.jpg", 'a'+i%4, i), Label: string(rune('a' + i%4)), SHA256: fmt.Sprintf("%064x", i), Width: 8, Height: 6, Features: [][]float32{vector}}
		if each != nil {
			each(i, &r)
		}
		must(tb, w.Append(r))
	}
	must(tb, w.Close(featurestore.StatusComplete))
}

// running is a server that answers.
type running struct {
	*Server
	tb       testing.TB
	base     string
	stop     func()
	finished chan struct{}
	err      error
}

// start serves until the test ends, or stopped is called.
func start(tb testing.TB, o Options) *running {
	tb.Helper()
	s, err := New(context.Background(), o)
	must(tb, err)
	listener, err := Listen(DefaultListen)
	must(tb, err)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Server: s, tb: tb, base: "http://" + listener.Addr().String(), stop: stop, finished: make(chan struct{})}
	go func() {
		defer close(r.finished)
		r.err = s.Serve(ctx, listener)
	}()
	tb.Cleanup(r.stopped)
	return r
}

// stopped stops the server and waits for it.
func (r *running) stopped() {
	r.stop()
	<-r.finished
	if r.err != nil {
		r.tb.Errorf("serving: %v", r.err)
	}
}

// ask sends a request with the token and returns the answer's status, header and body.
func (r *running) ask(method, path, kind string, body io.Reader) (int, http.Header, []byte) {
	r.tb.Helper()
	request, err := http.NewRequest(method, r.base+path, body)
	must(r.tb, err)
	request.Header.Set("Authorization", "Bearer "+r.token)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := http.DefaultClient.Do(request)
	must(r.tb, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	must(r.tb, err)
	return response.StatusCode, response.Header, data
}

// get reads what must be there.
func (r *running) get(path string) []byte {
	r.tb.Helper()
	status, _, body := r.ask(http.MethodGet, path, "", nil)
	if status != http.StatusOK {
		r.tb.Fatalf("%s: %d: %s", path, status, body)
	}
	return body
}

// object reads JSON that must be there.
func object[T any](r *running, path string) (value T) {
	r.tb.Helper()
	must(r.tb, json.Unmarshal(r.get(path), &value))
	return value
}

// seen is what the tests need of /api/dataset.
type seen struct {
	Rows    int
	Classes []string
	Columns []string
	Notes   []string
	Images  bool
	Version string
	Map     shownMaps
}

// waitFor waits until a condition holds for /api/dataset.
func (r *running) waitFor(what string, holds func(seen) bool) seen {
	r.tb.Helper()
	for by := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if s := object[seen](r, "/api/dataset"); holds(s) {
			return s
		} else if time.Now().After(by) {
			r.tb.Fatalf("no %s: %+v", what, s)
		}
	}
}

// floats reads an answer of numbers.
func floats(tb testing.TB, body []byte) []float32 {
	tb.Helper()
	out := make([]float32, len(body)/4)
	_, err := binary.Decode(body, binary.LittleEndian, out)
	must(tb, err)
	return out
}

func pcaReady(s seen) bool { return s.Map.PCA == stateReady }

// What pages read of rows is what the dataset has.
func TestRows(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 200, 8, func(i int, r *featurestore.Row) {
		switch i {
		case 7:
			r.Label, r.Split = "", "test"
		case 9:
			r.Path = "caf\xe9/N.JPG"
		}
	})
	r := start(t, Options{Dir: dir})
	if s := object[seen](r, "/api/dataset"); s.Rows != 200 || strings.Join(s.Classes, "") != "abcd" || s.Images || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "--images") {
		t.Errorf("the dataset is %+v", s)
	}
	rows := object[[]shownRow](r, "/api/rows?rows=7,9,199")
	if rows[0].Label != "" || rows[0].Split != "test" || rows[1].Path != "caf%E9/N.JPG" || rows[2].Label != "d" || rows[2].Width != 8 || rows[2].Height != 6 || rows[2].Image {
		t.Errorf("the rows are %+v", rows)
	}
	// Predictions come with the first cross-validation, which may have ended by now.
	if now := object[seen](r, "/api/dataset"); rows[2].Prediction != nil && !slices.Contains(now.Columns, columnPrediction) {
		t.Errorf("a row is predicted, and the columns are %q", now.Columns)
	}
	labels := make([]int32, 200)
	_, err := binary.Decode(r.get("/api/columns/label"), binary.LittleEndian, labels)
	must(t, err)
	if labels[7] != -1 || labels[8] != 0 || labels[199] != 3 {
		t.Errorf("the labels are %v", labels)
	}
	for query, want := range map[string]int{"q=n.jpg": 1, "q=%25E9": 1, "q=D": 50, "q=": 200, "q=nothing": 0, "q=A/00&limit=3": 50} {
		found := object[struct {
			Rows  []int
			Total int
		}](r, "/api/paths?"+query)
		if found.Total != want || len(found.Rows) > want || strings.Contains(query, "limit") && len(found.Rows) != 3 {
			t.Errorf("%s finds %d, %d rows, want %d", query, found.Total, len(found.Rows), want)
		}
	}
}

// Neighbours are those of a search through all rows.
func TestNeighbours(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	var vectors [][]float32
	makeRows(t, dir, 300, 16, func(i int, r *featurestore.Row) {
		if i == 250 {
			r.Features[0] = append([]float32{}, vectors[3]...)
		}
		vectors = append(vectors, r.Features[0])
	})
	r := start(t, Options{Dir: dir})
	found := object[[]neighbour](r, "/api/rows/3/neighbours?k=5")
	if len(found) != 5 || found[0].Row != 250 || found[0].Similarity < 0.999999 {
		t.Fatalf("the neighbours are %v", found)
	}
	for i, n := range found {
		if n.Row%4 != 3 && n.Row != 250 {
			t.Errorf("row %d is of another centre", n.Row)
		}
		if i > 0 && n.Similarity > found[i-1].Similarity {
			t.Errorf("the neighbours are not in order: %v", found)
		}
	}
	for path, want := range map[string]int{"/api/rows/300/neighbours": 404, "/api/rows/-1/neighbours": 404, "/api/rows/x/neighbours": 404, "/api/rows/1/neighbours?k=0": 400, "/api/rows?rows=1,,2": 404, "/api/map/tsne": 404, "/api/columns/x": 404, "/api/nothing": 404, "/thumbs/1?size=63": 400} {
		status, _, body := r.ask(http.MethodGet, path, "", nil)
		var said struct{ Error string }
		if err := json.Unmarshal(body, &said); status != want || err != nil || said.Error == "" {
			t.Errorf("%s: %d: %s, want %d", path, status, body, want)
		}
	}
}

// clock measures.
type clock struct{ began time.Time }

func newClock() clock { return clock{time.Now()} }

func (c clock) seconds() float64 { return time.Since(c.began).Seconds() }

func itoa(i int) string { return strconv.Itoa(i) }

func abs(x float64) float64 { return math.Abs(x) }

// sumOf is the SHA-256 in hex.
func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
