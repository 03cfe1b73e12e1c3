package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/metrics"
	"fovea/picture"
	"fovea/pipeline"
)

// extractor computes features; one goroutine at a time calls it.
type extractor interface {
	BatchSize() int
	Extract(pixels []float32, n int) ([][]float32, error)
}

// serverLimits bound what a client can make the server do.
type serverLimits struct {
	maxBytes int64
	timeout  time.Duration
	requests int
	// pixels of a picture at most, 0 for package picture's own limit.
	pixels int
	// decoders is the number of pictures decoded at a time, 0 for that of CPUs: a picture in
	// decoding takes four bytes a pixel or more, one that waits no more than its file.
	decoders int
}

// server answers requests. Handlers decode pictures, each in its own goroutine, as many as
// there are slots; one goroutine computes what they hand to it.
type server struct {
	head      *head.Head
	decision  decision
	extractor extractor
	config    pipeline.Config
	limits    serverLimits

	slots    chan struct{}
	decoders chan struct{}
	jobs     chan job
	stop     chan struct{} // closed when no handler is left
	stopping atomic.Bool
	// pace is how long a picture takes to compute, of late: the bits of a float64 of seconds.
	pace atomic.Uint64

	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	batches  prometheus.Histogram
	underWay prometheus.Gauge
}

// job is a preprocessed picture and where its probabilities go, for which there is room.
type job struct {
	pixels []float32
	answer chan<- answer
}

type answer struct {
	probabilities []float64
	err           error
}

func newServer(h *head.Head, d decision, e extractor, config pipeline.Config, limits serverLimits) *server {
	config.Picture.MaxPixels = limits.pixels
	if limits.decoders == 0 {
		limits.decoders = runtime.GOMAXPROCS(0)
	}
	s := &server{
		head: h, decision: d, extractor: pipeline.OverViews(e, config.Picture.Views.Count()), config: config, limits: limits,
		slots: make(chan struct{}, limits.requests), decoders: make(chan struct{}, limits.decoders), jobs: make(chan job), stop: make(chan struct{}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "finetune_requests_total", Help: "Requests for predictions, by HTTP status."}, []string{"status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "finetune_request_seconds", Help: "Time from a request to its answer.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "finetune_batch_images", Help: "Images computed together.", Buckets: prometheus.ExponentialBuckets(1, 2, 8),
		}),
		underWay: prometheus.NewGauge(prometheus.GaugeOpts{Name: "finetune_requests_under_way", Help: "Requests for predictions that are not answered yet."}),
	}
	s.registry = metrics.NewRegistry(s.requests, s.seconds, s.batches, s.underWay)
	return s
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", s.predict)
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /metrics", metrics.Handler(s.registry))
	return mux
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	if s.stopping.Load() {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// statusError is an error with its HTTP status.
type statusError struct {
	status int
	err    error
}

func (e statusError) Error() string { return e.err.Error() }

func (s *server) predict(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	s.underWay.Inc()
	defer s.underWay.Dec()
	probabilities, err := s.probabilities(w, r)
	status, object := http.StatusOK, jsonPrediction{}
	if err != nil {
		status, object.Error = http.StatusInternalServerError, err.Error()
		var known statusError
		if errors.As(err, &known) {
			status = known.status
		} else {
			logrus.Errorf("a request failed: %v", err)
		}
	} else {
		object = s.decision.object(prediction{label: s.decision.label(probabilities), probabilities: probabilities})
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(s.retryAfter()))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // a client that has gone is no error here
	s.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	s.seconds.Observe(time.Since(start).Seconds())
}

// Bounds of what is said in Retry-After, in seconds.
const (
	minRetry = 1
	maxRetry = 60
)

// retryAfter is the time, in seconds, until the pictures that are under way are answered.
func (s *server) retryAfter() int {
	wait := math.Ceil(float64(s.limits.requests) * math.Float64frombits(s.pace.Load()))
	return int(min(max(wait, minRetry), maxRetry))
}

// probabilities reads a request's picture and has it computed.
func (s *server) probabilities(w http.ResponseWriter, r *http.Request) ([]float64, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return nil, statusError{http.StatusServiceUnavailable, fmt.Errorf("%d images are under way: try again", s.limits.requests)}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.timeout)
	defer cancel()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.maxBytes))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, statusError{http.StatusRequestEntityTooLarge, fmt.Errorf("the image has more than %d bytes", s.limits.maxBytes)}
		}
		return nil, statusError{http.StatusBadRequest, fmt.Errorf("the image did not arrive: %w", err)}
	}
	late := statusError{http.StatusGatewayTimeout, fmt.Errorf("no answer within %s", s.limits.timeout)}
	pixels, err := s.decode(ctx, body)
	switch {
	case ctx.Err() != nil:
		return nil, late
	case err != nil:
		return nil, statusError{http.StatusUnprocessableEntity, err}
	}
	answers := make(chan answer, 1)
	select {
	case s.jobs <- job{pixels, answers}:
	case <-ctx.Done():
		return nil, late
	}
	select {
	case a := <-answers:
		return a.probabilities, a.err
	case <-ctx.Done():
		return nil, late
	}
}

// decode makes a file the model's numbers, once it is its turn.
func (s *server) decode(ctx context.Context, file []byte) ([]float32, error) {
	select {
	case s.decoders <- struct{}{}:
		defer func() { <-s.decoders }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p, err := picture.Decode(file, s.config.Picture)
	if err != nil {
		return nil, err
	}
	pixels := make([]float32, len(p.Pix)/3*s.config.Preprocessing.Depth())
	s.config.Preprocessing.Apply(pixels, p.Pix)
	return pixels, nil
}

// compute answers jobs until stop is closed: whatever waits is computed together.
func (s *server) compute() {
	for {
		var batch []job
		select {
		case j := <-s.jobs:
			batch = append(batch, j)
		case <-s.stop:
			return
		}
	gather:
		for len(batch) < s.extractor.BatchSize() {
			select {
			case j := <-s.jobs:
				batch = append(batch, j)
			default:
				break gather
			}
		}
		s.batches.Observe(float64(len(batch)))
		start := time.Now()
		probabilities, err := s.computeBatch(batch)
		s.keepPace(time.Since(start).Seconds() / float64(len(batch)))
		for i, j := range batch {
			a := answer{err: err}
			if err == nil {
				a.probabilities = probabilities[i]
			}
			j.answer <- a // never waits: there is room for one, and one is sent
		}
	}
}

// keepPace averages the time of a picture over about the last ten batches.
func (s *server) keepPace(seconds float64) {
	before := math.Float64frombits(s.pace.Load())
	if before == 0 {
		before = seconds
	}
	s.pace.Store(math.Float64bits(0.9*before + 0.1*seconds))
}

func (s *server) computeBatch(batch []job) ([][]float64, error) {
	var pixels []float32
	for _, j := range batch {
		pixels = append(pixels, j.pixels...)
	}
	features, err := s.extractor.Extract(pixels, len(batch))
	if err != nil {
		return nil, err
	}
	x, err := s.head.Join(features, len(batch))
	if err != nil {
		return nil, err
	}
	return s.head.Probabilities(x)
}
