package featurestore

import (
	"errors"
	"fmt"

	"fovea/recipe"
)

// Writer writes a dataset. It holds the directory's lock from Create to Close or Abort, and is for one
// goroutine at a time.
type Writer struct {
	config   *writerConfig
	lock     *dirLock
	manifest Manifest // as Close will write it

	// batch collects rows while those of other are encoded.
	batch, other *batch
	shard        *shardWriter // nil between shards
	// committing receives the previous shard once it is on disk; nil if there is none.
	committing chan committed
	// pending is an earlier run's last shard as long as it is not full and no row was added to it.
	pending *Shard
	// before is the dataset being resumed, while the writer starts.
	before *Dataset
	// untouched is the manifest of a closed dataset that was resumed, until something is added.
	untouched *Manifest

	rowPaths  map[string]int // the index of each path's row
	failures  []Failure
	failureAt map[string]int // the index of each path's failure
	// forgotten are failures that do not count unless they are added again, in their old positions.
	forgotten map[string]bool
	// known are the rows of earlier runs, until rows are added.
	known []knownRow
	// unsaved means that the list of failures on disk is incomplete.
	unsaved bool

	resumed bool
	err     error // of the first failed write, or ErrClosed
}

// Done returns the paths in the dataset, as rows or as failures: after resuming, those of the earlier
// runs.
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

// Recipe is the dataset's: after resuming it may name another arithmetic than the Info given to Create.
func (w *Writer) Recipe() recipe.Recipe { return w.manifest.Recipe }

// Rows is the number of rows so far, including those of earlier runs.
func (w *Writer) Rows() int { return w.manifest.Rows }

// Failures is the number of failures so far, including those of earlier runs.
func (w *Writer) Failures() int { return len(w.failures) - len(w.forgotten) }

// Append adds rows in the given order and copies their vectors. If one of the rows cannot be stored,
// none is added, the error is a *RowError with ErrVectorLength, ErrNotFinite or ErrDuplicatePath, and
// the writer stays usable. Any other error means that a file could not be written; the writer can then
// only be closed or aborted.
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

// AppendFailure adds images without features. A later failure of a path replaces the earlier one. The
// path of a row is ErrDuplicatePath.
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

// check returns a *RowError for the first row that cannot be stored, and otherwise records the rows'
// paths.
func (w *Writer) check(rows []Row) error {
	entered := map[string]struct{}{}
	for i := range rows {
		r := &rows[i]
		if _, ok := entered[r.Path]; ok || w.has(r.Path) || r.Path == "" {
			return &RowError{Path: r.Path, Err: pathError(r.Path)}
		}
		entered[r.Path] = struct{}{}
		if err := w.config.info.checkRow(r); err != nil {
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
