package explorer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/pipeline"
)

// closeIdle closes the connections that the tests keep.
func closeIdle() { http.DefaultClient.CloseIdleConnections() }

// listen reads events until the test ends.
func (r *running) listen() <-chan event {
	r.tb.Helper()
	request, err := http.NewRequest(http.MethodGet, r.base+"/api/events?token="+r.token, nil)
	must(r.tb, err)
	response, err := http.DefaultClient.Do(request)
	must(r.tb, err)
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		r.tb.Fatalf("the events are %s", kind)
	}
	events := make(chan event, 1000)
	go func() {
		defer response.Body.Close()
		defer close(events)
		var e event
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				e.name = name
			} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				e.data = data
				events <- e
			}
		}
	}()
	return events
}

// next waits for an event of a name and reads its value.
func next(t *testing.T, events <-chan event, name string, value any) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the stream ended before the event %s", name)
			}
			if e.name == name {
				must(t, json.Unmarshal([]byte(e.data), value))
				return
			}
		case <-late:
			t.Fatalf("no event %s", name)
		}
	}
}

// A dataset that others replace is shown, and pages are told; what asks for the old one is refused.
func TestReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 60, 8, nil)
	r := start(t, Options{Dir: dir})
	before := r.waitFor("map", pcaReady)
	events := r.listen()
	other := filepath.Join(t.TempDir(), "other")
	makeRows(t, other, 90, 8, func(_ int, r *featurestore.Row) { r.Label = "z" + r.Label })
	must(t, os.RemoveAll(dir))
	time.Sleep(2 * watchEvery) // in which there is none
	if s := object[seen](r, "/api/dataset"); s.Version != before.Version || s.Rows != 60 {
		t.Errorf("without a dataset, %+v is shown", s)
	}
	must(t, os.Rename(other, dir))
	var told struct {
		Version string
		Changed bool
	}
	for !told.Changed {
		next(t, events, "dataset", &told)
	}
	now := object[seen](r, "/api/dataset")
	if told.Version != now.Version || now.Version == before.Version || now.Rows != 90 || now.Classes[0] != "za" {
		t.Errorf("told %+v, shown %+v", told, now)
	}
	if status, _, body := r.ask("GET", "/api/rows?rows=1&version="+before.Version, "", nil); status != http.StatusConflict || !strings.Contains(string(body), "reload") {
		t.Errorf("the old version: %d: %s", status, body)
	}
	r.waitFor("map", pcaReady)
	if points := r.get("/api/map/pca"); len(points) != 90*8 {
		t.Errorf("the map has %d bytes", len(points))
	}
}

// What this server itself writes keeps version, rows, vectors and maps.
func TestWrite(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 60, 8, nil)
	r := start(t, Options{Dir: dir})
	before := r.waitFor("map", pcaReady)
	old := r.shown.Load()
	relabel := func(ctx context.Context) error {
		_, err := extraction.Relabel(ctx, dir, extraction.RelabelOptions{Labels: pipeline.LabelFunc(func(i pipeline.Item) string { return "x" + filepath.Dir(i.Path) })})
		return err
	}
	must(t, r.write(ctx, before.Version, relabel))
	now := r.shown.Load()
	if now == old || now.version != before.Version || now.data != old.data || now.classes.name(now.label[1]) != "xb" || now.classes.name(0) != "a" {
		t.Errorf("after a write: version %s, label %s", now.version, now.classes.name(now.label[1]))
	}
	if s := object[seen](r, "/api/dataset"); s.Map.PCA != stateReady || s.Version != before.Version {
		t.Errorf("after a write: %+v", s)
	}
	time.Sleep(2 * watchEvery)
	if r.shown.Load() != now {
		t.Error("the own write counted as another program's")
	}
	if err := r.write(ctx, "another", relabel); !errors.Is(err, errReplaced) {
		t.Errorf("of another version: %v", err)
	}
	r.turning.Lock() // so that the watcher is not faster
	makeRows(t, dir, 30, 8, nil)
	r.turning.Unlock()
	if err := r.write(ctx, before.Version, func(context.Context) error { t.Error("written to another's dataset"); return nil }); !errors.Is(err, errReplaced) {
		t.Errorf("of a dataset that was replaced: %v", err)
	}
}

// A dataset that is damaged is refused at the start; one that becomes so is said.
func TestDamagedDataset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 2000, 64, nil)
	shard := filepath.Join(dir, "data", "part-00000.parquet")
	whole, err := os.ReadFile(shard)
	must(t, err)
	damaged := append([]byte{}, whole...)
	for i := len(damaged) / 3; i < len(damaged)/3+64; i++ {
		damaged[i] ^= 0x55
	}
	must(t, os.WriteFile(shard, damaged, 0o644))
	r := start(t, Options{Dir: dir}) // the vectors are damaged, not what is read first
	s := r.waitFor("failure", func(s seen) bool { return s.Map.PCA == stateFailed })
	if status, _, body := r.ask("GET", "/api/rows/1/neighbours", "", nil); status < 400 || !strings.Contains(string(body), "part-00000.parquet") || !strings.Contains(s.Map.Error, "part-00000.parquet") {
		t.Errorf("neighbours in a damaged dataset: %d: %s; the map: %s", status, body, s.Map.Error)
	}
	must(t, os.WriteFile(shard, whole[:len(whole)-100], 0o644))
	if _, err := New(context.Background(), Options{Dir: dir}); !errors.Is(err, featurestore.ErrCorrupt) {
		t.Errorf("a shard without its end: %v", err)
	}
	if _, err := New(context.Background(), Options{Dir: t.TempDir()}); !errors.Is(err, featurestore.ErrNotDataset) {
		t.Errorf("an empty directory: %v", err)
	}
}

// What was written to the dataset is shown, also where the server is told to stop meanwhile: it is no other program's.
func TestWriteAtTheEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 8, 3, nil)
	s, err := New(t.Context(), Options{Dir: dir})
	must(t, err)
	before := s.shown.Load()
	before.data.load(t.Context(), before)
	ctx, stop := context.WithCancel(t.Context())
	err = s.write(ctx, before.version, func(ctx context.Context) error {
		_, err := extraction.Relabel(ctx, dir, extraction.RelabelOptions{Labels: pipeline.LabelsByPath(map[string]string{before.paths[0]: "b"}), Missing: extraction.MissingKeep})
		stop()
		return err
	})
	if now := s.shown.Load(); err != nil || now == before || now.dataset.Edition() != featurestore.EditionOf(dir) {
		t.Errorf("%v; edition %s of %s is shown", err, now.dataset.Edition(), featurestore.EditionOf(dir))
	}
	must(t, s.labels.close())
}
