package serving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fovea/head"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
)

// redness is an extractor whose feature is the mean of a picture's red. It waits for gate,
// if there is one, before each batch, which takes pause.
type redness struct {
	gate    chan struct{}
	pause   time.Duration
	largest atomic.Int64
	busy    atomic.Bool
	failure error
}

func (e *redness) BatchSize() int { return 4 }

func (e *redness) Extract(pixels []float32, n int) ([][]float32, error) {
	if !e.busy.CompareAndSwap(false, true) {
		panic("two batches at a time")
	}
	defer e.busy.Store(false)
	if e.gate != nil {
		<-e.gate
	}
	time.Sleep(e.pause)
	e.largest.Store(max(e.largest.Load(), int64(n)))
	out, size := make([]float32, n), len(pixels)/n
	for i := range out {
		for k := 0; k < size; k += 3 {
			out[i] += pixels[i*size+k] / float32(size/3)
		}
	}
	return [][]float32{out}, e.failure
}

func redHead() *head.Head {
	return &head.Head{
		Layers:          []recipe.Layer{{Name: "red", Shape: []int{1}, Layout: recipe.LayoutC}},
		Classes:         []string{"dark", "red"},
		Standardization: head.Standardization{Mean: []float32{100}, Scale: []float32{0.1}},
		Weights:         [][]float32{{-1}, {1}}, Biases: []float32{0, 0},
	}
}

// redPredictor tells red images from dark ones.
func redPredictor(e *redness) *Predictor {
	config := pipeline.Config{Picture: picture.Options{Width: 2, Height: 2}, Preprocessing: preprocessing.None}
	return &Predictor{head: redHead(), config: config, extractor: e}
}

func redServer(t *testing.T, p *Predictor, o ServerOptions) *Server {
	t.Helper()
	o.Decision = Decision{Threshold: 0.9, Unsure: "unsure"}
	s, err := NewServer(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var usual = ServerOptions{MaxBytes: 1 << 16, Timeout: 10 * time.Second}

// start runs a server until the test ends, and gives its address.
func start(t *testing.T, s *Server) (url string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return s.options.Site.Scheme() + "://" + listener.Addr().String(), stop
}

func coloured(t *testing.T, red uint8) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 5, 5))
	for i := range 25 {
		img.SetNRGBA(i%5, i/5, color.NRGBA{R: red, A: 255})
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func post(t *testing.T, url string, body []byte) (int, string) {
	t.Helper()
	r, err := http.Post(url+"/predict", "image/png", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.StatusCode, string(answer)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	return getBy(t, http.DefaultClient, url)
}

func getBy(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestServerAnswers(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{}), usual))
	for _, test := range []struct {
		body   []byte
		status int
		want   string
	}{
		{coloured(t, 200), 200, `^{"label":"red","probabilities":{"dark":2\.06\d+e-09,"red":1}}`},
		{coloured(t, 20), 200, `^{"label":"dark",`},
		{coloured(t, 101), 200, `^{"label":"unsure","probabilities":{"dark":0.45\d+,"red":0.54\d+}}`},
		{[]byte("no image"), 422, `"error":"image: header: .*"`},
		{nil, 422, `"error":".+"`},
		{make([]byte, 1<<16+1), 413, `"error":"the image has more than 65536 bytes: send a smaller file`},
	} {
		status, answer := post(t, url, test.body)
		if status != test.status || !regexp.MustCompile(test.want).MatchString(answer) {
			t.Errorf("the answer is %d %s, want %d %s", status, answer, test.status, test.want)
		}
		if !json.Valid([]byte(answer)) {
			t.Errorf("%s is no JSON", answer)
		}
	}
	if status, body := get(t, url+"/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("health is %d %q", status, body)
	}
	if status, _ := get(t, url+"/predict"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /predict is %d", status)
	}
	_, counted := get(t, url+"/metrics")
	for _, line := range []string{`finetune_requests_total{status="200"} 3`, `finetune_requests_total{status="413"} 1`, `finetune_requests_total{status="422"} 2`, "finetune_request_seconds_count 6", "finetune_batch_images_count 3", "finetune_requests_under_way 0", "go_goroutines"} {
		if !strings.Contains(counted, line) {
			t.Errorf("the metrics lack %q", line)
		}
	}
}

func TestServerFailure(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{failure: fmt.Errorf("the device is gone")}), usual))
	if status, answer := post(t, url, coloured(t, 1)); status != 500 || !strings.Contains(answer, "the device is gone") {
		t.Errorf("the answer is %d %s", status, answer)
	}
}

