package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"time"

	"fovea/picture"
)

// maxAheadBytes bounds the memory of pictures out of sources that wait to be decoded. One
// that is larger waits alone.
const maxAheadBytes = 64 << 20

// slot is an item on its way through the decode stage. Its results are valid once done is
// closed.
type slot struct {
	item Item
	// data is the picture's file if it came out of a source; held is how much of
	// maxAheadBytes it takes.
	data []byte
	held int64
	done chan struct{}
	// fetched is closed when the picture has come out of a store, nil for other ones.
	fetched chan struct{}
	picture picture.Picture
	tensors []picture.Tensor // instead of the picture's pixels, where it is seen densely
	sha256  string
	seen    Seen
	failure *Failure
}

// feed hands the items out: to the batch stage in order, to the workers as they come free.
// It reads those that lie in sources, which can only be read in order.
func (r *run) feed(ctx context.Context, items []Item) {
	defer close(r.ordered)
	defer close(r.work)
	fetching := fetcher{run: r, slots: make(chan struct{}, maxFetches)}
	defer fetching.Wait()
	var sources sequence
	defer sources.close()
	for _, item := range items {
		s := &slot{item: item, done: make(chan struct{})}
		if item.Source != nil {
			if err := r.fromSource(ctx, &sources, s); err != nil {
				if failure := ofStore(err); failure != nil {
					r.stop(failure)
					return
				}
				s.fail(StageRead, err)
			}
		} else if item.stored != nil {
			fetching.begin(ctx, s)
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case r.ordered <- s:
		case <-ctx.Done():
			return
		}
		select {
		case r.work <- s:
		case <-ctx.Done():
			return
		}
	}
}

// fromSource reads a picture of a source.
func (r *run) fromSource(ctx context.Context, sources *sequence, s *slot) (err error) {
	use := func(content io.Reader, size int64) error { return r.load(ctx, s, content, size) }
	undo := func() {
		r.ahead.Release(s.held)
		s.data, s.held = nil, 0
	}
	s.seen, err = sources.readSeen(ctx, s.item, use, undo)
	return err
}

// load reads a picture of a source when there is memory for it.
func (r *run) load(ctx context.Context, s *slot, content io.Reader, size int64) error {
	held := min(max(size, 0), maxAheadBytes)
	if err := r.ahead.Acquire(ctx, held); err != nil {
		return err
	}
	data, err := readContent(content, size)
	if err != nil {
		r.ahead.Release(held)
		return err
	}
	s.data, s.held = data, held
	return nil
}

func (s *slot) fail(stage Stage, err error) {
	s.failure = &Failure{Item: s.item, Stage: stage, Reason: err.Error(), SHA256: s.sha256, Seen: s.seen}
}

// decode is one worker: it reads, checks and resizes one picture after another.
func (r *run) decode(ctx context.Context) {
	for {
		select {
		case s, open := <-r.work:
			if !open {
				return
			}
			if s.fetched != nil {
				select {
				case <-s.fetched:
				case <-ctx.Done():
					return
				}
			}
			start := time.Now()
			if !r.prepare(ctx, s) {
				return
			}
			since(&r.meter.decode, start)
			close(s.done)
		case <-ctx.Done():
			return
		}
	}
}

// prepare makes the slot a picture of the model's size or a failure. It is false where there is
// neither since the run is being stopped.
func (r *run) prepare(ctx context.Context, s *slot) bool {
	if s.failure != nil {
		return true
	}
	data := s.data
	if s.item.Source == nil && s.item.stored == nil {
		var err error
		data, s.seen, err = s.item.readSeen(ctx)
		switch failure := ofStore(err); {
		case failure != nil:
			r.stop(failure) // nobody is to take the picture for a broken one
			return false
		case ctx.Err() != nil:
			return false
		case err != nil:
			s.fail(StageRead, err)
			return true
		}
	}
	defer r.ahead.Release(s.held)
	s.data = nil
	r.meter.bytes.Add(int64(len(data)))
	sum := sha256.Sum256(data)
	s.sha256 = hex.EncodeToString(sum[:])
	var err error
	if r.config.dense() {
		s.tensors, s.picture, err = picture.DecodeDense(data, r.config.Dense, r.config.Preprocessing)
	} else {
		s.picture, err = picture.Decode(data, r.config.Picture)
	}
	if err != nil {
		s.fail(StageDecode, err)
	}
	return true
}

// maxFetches is the number of pictures that are being read out of stores at a time, which take
// their time to answer.
const maxFetches = 16

// fetcher reads pictures out of stores ahead of the decoding.
type fetcher struct {
	*run
	sync.WaitGroup
	slots chan struct{}
}

// begin has a picture read when there is memory for it and a place.
func (f *fetcher) begin(ctx context.Context, s *slot) {
	size := s.item.stored.file.Size
	if size > maxFileBytes {
		s.fail(StageRead, tooLarge(size))
		return
	}
	held := min(max(size, 0), maxAheadBytes)
	if err := f.ahead.Acquire(ctx, held); err != nil {
		return // the run is being stopped
	}
	s.held, s.fetched = held, make(chan struct{})
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	f.Go(func() {
		defer func() { <-f.slots }()
		data, seen, err := s.item.readSeen(ctx)
		s.seen = seen
		switch {
		case ofStore(err) != nil:
			f.stop(err) // nobody is to take the picture for a broken one
			return
		case err != nil:
			s.fail(StageRead, err)
			f.ahead.Release(held)
			s.held = 0
		}
		s.data = data
		close(s.fetched)
	})
}
