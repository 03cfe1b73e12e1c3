package web

import (
	"io"
	"net/http"
	"time"
)

// lingering is how long what is left of a refused body is read, so that clients who send it all before
// they read see the answer.
const lingering = time.Second

// exchange is a request with its answer: it counts what is received and sent.
type exchange struct {
	http.ResponseWriter
	start  time.Time
	status int
	bytes  int64 // of the answer
	body   arriving
}

// observed answers requests by next and sees to it that clients get the answer. It logs them if it shall.
func observed(next http.Handler, logs bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &exchange{ResponseWriter: w, start: time.Now(), body: arriving{ReadCloser: r.Body}}
		request := *r // the server goes on to look at the body of its own
		request.Body = &e.body
		if logs {
			defer e.log(r) // also where the handler panics
		}
		next.ServeHTTP(e, &request)
		if r.ProtoMajor == 1 && r.ContentLength != 0 && r.Header.Get("Expect") == "" && !e.body.ended {
			e.linger()
		}
	})
}

// linger sends the answer, and only then reads what is left of the body. Closing a connection with bytes
// that nobody has read would take the answer away from a client that has not read it.
func (e *exchange) linger() {
	connection := http.NewResponseController(e.ResponseWriter)
	// All three fail only for a client that has gone.
	_ = connection.SetReadDeadline(time.Now().Add(lingering))
	_ = connection.Flush()
	_, _ = io.Copy(io.Discard, &e.body)
}

func (e *exchange) WriteHeader(status int) {
	if e.status == 0 && status >= http.StatusOK { // not one of the 1xx before it
		e.status = status
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *exchange) Write(data []byte) (int, error) {
	n, err := e.ResponseWriter.Write(data)
	e.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// arriving is a body, with how much of it has been read.
type arriving struct {
	io.ReadCloser
	bytes int64
	ended bool // by its end, or a fault
}

func (a *arriving) Read(into []byte) (int, error) {
	n, err := a.ReadCloser.Read(into)
	a.bytes += int64(n)
	a.ended = a.ended || err != nil
	return n, err
}
