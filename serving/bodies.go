package serving

import (
	"container/list"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The least rate at which a body must arrive: so many bytes, or all that is left, in each window of
// time.
const (
	progressWindow = 5 * time.Second
	progressBytes  = 40 << 10
)

// stale is the time without progressBytes after which a body may lose its memory to one that arrives
// faster.
const stale = time.Second

// bodies are the files that clients send, from their first byte until they are decoded, and the memory
// that all of them share. Clients that send slowly hold only what they have sent, and lose it to others
// when memory runs out. A part is for small files, however many large ones there are.
type bodies struct {
	window time.Duration // progressWindow, or less
	stale  time.Duration // as the constant says
	// limit is the number of bytes for all bodies, reserved of them for those of at most small bytes.
	limit, reserved, small int64

	mutex    sync.Mutex // guards what follows, and the fields of bodies that say so
	held     int64
	arriving list.List // of *body: not whole yet, the one longest without progress first
	stopping bool

	joining sync.Mutex // one body is put together at a time
	spare   sync.Pool  // of *[maxPiece]byte: pieces of bodies that have gone

	holding prometheus.GaugeFunc
}

// Reasons why a body has lost its memory.
var (
	errCrowded  = errors.New("the memory for images that arrive is full")
	errStopping = errors.New("the server is stopping")
)

func newBodies(o ServerOptions) *bodies {
	s := &bodies{window: min(progressWindow, o.Timeout), stale: stale, limit: o.fileMemory(), reserved: o.fileMemory() / 4, small: o.MaxBytes / 16}
	s.holding = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "finetune_body_bytes", Help: "Bytes of images' files held, from when they arrive until they are decoded."}, func() float64 {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return float64(s.held)
	})
	return s
}

// open begins a body that must have arrived by a time. The connection is timed from here on.
func (s *bodies) open(connection *http.ResponseController, by time.Time) (*body, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.stopping {
		return nil, errStopping
	}
	b := &body{owner: s, connection: connection, by: by}
	b.place = s.arriving.PushBack(b)
	return b, b.renew()
}

// take gives a body n bytes more, at the cost of those that make no progress if there is not enough.
func (s *bodies) take(b *body, n int64) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	limit := s.limit
	if b.held+n > s.small {
		limit -= s.reserved
	}
	for s.held+n > limit {
		if b.lost != nil || !s.evict(b) {
			return errCrowded
		}
	}
	if b.lost != nil {
		return b.lost
	}
	s.held += n
	b.held += n
	return nil
}

// evict takes the memory of the body that is longest without progress, other than b; false if all make
// progress.
func (s *bodies) evict(b *body) bool {
	for e := s.arriving.Front(); e != nil; e = e.Next() {
		victim := e.Value.(*body)
		if victim == b {
			continue
		}
		if time.Since(victim.progress) < s.stale {
			return false
		}
		victim.lose(errCrowded)
		return true
	}
	return false
}

// giveWay cuts off the body that is longest without progress; false if all make progress.
func (s *bodies) giveWay() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.evict(nil)
}

// stop refuses new bodies and gives those that arrive the time of one window to do so.
func (s *bodies) stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.stopping = true
	by := time.Now().Add(s.window)
	for e := s.arriving.Front(); e != nil; e = e.Next() {
		if b := e.Value.(*body); b.by.After(by) {
			b.by, b.late = by, errStopping
			_ = b.connection.SetReadDeadline(by) // was set before; a connection that has gone needs none
		}
	}
}

// slowError says that a body arrives too slowly.
type slowError string

func (e slowError) Error() string { return string(e) }

// tooSlow is why the deadline of a body has passed.
func (s *bodies) tooSlow(b *body) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	late := !time.Now().Before(b.by)
	switch {
	case b.lost != nil:
		return b.lost
	case late && b.late != nil:
		return b.late
	case late:
		return slowError("the image did not arrive in time: send a smaller file, or use a faster connection")
	}
	return slowError(fmt.Sprintf("fewer than %d bytes of the image arrived within %s: send a smaller file, or use a faster connection", int64(progressBytes), s.window))
}
