package codec

import (
	"context"
	"errors"
	"math"
	"time"
)

// Sequence decodes the frames of an animated AVIF. Its process is its own until Close, and keeps the decoder open, so
// that frames in their order are decoded once each. It is for one goroutine.
type Sequence struct {
	data    []byte
	limits  Limits
	process *process // nil before the first frame, and after one that failed
	next    int      // the frame that the decoder goes on with
}

// NewSequence begins with a file; nothing is decoded yet. The limits are those of one frame.
func NewSequence(data []byte, limits Limits) *Sequence { return &Sequence{data: data, limits: limits} }

// Frame decodes a frame, into pix if that is large enough; those before it that it needs are decoded, too. took is the
// processor's time. An error wraps one of this package's, or is that of the context.
func (s *Sequence) Frame(ctx context.Context, index int, pix []uint8) (p Picture, took time.Duration, err error) {
	if err := context.Cause(ctx); err != nil {
		return p, 0, err
	}
	limits := s.limits
	walked := time.Duration(index + 1)
	if index >= s.next {
		walked = time.Duration(index - s.next + 1)
	}
	const longest = math.MaxInt64 / 64 // a process may wait for many times of this
	limits.Time = min(limits.Time, longest/walked) * walked
	q := request{Kind: uint8(AVIF), Keep: true, Index: uint32(index)}
	if s.process != nil {
		q.Again = true
		if p, took, err = s.ask(ctx, s.process, q, nil, pix, limits); !errors.Is(err, errGone) {
			return p, took, err
		}
		limits.Time, q.Again = min(s.limits.Time, longest/time.Duration(index+1))*time.Duration(index+1), false
	}
	return attempt(func(w *process) (Picture, time.Duration, error) {
		return s.ask(ctx, w, q, s.data, pix, limits)
	})
}

// ask has a process decode, and keeps it if it still works. It is ended when the context is done.
func (s *Sequence) ask(ctx context.Context, w *process, q request, data, pix []uint8, limits Limits) (Picture, time.Duration, error) {
	s.process, s.next = w, int(q.Index)+1
	release := context.AfterFunc(ctx, func() { w.command.Process.Kill() })
	p, took, err := w.decode(q, data, pix, limits)
	stopped := !release()
	if w.ended {
		s.process, s.next = nil, 0
	}
	if stopped {
		s.end()
		return Picture{}, took, context.Cause(ctx)
	}
	if err != nil {
		s.next = 0 // where libavif goes on is not known
	}
	return p, took, err
}

// Close leaves the process to other files. Frame may be called again all the same.
func (s *Sequence) Close() {
	if s.process != nil {
		s.process.give()
	}
	s.process, s.next = nil, 0
}

// end ends a process that has been killed.
func (s *Sequence) end() {
	if s.process != nil {
		_ = s.process.end()
	}
	s.process, s.next = nil, 0
}
