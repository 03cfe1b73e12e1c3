package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"fovea/picture"
)

// ErrNothingReadable means that not a single image could be turned into a result.
var ErrNothingReadable = errors.New("no image could be read")

// Run sends the items through all stages and returns once every result is in the sink.
//
// Cancelling the context stops the run after the batches being computed, or after the config's
// Grace: the error is then the context's cause, and the sink holds all finished rows. A store
// that stops answering ends the run in the same way, with a *StoreError. An error of the
// extractor or the sink ends the run at once.
func Run(ctx context.Context, items []Item, extractor Extractor, sink Sink, config Config) (Stats, error) {
	batchSize := 1
	if config.dense() {
		if _, ok := extractor.(SizedExtractor); !ok {
			return Stats{}, errors.New("pipeline: dense views for an extractor of images of one size")
		}
		config.First = nil // all batches hold one image
	} else {
		if err := checkJoint(extractor, config); err != nil {
			return Stats{}, err
		}
		extractor = OverViews(extractor, config.Picture.Views.Count())
		if config.First != nil {
			config.First = OverViews(config.First, config.Picture.Views.Count())
		}
		batchSize = extractor.BatchSize()
	}
	r := newRun(config, batchSize)
	r.extractor, r.devices = extractor, parallel(extractor)
	r.sink, r.failures = sink, sink
	r.batches, r.features = make(chan *batch, 1), make(chan *batch, 1)
	r.buffers = make(chan []float32, spareBuffers+r.devices)
	return r.do(ctx, items, func(group *errgroup.Group, intake, failed context.Context) {
		group.Go(func() error { r.collect(intake); return nil })
		group.Go(func() error { return r.infer(intake, failed) })
		group.Go(r.write)
	})
}

// run is the state shared by the stages of one Run or Pixels: the queues between them.
type run struct {
	config    Config
	inputs    []Input // the config's
	pictures  []picture.Options
	extractor Extractor
	devices   int // batches computed concurrently
	batchSize int
	sink      Sink
	failures  failureSink
	started   time.Time
	// stop ends the intake of new work.
	stop context.CancelCauseFunc
	// overdue is closed when the grace period of a cancelled run is over.
	overdue <-chan struct{}

	ahead    *semaphore.Weighted // the part of maxAheadBytes in use
	ordered  chan *slot          // feed -> batch, in the order of the items
	work     chan *slot          // feed -> decode, the same slots
	batches  chan *batch         // batch -> infer
	features chan *batch         // infer -> write
	buffers  chan []float32      // infer -> batch: input buffers to reuse

	meter meter
}

// failureSink is the part of a sink that takes failures.
type failureSink interface{ Fail(Failure) error }

func newRun(config Config, batchSize int) *run {
	if config.Workers < 1 {
		config.Workers = runtime.NumCPU()
	}
	// Decoded images wait for their turn up to two batches ahead, which hides the odd large
	// file, or as many as keep all workers busy; another batch waits before and after inference.
	ahead := max(2*batchSize, batchSize+config.Workers)
	return &run{
		config:    config,
		inputs:    config.Inputs(),
		pictures:  config.Pictures(),
		devices:   1,
		batchSize: batchSize,
		started:   time.Now(),
		ahead:     semaphore.NewWeighted(maxAheadBytes),
		ordered:   make(chan *slot, ahead),
		work:      make(chan *slot, ahead),
	}
}

// do runs feed and decode, and whatever later stages begin adds to the group, until all are done.
//
// There are two kinds of stop: an error of any stage ends all of them at once (failed), while
// the caller's cancellation ends only the intake of new work, so that finished work still flows
// to the sink.
func (r *run) do(ctx context.Context, items []Item, begin func(group *errgroup.Group, intake, failed context.Context)) (Stats, error) {
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	intake, stop := context.WithCancelCause(failed)
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })()
	overdue, leave := context.WithCancel(context.Background())
	defer leave()
	if r.config.Grace > 0 {
		defer context.AfterFunc(ctx, func() { time.AfterFunc(r.config.Grace, leave) })()
	}
	r.stop, r.overdue = stop, overdue.Done()
	if r.config.Monitor != nil {
		r.config.Monitor.run.Store(r)
	}
	group.Go(func() error { r.abandonable(func() { r.feed(intake, items) }); return nil })
	for range r.config.Workers {
		group.Go(func() error { r.abandonable(func() { r.decode(intake) }); return nil })
	}
	begin(group, intake, failed)
	err := group.Wait()
	since(&r.meter.finished, r.started)

	stats := r.stats()
	switch {
	case err != nil:
		return stats, err
	case ctx.Err() != nil && stats.Rows+stats.Failures < len(items):
		return stats, context.Cause(ctx)
	case ofStore(context.Cause(intake)) != nil:
		return stats, fmt.Errorf("pipeline: %w", context.Cause(intake))
	}
	return stats, nil
}

// abandonable waits for the work, or abandons it when the grace period is over. Abandoned work
// must send nothing to later stages.
func (r *run) abandonable(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-r.overdue:
		r.meter.left.Store(true)
	}
}
