package explorer

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// Kinds of maps, and their states.
const (
	mapPCA  = "pca"
	mapUMAP = "umap"

	stateComputing = "computing"
	stateReady     = "ready"
	stateFailed    = "failed"
	stateOff       = "off"
)

// mapSet is the places of the rows in the plane, by kind.
type mapSet struct {
	server *Server

	mutex sync.RWMutex
	// of is the edition of the rows.
	of   *vectorData
	kind map[string]placed
}

// placed is one map.
type placed struct {
	state string
	// progress is 0 to 1.
	progress float64
	err      error
	// took is how long it was computed.
	took time.Duration
	// points are x and y of each row, one after another, within -1 to 1.
	points []float32
}

func newMaps(s *Server) *mapSet {
	return &mapSet{server: s, kind: map[string]placed{mapPCA: {state: stateComputing}, mapUMAP: {state: stateComputing}}}
}

// get is a map of an edition.
func (m *mapSet) get(t *table, kind string) placed {
	m.mutex.RLock()
	defer m.mutex.RUnlock()
	if m.of != t.data {
		return placed{state: stateComputing}
	}
	return m.kind[kind]
}

// set replaces a map and tells the pages.
func (m *mapSet) set(t *table, kind string, p placed) {
	m.mutex.Lock()
	if m.of != t.data {
		m.of, m.kind = t.data, map[string]placed{mapPCA: {state: stateComputing}, mapUMAP: {state: stateComputing}}
	}
	m.kind[kind] = p
	m.mutex.Unlock()
	m.server.events.send("map", map[string]any{"kind": kind, "state": p.state, "progress": p.progress, "error": message(p.err), "seconds": p.took.Seconds()})
}

// message is the text of an error, "" for none.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// compute makes the maps and the predictions of an edition. Maps that were kept are shown before the vectors are read, and
// computed again if they turn out to be of others.
func (m *mapSet) compute(ctx context.Context, t *table) {
	cached := map[string]*cachedMap{}
	for _, kind := range []string{mapPCA, mapUMAP} {
		if c, ok := m.server.cache.read(t, kind); ok {
			cached[kind] = c
			m.set(t, kind, placed{state: stateReady, progress: 1, took: c.took, points: c.points})
		}
	}
	t.data.load(ctx, t)
	floats, err := t.vectors(ctx)
	if err != nil {
		if ctx.Err() == nil {
			m.set(t, mapPCA, placed{state: stateFailed, err: err})
			m.set(t, mapUMAP, placed{state: stateFailed, err: err})
		}
		return
	}
	sum, predicted := checksum(floats), false
	for _, kind := range []string{mapPCA, mapUMAP} {
		if c := cached[kind]; c == nil || c.vectors != sum {
			m.make(ctx, t, kind, floats, sum)
		}
		if kind == mapPCA {
			predicted = m.server.scores.predict(ctx, t)
		}
	}
	for !predicted && pause(ctx, watchEvery) { // the dataset was being replaced, by one with the same vectors
		predicted = m.server.scores.predict(ctx, t)
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, long time.Duration) bool {
	select {
	case <-time.After(long):
		return true
	case <-ctx.Done():
		return false
	}
}

// make computes one map and keeps it in the cache.
func (m *mapSet) make(ctx context.Context, t *table, kind string, floats []float32, sum [32]byte) {
	m.set(t, kind, placed{state: stateComputing})
	start, told := time.Now(), time.Now()
	progress := func(done float64) {
		if time.Since(told) > progressEvery {
			told = time.Now()
			m.set(t, kind, placed{state: stateComputing, progress: done, took: time.Since(start)})
		}
	}
	points, err := layouts[kind](ctx, t, floats, m.server.options.Seed, progress)
	p := placed{took: time.Since(start)}
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, errNoMap):
		p.state, p.err = stateOff, err
	case err != nil:
		p.state, p.err = stateFailed, err
		logrus.Warnf("no %s map: %v", kind, err)
	default:
		p.state, p.progress, p.points = stateReady, 1, scaled(points)
		m.server.cache.write(t, kind, cachedMap{took: p.took, vectors: sum, points: p.points})
	}
	m.set(t, kind, p)
}

// progressEvery is how often pages are told of progress.
const progressEvery = 300 * time.Millisecond

// errNoMap says that a kind of map cannot be made of these rows.
var errNoMap = errors.New("it takes more rows for a map by neighbours: look at the principal components")

// getMap answers with the places of the rows.
func (s *Server) getMap(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	if layouts[kind] == nil {
		refuse(w, r, refusal(http.StatusNotFound, "there is no map %q: use pca or umap", kind))
		return
	}
	t, err := s.edition(r)
	if err != nil {
		refuse(w, r, err)
		return
	}
	p := s.maps.get(t, kind)
	switch {
	case p.state == stateComputing:
		err = refusal(http.StatusConflict, "the map is being computed: the event map says when it is ready")
	case p.err != nil:
		err = refusal(http.StatusConflict, "%w", p.err)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	answerNumbers(w, p.points)
}