// Many clients at once each get their own picture's answer, computed in full batches.
func TestServerUnderLoad(t *testing.T) {
	const clients, each = 16, 25
	e := &redness{}
	url, _ := start(t, redServer(t, redPredictor(e), usual))
	pictures := map[string][]byte{`"label":"red"`: coloured(t, 220), `"label":"dark"`: coloured(t, 10)}
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range each {
				for want, body := range pictures {
					if status, answer := post(t, url, body); status != 200 || !strings.Contains(answer, want) {
						t.Errorf("the answer is %d %s, want %s", status, answer, want)
					}
				}
			}
		})
	}
	group.Wait()
	if _, counted := get(t, url+"/metrics"); !strings.Contains(counted, fmt.Sprintf(`finetune_requests_total{status="200"} %d`, 2*clients*each)) {
		t.Error("not all requests were counted")
	}
}

// While a batch is computed, requests wait, up to the limit; more are turned away; those
// under way are answered together, also when the server is told to stop.
func TestServerBoundsAndStops(t *testing.T) {
	const requests = 4
	e := &redness{gate: make(chan struct{})}
	s := redServer(t, redPredictor(e), ServerOptions{MaxBytes: 1 << 16, Timeout: time.Minute, Requests: requests})
	url, stop := start(t, s)
	body := coloured(t, 220)
	var group sync.WaitGroup
	for range requests {
		group.Go(func() {
			if status, answer := post(t, url, body); status != 200 {
				t.Errorf("a request under way is answered with %d %s", status, answer)
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); len(s.slots) < requests; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the requests do not arrive")
		}
	}
	if status, answer := post(t, url, body); status != 503 || !strings.Contains(answer, "4 images are in progress") {
		t.Errorf("a request too many is answered with %d %s", status, answer)
	}
	for pace, want := range map[float64]int{0: 1, 0.25: 1, 1.1: 5, 1000: 60} {
		s.batcher.pace.Store(math.Float64bits(pace))
		if got := s.retryAfter(); got != want {
			t.Errorf("at %g seconds an image, one should come again after %d seconds, not %d", pace, want, got)
		}
	}
	refused, err := http.Post(url+"/predict", "image/png", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if after := refused.Header.Get("Retry-After"); refused.StatusCode != 503 || after == "" {
		t.Errorf("status %d, Retry-After %q", refused.StatusCode, after)
	}
	if err := refused.Body.Close(); err != nil {
		t.Error(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for deadline := time.Now().Add(10 * time.Second); !s.stopping.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server does not begin to stop")
		}
	}
	recorder := httptest.NewRecorder()
	s.health(recorder, nil)
	if recorder.Code != 503 {
		t.Errorf("the health of a server that stops is %d", recorder.Code)
	}
	close(e.gate)
	group.Wait()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if e.largest.Load() < 2 {
		t.Errorf("the largest batch was of %d", e.largest.Load())
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("the server still answers")
	}
}

// Large pictures that come together are not all in memory together.
func TestServerMemoryIsBounded(t *testing.T) {
	const side, requests, allowed = 4000, 24, 200 << 20 // of pixels alone there are 24 x 16 MB
	var large bytes.Buffer
	if err := png.Encode(&large, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	url, _ := start(t, redServer(t, redPredictor(&redness{}), ServerOptions{MaxBytes: 1 << 20, Timeout: 5 * time.Minute, Requests: 2 * requests, Decoders: 2}))
	debug.FreeOSMemory()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	peak := watchHeap(ctx)
	var group sync.WaitGroup
	for range requests {
		group.Go(func() {
			if status, answer := post(t, url, large.Bytes()); status != 200 {
				t.Errorf("the answer is %d %s", status, answer)
			}
		})
	}
	group.Wait()
	cancel()
	if most := <-peak; most > allowed {
		t.Errorf("%d large images took %d MB", requests, most>>20)
	} else {
		t.Logf("%d large images took %d MB at most", requests, most>>20)
	}
	p := redPredictor(&redness{})
	p.config.Picture.MaxPixels = side*side - 1
	limited, _ := start(t, redServer(t, p, ServerOptions{MaxBytes: 1 << 20, Timeout: time.Minute, Requests: 1}))
	if status, answer := post(t, limited, large.Bytes()); status != 422 || !strings.Contains(answer, "pixels") {
		t.Errorf("an image of too many pixels is answered with %d %s", status, answer)
	}
}

func TestServerTimeout(t *testing.T) {
	e := &redness{gate: make(chan struct{})}
	url, _ := start(t, redServer(t, redPredictor(e), ServerOptions{MaxBytes: 1 << 16, Timeout: 50 * time.Millisecond, Requests: 4}))
	status, answer := post(t, url, coloured(t, 220))
	if status != 504 || !strings.Contains(answer, "no answer within 50ms") {
		t.Errorf("the answer is %d %s", status, answer)
	}
	close(e.gate)
}

func TestNewServerRefuses(t *testing.T) {
	if _, err := NewServer(redPredictor(&redness{}), ServerOptions{Decision: Decision{Threshold: 0.5, Unsure: "red"}}); !errors.Is(err, ErrDecision) {
		t.Errorf("a class's name for unsure images: %v", err)
	}
}
