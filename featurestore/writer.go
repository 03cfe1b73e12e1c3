package featurestore

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/internal/disk"
)

// Writer writes a dataset. It holds the directory's lock from Create to Close or Abort, and
// is for one goroutine at a time.
type Writer struct {
	config   *writerConfig
	lock     *dirLock
	manifest Manifest // as it will be written by Close

	// batch collects rows while those of other are encoded.
	batch, other *batch
	shard        *shardWriter // nil between shards
	// committing gives what becomes of the shard before, while it is being put on disk; nil
	// if there is none.
	committing chan committed
	// pending is an earlier run's last shard while it is shorter than a full one and no
	// row has been added to it yet.
	pending *Shard
	// before is the dataset that is resumed, while the writer starts.
	before *Dataset
	// untouched is the manifest of one that was resumed and had been closed, until something is added.
	untouched *Manifest

	rowPaths  map[string]int // the place of each path's row
	failures  []Failure
	failureAt map[string]int // the place of each path's failure
	// forgotten are failures that are none until they come again, which they do in their place.
	forgotten map[string]bool
	// known are the rows of earlier runs, until there are more.
	known []knownRow
	// unsaved: the list of failures on disk lacks one.
	unsaved bool

	resumed bool
	err     error // of the first failed write, or ErrClosed
}

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

// Done returns the paths that the dataset has, as rows or as failures: after resuming, those
// of the earlier runs.
func (w *Writer) Done() map[string]bool {
	done := make(map[string]bool, len(w.rowPaths)+len(w.failures))
	for path := range w.rowPaths {
		done[path] = true
	}
	for path := range w.failureAt {
		if !w.forgotten[path] {
			done[path] = true
		}
	}
	return done
}

// Rows is the number of rows so far, those of earlier runs included.
func (w *Writer) Rows() int { return w.manifest.Rows }

// Failures is the number of failures so far, those of earlier runs included.
func (w *Writer) Failures() int { return len(w.failures) - len(w.forgotten) }

// Append adds rows in the order given; the vectors are copied. If one of the rows cannot be
// stored none is added, the error is a *RowError with ErrVectorLength, ErrNotFinite or
// ErrDuplicatePath, and the writer can be used on. Any other error means that a file could
// not be written; the writer then only takes Close or Abort.
func (w *Writer) Append(rows ...Row) error {
	if w.err != nil {
		return fmt.Errorf("featurestore: append: %w", w.err)
	}
	if err := w.check(rows); err != nil {
		return err
	}
	if len(rows) > 0 && w.pending != nil {
		if err := w.takeUp(); err != nil {
			return w.fail(err)
		}
	}
	if len(rows) > 0 {
		w.known, w.untouched = nil, nil
	}
	for _, r := range rows {
		if err := w.add(r); err != nil {
			return w.fail(err)
		}
		w.manifest.Rows++
		count(w.manifest.Labels, r.Label)
		count(w.manifest.Splits, r.Split)
	}
	return nil
}

// AppendFailure adds pictures that have no features. A later failure of a path replaces the
// earlier one. The path of a row is the error ErrDuplicatePath.
func (w *Writer) AppendFailure(failures ...Failure) error {
	if w.err != nil {
		return fmt.Errorf("featurestore: append: %w", w.err)
	}
	for _, f := range failures {
		if _, ok := w.rowPaths[f.Path]; ok || f.Path == "" {
			return &RowError{Path: f.Path, Err: pathError(f.Path)}
		}
	}
	for _, f := range failures {
		at, ok := w.failureAt[f.Path]
		if !ok {
			at = len(w.failures)
			w.failures = append(w.failures, Failure{})
			w.failureAt[f.Path] = at
		}
		w.failures[at] = f
		delete(w.forgotten, f.Path)
		w.unsaved, w.untouched = true, nil
	}
	return nil
}

// add puts a row into the current shard and starts or finishes shards as needed.
func (w *Writer) add(r Row) error {
	if w.shard == nil {
		index := len(w.manifest.Shards)
		if w.committing != nil {
			index++
		}
		shard, err := newShardWriter(w.config, index)
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

// encode has the collected rows encoded while the next ones are collected. It returns the
// error of the rows before, or of the shard before.
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

// committed is a shard that is on disk, or why it is not.
type committed struct {
	shard Shard
	err   error
}

// finishShard ends the current shard and has it put on disk while the next one begins: disks
// take as long for that as everything before took. Shards get their final names in order.
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

// settle waits until the shard before is on disk, and notes it.
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
	w.tell(written)
	return nil
}

func (w *Writer) saveFailures() (err error) {
	w.unsaved = false
	w.manifest.FailuresFile, err = writeFailures(w.config, w.AllFailures())
	return err
}

// fail remembers the first failed write: what follows it has no place any more.
func (w *Writer) fail(err error) error {
	w.err = err
	return fmt.Errorf("featurestore: %w", err)
}

// Close finishes the dataset with the status StatusComplete or StatusInterrupted and
// releases the directory. If that fails, or a write has failed before, it does what Abort
// does and returns the error.
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
	if w.pending != nil { // nothing was added: it is as good as finished
		w.manifest.Shards = append(w.manifest.Shards, *w.pending)
		w.pending = nil
	}
	if w.shard != nil {
		if err := w.encode(); err != nil {
			return err
		}
		if err := w.finishShard(); err != nil {
			return err
		}
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
	w.tell(w.manifest)
	at("finished")
	return nil
}

// Abort gives up: it removes temporary files and releases the directory. What has a final
// name stays valid, and can be resumed; if no shard of a new dataset was finished, nothing
// stays; one that was resumed without anything being added is as it was. After Close or Abort it does
// nothing.
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

// removeEmpty removes what Create made, so that the command can be run again as it was.
func (w *Writer) removeEmpty() error {
	dir := w.config.dir
	if err := os.RemoveAll(inDir(dir, seenDir)); err != nil {
		return fmt.Errorf("featurestore: abort: %w", err)
	}
	// Each is gone for good before the next goes: without a manifest, a list of failures is nobody's,
	// and a dataset without its directory of rows is damaged.
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

// check returns a *RowError for the first row that cannot be stored, and otherwise enters
// the rows' paths.
func (w *Writer) check(rows []Row) error {
	entered := map[string]struct{}{}
	for i := range rows {
		r := &rows[i]
		if _, ok := entered[r.Path]; ok || w.has(r.Path) || r.Path == "" {
			return &RowError{Path: r.Path, Err: pathError(r.Path)}
		}
		entered[r.Path] = struct{}{}
		if err := w.config.info.checkVectors(r); err != nil {
			return err
		}
	}
	for i := range rows {
		w.rowPaths[rows[i].Path] = w.manifest.Rows + i
	}
	return nil
}

func (w *Writer) has(path string) bool {
	_, row := w.rowPaths[path]
	_, failure := w.failureAt[path]
	return row || failure && !w.forgotten[path]
}

func pathError(path string) error {
	if path == "" {
		return errors.New("a row needs a path")
	}
	return ErrDuplicatePath
}
