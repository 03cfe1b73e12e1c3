package explorer

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkStart measures the time from opening a dataset of 100,000 rows of 512 values, whose map is kept, until a page
// has the map and the columns that it draws: s/map. s/vectors is the time until the vectors are there as well,
// s/neighbours how long a search for neighbours takes then, and s/first-map how long it takes until there is a first map. FOVEA_BENCH_ROWS is another number of rows.
func BenchmarkStart(b *testing.B) {
	rows, err := strconv.Atoi(os.Getenv("FOVEA_BENCH_ROWS"))
	if err != nil {
		rows = 100_000
	}
	dir := filepath.Join(b.TempDir(), "features")
	makeRows(b, dir, rows, 512, nil)
	first := start(b, Options{Dir: dir})
	began := newClock()
	first.waitFor("map", pcaReady)
	computing := began.seconds()
	first.stopped()
	var shown, whole, near float64
	for b.Loop() {
		clock := newClock()
		r := start(b, Options{Dir: dir})
		r.waitFor("map", pcaReady)
		for _, path := range []string{"/api/map/pca", "/api/columns/label", "/api/columns/split"} {
			if len(r.get(path)) < 4*rows {
				b.Fatalf("%s is too short", path)
			}
		}
		shown += clock.seconds()
		if _, err := r.shown.Load().vectors(context.Background()); err != nil {
			b.Fatal(err)
		}
		whole += clock.seconds()
		searching := newClock()
		r.get("/api/rows/17/neighbours?k=12")
		near += searching.seconds()
		r.stopped()
	}
	b.ReportMetric(computing, "s/first-map")
	b.ReportMetric(shown/float64(b.N), "s/map")
	b.ReportMetric(whole/float64(b.N), "s/vectors")
	b.ReportMetric(near/float64(b.N), "s/neighbours")
}
