package pipeline

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"fovea/internal/finite"
)

// Parallel is an Extractor that computes several batches concurrently, such as one with several
// devices.
type Parallel interface {
	Extractor
	// Parallel is the number of calls of Extract that may run at once.
	Parallel() int
}

// parallel is the number of batches that an extractor computes concurrently.
func parallel(e Extractor) int {
	if p, ok := e.(Parallel); ok {
		return max(1, p.Parallel())
	}
	return 1
}

// computed is a batch on its way through inference; err is valid once done is closed.
type computed struct {
	batch *batch
	done  chan struct{}
	err   error
}

// infer is the inference stage: it adds the features to each batch, several at once if the
// extractor is Parallel, and passes the batches on in order. Batches being computed when the run
// is stopped are still passed on, unless they outlast its grace period; no new one is started.
func (r *run) infer(intake, failed context.Context) error {
	defer close(r.features)
	n := r.devices
	work := make(chan *computed)
	order := make(chan *computed, n)
	// A worker's error is reported when its batch's turn comes, so that all batches before it
	// are passed on.
	group, ctx := errgroup.WithContext(failed)
	group.Go(func() error {
		defer close(work)
		defer close(order)
		r.begin(intake, ctx, work, order)
		return nil
	})
	for range n {
		group.Go(func() error {
			r.abandonable(func() {
				for c := range work {
					if c.batch.rows > 0 {
						c.err = r.compute(c.batch)
					}
					close(c.done)
				}
			})
			return nil
		})
	}
	group.Go(func() error { return r.passOn(ctx, order) })
	return group.Wait()
}

// passOn passes batches on in their order, as soon as they are computed. It ends at the first that could not be.
func (r *run) passOn(ctx context.Context, order <-chan *computed) error {
	for c := range order {
		select {
		case <-c.done:
		case <-r.overdue:
			return nil
		}
		if c.err != nil {
			return c.err
		}
		select {
		case r.features <- c.batch:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// begin gives batches to the workers and records their order, until there are no more or the
// run is stopping. Batches that are alone are waited for.
func (r *run) begin(intake, failed context.Context, work, order chan<- *computed) {
	for {
		select {
		case b, open := <-r.batches:
			if !open || intake.Err() != nil {
				return
			}
			c := &computed{batch: b, done: make(chan struct{})}
			select {
			case work <- c:
			case <-intake.Done():
				return
			case <-failed.Done():
				return
			}
			select {
			case order <- c:
			case <-failed.Done():
				return
			}
			if !b.alone {
				continue
			}
			select {
			case <-c.done:
			case <-r.overdue:
				return
			}
		case <-intake.Done():
			return
		case <-failed.Done():
			return
		}
	}
}

// compute adds the features to a batch.
func (r *run) compute(b *batch) error {
	defer since(&r.meter.infer, time.Now())
	defer r.meter.batches.Add(1)
	var features [][]float32
	var err error
	if b.tensors != nil {
		features, err = overTensors(b.extractor.(SizedExtractor), b.tensors)
		b.tensors = nil
	} else {
		size := len(b.pixels) / r.batchSize
		features, err = b.extractor.Extract(b.pixels[:b.rows*size], b.rows)
	}
	if err != nil {
		return fmt.Errorf("pipeline: extract features of %d images from %s on: %w", b.rows, b.first().Path, err)
	}
	if b.pixels != nil {
		select {
		case r.buffers <- b.pixels:
		default:
		}
		b.pixels = nil
	}
	b.spread(features)
	return nil
}

// first is the item of the first row.
func (b *batch) first() Item {
	for _, o := range b.outcomes {
		if o.failure == nil {
			return o.row.Item
		}
	}
	return Item{}
}

// spread gives each row its part of the features. A row with a NaN or an infinity becomes a
// failure: it would spoil whatever is computed from the dataset.
func (b *batch) spread(features [][]float32) {
	n := 0
	for i := range b.outcomes {
		o := &b.outcomes[i]
		if o.failure != nil {
			continue
		}
		o.row.Features = make([][]float32, len(features))
		for l, values := range features {
			size := len(values) / b.rows
			o.row.Features[l] = values[n*size : (n+1)*size : (n+1)*size]
			if at := finite.First(o.row.Features[l]); at >= 0 {
				o.failure = &Failure{Item: o.row.Item, Stage: StageInfer, SHA256: o.row.SHA256, Seen: o.row.Seen,
					Reason: fmt.Sprintf("value %d of feature column %d is %v: the model's weights or its input are broken", at, l, o.row.Features[l][at])}
			}
		}
		n++
	}
}
