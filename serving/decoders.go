package serving

import (
	"container/list"
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"fovea/picture"
)

// firstPace is what decoding a pixel is taken to last before any was measured, in seconds.
const firstPace = 20e-9

// decoders decode pictures in two lanes, so that a few large pictures do not keep many small ones
// waiting: each has turns of its own, and memory of its own. Within a lane, who comes first is served
// first.
type decoders struct {
	// small pictures have at most so many pixels and take at most so many bytes, so that all that are
	// decoded at a time stay within the lane's memory.
	smallPixels int64
	smallBytes  int64
	smallTurns  *semaphore.Weighted

	largeTurns  *semaphore.Weighted
	largeMemory *semaphore.Weighted
	capacity    int64 // of largeMemory
	turns       int64 // of each lane
	places      int   // of large pictures that wait or are decoded

	mutex   sync.Mutex // guards what follows
	large   int        // places taken
	waiting list.List  // of *ticket: large pictures whose turn has not come
	pace    float64    // recent seconds a pixel of large pictures

	decoding prometheus.Gauge
}

// ticket is a large picture that waits for its turn, which must come by a time.
type ticket struct {
	pixels int64
	by     time.Time
	refuse context.CancelCauseFunc
}

// errBusy says that large pictures would wait for too long.
var errBusy = errors.New("too many large images are in progress: try again")

func newDecoders(o ServerOptions, maxPixels int) *decoders {
	turns := int64(o.Decoders)
	return &decoders{
		smallPixels: int64(maxPixels) / 4, smallBytes: o.smallMemory() / turns, smallTurns: semaphore.NewWeighted(turns),
		largeTurns: semaphore.NewWeighted(turns), largeMemory: semaphore.NewWeighted(o.largeMemory()), capacity: o.largeMemory(),
		turns: turns, places: max(1, o.Requests*3/4), pace: firstPace,
		decoding: prometheus.NewGauge(prometheus.GaugeOpts{Name: "finetune_decoding_bytes", Help: "Bytes set aside for the images being decoded."}),
	}
}

// run calls decode when the turn of a picture comes that takes so much. The error is errBusy, or ctx's
// if that ends before.
func (d *decoders) run(ctx context.Context, cost picture.Cost, decode func()) error {
	if cost.Pixels <= d.smallPixels && cost.Bytes <= d.smallBytes {
		if err := d.smallTurns.Acquire(ctx, 1); err != nil {
			return err
		}
		defer d.smallTurns.Release(1)
		d.count(cost.Bytes, decode)
		return nil
	}
	if err := d.turn(ctx, cost.Pixels); err != nil {
		return err
	}
	defer d.leave()
	defer d.largeTurns.Release(1)
	begin := time.Now()
	if err := d.largeMemory.Acquire(ctx, cost.Bytes); err != nil {
		return err
	}
	defer d.largeMemory.Release(cost.Bytes)
	d.count(cost.Bytes, decode)
	d.keepPace(time.Since(begin).Seconds() / float64(max(1, cost.Pixels)))
	return nil
}

// count decodes, and counts the bytes meanwhile.
func (d *decoders) count(bytes int64, decode func()) {
	d.decoding.Add(float64(bytes))
	defer d.decoding.Sub(float64(bytes))
	decode()
	if bytes > collectAbove {
		runtime.GC() // or the next large picture comes on top of what is left of this one
	}
}

// collectAbove is the size of a picture from which its memory is collected before the next one is
// decoded. That takes a few milliseconds, and decoding hundreds.
const collectAbove = 64 << 20

// turn waits for the turn of a large picture and takes a place, for half of the time that is left at
// most: the rest is for decoding and computing. A picture whose turn would come later is refused at
// once, or when that turns out.
func (d *decoders) turn(ctx context.Context, pixels int64) error {
	ctx, refuse := context.WithCancelCause(ctx)
	defer refuse(nil)
	by := time.Now().Add(math.MaxInt64)
	if end, limited := ctx.Deadline(); limited {
		by = time.Now().Add(time.Until(end) / 2)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, by, errBusy)
		defer cancel()
	}
	place, err := d.enter(ctx, &ticket{pixels, by, refuse})
	if err != nil {
		return err
	}
	err = d.largeTurns.Acquire(ctx, 1)
	d.mutex.Lock()
	d.waiting.Remove(place)
	d.mutex.Unlock()
	if err != nil {
		d.leave()
		return context.Cause(ctx)
	}
	return nil
}

func (d *decoders) enter(ctx context.Context, t *ticket) (*list.Element, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.large == d.places {
		return nil, errBusy
	}
	place := d.waiting.PushBack(t)
	if d.review(); context.Cause(ctx) != nil {
		d.waiting.Remove(place)
		return nil, context.Cause(ctx)
	}
	d.large++
	return place, nil
}

// review refuses those that wait in vain, at the pace of late. The mutex is held.
func (d *decoders) review() {
	now, ahead := time.Now(), int64(0)
	for e := d.waiting.Front(); e != nil; e = e.Next() {
		t := e.Value.(*ticket)
		// The first one is never refused: its turn is next, and without it the pace would stay as it is.
		if ahead > 0 && now.Add(d.lasts(ahead)).After(t.by) {
			t.refuse(errBusy)
			continue
		}
		ahead += t.pixels
	}
}

// lasts is the time that so many pixels take with all turns. The mutex is held.
func (d *decoders) lasts(pixels int64) time.Duration {
	return time.Duration(float64(pixels) * d.pace / float64(d.turns) * float64(time.Second))
}

// leave gives a place back.
func (d *decoders) leave() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.large--
}

// keepPace averages the time of a pixel over about the last five large pictures.
func (d *decoders) keepPace(seconds float64) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.pace = 0.8*d.pace + 0.2*seconds
	d.review()
}

// wait is about the time until the large pictures that wait now are decoded.
func (d *decoders) wait() time.Duration {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	pixels := int64(0)
	for e := d.waiting.Front(); e != nil; e = e.Next() {
		pixels += e.Value.(*ticket).pixels
	}
	return d.lasts(pixels)
}
