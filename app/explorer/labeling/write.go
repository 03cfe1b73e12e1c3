package labeling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/internal/text"
	"fovea/pipeline"
)

// Pauses between attempts to write to the dataset: another writer mostly takes seconds, a full disk minutes.
const (
	firstPause = 200 * time.Millisecond
	longPause  = 5 * time.Second
)

// Run writes changes to the dataset until ctx ends: those of Delay together, and again and again while that fails.
func (l *Labels) Run(ctx context.Context) {
	pause := firstPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		if !wait(ctx, l.o.Delay) {
			return
		}
		start := time.Now()
		for err := l.write(ctx); err != nil && !errors.Is(err, extraction.ErrFewClasses); err = l.write(ctx) {
			if !wait(ctx, pause) {
				return
			}
			pause = min(2*pause, longPause)
			start = time.Now()
		}
		pause = firstPause
		if !wait(ctx, time.Since(start)) { // a large dataset is not written all the time
			return
		}
	}
}

// wait waits, unless ctx ends before.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Close writes what is pending, as far as it can be in Patience, and gives the log up. Run must have ended. An error says
// what is not in the dataset; it stays in the log.
func (l *Labels) Close() error {
	if l.log == nil {
		return nil
	}
	ctx, until := context.Background(), time.Now().Add(l.o.Patience) // what is being written may take longer
	err := l.write(ctx)
	for pause := firstPause; err != nil && !errors.Is(err, extraction.ErrFewClasses) && time.Now().Before(until); pause = min(2*pause, longPause) {
		wait(ctx, min(pause, time.Until(until)))
		err = l.write(ctx)
	}
	pending := len(l.other)
	closing := l.log.close()
	if err != nil && pending > 0 {
		err = fmt.Errorf("%s not written to %s: %w; they are in %s and are written when the dataset is explored again", text.Count(pending, "changed label is", "changed labels are"), l.o.Dir, err, l.o.State)
	}
	return errors.Join(err, closing)
}

// batch is what is written to the dataset at once.
type batch struct {
	labels  map[string]string // by raw path
	rows    []int32
	through int
	version string
	// few says that fewer than two classes may remain: where there were no more before, and where a change is undone.
	// Otherwise it is probably a mistake, such as a label for all rows at once; left says how many there would be.
	few  bool
	left int
}

// collect is what is to be written, and whether the log is to be told of anything.
func (l *Labels) collect() (b batch, any bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.log == nil || l.rows.Paths == nil {
		return b, false
	}
	b = batch{labels: make(map[string]string, len(l.other)), through: l.last, version: l.rows.Version, few: l.undoing || classes(l.rows.Labels) < 2, left: classes(l.current)}
	for i := range l.other {
		b.rows = append(b.rows, i)
		b.labels[l.rows.Paths[i]] = l.current[i]
	}
	l.writing = b.rows
	return b, len(b.rows) > 0 || len(l.pending) > l.unfound
}

// classes is the number of labels, at most 2.
func classes(labels []string) int {
	first := ""
	for _, label := range labels {
		switch {
		case label == "" || label == first:
		case first == "":
			first = label
		default:
			return 2
		}
	}
	return min(1, len(first))
}

// write writes all changes so far to the dataset.
func (l *Labels) write(ctx context.Context) error {
	b, any := l.collect()
	if !any {
		return nil
	}
	defer l.ended()
	var err error
	switch {
	case len(b.rows) == 0:
	case b.left < 2 && !b.few:
		err = fmt.Errorf("%w in %s", extraction.ErrFewClasses, l.o.Dir)
	default:
		around := l.o.Write
		if around == nil {
			around = func(ctx context.Context, _ string, relabel func(context.Context) error) error { return relabel(ctx) }
		}
		err = around(ctx, b.version, func(ctx context.Context) error { return l.relabel(ctx, b) })
	}
	if err == nil {
		err = l.confirm(b)
	}
	if ctx.Err() == nil {
		l.explain(err)
	}
	return err
}

// ended says that nothing is being written any more.
func (l *Labels) ended() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.writing = nil
}

// relabel writes to the dataset.
func (l *Labels) relabel(ctx context.Context, b batch) error {
	_, err := extraction.Relabel(ctx, l.o.Dir, extraction.RelabelOptions{
		Labels: pipeline.LabelsByPath(b.labels), Missing: extraction.MissingKeep, FewClasses: b.few, MostChanges: 1, Quiet: true, MaxMemory: l.o.MaxMemory,
	})
	return err
}

// confirm says in the log that changes are in the dataset.
func (l *Labels) confirm(b batch) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if b.version != l.rows.Version { // replaced meanwhile, so nobody knows what it has of them
		l.poke()
		return nil
	}
	var except []string
	for path, w := range l.pending {
		if _, found := l.find(path, w.sha256); !found && w.n <= b.through {
			except = append(except, path)
		}
	}
	slices.Sort(except)
	if _, err := l.log.append(record{Do: doWritten, Of: b.through, Except: except}); err != nil {
		return fmt.Errorf("%w: %w", ErrLog, err) // it is written again, which changes nothing
	}
	l.written(b.through, except)
	l.writing = nil
	l.note = "" // together with what was pending: who asks sees neither, or both
	for _, i := range b.rows {
		l.rows.Labels[i] = b.labels[l.rows.Paths[i]]
		l.set(i, l.current[i])
	}
	return nil
}

// explain keeps why changes are pending, and tells of it when that changes.
func (l *Labels) explain(err error) {
	note := ""
	switch {
	case err == nil:
	case errors.Is(err, extraction.ErrFewClasses):
		note = fmt.Sprintf("not written yet: %v: label others, or undo the change", err)
	case errors.Is(err, featurestore.ErrLocked):
		note = fmt.Sprintf("not written yet: another program writes to %s: they follow when it has ended", l.o.Dir)
	default:
		note = fmt.Sprintf("not written yet, tried again soon: %v", err)
	}
	l.mutex.Lock()
	changed := l.note != note
	l.note = note
	l.mutex.Unlock()
	if changed && note != "" {
		logrus.Warnf("changed labels are %s", note)
	}
	l.tell()
}
