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
	"fovea/preprocessing"
)

// Config says how pictures are prepared and how many are on their way at a time.
type Config struct {
	// Picture says how a file becomes pixels of the model's size.
	Picture picture.Options
	// Dense, if it has sides, has each picture seen whole at several scales instead, one
	// picture a batch. The extractor is then a SizedExtractor.
	Dense picture.Dense
	// Preprocessing says how pixels become the model's numbers.
	Preprocessing preprocessing.Spec
	// Workers is the number of pictures decoded at a time (default: one per CPU).
	Workers int
	// First, if set, computes the first picture that can be read, by itself, so that there is
	// a row soon: a full batch takes seconds on a CPU. Its batches may be of any size.
	First Extractor
	// Grace, if set, is how long a cancelled run waits for what is being read and computed. What
	// takes longer is left behind, to end by itself: the extractor must then stay open.
	Grace time.Duration
	// Monitor, if set, can be asked from any goroutine how far the run is.
	Monitor *Monitor
	// Progress, if set, is called after each batch has been written, from one goroutine.
	Progress func(Stats)
}

func (c Config) dense() bool { return len(c.Dense.Sides) > 0 }

// ErrNothingReadable says that no picture at all could be turned into features.
var ErrNothingReadable = errors.New("not one image could be read")

// Run carries the items through the stages and returns when all results are in the sink.
//
// A cancelled context stops it after the batch that is being computed, or after the config's
// Grace: the error is then the context's cause, and the sink holds all finished rows. A store
// that does not answer any more stops it in the same way, with a *StoreError. An error of the
// extractor or the sink ends the run at once.
func Run(ctx context.Context, items []Item, extractor Extractor, sink Sink, config Config) (Stats, error) {
	if config.Workers < 1 {
		config.Workers = runtime.NumCPU()
	}
	// Two kinds of stop: any stage's error ends all of them; the caller's cancellation
	// ends only the taking in of new work, and what is done flows on to the sink.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	intake, stop := context.WithCancelCause(failed)
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })()
	overdue, leave := context.WithCancel(context.Background())
	defer leave()
	if config.Grace > 0 {
		defer context.AfterFunc(ctx, func() { time.AfterFunc(config.Grace, leave) })()
	}

	batchSize := 1
	if config.dense() {
		if _, ok := extractor.(SizedExtractor); !ok {
			return Stats{}, errors.New("pipeline: dense views for an extractor of images of one size")
		}
		config.First = nil // all batches are of one picture
	} else {
		extractor = OverViews(extractor, config.Picture.Views.Count())
		if config.First != nil {
			config.First = OverViews(config.First, config.Picture.Views.Count())
		}
		batchSize = extractor.BatchSize()
	}
	// Decoded pictures wait for their turn up to two batches ahead, which hides the odd large
	// file, or as many as keep all workers busy; a batch each waits before and after inference.
	ahead := max(2*batchSize, batchSize+config.Workers)
	r := &run{
		config:    config,
		extractor: extractor,
		batchSize: batchSize,
		sink:      sink,
		started:   time.Now(),
		stop:      stop,
		overdue:   overdue.Done(),
		ahead:     semaphore.NewWeighted(maxAheadBytes),
		ordered:   make(chan *slot, ahead),
		work:      make(chan *slot, ahead),
		batches:   make(chan *batch, 1),
		features:  make(chan *batch, 1),
		buffers:   make(chan []float32, spareBuffers+parallel(extractor)),
	}
	if config.Monitor != nil {
		config.Monitor.run.Store(r)
	}
	group.Go(func() error { r.attend(func() { r.feed(intake, items) }); return nil })
	for range config.Workers {
		group.Go(func() error { r.attend(func() { r.decode(intake) }); return nil })
	}
	group.Go(func() error { r.collect(intake); return nil })
	group.Go(func() error { return r.infer(intake, failed) })
	group.Go(func() error { return r.write() })
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

// run is the state that the stages of one Run share: the queues between them.
type run struct {
	config    Config
	extractor Extractor
	batchSize int
	sink      Sink
	started   time.Time
	// stop ends the taking in of new work.
	stop context.CancelCauseFunc
	// overdue is closed when the grace of a cancelled run is over.
	overdue <-chan struct{}

	ahead    *semaphore.Weighted // the bytes of maxAheadBytes that are taken
	ordered  chan *slot          // feed -> batch, in the order of the items
	work     chan *slot          // feed -> decode, the same slots
	batches  chan *batch         // batch -> infer
	features chan *batch         // infer -> write
	buffers  chan []float32      // infer -> batch: input buffers to be used again

	meter meter
}

// attend waits until the work is done, or leaves it behind when the grace is over. Work that may
// be left sends nothing to the stages after it.
func (r *run) attend(work func()) {
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
