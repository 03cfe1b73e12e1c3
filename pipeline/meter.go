package pipeline

import (
	"sync/atomic"
	"time"
)

// meter adds up what the stages do; they report from their own goroutines.
type meter struct {
	rows, failures       atomic.Int64
	decode, infer, write atomic.Int64 // nanoseconds
}

// since adds the time from start to now.
func since(total *atomic.Int64, start time.Time) { total.Add(int64(time.Since(start))) }

// stats is called by the write stage, or after all stages have ended.
func (r *run) stats() Stats {
	m := &r.meter
	return Stats{
		Rows:     int(m.rows.Load()),
		Failures: int(m.failures.Load()),
		Elapsed:  time.Since(r.started),
		Decode:   time.Duration(m.decode.Load()),
		Infer:    time.Duration(m.infer.Load()) / time.Duration(parallel(r.extractor)),
		Write:    time.Duration(m.write.Load()),

		FirstFailure: r.firstFailure,
	}
}
