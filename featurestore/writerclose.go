package featurestore

import (
	"errors"
	"fmt"
	"os"
	"time"

	"fovea/internal/disk"
)

// Close finishes the dataset with the status StatusComplete or StatusInterrupted and releases the
// directory. If that fails, or a write failed before, it does what Abort does and returns the error.
func (w *Writer) Close(status Status) error {
	switch {
	case status != StatusComplete && status != StatusInterrupted:
		return fmt.Errorf("featurestore: close: unknown status %q: want %q or %q", status, StatusComplete, StatusInterrupted)
	case errors.Is(w.err, ErrClosed):
		return fmt.Errorf("featurestore: close: %w", w.err)
	case w.err != nil:
		return errors.Join(fmt.Errorf("featurestore: close: %w", w.err), w.Abort())
	}
	if err := w.finish(status); err != nil {
		return errors.Join(w.fail(err), w.Abort())
	}
	w.err = ErrClosed
	return w.release()
}

func (w *Writer) finish(status Status) error {
	if w.pending != nil { // nothing was added: it stays as it is
		w.manifest.Shards = append(w.manifest.Shards, *w.pending)
		w.pending = nil
	}
	if err := w.endShard(); err != nil {
		return err
	}
	if err := w.settle(); err != nil {
		return err
	}
	if err := w.saveFailures(); err != nil {
		return err
	}
	now := time.Now().UTC()
	w.manifest.Status, w.manifest.Finished, w.manifest.Failures = status, &now, w.Failures()
	at("finishing")
	if err := w.manifest.write(w.config); err != nil {
		return err
	}
	w.report(w.manifest)
	at("finished")
	return nil
}

// Abort gives up: it removes temporary files and releases the directory. Files with final names stay
// valid and can be resumed. If no shard of a new dataset was finished, nothing remains; a resumed
// dataset to which nothing was added is unchanged. After Close or Abort it does nothing.
func (w *Writer) Abort() error {
	if errors.Is(w.err, ErrClosed) {
		return nil
	}
	w.err = ErrClosed
	if w.shard != nil {
		w.shard.discard()
		w.shard = nil
	}
	err := w.settle()
	if !w.resumed && len(w.manifest.Shards) == 0 {
		err = errors.Join(err, w.removeEmpty())
	}
	if w.untouched != nil {
		err = errors.Join(err, w.untouched.write(w.config))
	}
	return errors.Join(err, w.release())
}

// removeEmpty removes what Create made, so that the same command can be run again.
func (w *Writer) removeEmpty() error {
	dir := w.config.dir
	if err := os.RemoveAll(inDir(dir, seenDir)); err != nil {
		return fmt.Errorf("featurestore: abort: %w", err)
	}
	// Each removal is on disk before the next: a list of failures without a manifest belongs to
	// nobody, and a dataset without its directory of rows is damaged.
	for _, name := range []string{FailuresFile, ManifestFile} {
		err := removeFile(inDir(dir, name))
		if err == nil {
			err = disk.Sync(inDir(dir, HiddenDir))
		}
		if err != nil {
			return fmt.Errorf("featurestore: abort: %w", err)
		}
	}
	if err := removeFile(inDir(dir, dataDir)); err != nil {
		return fmt.Errorf("featurestore: abort: %w", err)
	}
	return nil
}

// release removes temporary files and frees the lock and memory.
func (w *Writer) release() error {
	w.batch, w.other = nil, nil
	err := os.RemoveAll(inDir(w.config.dir, tempDir))
	if err := errors.Join(err, w.lock.release()); err != nil {
		return fmt.Errorf("featurestore: release %q: %w", w.config.dir, err)
	}
	return nil
}
