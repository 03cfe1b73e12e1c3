package pipeline

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Stats counts what a run has done so far.
type Stats struct {
	// Rows and Failures are the pictures written to the sink.
	Rows, Failures int
	// Bytes is the size of the files read, Batches the number of those computed.
	Bytes   int64
	Batches int
	// Elapsed is the time since the run began.
	Elapsed time.Duration
	// Decode is the time spent in the decode stage, summed over its workers; Infer and
	// Write are the times that those stages were at work, Infer averaged over the devices.
	Decode, Infer, Write time.Duration
	// Workers is the number of pictures decoded at a time.
	Workers int
	// Queues are those between the stages, in the order of the work.
	Queues []Queue
	// Left says that a cancelled run has left behind what outlasted its grace.
	Left bool
	// FirstFailure is the first of the failures, if there is one.
	FirstFailure *Failure
}

// Queue is what waits for a stage: pictures for decode, and for batch in their order, whether
// they are decoded or not; batches for infer and write.
type Queue struct {
	Stage             string
	Waiting, Capacity int
}

// Busy is the share of the time, 0 to 1, in which a stage was at work.
type Busy struct {
	Stage string
	Share float64
}

// Busy tells for each stage how much of the time it was at work. The decode stage is wholly at
// work when all of its workers are.
func (s Stats) Busy() []Busy {
	of := func(d time.Duration, workers int) float64 {
		if s.Elapsed <= 0 {
			return 0
		}
		return min(1, d.Seconds()/s.Elapsed.Seconds()/float64(max(1, workers)))
	}
	return []Busy{{"decode", of(s.Decode, s.Workers)}, {"infer", of(s.Infer, 1)}, {"write", of(s.Write, 1)}}
}

// Bottleneck is the stage that was at work for most of the time: a faster one of the others
// would not make the run faster.
func (s Stats) Bottleneck() Busy {
	var most Busy
	for _, b := range s.Busy() {
		if b.Share > most.Share {
			most = b
		}
	}
	return most
}

// Rate is the number of pictures a second so far, 0 before there is one.
func (s Stats) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Rows+s.Failures) / s.Elapsed.Seconds()
}

// Check is an error when the run had pictures and not one of them became a row.
func (s Stats) Check() error {
	if s.Rows > 0 || s.FirstFailure == nil {
		return nil
	}
	return fmt.Errorf("pipeline: %w: all %d failed, the first is %s: %s", ErrNothingReadable, s.Failures, s.FirstFailure.Path, s.FirstFailure.Reason)
}

// Monitor tells how far a run is. Its zero value is ready for Config; one Run uses it.
type Monitor struct{ run atomic.Pointer[run] }

// Stats may be called at any time, from any goroutine. It is zero before the run.
func (m *Monitor) Stats() Stats {
	if r := m.run.Load(); r != nil {
		return r.stats()
	}
	return Stats{}
}

// meter adds up what the stages do; they report from their own goroutines.
type meter struct {
	rows, failures       atomic.Int64
	bytes, batches       atomic.Int64
	decode, infer, write atomic.Int64 // nanoseconds
	finished             atomic.Int64 // nanoseconds from the start, when all stages have ended
	left                 atomic.Bool
	firstFailure         atomic.Pointer[Failure]
}

// since adds the time from start to now.
func since(total *atomic.Int64, start time.Time) { total.Add(int64(time.Since(start))) }

func (r *run) stats() Stats {
	m := &r.meter
	elapsed := time.Duration(m.finished.Load())
	if elapsed == 0 {
		elapsed = time.Since(r.started)
	}
	return Stats{
		Rows:     int(m.rows.Load()),
		Failures: int(m.failures.Load()),
		Bytes:    m.bytes.Load(),
		Batches:  int(m.batches.Load()),
		Elapsed:  elapsed,
		Decode:   time.Duration(m.decode.Load()),
		Infer:    time.Duration(m.infer.Load()) / time.Duration(r.devices),
		Write:    time.Duration(m.write.Load()),
		Workers:  r.config.Workers,
		Queues: []Queue{
			{"decode", len(r.work), cap(r.work)},
			{"batch", len(r.ordered), cap(r.ordered)},
			{"infer", len(r.batches), cap(r.batches)},
			{"write", len(r.features), cap(r.features)},
		},
		Left:         m.left.Load(),
		FirstFailure: m.firstFailure.Load(),
	}
}
