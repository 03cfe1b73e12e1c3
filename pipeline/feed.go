package pipeline

import (
	"context"
	"io"
	"sync"

	"fovea/picture"
)

// maxAheadBytes bounds the memory of images that were read from sources and stores and wait to
// be decoded. One that is larger waits alone.
const maxAheadBytes = 64 << 20

// slot is an item on its way through the decode stage. Its results are valid once done is
// closed.
type slot struct {
	item Item
	// data is the image's file if it came from a source or a store; held is how much of
	// maxAheadBytes it takes.
	data []byte
	held int64
	done chan struct{}
	// fetched is closed when the image has arrived from a store; nil for other images.
	fetched chan struct{}
	picture picture.Picture
	// pictures are those of Config.Inputs, the first of which is picture, where there are several.
	pictures []picture.Picture
	tensors  []picture.Tensor // instead of the image's pixels for dense views
	// facts are those of the file that the image is a part of; nil for whole files.
	facts        *picture.Facts
	georeference *picture.Georeference
	sha256       string
	seen         Seen
	failure      *Failure
}

func (s *slot) fail(stage Stage, err error) {
	s.failure = &Failure{Item: s.item, Stage: stage, Reason: err.Error(), SHA256: s.sha256, Seen: s.seen}
}

// feed is the first stage: it hands out the items, to the batch stage in order and to the
// decode workers as they become free. It also reads images in sources, which allow reading in
// order only, and starts the reading of those in stores.
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

// fromSource reads an image from its source.
func (r *run) fromSource(ctx context.Context, sources *sequence, s *slot) (err error) {
	use := func(content io.Reader, size int64) error { return r.load(ctx, s, content, size) }
	undo := func() {
		r.ahead.Release(s.held)
		s.data, s.held = nil, 0
	}
	s.seen, err = sources.readSeen(ctx, s.item, use, undo)
	if of, ok := sources.contents.(FactsContents); ok && err == nil && r.config.Facts.Any() {
		var facts picture.Facts
		if facts, err = of.Facts(s.item); err != nil {
			undo()
		}
		s.facts = &facts
	}
	return err
}

// load reads an image from a source as soon as there is memory for it.
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

// maxFetches is the number of images read from stores concurrently, since stores are slow to
// answer.
const maxFetches = 16

// fetcher reads images from stores ahead of the decode workers.
type fetcher struct {
	*run
	sync.WaitGroup
	slots chan struct{}
}

// begin starts reading an image once there is memory and a free slot for it.
func (f *fetcher) begin(ctx context.Context, s *slot) {
	size := s.item.stored.file.Size
	if size > picture.MaxFileBytes {
		s.fail(StageRead, tooLarge(size))
		return
	}
	held := min(max(size, 0), maxAheadBytes)
	if err := f.ahead.Acquire(ctx, held); err != nil {
		return // the run is stopping
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
			f.stop(err) // the image must not count as broken
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
