package serving

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// batcher computes the images that wait for it together, one batch after another.
type batcher struct {
	predictor *Predictor
	jobs      chan job
	stopped   chan struct{}
	sizes     prometheus.Histogram
	// pace is the recent computing time per image: the bits of a float64 of seconds.
	pace atomic.Uint64
	// values are those of a batch; run alone uses them.
	values []float32
}

// job is a decoded image and where its outcome goes, for which there is room.
type job struct {
	values []float32
	answer chan<- answer
}

// answer is what was computed of an image: its features, a slice for each of the head's layers, and what the head says.
type answer struct {
	features [][]float32
	outcome  Outcome
	err      error
}

func newBatcher(p *Predictor, sizes prometheus.Histogram) *batcher {
	return &batcher{predictor: p, sizes: sizes, jobs: make(chan job), stopped: make(chan struct{})}
}

// predict computes a decoded image in a batch with others. Its error is ctx's if that ends first.
func (b *batcher) predict(ctx context.Context, values []float32) answer {
	answers := make(chan answer, 1)
	select {
	case b.jobs <- job{values, answers}:
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
	select {
	case a := <-answers:
		return a
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}

// stop ends run. No predict may be in progress or follow.
func (b *batcher) stop() { close(b.stopped) }

// run answers jobs until stop is called.
func (b *batcher) run() {
	for {
		select {
		case first := <-b.jobs:
			b.compute(b.gather(first))
		case <-b.stopped:
			return
		}
	}
}

// gather adds the jobs that are waiting to the first one, up to a full batch.
func (b *batcher) gather(first job) []job {
	batch := []job{first}
	for len(batch) < b.predictor.BatchSize() {
		select {
		case j := <-b.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

func (b *batcher) compute(batch []job) {
	b.sizes.Observe(float64(len(batch)))
	start := time.Now()
	b.values = b.values[:0]
	for _, j := range batch {
		b.values = append(b.values, j.values...)
	}
	features, outcomes, err := b.predictor.compute(b.values, len(batch))
	b.keepPace(time.Since(start).Seconds() / float64(len(batch)))
	for i, j := range batch {
		a := answer{err: err}
		if err == nil {
			a.outcome, a.features = outcomes[i], ofImage(features, i, len(batch))
		}
		j.answer <- a // never waits: there is room for one, and one is sent
	}
}

// ofImage is image i's part of the features of n images.
func ofImage(features [][]float32, i, n int) [][]float32 {
	own := make([][]float32, len(features))
	for l, values := range features {
		size := len(values) / n
		own[l] = values[i*size : (i+1)*size : (i+1)*size]
	}
	return own
}

// keepPace averages the time of an image over about the last ten batches.
func (b *batcher) keepPace(seconds float64) {
	before := b.secondsEach()
	if before == 0 {
		before = seconds
	}
	b.pace.Store(math.Float64bits(0.9*before + 0.1*seconds))
}

// secondsEach is the recent computing time per image, 0 before the first one.
func (b *batcher) secondsEach() float64 { return math.Float64frombits(b.pace.Load()) }
