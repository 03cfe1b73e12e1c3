package explorer

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/featurestore/explore"
)

// The map is that of dataset project, scaled.
func TestPrincipalMap(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 400, 8, nil)
	r := start(t, Options{Dir: dir})
	r.waitFor("map", pcaReady)
	points := floats(t, r.get("/api/map/pca"))
	d, err := featurestore.Open(dir)
	must(t, err)
	want, err := explore.Project(context.Background(), d, explore.Selection{})
	must(t, err)
	scale := math.NaN()
	low, high := float32(1), float32(-1)
	for i := 1; i < 400; i++ {
		x := float64(points[2*i]-points[0]) / (want.Points[i].X - want.Points[0].X)
		y := float64(points[2*i+1]-points[1]) / (want.Points[i].Y - want.Points[0].Y)
		if i == 1 {
			scale = x
		}
		if math.Abs(x/scale-1) > 1e-3 || math.Abs(y/scale-1) > 1e-3 {
			t.Fatalf("row %d is scaled by %g and %g, others by %g", i, x, y, scale)
		}
	}
	for _, v := range points {
		low, high = min(low, v), max(high, v)
	}
	if low < -1.000001 || high > 1.000001 || math.Abs(float64(high)-1) > 1e-5 {
		t.Errorf("the points are from %g to %g", low, high)
	}
}

// cacheFiles are the maps that are kept beside a dataset.
func cacheFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir+".explore", "map-*.bin"))
	must(t, err)
	return files
}

// A map that is kept is used again, whatever has become of the labels; one that is damaged or of other vectors is
// computed again.
func TestMapCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 300, 8, nil)
	first := start(t, Options{Dir: dir})
	first.waitFor("map", pcaReady)
	want := first.get("/api/map/pca")
	first.stopped()
	file := cacheFiles(t, dir)[0]
	kept, err := os.ReadFile(file)
	must(t, err)
	// run starts again and returns the map, and whether it came from the cache.
	run := func(o Options) ([]byte, bool) {
		t.Helper()
		o.Dir = dir
		r := start(t, o)
		r.waitFor("map", pcaReady)
		<-r.shown.Load().data.ready
		c, ok := r.cache.read(r.shown.Load(), mapPCA)
		r.waitFor("map", pcaReady)
		points := r.get("/api/map/pca")
		r.stopped()
		return points, ok && c.took == 12345
	}
	mark := func(raw []byte) []byte { // a file that is whole, with a time that no computing takes
		t.Helper()
		key := (&mapCache{}).key(first.shown.Load(), mapPCA)
		m, ok := parseMap(raw, key, 300)
		if !ok {
			t.Fatal("the file cannot be read")
		}
		m.took = 12345
		(&mapCache{dir: dir + ".explore"}).write(first.shown.Load(), mapPCA, *m)
		marked, err := os.ReadFile(file)
		must(t, err)
		return marked
	}
	marked := mark(kept)
	if got, cached := run(Options{}); !cached || !bytes.Equal(got, want) {
		t.Errorf("the map was kept, and computed again (%v)", cached)
	}
	if _, cached := run(Options{Seed: 7}); cached {
		t.Error("the map of another seed was used")
	}
	for name, damage := range map[string]func() []byte{
		"a flipped bit":     func() []byte { b := bytes.Clone(marked); b[len(b)/2] ^= 4; return b },
		"a flipped sum":     func() []byte { b := bytes.Clone(marked); b[len(b)-1] ^= 1; return b },
		"cut off":           func() []byte { return marked[:len(marked)-9] },
		"empty":             func() []byte { return nil },
		"longer":            func() []byte { return append(bytes.Clone(marked), 0) },
		"something else":    func() []byte { return bytes.Repeat([]byte("x"), len(marked)) },
		"another's, intact": func() []byte { return foreignMap(t) },
	} {
		must(t, os.WriteFile(file, damage(), 0o644))
		if got, cached := run(Options{}); cached || !bytes.Equal(got, want) {
			t.Errorf("%s: cached %v", name, cached)
		}
	}
	mark(kept)
	makeRows(t, dir, 300, 8, func(i int, r *featurestore.Row) { r.Features[0][0] += float32(i) }) // the same names, other vectors
	r := start(t, Options{Dir: dir})
	by := time.Now().Add(20 * time.Second)
	for status, got := 0, want; status != 200 || bytes.Equal(got, want); status, _, got = r.ask("GET", "/api/map/pca", "", nil) {
		if time.Now().After(by) {
			t.Fatal("the map of other vectors stays")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Of many maps the last ones are kept.
func TestMapsArePruned(t *testing.T) {
	c := mapCache{dir: t.TempDir()}
	m := &table{paths: []string{"a"}, layer: testRecipe(4).Layers[0]}
	for seed := range uint64(mostKept + 5) {
		c.seed = seed
		c.write(m, mapPCA, cachedMap{points: []float32{0, 0}})
		must(t, os.Chtimes(c.file(c.key(m, mapPCA)), time.Time{}, time.Unix(int64(seed), 0)))
	}
	for seed := range uint64(mostKept + 5) {
		c.seed = seed
		if _, ok := c.read(m, mapPCA); ok != (seed >= 5) {
			t.Errorf("the map of seed %d: %v", seed, ok)
		}
	}
}

// foreignMap is the file of another dataset's map.
func foreignMap(t *testing.T) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 300, 6, nil)
	r := start(t, Options{Dir: dir})
	r.waitFor("map", pcaReady)
	r.stopped()
	raw, err := os.ReadFile(cacheFiles(t, dir)[0])
	must(t, err)
	return raw
}

