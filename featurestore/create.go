package featurestore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Create makes the directory if need be and starts writing a dataset in it. The caller ends
// it by Close or Abort.
//
// A directory that holds a dataset is the error ErrExists unless options say Resume or
// Overwrite; one that holds anything else is ErrNotDataset in any case. A second writer gets
// ErrLocked. Resuming a dataset of another recipe, dtype or format is ErrMismatch,
// and one whose labels are others than those of Options.Selected is ErrLabels.
func Create(dir string, info Info, options Options) (*Writer, error) {
	if info.DType == "" {
		info.DType = Float32
	}
	if options.Format == "" {
		options.Format = FormatParquet
	}
	if options.hooks.mem == nil {
		options.hooks.mem = memory.DefaultAllocator
	}
	w, err := create(dir, info, options)
	if err != nil {
		return nil, fmt.Errorf("featurestore: create: %w", err)
	}
	return w, nil
}

func create(dir string, info Info, options Options) (*Writer, error) {
	if err := errors.Join(info.validate(), options.validate()); err != nil {
		return nil, err
	}
	// First without the lock, whose file must not get into a directory that is not ours.
	if _, err := steady(dir, quickAttempts, func(edition) (bool, error) { return hasDataset(dir) }); err != nil {
		return nil, err
	}
	l, err := own(dir)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		config: &writerConfig{dir: dir, info: info, options: options, sizes: chooseSizes(info.Recipe.Layers, info.DType, options)},
		lock:   l, rowPaths: map[string]int{}, failureAt: map[string]int{}, forgotten: map[string]bool{},
	}
	if err := w.start(); err != nil {
		return nil, errors.Join(err, l.release())
	}
	_ = removeBeside(l.dir) // not before it is certain that something is written; who needs the place hears why not
	return w, nil
}

func (w *Writer) start() error {
	c := w.config
	exists, err := hasDataset(c.dir)
	if err != nil {
		return err
	}
	w.manifest = newManifest(c)
	switch {
	case exists && c.options.Resume:
		err = w.resume()
	case exists && c.options.Overwrite:
		err = w.empty()
	case exists:
		err = fmt.Errorf("%q %w: resume it, overwrite it, or choose another directory", c.dir, ErrExists)
	}
	if err != nil {
		return err
	}
	w.batch = newBatch(c.info.Recipe.Layers, c.info.DType, c.sizes.record)
	w.other = newBatch(c.info.Recipe.Layers, c.info.DType, c.sizes.record)
	if err := prepareDirs(c.dir); err != nil {
		return err
	}
	if w.before != nil {
		if err := moveFailures(c, w.before); err != nil {
			return err
		}
		w.before = nil
	}
	// Says whose files these are, should this run be killed.
	started := w.manifest
	started.Status, started.Finished, started.Failures = StatusWriting, nil, len(w.failures)
	if w.pending != nil {
		started.Shards = append(slices.Clone(started.Shards), *w.pending)
	}
	if err := started.write(c); err != nil {
		return err
	}
	if err := removeFormer(c.dir); err != nil {
		return err
	}
	w.tell(started)
	at("begun")
	return nil
}

// tell hands a manifest to who wants to know of the files.
func (w *Writer) tell(m Manifest) {
	if w.config.options.Written == nil {
		return
	}
	m.Shards, m.Labels, m.Splits = slices.Clone(m.Shards), maps.Clone(m.Labels), maps.Clone(m.Splits)
	w.config.options.Written(m)
}

func newManifest(c *writerConfig) Manifest {
	return Manifest{
		Kind: manifestKind, Version: manifestVersion,
		Fingerprint: c.info.Recipe.Fingerprint(), Recipe: c.info.Recipe,
		Format: c.options.Format, DType: c.info.DType,
		ToolVersion: c.info.ToolVersion, Device: c.info.Device, TensorExtension: c.options.TensorExtension,
		Labels: map[string]int{}, Splits: map[string]int{},
		RowsPerShard: c.sizes.shard, Shards: []Shard{}, Created: time.Now().UTC(),
	}
}
