package pipeline

import (
	"fmt"
	"time"
)

// write is the last stage: it gives the sink rows and failures in the order of the items.
// It reads until the queue is closed, so that nothing computed is lost.
func (r *run) write() error {
	for b := range r.features {
		start := time.Now()
		if err := r.deliver(b); err != nil {
			return err
		}
		since(&r.meter.write, start)
		if r.config.Progress != nil {
			r.config.Progress(r.stats())
		}
	}
	return nil
}

// deliver passes runs of rows on together, broken only where a failure stands between.
func (r *run) deliver(b *batch) error {
	var rows []Row
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		if err := r.sink.Append(rows); err != nil {
			return fmt.Errorf("pipeline: store the features of %s and %d more: %w", rows[0].Path, len(rows)-1, err)
		}
		r.meter.rows.Add(int64(len(rows)))
		rows = rows[:0]
		return nil
	}
	for _, o := range b.outcomes {
		if o.failure == nil {
			rows = append(rows, o.row)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		if err := r.sink.Fail(*o.failure); err != nil {
			return fmt.Errorf("pipeline: store the failure of %s: %w", o.failure.Path, err)
		}
		r.meter.failures.Add(1)
		r.meter.firstFailure.CompareAndSwap(nil, o.failure)
	}
	return flush()
}
