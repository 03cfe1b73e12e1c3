package featurestore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Create starts writing a dataset in dir, which it creates if necessary. The caller must end it with
// Close or Abort.
//
// A directory that contains a dataset is ErrExists unless the options say Resume or Overwrite; one that
// contains anything else is always ErrNotDataset. A second writer gets ErrLocked. Resuming a dataset
// with another recipe, dtype or format is ErrMismatch, and one with other labels than Options.Selected
// is ErrLabels. An arithmetic may be another one if the two may be mixed (recipe.MostMixed) and it is no
// less exact; the dataset keeps its recipe then.
func Create(dir string, info Info, options Options) (*Writer, error) {
	info, options = withDefaults(info, options)
	w, err := create(dir, info, options)
	if err != nil {
		return nil, fmt.Errorf("featurestore: create: %w", err)
	}
	return w, nil
}

// withDefaults fills in what a writer's options leave open.
func withDefaults(info Info, options Options) (Info, Options) {
	if info.DType == "" {
		info.DType = Float32
	}
	if options.Format == "" {
		options.Format = FormatParquet
	}
	if options.hooks.mem == nil {
		options.hooks.mem = ReadOptions{MaxMemory: options.MaxMemory}.memory()
	}
	return info, options
}

// Vacant fails with the error of Create if the directory cannot take a new dataset because of what it holds. Nothing
// is said about a dataset that is still being written: Create tells whether its writer is alive.
func Vacant(dir string) error {
	exists, err := steadyDataset(dir)
	if err == nil && exists {
		if m, _, err := readManifest(resolve(dir), memory.DefaultAllocator); err != nil || m.Status == StatusWriting {
			return nil
		}
		err = errExists(dir)
	}
	if err != nil {
		return fmt.Errorf("featurestore: create: %w", err)
	}
	return nil
}

func errExists(dir string) error {
	return fmt.Errorf("%q %w", dir, ErrExists)
}

func create(dir string, info Info, options Options) (*Writer, error) {
	if err := errors.Join(info.validate(), options.validate()); err != nil {
		return nil, err
	}
	// Without the lock at first, whose file must not get into a directory that is not ours.
	if _, err := steadyDataset(dir); err != nil {
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
	_ = removeBeside(l.dir) // only now that something will be written; whoever needs the place reports an error
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
		err = errExists(c.dir)
	}
	if err != nil {
		return err
	}
	plain := plainColumns(c.info.Extra)
	w.batch = newBatch(plain, c.info.Recipe.Layers, c.info.DType, c.sizes.record)
	w.other = newBatch(plain, c.info.Recipe.Layers, c.info.DType, c.sizes.record)
	if err := prepareDirs(c.dir); err != nil {
		return err
	}
	if w.before != nil {
		if err := moveFailures(c, w.before); err != nil {
			return err
		}
		w.before = nil
	}
	return w.begin()
}

// begin writes a manifest that tells what these files belong to if this run is killed.
func (w *Writer) begin() error {
	started := w.manifest
	started.Status, started.Finished, started.Failures = StatusWriting, nil, len(w.failures)
	if w.pending != nil {
		started.Shards = append(slices.Clone(started.Shards), *w.pending)
	}
	if err := started.write(w.config); err != nil {
		return err
	}
	if err := removeFormer(w.config.dir); err != nil {
		return err
	}
	w.report(started)
	at("begun")
	return nil
}

// report calls Options.Written with a copy of the manifest.
func (w *Writer) report(m Manifest) {
	if w.config.options.Written == nil {
		return
	}
	m.Shards, m.Labels, m.Splits = slices.Clone(m.Shards), maps.Clone(m.Labels), maps.Clone(m.Splits)
	w.config.options.Written(m)
}

func newManifest(c *writerConfig) Manifest {
	return Manifest{
		Kind: manifestKind, Version: versionOf(c.info.Recipe, c.info.Extra),
		Fingerprint: c.info.Recipe.Fingerprint(), Recipe: c.info.Recipe,
		Format: c.options.Format, DType: c.info.DType,
		ToolVersion: c.info.ToolVersion, Device: c.info.Device,
		ExtraColumns: slices.Clone(c.info.Extra), Grouping: c.info.Grouping, TensorExtension: c.options.TensorExtension,
		Labels: map[string]int{}, Splits: map[string]int{},
		RowsPerShard: c.sizes.shard, Shards: []Shard{}, Created: time.Now().UTC(),
	}
}
