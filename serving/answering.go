package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// reply is the answer to a request that computes: an object that is encoded as JSON, or, with a kind, content of that
// media type.
type reply struct {
	object  any
	kind    string
	content []byte
}

// refused is the answer to a request that failed.
type refused struct {
	Error string `json:"error"`
}

// computing makes the handler of a request that computes images. It is counted and timed, and its errors get their
// status.
func (s *Server) computing(answer func(context.Context, http.ResponseWriter, *http.Request) (reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		// HTTP/2 would end the request at the deadline for writing that others have.
		_ = http.NewResponseController(w).SetWriteDeadline(start.Add(s.options.Timeout + s.writeTimeout))
		s.underWay.Inc()
		defer s.underWay.Dec()
		ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
		defer cancel()
		status := http.StatusOK
		out, err := answer(ctx, w, r)
		if err != nil {
			status = s.judge(err)
			out = reply{object: refused{err.Error()}}
		}
		status = s.send(w, status, out)
		s.requests.WithLabelValues(strconv.Itoa(status)).Inc()
		s.seconds.Observe(time.Since(start).Seconds())
	}
}

// judge is the status of an error, which it counts.
func (s *Server) judge(err error) (status int) {
	var known statusError
	if !errors.As(err, &known) {
		logrus.Errorf("a request failed: %v", err)
		return http.StatusInternalServerError
	}
	if known.reason != "" {
		s.refused.WithLabelValues(known.reason).Inc()
	}
	return known.status
}

// send answers a request, and returns the status that it got.
func (s *Server) send(w http.ResponseWriter, status int, out reply) int {
	content, kind := out.content, out.kind
	if kind == "" {
		var err error
		if content, err = json.Marshal(out.object); err != nil { // a number that is not finite
			status = s.judge(err)
			content, _ = json.Marshal(refused{err.Error()}) // a text
		}
		content, kind = append(content, '\n'), jsonType
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(s.retryAfter()))
	}
	w.Header().Set("Content-Type", kind)
	// Both errors are those of a client that has gone.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.writeTimeout))
	w.WriteHeader(status)
	_, _ = w.Write(content)
	return status
}

// compute computes the images of a request. Each takes one of the places for images in progress; a request of several
// makes do with the places that are free, up to a quarter of all, so that others find some. It is an error if none is.
// The files may be given back once decoded is called.
func (s *Server) compute(ctx context.Context, r *http.Request, files []sentFile, decoded func()) ([]answer, error) {
	places := s.enter(min(len(files), max(1, s.options.Requests/4)))
	if places == 0 {
		return nil, statusError{http.StatusServiceUnavailable, "requests", fmt.Errorf("%d images are in progress: try again", s.options.Requests)}
	}
	defer s.leave(places)
	answers := make([]answer, len(files))
	if len(files) == 1 {
		answers[0] = s.computeOne(ctx, r, files[0], decoded)
		return answers, nil
	}
	var next, left atomic.Int64
	left.Store(int64(len(files)))
	last := func() {
		if left.Add(-1) == 0 {
			decoded()
		}
	}
	var group sync.WaitGroup
	for range places {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(files)); i = next.Add(1) - 1 {
				answers[i] = s.computeSafely(ctx, r, files[i], last)
			}
		})
	}
	group.Wait()
	return answers, nil
}

// enter takes up to n places for images in progress, without waiting.
func (s *Server) enter(n int) (taken int) {
	for ; taken < n; taken++ {
		select {
		case s.slots <- struct{}{}:
		default:
			return taken
		}
	}
	return taken
}

func (s *Server) leave(places int) {
	for range places {
		<-s.slots
	}
}

// computeOne decodes a file when its turn comes, and computes it together with those of others.
func (s *Server) computeOne(ctx context.Context, r *http.Request, f sentFile, decoded func()) answer {
	if f.err != nil {
		decoded()
		return answer{err: f.err}
	}
	values, err := s.decode(ctx, f.content)
	decoded()
	a := answer{err: err}
	if err == nil {
		a = s.batcher.predict(ctx, values)
	}
	if a.err != nil {
		a.err = s.failure(ctx, r, a.err)
	}
	return a
}

// computeSafely is computeOne outside of the request's own goroutine, whose panics Go's server catches.
func (s *Server) computeSafely(ctx context.Context, r *http.Request, f sentFile, decoded func()) (a answer) {
	defer func() {
		if reason := recover(); reason != nil {
			logrus.Errorf("an image of a request: %v\n%s", reason, debug.Stack())
			a = answer{err: fmt.Errorf("the image made the server fail: %v", reason)}
		}
	}()
	return s.computeOne(ctx, r, f, decoded)
}

// inVain is the error of a request of several images none of which was computed, if that is due to the server or the
// connection: the request may be sent again.
func inVain(answers []answer) error {
	for _, a := range answers {
		var known statusError
		if a.err == nil || errors.As(a.err, &known) && known.status < statusGone {
			return nil
		}
	}
	return answers[0].err
}
