package pipeline

import (
	"errors"
	"fmt"
	"time"
)

// write is the last stage: it gives the sink rows and failures in the order of the items.
// It drains its queue until that is closed, so that nothing computed is lost.
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

// deliver gives the sink consecutive rows in one call; only a failure between them splits them.
func (r *run) deliver(b *batch) error {
	var rows []Row
	for _, o := range b.outcomes {
		if o.failure == nil {
			rows = append(rows, o.row)
			continue
		}
		if err := r.store(rows); err != nil {
			return err
		}
		rows = rows[:0]
		if err := r.fail(o.failure); err != nil {
			return err
		}
	}
	return r.store(rows)
}

// store gives rows to the sink. A row that the sink refuses becomes a failure in its place.
func (r *run) store(rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	err := r.sink.Append(rows)
	var refused *Refusal
	if errors.As(err, &refused) {
		at := refused.Row
		if err := r.store(rows[:at]); err != nil {
			return err
		}
		if err := r.fail(&Failure{Item: rows[at].Item, Stage: StageStore, Reason: refused.Err.Error()}); err != nil {
			return err
		}
		return r.store(rows[at+1:])
	}
	if err != nil {
		return fmt.Errorf("pipeline: store the features of %s and %d more: %w", rows[0].Path, len(rows)-1, err)
	}
	r.meter.rows.Add(int64(len(rows)))
	return nil
}

// fail gives a failure to the sink.
func (r *run) fail(f *Failure) error {
	if err := r.failures.Fail(*f); err != nil {
		return fmt.Errorf("pipeline: store the failure of %s: %w", f.Path, err)
	}
	r.meter.failures.Add(1)
	r.meter.firstFailure.CompareAndSwap(nil, f)
	return nil
}
