package pipeline

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Stats says what a run has done so far.
type Stats struct {
	// Rows and Failures count the images written to the sink.
	Rows, Failures int
	// Bytes is the total size of the files read, Batches the number of batches computed.
	Bytes   int64
	Batches int
	// Elapsed is the time since the run began.
	Elapsed time.Duration
	// Decode is the time spent decoding, summed over the workers; Infer and Write are the times
	// that those stages were busy, Infer averaged over the devices.
	Decode, Infer, Write time.Duration
	// Workers is the number of images decoded concurrently.
	Workers int
	// Queues are the queues between the stages, in order.
	Queues []Queue
	// Left reports whether a cancelled run abandoned work that outlasted its grace period.
	Left bool
	// FirstFailure is the first failure, nil if there is none.
	FirstFailure *Failure
}

// Queue is the work waiting for a stage: images for decode; images in order, decoded or not, for
// batch; batches for infer and write.
type Queue struct {
	Stage             string
	Waiting, Capacity int
}

// Busy is the share of the time, 0 to 1, that a stage was busy.
type Busy struct {
	Stage string
	Share float64
}

// Busy says for each stage how much of the time it was busy. The decode stage is fully busy when
// all its workers are.
func (s Stats) Busy() []Busy {
	of := func(d time.Duration, workers int) float64 {
		if s.Elapsed <= 0 {
			return 0
		}
		return min(1, d.Seconds()/s.Elapsed.Seconds()/float64(max(1, workers)))
	}
	return []Busy{{"decode", of(s.Decode, s.Workers)}, {"infer", of(s.Infer, 1)}, {"write", of(s.Write, 1)}}
}

// Bottleneck is the stage that was busy for most of the time: speeding up any other would not
// make the run faster.
func (s Stats) Bottleneck() Busy {
	var most Busy
	for _, b := range s.Busy() {
		if b.Share > most.Share {
			most = b
		}
	}
	return most
}

// Rate is the number of images per second so far, 0 before the first one.
func (s Stats) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Rows+s.Failures) / s.Elapsed.Seconds()
}

// Check returns an error if the run had images and not one of them became a row.
func (s Stats) Check() error {
	if s.Rows > 0 || s.FirstFailure == nil {
		return nil
	}
	return fmt.Errorf("pipeline: %w: all %d failed, the first is %s: %s", ErrNothingReadable, s.Failures, s.FirstFailure.Path, s.FirstFailure.Reason)
}

// Monitor reports the progress of a run. Its zero value is ready for use in a Config, for one Run.
type Monitor struct{ run atomic.Pointer[run] }

// Stats may be called at any time, from any goroutine. It is zero before the run.
func (m *Monitor) Stats() Stats {
	if r := m.run.Load(); r != nil {
		return r.stats()
	}
	return Stats{}
}

// meter adds up what the stages do, in their own goroutines.
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
