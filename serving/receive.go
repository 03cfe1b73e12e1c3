package serving

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// lingering is how long the rest of a refused body is read, so that clients who send it all before they
// read see the answer.
const lingering = time.Second

// receive reads the body of a request, of at most limit bytes. Whoever gets it releases it.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, limit int64, by time.Time) (*body, error) {
	connection := http.NewResponseController(w)
	file, err := s.arrive(w, r, connection, limit, by)
	if err != nil {
		// What has not been read must not be taken for another request, and not be waited for.
		hangUp(w, r)
		_ = connection.SetReadDeadline(time.Now().Add(lingering)) // fails only for a connection that has gone
	}
	return file, err
}

// hangUp ends the connection after the answer. HTTP/2 needs no such thing, and would end all of a
// connection's requests.
func hangUp(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

func (s *Server) arrive(w http.ResponseWriter, r *http.Request, connection *http.ResponseController, limit int64, by time.Time) (*body, error) {
	if r.ContentLength > limit {
		return nil, s.tooLarge(limit)
	}
	file, err := s.bodies.open(connection, by)
	if err == nil {
		err = file.read(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	}
	if err == nil {
		return file, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = s.bodies.tooSlow(file)
	}
	if file != nil {
		file.release()
	}
	return nil, s.unreadable(err)
}

// tooLarge says that an image, or a request of several, has more bytes than the limit.
func (s *Server) tooLarge(limit int64) error {
	err := fmt.Errorf("the image has more than %d bytes: send a smaller file, or have the limit raised (--max-bytes)", limit)
	if limit != s.options.MaxBytes {
		err = fmt.Errorf("the request has more than %d bytes: send fewer images at a time, or the bytes of each alone", limit)
	}
	return statusError{http.StatusRequestEntityTooLarge, "file size", err}
}

// unreadable gives the error of a body its status.
func (s *Server) unreadable(err error) error {
	var large *http.MaxBytesError
	var slow slowError
	switch {
	case errors.As(err, &large):
		return s.tooLarge(large.Limit)
	case errors.As(err, &slow):
		return statusError{http.StatusRequestTimeout, "slow", err}
	case errors.Is(err, errCrowded):
		return statusError{http.StatusServiceUnavailable, "file memory", fmt.Errorf("%w: try again", err)}
	case errors.Is(err, errStopping):
		return statusError{http.StatusServiceUnavailable, "stopping", fmt.Errorf("%w: try again", err)}
	}
	return statusError{http.StatusBadRequest, "", fmt.Errorf("cannot read the image from the request: %w: send as many bytes as the request says", err)}
}

// decode decodes a file when its turn comes.
func (s *Server) decode(ctx context.Context, file []byte) (values []float32, err error) {
	cost, err := s.predictor.cost(file)
	if err != nil {
		return nil, explain(err, file)
	}
	if cost.Bytes > s.decoders.capacity {
		return nil, statusError{http.StatusRequestEntityTooLarge, "picture memory", fmt.Errorf(
			"the image takes %d bytes while it is decoded, the limit is %d: scale it down, or save it with 8 bits a sample", cost.Bytes, s.decoders.capacity)}
	}
	refused := s.decoders.run(ctx, cost, func() { values, err = s.predictor.Decode(file) })
	if errors.Is(refused, errBusy) {
		return nil, statusError{http.StatusServiceUnavailable, "large images", refused}
	}
	return values, errors.Join(refused, explain(err, file))
}
