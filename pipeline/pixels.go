package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// DecodedImage is an image as Pixels delivers it.
type DecodedImage struct {
	Item
	// SHA256 is the hex SHA-256 of the file's bytes.
	SHA256 string
	// Seen identifies what the bytes were read from.
	Seen Seen
	// Width and Height are in pixels, as stored in the file.
	Width, Height int
	// Pix are the pixels at the size of Config.Picture, RGB, not normalized: views x height x
	// width x 3 bytes. The sink may keep them.
	Pix []uint8
}

// PixelSink takes decoded images and failures in the order of the items. Its methods are called
// from one goroutine. An error ends the run.
type PixelSink interface {
	Append(image DecodedImage) error
	Fail(failure Failure) error
}

// pixelsAhead is the number of decoded images that may wait for the sink, or twice the number of
// workers if that is more.
const pixelsAhead = 16

// Pixels decodes the items and hands their pixels to the sink: it is Run without a model. The
// config's Preprocessing and First are not used, and dense views have no pixels of one size, so
// that they are an error.
//
// A cancelled context, a store that stops answering and an error of the sink end it as they end
// Run. In the Stats each image delivered is a row, and there are no batches.
func Pixels(ctx context.Context, items []Item, sink PixelSink, config Config) (Stats, error) {
	if config.dense() {
		return Stats{}, errors.New("pipeline: dense views are not pixels of one size")
	}
	r := newRun(config, pixelsAhead/2)
	r.failures = sink
	return r.do(ctx, items, func(group *errgroup.Group, intake, _ context.Context) {
		group.Go(func() error { return r.writePixels(intake, sink) })
	})
}

// writePixels is the last stage of Pixels: it takes the slots in order, waits until each is
// decoded, and gives it to the sink.
func (r *run) writePixels(ctx context.Context, sink PixelSink) error {
	for {
		s, _ := r.next(ctx)
		if s == nil { // cancelled, or nothing left
			return nil
		}
		start := time.Now()
		if err := r.deliverPixels(s, sink); err != nil {
			return err
		}
		since(&r.meter.write, start)
		if r.config.Progress != nil {
			r.config.Progress(r.stats())
		}
	}
}

func (r *run) deliverPixels(s *slot, sink PixelSink) error {
	if s.failure != nil {
		return r.fail(s.failure)
	}
	err := sink.Append(DecodedImage{
		Item: s.item, SHA256: s.sha256, Seen: s.seen,
		Width: s.picture.SourceWidth, Height: s.picture.SourceHeight, Pix: s.picture.Pix,
	})
	if err != nil {
		return fmt.Errorf("pipeline: store the pixels of %s: %w", s.item.Path, err)
	}
	r.meter.rows.Add(1)
	return nil
}
