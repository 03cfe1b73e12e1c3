package featurestore

import (
	"errors"
	"fmt"
)

// add puts a row into the current shard and starts or finishes shards as needed.
func (w *Writer) add(r Row) error {
	if w.shard == nil {
		shard, err := newShardWriter(w.config, w.nextShard())
		if err != nil {
			return err
		}
		w.shard = shard
	}
	w.batch.add(r)
	w.shard.seen = append(w.shard.seen, r.Seen[:]...)
	if w.batch.n < w.shard.room() {
		return nil
	}
	if err := w.encode(); err != nil {
		return err
	}
	if w.shard.rows < w.config.sizes.shard {
		return nil
	}
	return w.finishShard()
}

// nextShard is the index of the shard that is begun next.
func (w *Writer) nextShard() int {
	if w.committing != nil {
		return len(w.manifest.Shards) + 1
	}
	return len(w.manifest.Shards)
}

// encode starts encoding the collected rows while the next ones are collected. It returns the error of
// the previous rows, or of the previous shard.
func (w *Writer) encode() error {
	if err := w.shard.wait(); err != nil || w.batch.n == 0 {
		return err
	}
	w.shard.encode(w.batch)
	w.batch, w.other = w.other, w.batch
	if len(w.committing) > 0 {
		return w.settle()
	}
	return nil
}

// endShard ends the current shard, if there is one, with the rows collected for it.
func (w *Writer) endShard() error {
	if w.shard == nil {
		return nil
	}
	if err := w.encode(); err != nil {
		return err
	}
	return w.finishShard()
}

// committed is a shard that is on disk, or the error.
type committed struct {
	shard Shard
	err   error
}

// finishShard ends the current shard and puts it on disk while the next one starts: syncing takes as
// long as everything before. Shards get their final names in order.
func (w *Writer) finishShard() error {
	shard := w.shard
	w.shard = nil
	if err := errors.Join(w.settle(), shard.end()); err != nil {
		shard.sink.discard()
		return err
	}
	w.committing = make(chan committed, 1)
	go func(done chan<- committed) {
		var c committed
		c.shard, c.err = shard.commit()
		done <- c
	}(w.committing)
	return nil
}

// settle waits until the previous shard is on disk, and records it.
func (w *Writer) settle() error {
	if w.committing == nil {
		return nil
	}
	c := <-w.committing
	w.committing = nil
	if c.err != nil {
		return c.err
	}
	w.manifest.Shards = append(w.manifest.Shards, c.shard)
	if w.unsaved { // so that a killed run keeps its failures as well as its shards
		if err := w.saveFailures(); err != nil {
			return err
		}
	}
	written := w.manifest
	written.Status, written.Failures = StatusWriting, w.Failures()
	w.report(written)
	return nil
}

func (w *Writer) saveFailures() (err error) {
	w.unsaved = false
	w.manifest.FailuresFile, err = writeFailures(w.config, w.AllFailures())
	return err
}

// fail remembers the first failed write, after which nothing can be written.
func (w *Writer) fail(err error) error {
	w.err = err
	return fmt.Errorf("featurestore: %w", err)
}
