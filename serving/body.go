package serving

import (
	"container/list"
	"io"
	"net/http"
	"time"
)

// Sizes of the pieces of memory in which a body arrives: as much as has arrived already, within these
// bounds, so that what a Content-Length promises costs nothing.
const (
	minPiece = 4 << 10
	maxPiece = 256 << 10
)

// body is a file that arrives or waits to be decoded. One goroutine uses it; the fields below mutex of
// its owner are shared.
type body struct {
	owner      *bodies
	connection *http.ResponseController
	pieces     [][]byte // each but the last is full
	received   int64
	marked     int64 // of received, when the deadline was last renewed

	// Guarded by owner.mutex:
	held     int64
	progress time.Time // when marked was set
	by       time.Time // the latest time to be whole
	late     error     // why it is that early
	lost     error     // why the memory was taken away
	place    *list.Element
}

// read reads a whole body; its length is declared, or negative.
func (b *body) read(r io.Reader, declared int64) error {
	for {
		room, err := b.room(declared)
		if err != nil {
			return err
		}
		n, err := r.Read(room)
		last := &b.pieces[len(b.pieces)-1]
		*last = (*last)[:len(*last)+n]
		b.received += int64(n)
		if err == io.EOF {
			return b.whole()
		}
		if err != nil {
			return err
		}
		if b.received >= b.marked+progressBytes {
			if err := b.advance(); err != nil {
				return err
			}
		}
	}
}

// room is where the next bytes go: the rest of the last piece, or a new one.
func (b *body) room(declared int64) ([]byte, error) {
	if n := len(b.pieces); n > 0 {
		if last := b.pieces[n-1]; len(last) < cap(last) {
			return last[len(last):cap(last)], nil
		}
	}
	size := max(minPiece, min(b.received, maxPiece))
	if left := declared - b.received; declared >= 0 && left > 0 {
		size = min(size, left)
	}
	if err := b.owner.take(b, size); err != nil {
		return nil, err
	}
	piece := b.owner.piece(size)
	b.pieces = append(b.pieces, piece)
	return piece[:size], nil
}

// piece is memory for a piece, of bodies that have gone if there is some.
func (s *bodies) piece(size int64) []byte {
	if size == maxPiece {
		if old, found := s.spare.Get().(*[maxPiece]byte); found {
			return old[:0]
		}
	}
	return make([]byte, 0, size)
}

// drop gives away a piece that nobody uses any more.
func (s *bodies) drop(piece []byte) {
	if cap(piece) == maxPiece {
		s.spare.Put((*[maxPiece]byte)(piece[:maxPiece]))
	}
}

// advance notes that the body makes progress.
func (b *body) advance() error {
	b.owner.mutex.Lock()
	defer b.owner.mutex.Unlock()
	b.marked = b.received
	if b.place != nil {
		b.owner.arriving.MoveToBack(b.place)
	}
	return b.renew()
}

// renew gives the connection another window of time. The owner's mutex is held.
func (b *body) renew() error {
	if b.lost != nil {
		return b.lost
	}
	b.progress = time.Now()
	deadline := b.progress.Add(b.owner.window)
	if b.by.Before(deadline) {
		deadline = b.by
	}
	return b.connection.SetReadDeadline(deadline)
}

// lose takes away the body's memory and wakes whoever reads it. The owner's mutex is held.
func (b *body) lose(why error) {
	b.lost = why
	b.leave()
	_ = b.connection.SetReadDeadline(time.Now()) // fails only for a connection that has gone
}

// leave takes the body out of those that arrive, and its memory out of what is held. The owner's mutex
// is held.
func (b *body) leave() {
	if b.place != nil {
		b.owner.arriving.Remove(b.place)
		b.place = nil
	}
	b.owner.held -= b.held
	b.held = 0
}

// whole ends the timing of a body that has arrived.
func (b *body) whole() error {
	b.owner.mutex.Lock()
	defer b.owner.mutex.Unlock()
	if b.lost != nil {
		return b.lost
	}
	b.owner.arriving.Remove(b.place)
	b.place = nil
	return b.connection.SetReadDeadline(time.Time{}) // it would end the waiting for an answer
}

// bytes puts the pieces of a whole body together.
func (b *body) bytes() []byte {
	b.owner.joining.Lock() // so that no more than one is in memory twice
	defer b.owner.joining.Unlock()
	file := make([]byte, 0, b.received)
	for i, piece := range b.pieces {
		file = append(file, piece...)
		b.pieces[i] = nil
		b.owner.drop(piece)
	}
	b.pieces = nil
	return file
}

// release gives the body's memory back, once or more often.
func (b *body) release() {
	b.owner.mutex.Lock()
	defer b.owner.mutex.Unlock()
	b.leave()
	for _, piece := range b.pieces {
		b.owner.drop(piece)
	}
	b.pieces = nil
}
