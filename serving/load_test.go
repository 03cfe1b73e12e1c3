package serving

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLoad sends photos to the servers at FOVEA_BENCH_SERVE, as scripts/bench-serve.sh runs it: at each
// number of clients, each of which sends the next photo when the last is answered, for some seconds, to
// each server in turn. It prints throughput, latencies, statuses and the servers' memory.
func TestLoad(t *testing.T) {
	urls, photos, length := benchmark(t)
	fmt.Println("clients  server  answers/s  median s  95 % s   99 % s   statuses         server's memory")
	for level := range strings.FieldsSeq(os.Getenv("FOVEA_BENCH_CLIENTS")) {
		clients, err := strconv.Atoi(level)
		if err != nil {
			t.Fatal(err)
		}
		loads := make([]load, len(urls))
		for range 2 { // in turns
			for i, url := range urls {
				loads[i].run(t, url, clients, length/2, photos)
			}
		}
		for i, url := range urls {
			l := &loads[i]
			fmt.Printf("%7d  %6d  %9.2f  %8.2f  %7.2f  %7.2f   %-15s  %.0f MB\n", clients, i+1, float64(len(l.latencies))/l.seconds,
				percentile(l.latencies, 0.5), percentile(l.latencies, 0.95), percentile(l.latencies, 0.99), l.counts(), residentMegabytes(t, url))
			if len(l.latencies) == 0 {
				t.Errorf("with %d clients nobody is answered", clients)
			}
		}
	}
}

// TestLoadBesideSlow sends photos by 8 clients, in turns alone and beside FOVEA_BENCH_SLOW slow ones,
// which send a byte a second and come again when they are cut off.
func TestLoadBesideSlow(t *testing.T) {
	urls, photos, length := benchmark(t)
	slow, err := strconv.Atoi(os.Getenv("FOVEA_BENCH_SLOW"))
	if err != nil {
		t.Fatal(err)
	}
	const honest = 8
	fmt.Println("server  slow clients  answers/s  median s  95 % s   statuses         server's memory")
	for i, url := range urls {
		var alone, beside load
		var before, after float64
		for range 3 {
			alone.run(t, url, honest, length/3, photos)
			before = max(before, residentMegabytes(t, url))
			ctx, cancel := context.WithCancel(t.Context())
			wait := trickle(ctx, url, "", slow, time.Second)
			time.Sleep(2 * time.Second) // they begin within one
			beside.run(t, url, honest, length/3, photos)
			after = max(after, residentMegabytes(t, url))
			cancel()
			wait()
		}
		show := func(slow int, l *load, memory float64) {
			fmt.Printf("%6d  %12d  %9.2f  %8.2f  %7.2f   %-15s  %.0f MB\n", i+1, slow, float64(len(l.latencies))/l.seconds,
				percentile(l.latencies, 0.5), percentile(l.latencies, 0.95), l.counts(), memory)
		}
		show(0, &alone, before)
		show(slow, &beside, after)
	}
}

// benchmark is what scripts/bench-serve.sh asks for: servers, photos, and the time for each.
func benchmark(t *testing.T) (urls []string, photos [][]byte, length time.Duration) {
	t.Helper()
	urls = strings.Fields(os.Getenv("FOVEA_BENCH_SERVE"))
	if len(urls) == 0 {
		t.Skip("a measurement: run scripts/bench-serve.sh")
	}
	seconds, err := strconv.ParseFloat(os.Getenv("FOVEA_BENCH_SECONDS"), 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range photoFiles(t) {
		photos = append(photos, read(t, file))
	}
	return urls, photos, time.Duration(seconds * float64(time.Second))
}

// load is what came of sending photos to a server.
type load struct {
	mutex     sync.Mutex // guards what follows
	latencies []float64  // of answers of status 200
	statuses  map[int]int
	seconds   float64
}

// run sends photos by some clients for some time.
func (l *load) run(t *testing.T, url string, clients int, length time.Duration, photos [][]byte) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	begin := time.Now()
	for c := range clients {
		group.Go(func() {
			for i := c; time.Since(begin) < length; i++ {
				switch l.send(t, client, url, photos[i%len(photos)]) {
				case 0: // no answer
					return
				case http.StatusServiceUnavailable:
					time.Sleep(time.Second) // what Retry-After says, at least
				}
			}
		})
	}
	group.Wait()
	l.seconds += time.Since(begin).Seconds()
}

// send sends a photo and counts the answer's status, which is 0 if there is none.
func (l *load) send(t *testing.T, client *http.Client, url string, photo []byte) (status int) {
	sent := time.Now()
	r, err := client.Post(url+"/predict", "image/jpeg", bytes.NewReader(photo))
	if err != nil {
		t.Error(err)
		return 0
	}
	_, err = io.Copy(io.Discard, r.Body)
	if closeErr := r.Body.Close(); err != nil || closeErr != nil {
		t.Error(err, closeErr)
	}
	if !slices.Contains([]int{200, 503, 504}, r.StatusCode) {
		t.Errorf("a photo is answered with %d", r.StatusCode)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.statuses == nil {
		l.statuses = map[int]int{}
	}
	if l.statuses[r.StatusCode]++; r.StatusCode == http.StatusOK {
		l.latencies = append(l.latencies, time.Since(sent).Seconds())
	}
	return r.StatusCode
}

// counts are the statuses with how many answers have them.
func (l *load) counts() string {
	var counts []string
	for _, status := range slices.Sorted(maps.Keys(l.statuses)) {
		counts = append(counts, fmt.Sprintf("%d: %d", status, l.statuses[status]))
	}
	return strings.Join(counts, ", ")
}

func residentMegabytes(t *testing.T, url string) float64 {
	r, err := http.Get(url + "/metrics")
	if err != nil {
		t.Error(err)
		return 0
	}
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "process_resident_memory_bytes "); found {
			bytes, _ := strconv.ParseFloat(value, 64)
			return bytes / 1e6
		}
	}
	return 0
}

// percentile is the value below which a part of all values is, 0 of none.
func percentile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(part*float64(len(values)-1))]
}
