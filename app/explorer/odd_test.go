package explorer

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logs "github.com/sirupsen/logrus/hooks/test"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/head"
	"fovea/pipeline"
)

// A single row, rows that are all equal, and rows of one value have a map, and what cannot be learned from them is said as
// it is.
func TestFewRows(t *testing.T) {
	same := func(_ int, r *featurestore.Row) { r.Features = [][]float32{{1, 2, 3}} }
	for name, c := range map[string]struct {
		rows, cols int
		each       func(int, *featurestore.Row)
		spread     bool
	}{"one row": {1, 3, nil, false}, "two rows": {2, 3, nil, true}, "equal rows": {9, 3, same, false}, "one value": {9, 1, nil, true}} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "features")
			makeRows(t, dir, c.rows, c.cols, c.each)
			r := start(t, Options{Dir: dir})
			r.waitFor("a map", func(s seen) bool { return s.Map.PCA != stateComputing })
			points := floats(t, r.get("/api/map/pca"))
			if spread := slices.ContainsFunc(points, func(v float32) bool { return v != 0 }); len(points) != 2*c.rows || spread != c.spread {
				t.Errorf("the points are %v", points)
			}
			if c.cols == 1 {
				return
			}
			late := time.Now().Add(10 * time.Second)
			for {
				status, _, body := r.ask(http.MethodGet, "/api/orders/suspect", "", nil)
				if said := string(body); status == http.StatusConflict && strings.Contains(said, "at least three images") {
					break
				} else if !strings.Contains(said, "no head has been fitted") || time.Now().After(late) {
					t.Fatalf("the suspects are %d: %s", status, body)
				}
				time.Sleep(20 * time.Millisecond)
			}
			if note := object[order](r, "/api/orders/conflicts").Note; strings.Contains(note, "yet") || !strings.Contains(note, "only equal files") {
				t.Errorf("the note on conflicts is %q", note)
			}
		})
	}
}

// An image whose features are all 0 has no neighbours, which is no fault of the server.
func TestZeroRow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 20, 3, func(i int, r *featurestore.Row) {
		if i == 4 {
			clear(r.Features[0])
		}
	})
	r := start(t, Options{Dir: dir})
	if status, _, body := r.ask(http.MethodGet, "/api/rows/4/neighbours", "", nil); status != http.StatusUnprocessableEntity || !strings.Contains(string(body), "all features of the image are 0") {
		t.Errorf("its neighbours are %d: %s", status, body)
	}
	if found := object[[]neighbour](r, "/api/rows/5/neighbours?k=19"); len(found) != 19 || !slices.ContainsFunc(found, func(n neighbour) bool { return n.Row == 4 && n.Similarity == 0 }) {
		t.Errorf("the neighbours of another row are %v", found)
	}
}

// What the log says of copies has no flag that only finetune knows.
func TestQuietAboutCopies(t *testing.T) {
	hook := logs.NewGlobal()
	defer logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 60, 3, func(_ int, r *featurestore.Row) { // all nearly in one direction
		r.Features[0][0] += 100
	})
	r := start(t, Options{Dir: dir})
	r.until("accuracy", func(s labelsSeen) bool { return s.Accuracy != nil })
	for _, e := range hook.AllEntries() {
		if strings.Contains(e.Message, "--near-duplicates") || strings.Contains(e.Message, "split") {
			t.Errorf("the log says %s", e.Message)
		}
	}
}

// An edition is computed though it is told of twice.
func TestToldTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 2000, 64, nil)
	s, err := New(context.Background(), Options{Dir: dir})
	must(t, err)
	defer func() { must(t, s.labels.close()) }()
	s.turned <- struct{}{}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.compute(ctx)
	}()
	for ctx.Err() == nil && s.maps.get(s.shown.Load(), mapPCA).state == stateComputing {
		time.Sleep(10 * time.Millisecond)
	}
	p := s.maps.get(s.shown.Load(), mapPCA)
	if stop(); p.state != stateReady {
		t.Errorf("the map is %s: %v", p.state, p.err)
	}
	<-done
}

// Predictions are shown though another program relabelled the dataset after its vectors were read.
func TestPredictedAfterRelabelling(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 40, 3, nil)
	d, err := featurestore.Open(dir)
	must(t, err)
	h := &head.Head{
		Classes: []string{"a", "b"}, Recipe: d.Recipe(), Layers: d.Recipe().Layers, Weights: [][]float32{{1, 0, 0}, {0, 1, 0}}, Biases: []float32{0, 0},
		Standardization: head.Standardization{Mean: make([]float32, 3), Scale: []float32{1, 1, 1}},
	}
	file := filepath.Join(t.TempDir(), "test.head")
	must(t, h.Save(file))
	s, err := New(context.Background(), Options{Dir: dir, Head: file})
	must(t, err)
	defer func() { must(t, s.labels.close()) }()
	shown := s.shown.Load()
	shown.data.load(t.Context(), shown)
	_, err = extraction.Relabel(t.Context(), dir, extraction.RelabelOptions{
		Labels: pipeline.LabelsByPath(map[string]string{"a/000000.jpg": "b"}), Missing: extraction.MissingKeep, MostChanges: 1, Quiet: true,
	})
	must(t, err)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.maps.compute(ctx, s.shown.Load())
	}()
	for ctx.Err() == nil && s.maps.get(s.shown.Load(), mapUMAP).state == stateComputing {
		time.Sleep(10 * time.Millisecond)
	}
	s.turning.Lock()
	s.turn(ctx)
	s.turning.Unlock()
	<-done
	if s.scores.column(s.shown.Load(), columnPrediction) == nil {
		t.Error("there are no predictions")
	}
	stop()
}

// A request whose JSON has another type is told so in words of JSON.
func TestWrongTypes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 8, 3, nil)
	r := start(t, Options{Dir: dir})
	for _, body := range []string{`[]`, `{"rows": [1.5], "label": "a"}`, `{"rows": "1"}`, `3`} {
		status, _, answer := r.ask(http.MethodPost, "/api/labels", "application/json", strings.NewReader(body))
		if text := string(answer); status != http.StatusBadRequest || strings.Contains(text, "Go ") || strings.Contains(text, "struct") {
			t.Errorf("%s: %d: %s", body, status, text)
		}
	}
}

// The page says that rows are missing which another run has yet to write.
func TestUnfinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: testRecipe(2), ToolVersion: "v0"}, featurestore.Options{})
	must(t, err)
	must(t, w.Append(featurestore.Row{Path: "a.jpg", SHA256: strings.Repeat("a", 64), Width: 1, Height: 1, Features: [][]float32{{1, 2}}}))
	must(t, w.Close(featurestore.StatusInterrupted))
	s := object[seen](start(t, Options{Dir: dir}), "/api/dataset")
	if len(s.Notes) == 0 || !strings.Contains(s.Notes[0], "is not complete (interrupted): it has 1 row so far") {
		t.Errorf("the notes are %q", s.Notes)
	}
}
