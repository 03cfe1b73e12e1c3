package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"fovea/picture"
)

// Config says how pictures are prepared and how many are on their way at a time.
type Config struct {
	// Picture says how a file becomes pixels of the model's size.
	Picture picture.Options
	// Normalization says how pixels become the model's numbers.
	Normalization picture.Normalization
	// Workers is the number of pictures decoded at a time (default: one per CPU).
	Workers int
	// Progress, if set, is called after each batch has been written, from one goroutine.
	Progress func(Stats)
}

// Stats counts what a run has done so far.
type Stats struct {
	// Rows and Failures are the pictures written to the sink.
	Rows, Failures int
	// Elapsed is the time since the run began.
	Elapsed time.Duration
	// Decode is the time spent in the decode stage, summed over its workers; Infer and
	// Write are the times that those stages were at work, Infer averaged over the devices.
	Decode, Infer, Write time.Duration
	// FirstFailure is the first of the failures, if there is one.
	FirstFailure *Failure
}

// ErrNothingReadable says that no picture at all could be turned into features.
var ErrNothingReadable = errors.New("not one picture could be read")

// Run carries the items through the stages and returns when all results are in the sink.
//
// A cancelled context stops it after the batch that is being computed: the error is then
// the context's cause, and the sink holds all finished rows. An error of the extractor or
// the sink ends the run at once.
func Run(ctx context.Context, items []Item, extractor Extractor, sink Sink, config Config) (Stats, error) {
	if config.Workers < 1 {
		config.Workers = runtime.NumCPU()
	}
	// Two kinds of stop: any stage's error ends all of them; the caller's cancellation
	// ends only the taking in of new work, and what is done flows on to the sink.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	intake, stop := context.WithCancel(failed)
	defer stop()
	defer context.AfterFunc(ctx, stop)()

	extractor = OverViews(extractor, config.Picture.Views.Count())
	batchSize := extractor.BatchSize()
	r := &run{
		config:    config,
		extractor: extractor,
		sink:      sink,
		started:   time.Now(),
		// Decoded pictures wait for their turn up to two batches ahead, which hides the
		// odd large file; a batch each waits before and after inference.
		ordered:  make(chan *slot, 2*batchSize),
		work:     make(chan *slot, 2*batchSize),
		batches:  make(chan *batch, 1),
		features: make(chan *batch, 1),
		buffers:  make(chan []float32, spareBuffers+parallel(extractor)),
	}
	group.Go(func() error { r.feed(intake, items); return nil })
	for range config.Workers {
		group.Go(func() error { r.decode(intake); return nil })
	}
	group.Go(func() error { r.collect(intake); return nil })
	group.Go(func() error { return r.infer(intake, failed) })
	group.Go(func() error { return r.write() })
	err := group.Wait()

	stats := r.stats()
	switch {
	case err != nil:
		return stats, err
	case ctx.Err() != nil && stats.Rows+stats.Failures < len(items):
		return stats, context.Cause(ctx)
	}
	return stats, nil
}

// Check is an error when the run had pictures and not one of them became a row.
func (s Stats) Check() error {
	if s.Rows > 0 || s.FirstFailure == nil {
		return nil
	}
	return fmt.Errorf("pipeline: %w: all %d failed, the first is %s: %s", ErrNothingReadable, s.Failures, s.FirstFailure.Path, s.FirstFailure.Reason)
}

// run is the state that the stages of one Run share: the queues between them.
type run struct {
	config    Config
	extractor Extractor
	sink      Sink
	started   time.Time

	ordered  chan *slot     // feed -> batch, in the order of the items
	work     chan *slot     // feed -> decode, the same slots
	batches  chan *batch    // batch -> infer
	features chan *batch    // infer -> write
	buffers  chan []float32 // infer -> batch: input buffers to be used again

	meter        meter
	firstFailure *Failure // set by the write stage
}
