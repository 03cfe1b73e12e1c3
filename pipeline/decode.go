package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"fovea/picture"
)

// decode is one worker of the decode stage: it reads, checks and resizes one image after
// another.
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
			if !r.decodeSlot(ctx, s) {
				return
			}
			since(&r.meter.decode, start)
			close(s.done)
		case <-ctx.Done():
			return
		}
	}
}

// decodeSlot turns the slot into an image of the model's input size or a failure. It returns
// false if it could do neither because the run is stopping.
func (r *run) decodeSlot(ctx context.Context, s *slot) bool {
	if s.failure != nil {
		return true
	}
	data := s.data
	if s.item.Source == nil && s.item.stored == nil {
		var err error
		data, s.seen, err = s.item.readSeen(ctx)
		switch failure := ofStore(err); {
		case failure != nil:
			r.stop(failure) // the image must not count as broken
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
	err := r.makePictures(s, data)
	if err == nil && r.config.Facts.Any() {
		err = r.describe(s, data)
	}
	switch {
	case errors.Is(err, picture.ErrTooSlow):
		s.fail(StageTime, err)
	case errors.Is(err, picture.ErrMissing):
		s.fail(StageLibrary, err)
	case err != nil:
		s.fail(StageDecode, err)
	}
	return true
}

// makePictures decodes a file into what the models see of it.
func (r *run) makePictures(s *slot, data []byte) (err error) {
	switch {
	case r.config.dense():
		s.tensors, s.picture, err = picture.DecodeDense(data, r.config.Dense, r.config.Preprocessing)
	case len(r.config.Also) > 0:
		if s.pictures, err = picture.DecodeEach(data, r.pictures); err == nil {
			s.picture = s.pictures[0]
		}
	default:
		s.picture, err = picture.Decode(data, r.config.Picture)
	}
	return err
}

// describe adds what else the file says of the image.
func (r *run) describe(s *slot, data []byte) (err error) {
	if s.facts == nil {
		facts, err := picture.FactsOf(data, r.config.Facts)
		if err != nil {
			return err
		}
		s.facts = &facts
	}
	if r.config.Facts.Georeference {
		s.georeference = s.facts.Georeference
	}
	if r.config.Group != nil {
		s.item.Group, err = r.config.Group(*s.facts)
	}
	return err
}
