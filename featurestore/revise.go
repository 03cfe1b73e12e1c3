package featurestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"fovea/internal/disk"
)

// ReviseOptions say what to change about a dataset's rows. Functions that are nil change nothing.
type ReviseOptions struct {
	// Row returns what becomes of a row, whose Features are nil: its new Path, Label, Split, Group and Seen, or false to leave
	// the row out. What it changes besides is ignored. It is called at least twice for each row, in the order of the
	// dataset, and must return the same each time.
	Row func(old Row) (revised Row, keep bool)
	// Failure is the same for failures; it may also change SHA256. Failures whose paths are rows are left out.
	Failure func(old Failure) (revised Failure, keep bool)
	// Drop are columns of vectors to leave out, at least one of which must remain.
	Drop []string
	// Append, if set, adds rows and failures with the dataset's Writer, which it must not close, before the new dataset
	// takes the place of the old one.
	Append func(w *Writer) error
	// Status is that of the new dataset; "" keeps the old one's, StatusInterrupted if that was being written.
	Status Status
	// DryRun only says what would be done. Append is not called.
	DryRun bool
	// MaxMemory is how many bytes of memory reading one of the files may take; see ReadOptions.
	MaxMemory int64
	// Progress, if set, is called with the number of rows written so far.
	Progress func(rows int)
}

// Revised is what Revise did.
type Revised struct {
	// Rows and Failures are the numbers of those that were kept, RowsChanged and FailuresChanged how many of them got
	// another path, label, split or group, RowsRemoved and FailuresRemoved how many were left out.
	Rows, RowsChanged, RowsRemoved             int
	Failures, FailuresChanged, FailuresRemoved int
	// Linked, Copied and Rewritten count shards: linked or copied as they are; written with new identities in front of the
	// same encoded vectors; decoded and written anew. In a dry run all are 0.
	Linked, Copied, Rewritten int
	// known means that what some image was read from has changed.
	known bool
}

// changes reports whether anything is to be written.
func (r Revised) changes() bool {
	return r.known || r.RowsChanged+r.RowsRemoved+r.FailuresChanged+r.FailuresRemoved > 0
}

// Revise gives rows of the dataset in dir other paths, labels, splits and groups, and leaves rows out, and replaces the
// dataset like Compact: it has the old rows or the new ones at any time. If nothing changes, it writes nothing. A path
// that two rows, or two failures, would have is ErrDuplicatePath.
//
// Vectors are not decoded unless rows before them in the dataset are left out: shards have the sizes that they had, and
// the same bytes as if the rows had been extracted like this. Shards of which nothing changes are linked. A column to
// drop that is not there, or is the only one, is ErrNoColumn.
func Revise(ctx context.Context, dir string, options ReviseOptions) (Revised, error) {
	v := &revision{dir: dir, options: options}
	if options.Row != nil {
		v.row = func(_ int, old Row) (Row, bool) { return options.Row(old) }
	}
	if err := v.run(ctx); err != nil {
		return Revised{}, fmt.Errorf("featurestore: revise: %w", err)
	}
	return v.done, nil
}

type revision struct {
	dir     string
	options ReviseOptions
	dataset *Dataset
	// row is ReviseOptions.Row, which is also told the index of the row.
	row func(at int, old Row) (revised Row, keep bool)
	// read are the rows of each shard, without vectors, if they have been read already. Each shard's are used once.
	read [][]Row
	// added are vectors for new columns, or nil, and device is what they were computed on.
	added  *addedColumns
	device string
	// planned is what the last survey of the dataset found, done what was done so far.
	planned, done Revised
}

func (v *revision) reading() ReadOptions { return ReadOptions{MaxMemory: v.options.MaxMemory} }

func (v *revision) run(ctx context.Context) error {
	if err := v.survey(ctx); err != nil {
		return err
	}
	status := v.options.Status
	idle := v.options.Append == nil && len(v.options.Drop) == 0 && !v.planned.changes() && (status == "" || status == v.dataset.manifest.Status)
	switch {
	case v.options.DryRun:
		v.done = v.planned
		return nil
	case idle:
		v.done = v.planned
		return v.settle()
	}
	return replaceDataset(v.dir, true, v.reading(), func(next string) error { return v.write(ctx, next) })
}

// settle makes sure that what is there stays, although nothing is to be done: a dead writer may have put it there, and
// not on disk yet. It completes what that began if the dataset is still on its way to its place, or another on its way out.
func (v *revision) settle() error {
	dir, err := realPath(v.dir)
	if err != nil {
		return err
	}
	// A dataset that is being written may only have nothing to revise yet.
	if v.dataset.manifest.Status == StatusWriting || isFile(dir, arrivingDir) || isFile(dir, leavingDir) {
		l, err := own(dir)
		if err != nil {
			return err
		}
		return l.release()
	}
	_, err = disk.MakeDir(dir) // it exists: this puts its name on disk
	return err
}

// status is that of the new dataset.
func (v *revision) status() Status {
	switch {
	case v.options.Status != "":
		return v.options.Status
	case v.dataset.manifest.Status == StatusComplete:
		return StatusComplete
	}
	return StatusInterrupted
}

// write makes the new dataset in next. The old one is locked by now.
func (v *revision) write(ctx context.Context, next string) error {
	if editionOf(v.dataset.dir) != v.dataset.edition { // another writer was faster than the lock
		if err := v.survey(ctx); err != nil {
			return err
		}
	}
	at("opened")
	first := v.dataset.manifest
	columns, err := v.recipe()
	if err != nil {
		return err
	}
	options := Options{unseen: isInside(next), Format: first.Format, ShardRows: first.RowsPerShard, TensorExtension: first.TensorExtension,
		Overwrite: true, MaxMemory: v.options.MaxMemory}
	info := Info{Recipe: columns, DType: first.DType, ToolVersion: first.ToolVersion, Extra: first.ExtraColumns, Grouping: first.Grouping, Device: devices(first.Device, v.device)}
	w, err := Create(next, info, options)
	if err != nil {
		return err
	}
	w.rowPaths = make(map[string]int, first.Rows)
	if err := v.fill(ctx, w); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Close(v.status())
}

func (v *revision) fill(ctx context.Context, w *Writer) error {
	v.done = Revised{}
	if err := v.writeShards(ctx, w); err != nil {
		return v.dataset.judge(err)
	}
	failures, err := v.failures(w.has, &v.done)
	if err != nil {
		return err
	}
	v.done.Failures = len(failures)
	if err := w.AppendFailure(failures...); err != nil {
		return err
	}
	if v.options.Append != nil {
		if err := v.options.Append(w); err != nil {
			return err
		}
	}
	return disk.Sync(filepath.Join(w.config.dir, dataDir)) // for what was linked
}
