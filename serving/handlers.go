package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/internal/metrics"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", s.predict)
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /metrics", metrics.Handler(s.registry))
	return mux
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
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
func (e statusError) Unwrap() error { return e.err }

func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	s.underWay.Inc()
	defer s.underWay.Dec()
	probabilities, err := s.answer(w, r)
	status, object := http.StatusOK, jsonPrediction{}
	var known statusError
	switch classes := s.predictor.Classes(); {
	case err == nil:
		label := s.options.Decision.Label(probabilities, classes)
		object = objectOf(Prediction{Label: label, Probabilities: probabilities}, classes, s.options.Decision)
	case errors.As(err, &known):
		status, object.Error = known.status, err.Error()
	default:
		status, object.Error = http.StatusInternalServerError, err.Error()
		logrus.Errorf("a request failed: %v", err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(s.retryAfter()))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // a client that has gone is not an error here
	s.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	s.seconds.Observe(time.Since(start).Seconds())
}

// answer reads the image of a request and computes its probabilities.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) ([]float64, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return nil, statusError{http.StatusServiceUnavailable, fmt.Errorf("%d images are in progress: try again", s.options.Requests)}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	body, err := s.read(w, r)
	if err != nil {
		return nil, err
	}
	values, err := s.decode(ctx, body)
	if err != nil && ctx.Err() == nil {
		return nil, statusError{http.StatusUnprocessableEntity, explain(err, r)}
	}
	var probabilities []float64
	if err == nil {
		probabilities, err = s.batcher.predict(ctx, values)
	}
	if err != nil && ctx.Err() != nil {
		return nil, statusError{http.StatusGatewayTimeout, fmt.Errorf("no answer within %s", s.options.Timeout)}
	}
	return probabilities, err
}

func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.options.MaxBytes))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, statusError{http.StatusRequestEntityTooLarge, fmt.Errorf("the image has more than %d bytes", s.options.MaxBytes)}
	case err != nil:
		return nil, statusError{http.StatusBadRequest, fmt.Errorf("cannot read the image from the request: %w", err)}
	}
	return body, nil
}

// decode decodes a file when its turn comes.
func (s *Server) decode(ctx context.Context, file []byte) ([]float32, error) {
	select {
	case s.decoders <- struct{}{}:
		defer func() { <-s.decoders }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.predictor.Decode(file)
}

// explain adds a remedy for a body that is a form rather than an image.
func explain(err error, r *http.Request) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		return fmt.Errorf("this is multipart/form-data: send the image's bytes alone, as curl --data-binary @FILE does (%w)", err)
	}
	return err
}

// Bounds of Retry-After, in seconds.
const (
	minRetry = 1
	maxRetry = 60
)

// retryAfter is the time, in seconds, until the images in progress are answered.
func (s *Server) retryAfter() int {
	wait := math.Ceil(float64(s.options.Requests) * s.batcher.secondsEach())
	return int(min(max(wait, minRetry), maxRetry))
}
