package featurestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Revision says what a dataset is to hold.
type Revision struct {
	// Row returns the path, label, split, group and Seen that the dataset's i-th row gets, or false if it goes.
	Row func(i int) (Row, bool)
	// Take returns the label, split and group that a row in Update.Staging gets, or false if it is not wanted. Those rows
	// follow. Nil takes none.
	Take func(staged Row) (taken Row, wanted bool)
	// Failures are all failures.
	Failures []Failure
}

// Commit puts the revised rows, in their order, followed by those in Staging, into the dataset's place, like Revise:
// readers see the old dataset or the new one, whatever happens. The new one is complete, with shards of the same size.
// Staging is left for Unstage.
func (u *Update) Commit(ctx context.Context, to Revision) error {
	return u.replace(func(next string) error { return u.revision(ctx, to).write(ctx, next) })
}

// replace puts the dataset that write makes in next into the dataset's place.
func (u *Update) replace(write func(next string) error) error {
	if u.lock == nil {
		return fmt.Errorf("featurestore: update: %w", ErrClosed)
	}
	if editionOf(u.dir) != u.before.edition { // by something that ignores the lock
		return fmt.Errorf("featurestore: update: %q %w", u.dir, ErrReplaced)
	}
	next, err := "", replaceable(u.dir, true) // others may have put something there while rows were made
	if err == nil {
		next, err = u.lock.place()
	}
	if err == nil {
		if err = write(next); err != nil {
			err = errors.Join(err, removeNext(next))
		} else {
			at("written")
			err = u.lock.put(next, ReadOptions{MaxMemory: u.config.MaxMemory})
		}
	}
	if err != nil {
		return fmt.Errorf("featurestore: update: %w", err)
	}
	at("updated")
	return nil
}

// revision says how Revise does it.
func (u *Update) revision(ctx context.Context, to Revision) *revision {
	v := &revision{dir: u.dir, dataset: u.before, read: u.whole}
	v.options.MaxMemory, v.options.Status = u.config.MaxMemory, StatusComplete
	v.row = func(at int, _ Row) (Row, bool) { return to.Row(at) }
	for i := range u.rows.Rows {
		if _, keep := to.Row(i); !keep {
			v.planned.RowsRemoved++
		}
	}
	failures, more := map[string]Failure{}, []Failure{}
	for _, f := range to.Failures {
		if _, known := u.failureAt[f.Path]; known {
			failures[f.Path] = f
		} else {
			more = append(more, f)
		}
	}
	v.options.Failure = func(old Failure) (Failure, bool) {
		now, keep := failures[old.Path]
		return now, keep
	}
	switch {
	case to.Take != nil:
		v.options.Append = func(w *Writer) error {
			if err := u.takeStaged(ctx, w, to); err != nil {
				return err
			}
			return w.AppendFailure(more...)
		}
	case len(more) > 0:
		v.options.Append = func(w *Writer) error { return w.AppendFailure(more...) }
	}
	return v
}

// takeStaged appends the rows in Staging.
func (u *Update) takeStaged(ctx context.Context, w *Writer, to Revision) error {
	staged, err := open(u.staging, u.config.hooks.mem)
	if err != nil {
		return err
	}
	seen, err := staged.seen()
	if err != nil {
		return err
	}
	w.manifest.Device = devices(w.manifest.Device, u.info.Device)
	layers := staged.manifest.Recipe.Layers
	return staged.Scan(ctx, ScanOptions{}, func(b *Batch) error {
		kept := make([]Row, 0, len(b.Rows))
		for i, r := range b.Rows {
			taken, wanted := to.Take(r)
			if !wanted {
				continue
			}
			r.Label, r.Split, r.Group = taken.Label, taken.Split, taken.Group
			r.Seen = seen[b.Index[i]]
			for n, l := range layers {
				r.Features = append(r.Features, b.Vectors[n][i*l.Size():(i+1)*l.Size()])
			}
			kept = append(kept, r)
		}
		return w.Append(kept...)
	})
}

// devices names both devices.
func devices(before, now string) string {
	if now == "" || slices.Contains(strings.Split(before, ", "), now) {
		return before
	}
	return before + ", " + now
}
