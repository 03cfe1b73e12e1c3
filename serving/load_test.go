package serving

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLoad sends photos to the server at FOVEA_BENCH_SERVE, as scripts/bench-serve.sh runs it:
// at each number of clients, each of which sends the next photo when the last is answered, for
// some seconds. It prints throughput, latencies, statuses and the server's memory.
func TestLoad(t *testing.T) {
	url := os.Getenv("FOVEA_BENCH_SERVE")
	if url == "" {
		t.Skip("a measurement: run scripts/bench-serve.sh")
	}
	seconds, err := strconv.ParseFloat(os.Getenv("FOVEA_BENCH_SECONDS"), 64)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("../testdata/photos/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var photos [][]byte
	for _, name := range names {
		photo, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		photos = append(photos, photo)
	}
	fmt.Println("clients  answers/s  median s  95 % s   99 % s   statuses         server's memory")
	for _, level := range strings.Fields(os.Getenv("FOVEA_BENCH_CLIENTS")) {
		clients, err := strconv.Atoi(level)
		if err != nil {
			t.Fatal(err)
		}
		runLoad(t, url, clients, time.Duration(seconds*float64(time.Second)), photos)
	}
}

func runLoad(t *testing.T, url string, clients int, length time.Duration, photos [][]byte) {
	var group sync.WaitGroup
	var mutex sync.Mutex // guards latencies and statuses
	var latencies []float64
	statuses := map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	begin := time.Now()
	for c := range clients {
		group.Go(func() {
			for i := c; time.Since(begin) < length; i++ {
				sent := time.Now()
				r, err := client.Post(url+"/predict", "image/jpeg", bytes.NewReader(photos[i%len(photos)]))
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, r.Body)
				if closeErr := r.Body.Close(); err != nil || closeErr != nil {
					t.Error(err, closeErr)
				}
				mutex.Lock()
				if statuses[r.StatusCode]++; r.StatusCode == http.StatusOK {
					latencies = append(latencies, time.Since(sent).Seconds())
				}
				mutex.Unlock()
				if r.StatusCode == http.StatusServiceUnavailable {
					time.Sleep(time.Second) // what Retry-After says, at least
				}
			}
		})
	}
	group.Wait()
	took := time.Since(begin).Seconds()
	at := func(part float64) float64 { return percentile(latencies, part) }
	var counts []string
	for _, status := range []int{200, 503, 504} {
		if statuses[status] > 0 {
			counts = append(counts, fmt.Sprintf("%d: %d", status, statuses[status]))
		}
	}
	fmt.Printf("%7d  %9.2f  %8.2f  %7.2f  %7.2f   %-15s  %.0f MB\n", clients, float64(len(latencies))/took, at(0.5), at(0.95), at(0.99), strings.Join(counts, ", "), residentMegabytes(t, url))
	for status := range statuses {
		if status != 200 && status != 503 && status != 504 {
			t.Errorf("%d answers of status %d", statuses[status], status)
		}
	}
	if len(latencies) == 0 {
		t.Errorf("with %d clients nobody is answered", clients)
	}
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
