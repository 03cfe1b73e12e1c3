package explorer

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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

// keepsMap waits for the UMAP.
func (r *running) keepsMap() {
	for r.maps.get(r.shown.Load(), mapUMAP).state != stateReady {
		time.Sleep(100 * time.Millisecond)
	}
}

// BenchmarkPage measures a page of 100,000 rows of 512 values, whose map is kept, in Chromium: s/page is the time from
// asking for the page until the map is drawn, s/start the same from the start of the server on, which is asked for the
// page at once and still reads the dataset then.
func BenchmarkPage(b *testing.B) {
	const rows = 100_000
	dir := filepath.Join(b.TempDir(), "features")
	makeRows(b, dir, rows, 512, nil)
	first := start(b, Options{Dir: dir})
	first.keepsMap()
	p := browse(b, first, software, "loads http://127.0.0.1:")
	p.do(chromedp.Navigate("about:blank"))
	first.stopped()
	var page, whole float64
	for b.Loop() {
		began := time.Now()
		r := start(b, Options{Dir: dir})
		p.do(chromedp.Navigate(r.base + "/?token=" + r.token))
		p.wait(`performance.getEntriesByName("map drawn").length`)
		var seen struct {
			Drawn, Origin float64
			Kind          string
			Rows          int
		}
		p.eval(`return {Drawn: performance.getEntriesByName("map drawn")[0].startTime, Origin: performance.timeOrigin, Kind: state.map, Rows: state.positions.length / 2}`, &seen)
		if seen.Kind != mapUMAP || seen.Rows != rows {
			b.Fatalf("%+v is drawn", seen)
		}
		page += seen.Drawn / 1e3
		whole += (seen.Origin+seen.Drawn)/1e3 - float64(began.UnixNano())/1e9
		p.do(chromedp.Navigate("about:blank"))
		r.stopped()
	}
	b.ReportMetric(page/float64(b.N), "s/page")
	b.ReportMetric(whole/float64(b.N), "s/start")
}

// BenchmarkLabel measures the time from sending a changed label of 10,000 rows of 512 values until the server tells the
// accuracy of the head that has been fitted to it: the median and the most, by the clock, with all that the server does
// besides, such as writing the label.
func BenchmarkLabel(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "features")
	makeRows(b, dir, 10_000, 512, nil)
	r := start(b, Options{Dir: dir})
	r.keepsMap()
	r.until("accuracy", func(s labelsSeen) bool { return s.Accuracy != nil })
	version := object[labelsSeen](r, "/api/dataset").Version
	events, leave := r.events.listen()
	defer leave()
	var took []float64
	for i := 0; b.Loop(); i++ {
		clock := newClock()
		status, said := r.post("/api/labels", fields{"version": version, "rows": []int{i % 10_000}, "label": string(rune('a' + (i+1+i/10_000)%4))})
		if status != http.StatusOK || said.Changed != 1 {
			b.Fatalf("%d: %+v", status, said)
		}
		for e := range events {
			if e.name == "accuracy" {
				break
			}
		}
		took = append(took, clock.seconds())
		r.until("labels that are written", written)
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2]*1e3, "ms/label")
	b.ReportMetric(took[len(took)-1]*1e3, "ms/slowest")
	b.ReportMetric(0, "ns/op")
}
