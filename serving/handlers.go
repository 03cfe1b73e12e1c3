package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/internal/metrics"
	"fovea/internal/web"
	"fovea/picture"
)

// defaultWriteTimeout is how long a client may take to read an answer.
const defaultWriteTimeout = 10 * time.Second

// statusGone is nginx's status for clients that close the connection before they are answered. HTTP has
// none.
const statusGone = 499

// routes are what the server answers.
func (s *Server) routes() []web.Route {
	return []web.Route{
		{Pattern: "POST /predict", Handler: s.predict},
		{Pattern: "GET /healthz", Open: true, Handler: s.health},
		{Pattern: "GET /metrics", Handler: metrics.Handler(s.registry).ServeHTTP},
	}
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	if s.stopping.Load() {
		web.Refuse(w, http.StatusServiceUnavailable, fmt.Errorf("%w: try again", errStopping))
		return
	}
	fmt.Fprintln(w, "ok")
}

// statusError is an error with its HTTP status, and the reason by which it is counted, if it is to
// protect the server.
type statusError struct {
	status int
	reason string
	err    error
}

func (e statusError) Error() string { return e.err.Error() }
func (e statusError) Unwrap() error { return e.err }

func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	s.underWay.Inc()
	defer s.underWay.Dec()
	outcome, err := s.answer(w, r)
	status, object := http.StatusOK, jsonPrediction{}
	var known statusError
	switch classes := s.predictor.Classes(); {
	case err == nil:
		object = objectOf(s.options.Decision.Prediction("", outcome, classes), classes, s.options.Decision)
	case errors.As(err, &known):
		status, object.Error = known.status, err.Error()
		if known.reason != "" {
			s.refused.WithLabelValues(known.reason).Inc()
		}
	default:
		status, object.Error = http.StatusInternalServerError, err.Error()
		logrus.Errorf("a request failed: %v", err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(s.retryAfter()))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.writeTimeout)) // fails only for a client that has gone
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // nor is such a client an error here
	s.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	s.seconds.Observe(time.Since(start).Seconds())
}

// answer receives the image of a request and computes its outcome.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) (Outcome, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	by, _ := ctx.Deadline()
	file, err := s.receive(w, r, by)
	if err != nil {
		return Outcome{}, err
	}
	defer file.release()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return Outcome{}, statusError{http.StatusServiceUnavailable, "requests", fmt.Errorf("%d images are in progress: try again", s.options.Requests)}
	}
	values, err := s.decode(ctx, file.bytes())
	file.release()
	if err == nil {
		var outcome Outcome
		if outcome, err = s.batcher.predict(ctx, values); err == nil {
			return outcome, nil
		}
	}
	return Outcome{}, s.failure(ctx, r, err)
}

// failure gives the error of an image that arrived whole its status.
func (s *Server) failure(ctx context.Context, r *http.Request, err error) error {
	var known statusError
	var unreadable *picture.Error
	switch {
	case errors.As(err, &known):
		return err
	case r.Context().Err() != nil:
		return statusError{statusGone, "", errors.New("the connection was closed before the answer: keep both directions open")}
	case ctx.Err() != nil:
		return statusError{http.StatusGatewayTimeout, "", fmt.Errorf("no answer within %s: send a smaller image, or try again when the server has less to do", s.options.Timeout)}
	case errors.As(err, &unreadable):
		return statusError{http.StatusUnprocessableEntity, "", err}
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
	wait := math.Ceil(max(float64(s.options.Requests)*s.batcher.secondsEach(), s.decoders.wait().Seconds()))
	return int(min(max(wait, minRetry), maxRetry))
}
