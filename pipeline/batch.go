package pipeline

import (
	"context"

	"fovea/picture"
)

// batch is a number of images that are computed together, and the failures among them.
type batch struct {
	// outcomes are in the order of the items; failed ones have no place in pixels.
	outcomes []outcome
	// rows is the number of outcomes that did not fail.
	rows int
	// pixels are the preprocessed values of the rows, NHWC.
	pixels []float32
	// tensors replace pixels where the batch is the dense views of one image.
	tensors []picture.Tensor
	// size is the number of rows in a full batch, which extractor computes.
	size      int
	extractor Extractor
	// alone says that no other batch is computed meanwhile.
	alone bool
}

// outcome is a row, or a failure if that is set.
type outcome struct {
	row     Row
	failure *Failure
}

// spareBuffers is the number of input buffers needed beside those in inference: one being
// filled and one waiting for inference.
const spareBuffers = 2

// maxFailures bounds the failures in a batch, so that a directory of broken files does not
// pile up in memory.
const maxFailures = 1024

// collect is the batch stage: it takes the slots in order, waits until each is decoded,
// preprocesses the image and packs it until a batch is full. Broken images do not count, so
// that batches are full no matter how many there are.
func (r *run) collect(ctx context.Context) {
	defer close(r.batches)
	first := r.config.First != nil // until there was a row
	current := r.newBatch(first)
	send := func() bool {
		select {
		case r.batches <- current:
			first = first && current.rows == 0
			current = r.newBatch(first)
			return true
		case <-ctx.Done():
			return false
		}
	}
	for {
		s, open := r.next(ctx)
		if s == nil {
			if open || len(current.outcomes) == 0 { // cancelled, or nothing left
				return
			}
			send()
			return
		}
		r.add(current, s)
		if current.rows == current.size || len(current.outcomes)-current.rows == maxFailures {
			if !send() {
				return
			}
		}
	}
}

// newBatch makes an empty batch. The first one takes a single image if the config has a First
// extractor.
func (r *run) newBatch(first bool) *batch {
	if first {
		return &batch{size: 1, extractor: r.config.First, alone: true}
	}
	return &batch{size: r.batchSize, extractor: r.extractor}
}

// next waits for the next slot to be decoded. It returns no slot at the end of the items, and
// no slot with open set when the run is stopping.
func (r *run) next(ctx context.Context) (s *slot, open bool) {
	select {
	case s, open = <-r.ordered:
		if !open {
			return nil, ctx.Err() != nil
		}
	case <-ctx.Done():
		return nil, true
	}
	select {
	case <-s.done:
		return s, true
	case <-ctx.Done():
		return nil, true
	}
}

// add puts a decoded slot into the batch.
func (r *run) add(b *batch, s *slot) {
	if s.failure != nil {
		b.outcomes = append(b.outcomes, outcome{failure: s.failure})
		return
	}
	if b.tensors = s.tensors; b.tensors == nil {
		r.preprocess(b, s)
	}
	b.rows++
	b.outcomes = append(b.outcomes, outcome{row: Row{
		Item:   s.item,
		SHA256: s.sha256,
		Seen:   s.seen,
		Width:  s.picture.SourceWidth,
		Height: s.picture.SourceHeight,

		Transparent: s.picture.Transparent,
		Faint:       s.picture.Faint,

		Georeference: s.georeference,
	}})
}
