package explorer

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
)

// watchEvery is how often the directory is looked at.
const watchEvery = time.Second

// compute makes maps and predictions of each edition that is shown, until ctx ends.
func (s *Server) compute(ctx context.Context) {
	for ctx.Err() == nil {
		t := s.shown.Load()
		of, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.maps.compute(of, t)
		}()
		for turned := false; !turned && ctx.Err() == nil; {
			select {
			case <-s.turned:
				turned = s.shown.Load().data != t.data // otherwise it told of what is computed already
			case <-ctx.Done():
			}
		}
		stop()
		<-done
	}
}

// watch looks whether the dataset was replaced, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		s.turning.Lock()
		if featurestore.EditionOf(s.options.Dir) != s.shown.Load().dataset.Edition() {
			s.turn(ctx)
		}
		s.turning.Unlock()
	}
}

// turn shows what is in the directory now. The caller holds turning. While another program writes there, what was
// there before is shown.
func (s *Server) turn(ctx context.Context) {
	before := s.shown.Load()
	now, err := openTable(ctx, s.options)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		s.trouble(err)
		return
	}
	s.trouble(nil)
	s.take(before, now)
	s.events.send("dataset", map[string]any{"version": now.version, "changed": true})
}

// take shows another edition.
func (s *Server) take(before, now *table) {
	now.inherit(before)
	s.labels.reloaded(before, now)
	s.shown.Store(now)
	if now.data == before.data {
		return
	}
	select {
	case s.turned <- struct{}{}:
	default: // compute has not yet begun with the one before
	}
}

// trouble tells once why the dataset cannot be read any more.
func (s *Server) trouble(err error) {
	if err != nil && message(err) != message(s.troubled) && !errors.Is(err, featurestore.ErrReplaced) {
		logrus.Warnf("the dataset changed, and cannot be read: %v", err)
		s.events.send("dataset", map[string]any{"version": s.shown.Load().version, "changed": false, "error": err.Error()})
	}
	s.troubled = err
}

// errReplaced says that the dataset is no longer the one that is shown.
var errReplaced = errors.New("the dataset was replaced by another program: reload the page")

// write calls a function that writes to the dataset, if it is still the one of that version, and shows the result under
// the same version. Nothing else turns meanwhile. If others have replaced the dataset, it is errReplaced.
func (s *Server) write(ctx context.Context, version string, change func(ctx context.Context) error) error {
	s.turning.Lock()
	defer s.turning.Unlock()
	before := s.shown.Load()
	if before.version != version || featurestore.EditionOf(s.options.Dir) != before.dataset.Edition() {
		return errReplaced
	}
	if _, err := before.vectors(ctx); err != nil { // which could not be read from what replaces them
		return err
	}
	changed := change(ctx)
	if featurestore.EditionOf(s.options.Dir) == before.dataset.Edition() {
		return changed // nothing was written
	}
	now, err := openTable(context.WithoutCancel(ctx), s.options) // or, at the end, it would pass for another program's
	if err != nil {
		return errors.Join(changed, err)
	}
	if now.identity != before.identity {
		s.take(before, now)
		s.events.send("dataset", map[string]any{"version": now.version, "changed": true})
		return errors.Join(changed, errReplaced)
	}
	now.version = before.version
	s.take(before, now)
	return changed
}
