package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

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
	return slices.Concat([]web.Route{
		{Pattern: "POST /predict", Parameters: []string{"top"}, Handler: s.computing(s.predict)},
		{Pattern: "POST /embed", Parameters: []string{"layer"}, Handler: s.computing(s.embed)},
		{Pattern: "POST /similar", Parameters: []string{"k", "layer"}, Handler: s.computing(s.similar)},
		{Pattern: "GET /openapi.json", Handler: s.openAPI},
		{Pattern: "GET /healthz", Open: true, Handler: s.health},
		{Pattern: "GET /metrics", Handler: metrics.Handler(s.registry).ServeHTTP},
	}, s.pageRoutes(), s.tensorflowRoutes(), s.inferenceRoutes())
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