// Nothing is written into the dataset, and where nothing can be kept beside it, the maps are there all the same.
func TestNothingInDataset(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "features")
	makeRows(t, dir, 40, 8, nil)
	must(t, os.WriteFile(dir+".explore", nil, 0o644)) // where the directory would be
	before := listed(t, dir)
	r := start(t, Options{Dir: dir})
	r.waitFor("map", pcaReady)
	r.stopped()
	if after := listed(t, dir); after != before {
		t.Errorf("the dataset has %s, it had %s", after, before)
	}
}

func listed(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	return strings.Join(names, " ")
}

// A server that is stopped leaves no goroutine, wherever it was.
func TestStopsClean(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 2000, 32, nil)
	before := runtime.NumGoroutine()
	for wait := range 4 {
		r := start(t, Options{Dir: dir})
		if wait > 0 {
			time.Sleep(time.Duration(wait) * 3 * time.Millisecond)
			r.get("/api/dataset")
		}
		r.stopped()
	}
	for by := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		closeIdle()
		if runtime.NumGoroutine() <= before+1 { // start's own, of a server that is being cleaned up
			return
		}
		if time.Now().After(by) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// On the map by neighbours the rows of a centre lie together, and it is kept like the other one.
func TestNeighbourlyMap(t *testing.T) {
	const rows = 600
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, rows, 64, nil)
	r := start(t, Options{Dir: dir, Seed: 3})
	events := r.listen()
	for told := (struct{ Kind, State string }{}); told.Kind != mapUMAP || told.State != stateReady; {
		next(t, events, "map", &told)
	}
	raw := r.get("/api/map/umap")
	points := floats(t, raw)
	alone := 0
	for i := range rows {
		nearest, best := -1, math.Inf(1)
		for j := range rows {
			dx, dy := float64(points[2*i]-points[2*j]), float64(points[2*i+1]-points[2*j+1])
			if d := dx*dx + dy*dy; j != i && d < best {
				nearest, best = j, d
			}
		}
		if nearest%4 != i%4 {
			alone++
		}
	}
	if alone > rows/50 {
		t.Errorf("%d of %d rows lie nearest to one of another centre", alone, rows)
	}
	r.stopped()
	if c, ok := r.cache.read(r.shown.Load(), mapUMAP); !ok || !slices.Equal(c.points, points) {
		t.Error("the map was not kept")
	}
	again := start(t, Options{Dir: dir, Seed: 3})
	again.waitFor("map", func(s seen) bool { return s.Map.UMAP == stateReady })
	if !bytes.Equal(again.get("/api/map/umap"), raw) {
		t.Error("the map is another one")
	}
}
